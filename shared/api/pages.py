"""The status page: what is live for each model, and what became of its newest runs. Reads only.

A model with keys shows what is live for each; the runs of one key are on a page of its own, `/?model=NAME:KEY`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote

from retrain.champion import Champion
from retrain.model import Model
from retrain.ports import Ports
from retrain.run import Run, Times
from shared.api.http import Reply, Request

WEB = Path(__file__).parents[2] / "web"
SHOWN = 15  # runs of each model
MOST_KEYS = 1000  # rows of one model
KEY_HEADINGS = ("key", "live")
HEADINGS = ("landed (UTC)", "state", "by", "candidate", "champion", "landed to live", "why")


def status(request: Request, ports: Ports) -> Reply:
    """The page as HTML."""
    chosen = request.query.get("model", "")
    if chosen:
        target = ports.models.get(chosen).target
        sections = [_section(target, ports.ledger.champion(target), ports.ledger.runs(target, SHOWN))]
    else:
        live = {champion.target: champion for champion in ports.ledger.champions()}
        sections = [_of_entry(entry, live, ports) for entry in ports.models.all()]
    nothing = "<p>No model is configured yet; docs/configuration.md says how.</p>"
    page = _template("status.html").substitute(
        at=f"{ports.now():%Y-%m-%d %H:%M:%S}", models="\n".join(sections) or nothing
    )
    return Reply(200, page, content_type="text/html")


@cache
def _template(name: str) -> Template:
    return Template((WEB / name).read_text(encoding="utf-8"))


def _of_entry(entry: Model, live: Mapping[str, Champion], ports: Ports) -> str:
    if not entry.keys:
        return _section(entry.name, live.get(entry.name), ports.ledger.runs(entry.name, SHOWN))
    rows = [_key_row(target, live.get(target)) for target in entry.targets[:MOST_KEYS]]
    adopted = sum(target in live for target in entry.targets)
    more = f" The first {MOST_KEYS:,} are shown." if len(entry.keys) > MOST_KEYS else ""
    count = f"{len(entry.keys):,} keys, {adopted:,} with a model on record.{more}"
    return f"<h2>{escape(entry.name)}</h2><p>{count}</p>{_table(KEY_HEADINGS, rows)}"


def _key_row(target: str, champion: Champion | None) -> str:
    link = f'<a href="/?model={quote(target, safe="~:")}">{escape(target.partition(":")[2])}</a>'
    cells = (link, standing(target, champion))
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _table(headings: Sequence[str], rows: Sequence[str]) -> str:
    head = "".join(f"<th>{heading}</th>" for heading in headings)
    lines = "\n".join(rows)
    return f'<div class="scroll"><table><tr>{head}</tr>{lines}</table></div>'


def _section(target: str, champion: Champion | None, runs: Sequence[Run]) -> str:
    table = _table(HEADINGS, [_row(run) for run in runs]) if runs else "<p>No run yet.</p>"
    return f"<h2>{escape(target)}</h2><p>{standing(target, champion)}</p>{table}"


def standing(target: str, champion: Champion | None) -> str:
    """What is live for a target, what is being done about it, and what a person is asked, as HTML."""
    if champion is None:
        return f"Nothing is live on record: run <code>retrain adopt {escape(target)} --holdout FILE</code> first."
    by = f", by run {escape(champion.run)}" if champion.run else ", as it was adopted"
    text = f"Version {champion.version} is live since {champion.since:%Y-%m-%d %H:%M} UTC{by}."
    if champion.intent is not None:
        text += f" A {escape(champion.intent.change.kind)} to version {champion.intent.change.version} is under way."
    elif champion.review is not None and champion.review.open:
        text += (
            f" <strong>It proved worse than the model before it</strong> ({escape(champion.review.why)}): "
            f"<code>retrain rollback {escape(target)}</code> or <code>retrain keep {escape(target)}</code>."
        )
    return text


def _row(run: Run) -> str:
    verdict = run.verdict
    landed = run.times.landed or run.created
    doubt = " <em>Its batch was put in doubt.</em>" if verdict is not None and verdict.data == "doubted" else ""
    cells = (
        f'<td class="figure"><a href="/api/runs/{escape(run.id, quote=True)}">{landed:%Y-%m-%d %H:%M:%S}</a></td>',
        f'<td><span class="state {escape(run.state)}">{escape(run.state)}</span></td>',
        f"<td>{escape(run.door)}</td>",
        f'<td class="figure">{_figure(verdict.candidate if verdict else None)}</td>',
        f'<td class="figure">{_figure(verdict.champion if verdict else None)}</td>',
        f'<td class="figure">{_seconds(run.times)}</td>',
        f"<td>{escape(run.why)}{doubt}</td>",
    )
    return f"<tr>{''.join(cells)}</tr>"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}"


def _seconds(times: Times) -> str:
    if times.landed is None or times.live is None:
        return ""
    return f"{(times.live - times.landed).total_seconds():.1f} s"
