"""Which activities are due, and how a pipeline ends."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from local.services.datafactory import graph
from local.services.datafactory.records import FAILED, SKIPPED, SUCCEEDED


def activity(name: str, **depends: str) -> dict[str, Any]:
    return {"name": name, "dependsOn": [{"activity": one, "dependencyConditions": [c]} for one, c in depends.items()]}


@st.composite
def pipelines(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Pipelines without circles: each activity depends on some that come before it."""
    names = [f"a{number}" for number in range(draw(st.integers(1, 7)))]
    conditions = st.sampled_from(["Succeeded", "Failed", "Completed", "Skipped"])
    return [
        activity(name, **draw(st.dictionaries(st.sampled_from(names[:place]), conditions)) if place else {})
        for place, name in enumerate(names)
    ]


def played(pipeline: list[dict[str, Any]], fate: dict[str, str]) -> dict[str, str]:
    settled: dict[str, str] = {}
    while found := graph.due(pipeline, settled, ()):
        for one in found:
            settled[one["name"]] = fate[one["name"]] if graph.wanted(one, settled) else SKIPPED
    return settled


fates = st.dictionaries(st.sampled_from([f"a{n}" for n in range(7)]), st.sampled_from([SUCCEEDED, FAILED])).map(
    lambda some: {f"a{n}": SUCCEEDED for n in range(7)} | some
)


@given(pipelines(), fates)
def test_every_activity_of_a_pipeline_without_a_circle_is_settled_once(
    pipeline: list[dict[str, Any]], fate: dict[str, str]
) -> None:
    assert not graph.circle(pipeline)
    assert set(played(pipeline, fate)) == {one["name"] for one in pipeline}


@given(pipelines())
def test_a_pipeline_in_which_nothing_fails_succeeds(pipeline: list[dict[str, Any]]) -> None:
    assert graph.failed(pipeline, played(pipeline, {f"a{n}": SUCCEEDED for n in range(7)})) == []


@given(pipelines(), fates)
def test_only_what_failed_is_blamed(pipeline: list[dict[str, Any]], fate: dict[str, str]) -> None:
    settled = played(pipeline, fate)
    assert {settled[name] for name in graph.failed(pipeline, settled)} <= {FAILED}


def test_a_handled_failure_is_none_unless_the_other_branch_was_skipped_for_it() -> None:
    fate = {"do": FAILED, "mend": SUCCEEDED, "go on": SUCCEEDED}
    mended = [activity("do"), {**activity("mend"), **activity("mend", do="Failed")}]
    assert graph.failed(mended, played(mended, fate)) == []
    both = [*mended, activity("go on", do="Succeeded")]
    assert graph.failed(both, played(both, fate)) == ["do"]


def test_a_circle_is_seen() -> None:
    assert graph.circle([activity("a", b="Succeeded"), activity("b", a="Succeeded")])
