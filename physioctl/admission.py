"""Admission: whether a session may begin, and the entry that opens it, in one transaction of the journal.

The clock, the rest of another session, and what the site has had today are looked at, and the session's first
entries are made, while no other program can write. Of several programs that ask at once, as many are
admitted as the day allows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from typing import Protocol as Role

from device.control.admission import Admission
from device.control.driver import Driver
from device.unit import Unit, sensors
from physioctl import __version__
from physioctl.daily_limit import WINDOW, Asked, check_day
from physioctl.errors import InvalidUsage
from physioctl.events import Outcome, ProtocolKept, SessionStarted
from physioctl.host_loss import reckoned
from physioctl.installation import expect_tables
from physioctl.opening import opening_entry
from physioctl.person import reference
from physioctl.questions import treats
from physioctl.reconcile import TOLD_WITHIN
from physioctl.record.day import had_today
from physioctl.record.entries import Damaged, is_session
from physioctl.record.history import chain
from physioctl.record.journal import Journal, SessionLog
from physioctl.record.summary import Summary
from physioctl.wall_clock import damaged, expect_sound, last_elsewhere
from protocols.errors import Refused
from protocols.limits import Bound, Family, Limits, Quantity
from protocols.plan import Plan, rest_of

if TYPE_CHECKING:  # whoever holds a protocol has paid for pydantic already
    from physioctl.runner import Request
    from protocols.model import Protocol

REST_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A session that has begun: its plan, its first entry, and its recorder."""

    plan: Plan
    admission: Admission
    started: SessionStarted
    log: SessionLog


class Compiler(Role):
    """What makes a plan: `protocols.compile.compile_plan`."""

    def __call__(
        self, protocol: Protocol, *, model: str, family: Family, area_mm2: int | None, limits: Limits
    ) -> Plan:
        """The plan for a unit of ``model``, or `Refused`."""


def checked_side(protocol: Protocol, side: str | None, *, on_nobody: bool = False) -> str:
    """Return the side to treat; raise `InvalidUsage` for one that the protocol is not for.

    ``None`` is the protocol's own side, where it names one. In a rehearsal (``on_nobody``) a protocol for
    either side is given on none.
    """
    from protocols.model import Side

    either = (Side.NONE, Side.LEFT, Side.RIGHT) if on_nobody else (Side.LEFT, Side.RIGHT)
    if protocol.side not in list(Side):  # a copy made in Python is not validated
        raise InvalidUsage(
            f"{str(protocol.side)[:32]!r} is no side of a protocol", f"Name one of: {', '.join(Side)}."
        )
    allowed = either if protocol.side == Side.EITHER else (Side(protocol.side),)
    chosen = allowed[0] if side is None and (on_nobody or len(allowed) == 1) else side
    if chosen is not None and chosen in [each.value for each in allowed]:
        return str(chosen)
    said = "no side is named" if chosen is None else f"{str(chosen)[:32]!r} is not its side"
    raise InvalidUsage(
        f"{protocol.id} is for {_sides(allowed)}, and {said}",
        f"Name the side: {_sides(allowed)}." if len(allowed) > 1 else "Leave the side out.",
    )


def _sides(allowed: Sequence[str]) -> str:
    return " or ".join("no side" if side == "none" else str(side) for side in allowed)


def checked_person(request: Request) -> str | None:
    """Return the person's reference in its one form; raise `Refused` where one is needed and missing.

    What is emitted on a body site is counted for a person. In a rehearsal nobody is treated.
    """
    person = None if request.person is None else reference(request.person)
    if person is None and request.answers is not None and treats(request.protocol):
        raise Refused(
            f"{request.protocol.id} gives output on a body site, and no person is named: "
            "what the site has had today could not be counted",
            "Name a reference for the person treated: --person REF, such as P-017. Never a name.",
        )
    return person


def checked_operator(request: Request) -> str | None:
    """Return the reference of who treats in its one form; raise `InvalidUsage` for what is no reference."""
    return None if request.treated_by is None else reference(request.treated_by)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a request is allowed: its plan, with the day's limits, and what the controller is told of it."""

    plan: Plan
    admission: Admission


def allowed(request: Request, unit: Unit, journal: Journal, *, simulated: bool) -> Allowed:
    """Return what ``request`` would be given now, or raise `Refused`. Nothing is written, and nothing kept.

    Answers are not looked at. Another program may change what the journal says before the session begins.
    """
    try:
        return _allowed(request, unit, journal, _compiled(request, unit), simulated=simulated)
    except Damaged as damage:
        raise damaged(journal.name, damage) from damage


def _compiled(request: Request, unit: Unit, compiler: Compiler | None = None) -> Allowed:
    """What the protocol, the unit and the operator allow."""
    from protocols.compile import compile_plan

    side = checked_side(request.protocol, request.side, on_nobody=request.answers is None)
    limits = Limits((*unit.bounds, *request.operator))
    plan = (compiler or compile_plan)(
        request.protocol, model=unit.model.id, family=unit.model.family, area_mm2=unit.area_mm2, limits=limits
    )
    text, content_hash = request.protocol.canonical_text(), request.protocol.content_hash
    expect_tables(unit.model.family, request.protocol.body_site)
    return Allowed(
        plan,
        Admission(text, content_hash, side=side, bounds=request.operator, generic=unit.model.is_generic),
    )


def _allowed(request: Request, unit: Unit, journal: Journal, found: Allowed, *, simulated: bool) -> Allowed:
    """What the journal leaves of ``found``: the rest of another session, and of the site's day."""
    plan, admission, person = found.plan, found.admission, checked_person(request)
    expect_sound(journal)
    now = journal.clock.utc()
    first = None  # of the chain that is gone on with
    if request.rest_of is not None:
        parts = chain(journal, request.rest_of) if is_session(request.rest_of) else ()
        given_ms = sum(part.at_most_ms for part in parts)
        same = (admission.content_hash, person, request.protocol.body_site, admission.side, simulated)
        check_rest(request.rest_of, parts, same, plan.delivered_ms - given_ms, now)
        first = parts[-1].id
        plan = rest_of(plan, given_ms, unit.area_mm2)
        given_mj = sum(part.energy_mj for part in parts)
        admission = replace(admission, given_ms=given_ms, given_mj=given_mj)
    if person is not None and not simulated and treats(request.protocol):
        asked = _asked(request, unit, admission.given_ms, first)
        left = _left_today(request, journal, person, admission.side, asked, now)
        plan = replace(plan, limits=plan.limits.with_layer(left))
        admission = replace(admission, bounds=(*admission.bounds, *left))
    return Allowed(plan, admission)


def admit(
    request: Request,
    unit: Unit,
    journal: Journal,
    driver: Driver,
    compiler: Compiler | None = None,
) -> Admitted:
    """Begin the session ``request`` asks for, or raise `Refused` and leave the journal as it was.

    ``compiler`` is for tests of the other fences, which replace it.
    """
    person = checked_person(request)
    compiled = _compiled(request, unit, compiler)
    try:
        with journal.transaction() as connection:
            found = _allowed(request, unit, journal, compiled, simulated=driver.link.simulated)
            plan, admission = found.plan, found.admission
            started = _started(request, plan, unit, journal, driver, person, compiled.admission.side)
            keep_protocol(connection, journal, request.protocol, started.at_ms)
            journal.append(started.session, started)
    except Damaged as damage:
        raise damaged(journal.name, damage) from damage
    return Admitted(plan, admission, started, journal.begin(started.session))


def keep_protocol(connection: sqlite3.Connection, journal: Journal, protocol: Protocol, at_ms: int) -> None:
    """Record the text of ``protocol``, once in a journal."""
    content_hash = protocol.content_hash
    known = "SELECT 1 FROM protocols WHERE content_hash = ?"
    if not connection.execute(known, (content_hash,)).fetchone():
        text = protocol.canonical_text()
        journal.append(
            "", ProtocolKept(at_ms=at_ms, protocol=protocol.id, content_hash=content_hash, text=text)
        )


def check_rest(
    asked: str, parts: Sequence[Summary], same: tuple[object, ...], left_ms: int, now: datetime
) -> None:
    """Raise `Refused` when the rest of session ``asked`` may not be given.

    ``same`` is the content hash, person, site, side and kind of unit of what is asked for now.
    """
    if not parts:
        raise Refused(
            f"there is no session {ascii(asked)[:66]} in this journal", "List them with: physioctl history"
        )
    broken = parts[0]
    if broken.id != asked:
        raise Refused(
            f"the rest of session {asked} has been given or begun in {broken.id}",
            f"Go on from there: --rest-of {broken.id}",
        )
    if still_open := next((part for part in parts if part.outcome is None), None):
        raise Refused(
            f"session {still_open.id} has no end in the record: it may still be running",
            f"If it broke off, ask on its own unit ({still_open.model} {still_open.serial}), "
            f"{TOLD_WITHIN.seconds} s after it was last heard of: that settles it first.",
        )
    was = (broken.content_hash, broken.person, broken.body_site, broken.side, broken.simulated)
    if was != same:
        raise Refused(
            f"session {broken.id} was of another protocol, person, site, side or kind of unit",
            "Give the rest as it began, or start a new session.",
        )
    if left_ms <= 0 and any(part.at_most_ms > part.delivered_ms for part in parts):
        raise Refused(
            f"session {broken.id} may have given all of it: what its unit gave after it was last heard is "
            "not known",
            "Start a new session, once the site may have one.",
        )
    if broken.outcome is Outcome.COMPLETED or left_ms <= 0:
        raise Refused(f"session {broken.id} has nothing left to give", "Start a new session.")
    if now - broken.last > REST_WITHIN:
        raise Refused(f"session {broken.id} broke off more than a day ago", "Start a new session.")


def _asked(request: Request, unit: Unit, given_ms: int, first: str | None) -> Asked | None:
    """Return what is asked of the site, or None for a protocol without output.

    It is worked out from the tables, the unit and the protocol, and not from the plan: a plan that sets no
    bounds must not take the day's away with them.
    """
    from protocols.compile import emitted_ms, standing_limits

    if request.protocol.family is None:
        return None
    of_one_session = (*standing_limits(request.protocol).bounds, *unit.bounds, *request.operator)
    return Asked(
        family=request.protocol.family,
        delivered_ms=emitted_ms(request.protocol) - given_ms,
        longest_ms=Limits(of_one_session).at_most(Quantity.DELIVERED_MS),
        rest_of=first,
    )


def _left_today(
    request: Request, journal: Journal, person: str, side: str, asked: Asked | None, now: datetime
) -> tuple[Bound, ...]:
    """Return what is left of the site's day, as bounds; raise `Refused` when nothing is."""
    if asked is None:
        return ()
    with journal.reading() as connection:
        _expect_day_known(last_elsewhere(connection, now), now)
        had = had_today(connection, person, request.protocol.body_site, side, asked.family, now)
        left = check_day(had, asked)
    return () if left is None else (left,)


def _expect_day_known(last: datetime | None, now: datetime) -> None:
    """Raise `Refused` when the site may have had a session within a day in another journal."""
    if last is None or last <= now - WINDOW:
        return
    known = f"{(last + WINDOW).astimezone():%Y-%m-%d %H:%M}"
    raise Refused(
        "this journal continues another, and what the site had there in the last 24 hours is not known here",
        f"Go on in the other journal if `physioctl verify` finds it whole. In this one output on a body site "
        f"may begin at {known}.",
    )


def _started(
    request: Request,
    plan: Plan,
    unit: Unit,
    journal: Journal,
    driver: Driver,
    person: str | None,
    side: str,
) -> SessionStarted:
    opening = opening_entry(
        journal,
        request.protocol,
        at_ms=driver.clock.now_ms(),
        side=side,
        person=person,
        operator=checked_operator(request),
        simulated=driver.link.simulated,
        total_ms=plan.total_ms,
    )
    return replace(
        opening,
        model=unit.identity.model,
        serial=unit.identity.serial,
        nonce=unit.identity.nonce,
        firmware=unit.identity.firmware,
        planned_ms=plan.delivered_ms,
        planned_energy_mj=plan.energy_mj,
        lease_ms=unit.host_loss_ms or 0,
        dialect=driver.controller.requests.dialect.name,
        host_loss=unit.declared.host_loss.value,
        reckoned=reckoned(unit),
        sensors=sensors(unit.declared),
        assumed=unit.model.assumed,
        nameplate=unit.model.id,
        nameplate_distribution=unit.model.distribution,
        nameplate_version=unit.model.version or (__version__ if unit.model.distribution else ""),
        nameplate_hash=unit.model.content_hash,
        rest_of=request.rest_of,
    )
