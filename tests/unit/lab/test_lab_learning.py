"""The lab's learners are those of the local services, and answer whatever a fault left over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.gate.learning import FAMILIES, Family, Forgiving, learner_of, model_of
from benchmarks.gate.sheet import Sheet
from benchmarks.gate.streams import Stream, adult_in_parts, bikes_by_month
from local.backtest.learners import engine_learner

STREAMS = {"bikes": bikes_by_month(), "adult": adult_in_parts(parts=60)}


def made(stream: Stream, family: Family) -> Forgiving:
    return learner_of(stream, family).fit(stream.batches[0].content())


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("family", FAMILIES)
def test_predictions_are_those_of_the_local_services_when_the_data_is_in_order(stream: str, family: Family) -> None:
    own, asked = made(STREAMS[stream], family), STREAMS[stream].batches[1]
    service = engine_learner(model_of(STREAMS[stream]), learner_of(STREAMS[stream], family).name)
    theirs = service.fit(STREAMS[stream].batches[0].content()).predict(asked.header, asked.rows)
    assert np.allclose(own.predict(asked.header, asked.rows), theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_text_among_numbers_is_answered_like_a_missing_value(family: Family) -> None:
    model, batch = made(STREAMS["bikes"], family), STREAMS["bikes"].batches[1]
    texts, nothing = (batch.with_column("temp", [text] * len(batch)) for text in ("#REF!", ""))
    assert np.array_equal(model.predict(texts.header, texts.rows), model.predict(nothing.header, nothing.rows))


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_are_answered_when_a_column_is_missing(family: Family) -> None:
    model, batch = made(STREAMS["bikes"], family), STREAMS["bikes"].batches[1].without("hour").without("season")
    assert np.isfinite(model.predict(batch.header, batch.rows)).all()


def test_nothing_is_learnt_when_there_is_one_class() -> None:
    stream = STREAMS["adult"]
    batch = stream.batches[0].with_column("income", ["1"] * len(stream.batches[0]))
    with pytest.raises(ValueError, match="two classes"):
        learner_of(stream, "linear").fit(batch.content())


def test_nothing_is_learnt_when_no_row_has_a_label() -> None:
    stream = STREAMS["bikes"]
    batch = stream.batches[0].with_column("cnt", [""] * len(stream.batches[0]))
    with pytest.raises(ValueError, match="label"):
        learner_of(stream, "linear").fit(batch.content())


def test_models_of_different_rows_are_told_apart() -> None:
    stream = STREAMS["bikes"]
    half = replace(stream, batches=(Sheet(stream.batches[0].header, stream.batches[0].rows[:300]),))
    assert made(stream, "linear").sha256 != made(half, "linear").sha256
