"""What becomes of a batch after the gate has spoken: all cases there are."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from retrain.belief import Settled, settle
from retrain.gate.decision import Data

CASES = list(product(get_args(Data), (False, True), (False, True)))


@pytest.mark.parametrize(("data", "confirms", "doubted"), CASES)
def test_a_batch_either_joins_or_is_kept_aside_or_changes_nothing(data: Data, confirms: bool, doubted: bool) -> None:
    found = settle(data, confirms=confirms, doubted=doubted)
    assert (found.joins, found.doubts) == (data == "believed", data == "doubted")
    assert found.clears == (doubted and data != "refused")
    assert found.anew == (confirms and data == "believed")
    assert found.brings == (doubted and found.anew)


def test_refused_data_leaves_a_doubt_as_it_is() -> None:
    assert settle("refused", confirms=False, doubted=True) == Settled()


def test_a_batch_in_doubt_takes_the_place_of_the_one_before_it() -> None:
    assert settle("doubted", confirms=False, doubted=True) == Settled(doubts=True, clears=True)


@pytest.mark.parametrize(("data", "confirms", "doubted"), CASES)
def test_what_was_accepted_before_is_given_up_only_for_a_change_that_was_learnt_without_it(
    data: Data, confirms: bool, doubted: bool
) -> None:
    assert settle(data, confirms=confirms, doubted=doubted, apart=True).alone == (data == "believed" and confirms)
    assert not settle(data, confirms=confirms, doubted=doubted).alone
