"""For whom: the reference, the side, when the person was last here, and what the site has had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum

from physioctl.admission import REST_WITHIN, allowed, checked_side
from physioctl.daily_limit import WINDOW
from physioctl.errors import InvalidUsage
from physioctl.events import Outcome
from physioctl.guided.terminal import Terminal, chosen, says_yes
from physioctl.guided.unit import Ready
from physioctl.person import reference
from physioctl.questions import treats
from physioctl.record.day import had_today
from physioctl.record.entries import Damaged
from physioctl.record.history import sessions
from physioctl.record.journal import Journal
from physioctl.record.summary import Summary
from physioctl.runner import Request
from physioctl.text import minutes
from physioctl.wall_clock import damaged, local
from protocols.errors import PhysioctlError, Refused
from protocols.library import bundled, find
from protocols.model import Protocol, Side

_LOOKED_AT = 20  # of a person's newest sessions, for one that broke off
_SIDES = {word: side.value for side in (Side.LEFT, Side.RIGHT) for word in (side.value, side.value[0])}


class Way(Enum):
    """What is to be given where a session of this person and site has broken off."""

    REST = "the rest"
    ANEW = "anew"
    NOTHING = "nothing"


_WAYS = {word: way for way, words in {
    Way.REST: ("rest", "r"), Way.ANEW: ("anew", "a"), Way.NOTHING: ("nothing", "n")
}.items() for word in words}  # fmt: skip


def choose_side(terminal: Terminal, protocol: Protocol) -> str:
    """Return the side to treat: the protocol's own, or the one that is typed."""
    if protocol.side != Side.EITHER:
        return checked_side(protocol, None)
    return chosen(terminal, "Which side?", _SIDES, "left, right")


def choose_person(terminal: Terminal, protocol: Protocol, journal: Journal) -> str | None:
    """Return the reference of the person treated, or None where nobody has to be named and nobody is.

    A reference that the journal does not have is confirmed: a mistyped one would count for somebody else.
    """
    needed = treats(protocol)
    if not needed and protocol.family is not None:
        return None  # on the bench
    while True:
        more = "" if needed else "; Enter names nobody"
        terminal.say(f"For whom? A reference such as P-017, never a name{more}: ", end="")
        typed = terminal.line()
        if not typed and not needed:
            return None
        try:
            person = reference(typed)
        except InvalidUsage as error:
            terminal.say(f"{error.what}.")
            terminal.say(error.action)
            continue
        if sessions(journal, person, limit=1) or says_yes(terminal, f"{person} is not in this journal. New?"):
            return person


def about(journal: Journal, person: str, protocol: Protocol, side: str) -> Iterator[str]:
    """When the person was last here, and what the site has had in the last 24 hours."""
    for last in sessions(journal, person, limit=1):
        site = _site(last.body_site, last.side)
        how = f"{last.ending_shown}, simulated" if last.simulated else last.ending_shown
        yield f"{person} was last here on {local(last.began)}: {last.title} ({site}), {how}."
    if protocol.family is None:
        return
    now = journal.clock.utc()
    try:
        with journal.reading() as connection:
            had = list(had_today(connection, person, protocol.body_site, side, protocol.family, now))
    except Damaged as damage:
        raise damaged(journal.name, damage) from damage
    where = (
        f"{_site(protocol.body_site, side)}, {protocol.family}, "
        f"in the last {WINDOW // timedelta(hours=1)} h, by this journal alone"
    )
    if not had:
        yield f"{where}: nothing."
        return
    given = minutes(sum(each.delivered_ms for each in had))
    count = len({each.first for each in had})
    times = f"{count} session{'s' if count > 1 else ''}"
    yield f"{where}: {times}, {given} of output, the last at {local(had[0].last)}."


def unfinished(terminal: Terminal, journal: Journal, ready: Ready, anew: Request) -> Request | None:
    """Return the request for the rest of a session of this person and site that broke off, or ``anew``.

    None: nothing is to be given. A session that broke off is offered where its rest may be given.
    """
    for broken in sessions(journal, anew.person, limit=_LOOKED_AT) if anew.person else ():
        rest = _rest_of(broken, anew)
        if rest is None or not _is_near(broken, journal.clock.utc()):
            continue
        try:
            left = allowed(rest, ready.unit, journal, simulated=ready.simulated).plan
        except (Refused, InvalidUsage):
            continue
        terminal.say(
            f"{broken.title} ({_site(broken.body_site, broken.side)}) broke off at {local(broken.last)}: "
            f"{minutes(broken.delivered_ms)} of {minutes(broken.planned_ms)} had been delivered."
        )
        asked = f"Give the rest ({minutes(left.delivered_ms)}), begin anew, or give nothing?"
        way = chosen(terminal, asked, _WAYS, "rest, anew, nothing")
        return None if way is Way.NOTHING else rest if way is Way.REST else anew
    return anew


def _rest_of(broken: Summary, anew: Request) -> Request | None:
    """The request for the rest of ``broken``, if it is of the same site and its protocol is at hand."""
    same_site = (broken.body_site, broken.side) == (anew.protocol.body_site, anew.side)
    if broken.outcome in (None, Outcome.COMPLETED) or not same_site:
        return None
    protocol = anew.protocol
    if broken.content_hash != protocol.content_hash:
        try:
            protocol = find(broken.protocol) if broken.protocol in bundled() else protocol
        except PhysioctlError:
            return None
    if broken.content_hash != protocol.content_hash:
        return None
    return replace(anew, protocol=protocol, rest_of=broken.id)


def _is_near(broken: Summary, now: datetime) -> bool:
    return now - broken.last <= REST_WITHIN


def _site(body_site: str, side: str) -> str:
    name = body_site.replace("_", " ")
    return name if side == Side.NONE else f"{side} {name}"
