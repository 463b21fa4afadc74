"""Rules about the names in columns of texts: unseen ones, and known ones that were written or coded otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator

from retrain.data.quality.finding import Finding
from retrain.data.quality.measures import sorted_variation
from retrain.data.quality.view import GROSS, Shares, View, found, percent

REWRITTEN = 0.005  # share of rows with a known name in another spelling
ALL_NEW = 0.9  # share of rows with unseen names from which a coding is another
FITS = 0.15  # so far apart may the frequencies of two codings of the same things be
VARIED = 0.1  # share of values other than the most frequent one, from which frequencies tell a coding
PERMUTED = 0.3  # names that changed places leave at most so much of the distance once they are forgotten


def categories(view: View) -> Iterator[Finding]:
    """What is new about the names of each column of texts; the first reason that explains it."""
    for name in view.features:
        now = view.now(name).shares
        before = [column.shares for column in view.before(name) if column.shares]
        if not now or not before:
            continue
        unseen = _unseen(now, before)
        reasons = (_recased(name, unseen, before), _recoded(view, name, now, unseen, before))
        reason = next((finding for finding in reasons if finding), None) or _new(view, name, unseen, before)
        yield from [reason] if reason else []


def _unseen(now: Shares, before: list[Shares]) -> Shares:
    known = {name for shares in before for name in shares}
    return {name: share for name, share in now.items() if name not in known}


def _bare(name: str) -> str:
    """A name without case, blanks and punctuation, or as it is when nothing is left."""
    return re.sub(r"[\W_]+", "", name.casefold()) or name


def _recased(name: str, unseen: Shares, before: list[Shares]) -> Finding | None:
    known = {_bare(value): value for shares in before for value in shares}
    rewritten = {value: share for value, share in unseen.items() if _bare(value) in known}
    if (share := sum(rewritten.values())) <= REWRITTEN:
        return None
    example = max(rewritten, key=lambda value: rewritten[value])
    message = (
        f"{percent(share)} of the values of {name!r} are known ones in another spelling, such as {example[:40]!r} for "
        f"{known[_bare(example)][:40]!r}; the limit is {percent(REWRITTEN)}"
    )
    return found("recased_categories", message, column=name, figure=share, limit=REWRITTEN)


def _recoded(view: View, name: str, now: Shares, unseen: Shares, before: list[Shares]) -> Finding | None:
    nearest = min(before, key=lambda shares: sorted_variation(now, shares))
    alike = sorted_variation(now, nearest)
    share = sum(unseen.values())
    usual = max(
        (sum(_unseen(past, before[:place]).values()) for place, past in enumerate(before) if place), default=0.0
    )
    if share >= ALL_NEW > 2 * usual and alike <= FITS and min(_varied(now), _varied(nearest)) >= VARIED:
        one, other = (sorted(shares, key=lambda value: -shares[value])[0] for shares in (now, nearest))
        message = (
            f"{percent(share)} of the values of {name!r} are new names with the frequencies of the old ones, such as "
            f"{one[:40]!r} for {other[:40]!r}: they were coded otherwise; the limit is {percent(ALL_NEW)}"
        )
        return found("recoded_categories", message, column=name, figure=share, limit=ALL_NEW, most=view.most)
    return _permuted(view, name, now, alike) if share <= view.rules.unseen else None


def _varied(shares: Shares) -> float:
    """The part of the values that are not the most frequent one."""
    return 1 - max(shares.values())


def _permuted(view: View, name: str, now: Shares, alike: float) -> Finding | None:
    """Known names that stand for each other now: the frequencies are the old ones, at other names."""
    span = view.span(name)
    if not span.broken or alike > PERMUTED * span.distance or len(now) < 2:
        return None
    message = (
        f"the names of {name!r} occur as often as before but have changed places: the shares are {span.distance:.2f} "
        f"from those of the nearest earlier batch, the limit is {span.limit:.2f}; without regard to names they are "
        f"{alike:.2f} from them"
    )
    return found("recoded_categories", message, column=name, figure=span.distance, limit=span.limit, most="doubt")


def _new(view: View, name: str, unseen: Shares, before: list[Shares]) -> Finding | None:
    own = [sum(_unseen(past, before[:place]).values()) for place, past in enumerate(before) if place]
    limit = view.rules.unseen + (view.rules.factor * max(own) if own else GROSS)
    if (share := sum(unseen.values())) <= limit:
        return None
    example = max(unseen, key=lambda value: unseen[value])
    known = f"earlier batches had at most {percent(max(own))}, " if own else ""
    message = (
        f"{percent(share)} of the values of {name!r} are of names never seen before, such as {example[:40]!r}; {known}"
        f"the limit is {percent(limit)}"
    )
    return found("unseen_categories", message, column=name, figure=share, limit=limit, most=view.most_of_few)
