"""Other rules for a model: a few tables laid over its own, or those of a whole configuration."""

from __future__ import annotations

import msgspec
import pytest

from retrain.configuration import overlaid
from retrain.errors import BadConfiguration
from retrain.gate.rules import GateRules
from retrain.model import HoldoutRules, Model


class Nowhere(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a service that is not called here."""


KINDS = {"trainers": {"t": Nowhere}, "endpoints": {"e": Nowhere}}
OWN = Model(
    name="bikes",
    label="cnt",
    trainer=Nowhere(),
    endpoint=Nowhere(),
    gate=GateRules(metric="rmse", min_gain=1.0),
    holdout=HoldoutRules(cap=500),
)


def entry(name: str, confidence: float) -> str:
    return (
        f'[models.{name}]\nlabel = "y"\n[models.{name}.trainer]\nkind = "t"\n[models.{name}.endpoint]\nkind = "e"\n'
        f'[models.{name}.gate]\nmetric = "mae"\nconfidence = {confidence}\n'
    )


def test_what_a_table_does_not_say_stays_as_it_is() -> None:
    found = overlaid("[gate]\nconfidence = 0.99\n[holdout]\nshare = 0.5\n", OWN, **KINDS)
    assert found.gate == GateRules(metric="rmse", min_gain=1.0, confidence=0.99)
    assert found.holdout == HoldoutRules(cap=500, share=0.5)
    assert overlaid("[intake]\nmin_rows = 7\n", OWN, **KINDS).intake.min_rows == 7
    assert msgspec.structs.replace(found, gate=OWN.gate, holdout=OWN.holdout) == OWN


def test_a_whole_configuration_gives_the_rules_of_the_same_name_and_nothing_else() -> None:
    found = overlaid(entry("bikes", 0.9) + entry("others", 0.8), OWN, **KINDS)
    assert found.gate == GateRules(metric="mae", confidence=0.9)
    assert (found.holdout, found.label) == (HoldoutRules(), "cnt")
    assert overlaid(entry("tried", 0.7), OWN, **KINDS).gate.confidence == 0.7


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("[gate]\n\nconfidense = 1\n", ["line 3: unknown key 'confidense'; did you mean 'confidence'?"]),
        ("[gate]\nconfidence = 2.0\n", ["line 2: confidence is 2; it must lie between 0.5 and 1, 0.9 is usual"]),
        ('[holdout]\n\nshare = "half"\n', ["line 3: share = 'half': Expected `float`, got `str`"]),
        ("\n[gates]\n", ["line 2: unknown table 'gates'; did you mean 'gate'?"]),
        ("gate = 3\n", ["line 1: [gate] must be a table"]),
        ("[gate\n", ["not TOML: Expected ']' at the end of a table declaration (at line 1, column 6)"]),
        (entry("a", 0.9) + entry("b", 0.9), ["there is no [models.bikes]; there are a, b"]),
        (entry("bikes", 7), ["line 9: confidence is 7; it must lie between 0.5 and 1, 0.9 is usual"]),
    ],
)
def test_every_mistake_is_named_with_its_line(text: str, problems: list[str]) -> None:
    with pytest.raises(BadConfiguration) as caught:
        overlaid(text, OWN, **KINDS)
    assert list(caught.value.problems) == problems


def test_a_text_without_rules_is_refused() -> None:
    with pytest.raises(BadConfiguration, match=r"no rules: .* one of the tables \[gate\], \[intake\], \[holdout\]"):
        overlaid("# nothing\n", OWN, **KINDS)
