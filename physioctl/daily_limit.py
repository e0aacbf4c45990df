"""What a body site may have of a family in 24 hours, and what is left of it.

What counts is what was delivered. A session and its rests are one; one that is open counts whole. All the
figures are this project's own: no source for a daily ceiling was read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from protocols.errors import Refused
from protocols.limits import Bound, Family, Layer, Quantity

SESSIONS_MAX = 2  # of one family, on one site, in 24 hours
COUNTS_FROM_PCT = 50  # of what it was to give: a session that gave less is no session, though its time counts
WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Had:
    """What one session gave a site, or may have given."""

    first: str  # the session whose rest it gave, or itself
    first_planned_ms: int
    delivered_ms: int  # by the unit's count; of an open session all that was planned
    is_open: bool
    last: datetime  # when it was last heard of


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a site now."""

    family: Family
    delivered_ms: int
    longest_ms: int | None  # the longest that one session may deliver at that site; None: not bounded
    rest_of: str | None  # the first session of the chain that this goes on with; None: it is a new one


def check_day(had: Iterable[Had], asked: Asked) -> Bound | None:
    """Return what is left of the day as a bound; raise `Refused`, with when the site is free again.

    ``had`` comes newest first, and is read no further than needed.
    """
    cap_ms = None if asked.longest_ms is None else SESSIONS_MAX * asked.longest_ms
    given_ms = 0
    of_first: Counter[str] = Counter()
    counting: set[str] = set()
    for each in had:
        given_ms += each.delivered_ms
        of_first[each.first] += each.delivered_ms
        of_this_ms = of_first[each.first]
        if each.is_open or (of_this_ms and of_this_ms * 100 >= COUNTS_FROM_PCT * each.first_planned_ms):
            counting.add(each.first)
        # A rest goes on with a session that has its place already, if it has been counted. Otherwise the
        # rest makes it count, and it needs a place as a new one does.
        others = len(counting - {asked.rest_of})
        if others >= SESSIONS_MAX:
            what = f"this site has had {others} {asked.family} sessions in the last 24 hours"
            raise _refused(f"{what}; the most is {SESSIONS_MAX}", each)
        if cap_ms is not None and given_ms + asked.delivered_ms > cap_ms:
            show = Quantity.DELIVERED_MS.show
            what = f"this site has had {show(given_ms)} of {asked.family} or more in the last 24 hours"
            raise _refused(f"{what}; with {show(asked.delivered_ms)} it would be above {show(cap_ms)}", each)
    if cap_ms is None:
        return None
    given = Quantity.DELIVERED_MS.show(given_ms)
    source = f"the journal: {given} on this site in the last 24 hours"
    return Bound(Quantity.DELIVERED_MS, Layer.PERSON, source, at_most=cap_ms - given_ms)


def _refused(what: str, oldest: Had) -> Refused:
    free = f"{(oldest.last + WINDOW).astimezone():%Y-%m-%d %H:%M}"
    action = f"The site is free again at {free}."
    if oldest.is_open:
        action += " A session that is open counts whole until it is settled on its own unit."
    return Refused(what, action)
