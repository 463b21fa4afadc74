"""`retrain backtest --stored`: candidates of past runs before other rules, by what those runs keep."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from cli.problems import Exit
from retrain.gate import GateRules, Hearing, ModelId, ScoreTable
from retrain.gate.evidence import Evidence
from retrain.gate.judging import decide
from retrain.ports import Ports
from retrain.run import Run, State, Verdict
from tests.cli.conftest import MODEL, Command
from tests.cli.records import moves_of, run_in
from tests.cli.server import Server

RULES = GateRules(metric="rmse")


def evidence(number: int, better: float) -> Evidence:
    """A candidate whose errors are so much smaller than the champion's, on 600 rows of 20 days."""
    chance = np.random.default_rng(number)
    labels, noise = chance.normal(50, 20, 600), chance.normal(0, 5, 600)
    table = ScoreTable(
        labels=labels,
        candidate=labels + noise * (1 - better) + chance.normal(0, 0.5, 600),
        champion=labels + noise,
        blocks=np.repeat(np.arange(20), 30),
        unit="day",
    )
    ids = ModelId(name="version 4", sha256="c" * 64), ModelId(name=f"run {number}", sha256=f"{number:064}")
    return Evidence(Hearing(fresh=table), *ids)


def keep(number: int, better: float, ports: Ports) -> Run:
    """A run that came as far as the gate, with all that it keeps of that."""
    said, folder = evidence(number, better), f"runs/{MODEL}/{number}"
    decision = decide(RULES, said.hearing, said.champion, said.candidate)
    verdict = Verdict(
        approved=decision.approved, reason=decision.reason, metric="rmse", blob=f"{folder}/decision.json",
        evidence=f"{folder}/evidence.npz", data=decision.data,
    )  # fmt: skip
    run = run_in(State.PROMOTED if decision.approved else State.REFUSED, f"{number}", verdict=verdict)
    ports.blobs.write(verdict.evidence, said.to_bytes())
    ports.blobs.write(verdict.blob, msgspec.json.encode({"decision": decision, "gate": RULES}))
    return ports.ledger.add(run, moves_of(run)[0], run.landings)


@pytest.fixture
def kept(ports: Ports) -> list[Run]:
    """Three candidates: much better, a little better, not better."""
    return [keep(1, 0.5, ports), keep(2, 0.1, ports), keep(3, 0.0, ports)]


def test_the_same_rules_give_the_same_decision_to_the_last_digit(retrain: Command, kept: list[Run]) -> None:
    done = retrain("backtest", MODEL, "--stored", "--json")
    assert done.code == Exit.OK, done.err
    found = json.loads(done.out)["candidates"]
    assert {one["run"] for one in found} == {run.id for run in kept}
    assert all(one["now"] == one["was"] and not one["changed"] for one in found)
    assert sorted(one["now"]["approved"] for one in found) == [False, True, True]


def test_other_rules_are_shown_beside_those_of_then(retrain: Command, kept: list[Run], tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("[gate]\nmin_gain = 1.0\n")
    done = retrain("backtest", MODEL, "--stored", "--gate", "other.toml")
    assert done.code == Exit.OK, done.err
    lines = {line.split()[0]: line for line in done.out.splitlines() if line.startswith(MODEL)}
    much, little, not_better = (lines[run.id] for run in kept)
    assert much.split()[1:3] == ["approved", "approved"] and "is above 1 with" in much
    assert little.split()[1:4] == ["approved", "refused", "differs"] and "is not above 1 with" in little
    assert not_better.split()[1:3] == ["refused", "refused"] and "differs" not in not_better
    assert "3 candidates judged in" in done.out and "1 verdicts differ" in done.out


def test_the_newest_are_judged_first_and_as_many_as_were_asked_for(retrain: Command, kept: list[Run]) -> None:
    assert len(json.loads(retrain("backtest", MODEL, "--stored", "--last", "2", "--json").out)["candidates"]) == 2


def test_a_verdict_takes_milliseconds(retrain: Command, kept: list[Run]) -> None:
    found = json.loads(retrain("backtest", MODEL, "--stored", "--json").out)["candidates"]
    assert all(0 < one["milliseconds"] < 1000 for one in found)


def test_what_cannot_be_judged_again_is_told(retrain: Command, server: Server, ports: Ports, tmp_path: Path) -> None:
    none = retrain("backtest", MODEL, "--stored")
    assert none.code == Exit.FAILED and f"{MODEL} has no run whose candidate was judged" in none.err
    run = keep(1, 0.5, ports)
    (tmp_path / "bad.toml").write_text("[gate]\n\nmin_gian = 1.0\n")
    bad = retrain("backtest", MODEL, "--stored", "--gate", "bad.toml")
    assert bad.code == Exit.FAILED
    assert "bad.toml: the rules have mistakes" in bad.err
    assert "line 3: unknown key 'min_gian'; did you mean 'min_gain'?" in bad.err
    files = retrain("backtest", MODEL, "bad.toml", "--stored")
    assert files.code == Exit.USAGE and "it takes no files" in files.err
    assert run.verdict is not None
    ports.blobs.write(run.verdict.evidence, b"something else")
    other = retrain("backtest", MODEL, "--stored")
    assert other.code == Exit.FAILED and f"{run.id}: " in other.err and "no evidence of a decision" in other.err


def test_a_run_without_a_judgement_has_no_evidence(server: Server, ports: Ports) -> None:
    run = run_in(State.QUARANTINED)
    ports.ledger.add(run, moves_of(run)[0], run.landings)
    reply = server.answer("GET", f"/api/runs/{run.id}/evidence", {}, b"")
    assert reply.status == 404 and "was not judged" in reply.encoded().decode()


def test_evidence_comes_as_the_bytes_that_were_kept(server: Server, ports: Ports) -> None:
    run = keep(1, 0.5, ports)
    reply = server.answer("GET", f"/api/runs/{run.id}/evidence", {}, b"")
    assert reply.content_type == "application/octet-stream"
    assert reply.encoded() == evidence(1, 0.5).to_bytes()
