"""Admission without the session that follows: the entry that opens it, and what the guard is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from device.clock import VirtualClock
from device.control.handshake import perform_handshake
from device.dialects.base import HostLoss
from device.events import OffConfirmation
from physioctl import __version__
from physioctl.admission import Admitted, admit, allowed
from physioctl.errors import InvalidUsage, JournalUnusable
from physioctl.events import Outcome, SessionEnded
from physioctl.record.entries import all_of
from physioctl.record.journal import Journal
from physioctl.rehearsal.rig import Rig
from physioctl.runner import Request
from protocols.errors import Refused
from protocols.limits import Bound, Family, Layer, Quantity
from tests.physioctl.test_admission import CALF, CHECK, NOON, calf, gun
from tests.physioctl.test_two_programs import started
from tests.support import CountedLink

SLOW = Bound(Quantity.SPEED_PER_MIN, Layer.OPERATOR, "the operator", at_most=2400)


def admitted(journal: Journal, request: Request, rig: Rig) -> Admitted:
    return admit(request, rig.driver.run(perform_handshake(rig.controller)), journal, rig.driver)


def broke_off(journal: Journal, begun: Admitted, delivered_ms: int, energy_mj: int) -> str:
    """End a session that has begun, and return its id."""
    started = begun.started
    ended = SessionEnded(
        at_ms=9000, session=started.session, outcome=Outcome.STOPPED, why="",
        output_off=OffConfirmation.CONFIRMED, delivered_ms=delivered_ms, planned_ms=started.planned_ms,
        energy_mj=energy_mj, planned_energy_mj=started.planned_energy_mj, duration_ms=9000,
    )  # fmt: skip
    begun.log.record(ended)
    return started.session


def test_the_opening_entry_holds_what_the_session_began_with() -> None:
    rig = gun(VirtualClock(NOON))
    with Journal.in_memory(rig.clock) as journal:
        started = admitted(journal, calf(), rig).started
        with journal.reading() as connection:
            (entry,) = all_of(connection, "WHERE name = 'session_started'")

    identity = rig.controller.reports.identity
    boot = rig.clock.boot()
    assert identity is not None
    assert boot is not None
    assert (started.protocol, started.title, started.content_hash) == (CALF.id, CALF.title, CALF.content_hash)
    assert (started.family, started.body_site, started.side) == (Family.PERCUSSION, "calf", "left")
    assert (started.person, started.simulated, started.rest_of) == ("p-017", False, None)
    assert (started.model, started.serial, started.nonce, started.firmware) == (
        identity.model, identity.serial, identity.nonce, identity.firmware,
    )  # fmt: skip
    assert (started.planned_ms, started.planned_energy_mj, started.total_ms) == (20_000, None, 20_000)
    assert (started.dialect, started.host_loss, started.lease_ms, started.reckoned) == (
        "native",
        "lease",
        500,
        (),
    )
    assert (started.assumed, started.physioctl) == (True, __version__)
    assert started.at_ms == rig.clock.now_ms()
    assert (started.boot_id, started.boot_ms) == (boot.id, boot.ms)
    assert started.boot_utc_ms == round(NOON.timestamp() * 1000)
    assert (entry.session, entry.body["protocol"]) == (started.session, CALF.id)


def test_a_computer_that_does_not_tell_its_boot_is_recorded_without() -> None:
    class Untold(VirtualClock):
        def boot(self) -> None:
            return None

    rig = Rig("ultragun", clock=Untold(NOON))
    with Journal.in_memory(rig.clock) as journal:
        started = admitted(journal, Request.on_nobody(CALF), rig).started

    assert (started.boot_id, started.boot_ms, started.boot_utc_ms) == (None, None, None)
    assert (started.side, started.person, started.simulated) == ("none", None, True)


def test_of_a_unit_that_nothing_ends_no_bound_on_its_output_is_recorded() -> None:
    rig = gun(VirtualClock(NOON))
    unit = rig.driver.run(perform_handshake(rig.controller))
    endless = replace(unit, declared=replace(unit.declared, host_loss=HostLoss.NONE))
    with Journal.in_memory(rig.clock) as journal:
        started = admit(calf(), endless, journal, rig.driver).started

    assert (started.host_loss, started.lease_ms) == ("none", 0)


def test_the_guard_is_given_the_protocol_the_operators_bounds_and_what_the_day_leaves() -> None:
    rig = gun(VirtualClock(NOON))
    with Journal.in_memory(rig.clock) as journal:
        begun = admitted(journal, calf(operator=(SLOW,)), rig)

    operators, days = begun.admission.bounds
    assert operators == SLOW
    assert (days.quantity, days.layer, days.at_most) == (Quantity.DELIVERED_MS, Layer.PERSON, 600_000)
    assert SLOW in begun.plan.limits.bounds
    assert days in begun.plan.limits.bounds
    assert (begun.admission.content, begun.admission.content_hash, begun.admission.side) == (
        CALF.canonical_text(), CALF.content_hash, "left",
    )  # fmt: skip
    assert (begun.admission.given_ms, begun.admission.given_mj) == (0, 0)


@pytest.mark.parametrize(
    ("request_", "make"),
    [
        (Request(CHECK, person="P-017"), lambda: Rig(link=CountedLink)),  # the bench is no body site
        (Request(CHECK), lambda: Rig(link=CountedLink)),
        (calf(), lambda: Rig("ultragun")),  # simulated: it counts for nobody
        (Request.on_nobody(CALF), gun),
    ],
)
def test_only_what_a_person_is_given_on_a_body_site_has_a_day(
    request_: Request, make: Callable[[], Rig]
) -> None:
    rig = make()
    with Journal.in_memory(rig.clock) as journal:
        assert admitted(journal, request_, rig).admission.bounds == ()


@pytest.mark.hazard("H-03")
def test_a_rest_is_what_all_sessions_of_its_chain_have_left() -> None:
    rig = gun(VirtualClock(NOON))
    with Journal.in_memory(rig.clock) as journal:
        first = broke_off(journal, admitted(journal, calf(), rig), 4000, 30)
        second = admitted(journal, calf(rest_of=first), gun(rig.clock))
        third = admitted(journal, calf(rest_of=broke_off(journal, second, 5000, 50)), gun(rig.clock))

    assert (second.admission.given_ms, second.admission.given_mj) == (4000, 30)
    assert (second.plan.delivered_ms, second.started.planned_ms, second.started.rest_of) == (
        16_000,
        16_000,
        first,
    )
    assert (third.admission.given_ms, third.admission.given_mj) == (9000, 80)
    assert (third.plan.delivered_ms, third.started.rest_of) == (11_000, second.started.session)


@pytest.mark.hazard("H-03")
def test_the_rest_of_a_rest_has_the_place_of_the_first_session_in_the_day() -> None:
    rig = gun(VirtualClock(NOON))
    with Journal.in_memory(rig.clock) as journal:
        first = broke_off(journal, admitted(journal, calf(), rig), 12_000, 0)
        broke_off(journal, admitted(journal, calf(), gun(rig.clock)), 12_000, 0)  # the day is full
        second = broke_off(journal, admitted(journal, calf(rest_of=first), gun(rig.clock)), 4000, 0)

        third = broke_off(journal, admitted(journal, calf(rest_of=second), gun(rig.clock)), 4000, 0)
        with pytest.raises(Refused, match="has nothing left to give"):
            admitted(journal, calf(rest_of=third), gun(rig.clock))
        with pytest.raises(Refused, match="24 hours"):
            admitted(journal, calf(), gun(rig.clock))


@pytest.mark.hazard("H-03")
def test_what_the_day_leaves_a_rest_is_counted_with_what_went_before() -> None:
    rig = gun(VirtualClock(NOON))
    longest = Bound(Quantity.DELIVERED_MS, Layer.OPERATOR, "the operator", at_most=20_000)
    others: dict[str, Any] = {"operator": (longest,)}
    with Journal.in_memory(rig.clock) as journal:
        broke_off(journal, admitted(journal, calf(**others), rig), 20_000, 0)
        first = broke_off(journal, admitted(journal, calf(**others), gun(rig.clock)), 4000, 0)
        rest = admitted(journal, calf(rest_of=first, **others), gun(rig.clock))

    assert rest.admission.bounds[-1].at_most == 2 * 20_000 - 24_000 == rest.plan.delivered_ms


def test_a_protocols_text_is_kept_once_for_each_hash() -> None:
    changed = CALF.model_copy(update={"title": "Changed in Python"})
    with Journal.in_memory(VirtualClock(NOON)) as journal:
        for protocol in (CALF, CALF, changed):
            admitted(journal, Request.on_nobody(protocol), gun())
        with journal.reading() as connection:
            kept = all_of(connection, "WHERE name = 'protocol_kept'")

    assert [each.body for each in kept] == [
        {"protocol": CALF.id, "content_hash": each.content_hash, "text": each.canonical_text()}
        for each in (CALF, changed)
    ]
    assert all(sha256(each.body["text"].encode()).hexdigest() == each.body["content_hash"] for each in kept)


# --- what is refused, where a session is to begin and where somebody only asks -----------------------------


def admits(request: Request, rig: Rig, journal: Journal) -> object:
    return admitted(journal, request, rig)


def asks(request: Request, rig: Rig, journal: Journal) -> object:
    unit = rig.driver.run(perform_handshake(rig.controller))
    return allowed(request, unit, journal, simulated=rig.driver.link.simulated)


Way = Callable[[Request, Rig, Journal], object]
BOTH = pytest.mark.parametrize("way", [admits, asks])


@BOTH
@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"person": None}, "no person is named"),
        ({"side": "none"}, "is not its side"),
        ({"rest_of": "s-9"}, "there is no session 's-9'"),
        ({"rest_of": "no id: it has spaces"}, "there is no session"),
    ],
)
def test_what_may_not_begin_is_refused_and_leaves_no_entry(way: Way, other: dict[str, Any], why: str) -> None:
    with Journal.in_memory(VirtualClock(NOON)) as journal:
        with pytest.raises((Refused, InvalidUsage), match=why):
            way(calf(**other), gun(), journal)

        with journal.reading() as connection:
            assert all_of(connection, "") == []


@BOTH
def test_nothing_is_allowed_while_the_time_of_day_is_in_doubt(way: Way) -> None:
    clock = VirtualClock(NOON)
    with Journal.in_memory(clock) as journal:
        journal.append("s-1", replace(started(), boot_id=boot_of(clock), boot_utc_ms=0))

        with pytest.raises(Refused, match="the time of day is in doubt"):
            way(calf(), gun(), journal)


@BOTH
@pytest.mark.parametrize("other", [{"rest_of": "s-1"}, {}])  # read for its rest, or for the site's day
def test_a_damaged_entry_is_a_journal_that_cannot_be_used(way: Way, other: dict[str, Any]) -> None:
    had: dict[str, Any] = {
        "body_site": "calf",
        "side": "left",
        "person": "p-017",
        "family": "percussion",
        "simulated": False,
    }
    with Journal.in_memory(VirtualClock(NOON)) as journal:
        journal.append("s-1", replace(started(), host_loss="nonsense", **had))

        with pytest.raises(JournalUnusable, match="is damaged: entry 1: its host_loss is none of"):
            way(calf(**other), gun(), journal)


def boot_of(clock: VirtualClock) -> str:
    boot = clock.boot()
    assert boot is not None
    return boot.id
