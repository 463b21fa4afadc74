"""Settings that name one staging slot or several: what all kinds of endpoint ask of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def many(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """The values of a setting that may be one text or a list of them."""
    return ((value,) if value else ()) if isinstance(value, str) else value


def one_each(keys: str | tuple[str, ...], places: Sequence[str]) -> tuple[str, ...]:
    """A key for each place, where one that is given for all of them serves each."""
    given = many(keys)
    return given if len(given) == len(places) else given * len(places)


def staging_problems(production: str, stagings: Sequence[str], kind: str) -> Iterator[str]:
    """What is wrong with where candidates are tried; `kind` is what a slot is, with its article."""
    if not stagings:
        yield f"staging is missing: a candidate is tried in {kind} of its own before it may go live"
    places = [place.rstrip("/").lower() for place in (production, *stagings)]
    if len(set(places)) < len(places):
        yield f"staging repeats {kind} or is production; a candidate needs {kind} of its own"
