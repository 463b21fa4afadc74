"""The status page: what is live for each model, and what became of its newest runs. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path
from string import Template

from retrain.champion import Champion
from retrain.model import Model
from retrain.ports import Ports
from retrain.run import Run, Times
from shared.api.http import Reply, Request

WEB = Path(__file__).parents[2] / "web"
SHOWN = 15  # runs of each model
HEADINGS = ("landed (UTC)", "state", "by", "candidate", "champion", "landed to live", "why")


def status(request: Request, ports: Ports) -> Reply:
    """The page as HTML."""
    live = {champion.target: champion for champion in ports.ledger.champions()}
    sections = [
        _section(model, live.get(model.name), ports.ledger.runs(model.name, SHOWN)) for model in ports.models.all()
    ]
    nothing = "<p>No model is configured yet; docs/configuration.md says how.</p>"
    page = _template("status.html").substitute(
        at=f"{ports.now():%Y-%m-%d %H:%M:%S}", models="\n".join(sections) or nothing
    )
    return Reply(200, page, content_type="text/html")


@cache
def _template(name: str) -> Template:
    return Template((WEB / name).read_text(encoding="utf-8"))


def _section(model: Model, champion: Champion | None, runs: Sequence[Run]) -> str:
    rows = "\n".join(_row(run) for run in runs)
    head = "".join(f"<th>{heading}</th>" for heading in HEADINGS)
    table = f'<div class="scroll"><table><tr>{head}</tr>{rows}</table></div>' if runs else "<p>No run yet.</p>"
    return f"<h2>{escape(model.name)}</h2><p>{_live(model, champion)}</p>{table}"


def _live(model: Model, champion: Champion | None) -> str:
    if champion is None:
        return f"Nothing is live on record: run <code>retrain adopt {escape(model.name)} --holdout FILE</code> first."
    by = f", by run {escape(champion.run)}" if champion.run else ", as it was adopted"
    text = f"Version {champion.version} is live since {champion.since:%Y-%m-%d %H:%M} UTC{by}."
    if champion.intent is not None:
        text += f" A {escape(champion.intent.change.kind)} to version {champion.intent.change.version} is under way."
    return text


def _row(run: Run) -> str:
    verdict = run.verdict
    landed = run.times.landed or run.created
    cells = (
        f'<td class="figure"><a href="/api/runs/{escape(run.id, quote=True)}">{landed:%Y-%m-%d %H:%M:%S}</a></td>',
        f'<td><span class="state {escape(run.state)}">{escape(run.state)}</span></td>',
        f"<td>{escape(run.door)}</td>",
        f'<td class="figure">{_figure(verdict.candidate if verdict else None)}</td>',
        f'<td class="figure">{_figure(verdict.champion if verdict else None)}</td>',
        f'<td class="figure">{_seconds(run.times)}</td>',
        f"<td>{escape(run.why)}</td>",
    )
    return f"<tr>{''.join(cells)}</tr>"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}"


def _seconds(times: Times) -> str:
    if times.landed is None or times.live is None:
        return ""
    return f"{(times.live - times.landed).total_seconds():.1f} s"
