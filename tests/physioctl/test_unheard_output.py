"""What counts of a session whose unit could go on after it was last heard: at least what it gave."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from device.clock import VirtualClock
from device.control.driver import Driver
from device.control.handshake import perform_handshake
from device.events import OffConfirmation
from device.link import Inbox
from physioctl.events import Outcome
from physioctl.person import reference
from physioctl.reconcile import TOLD_WITHIN, reconcile
from physioctl.record.day import had_today
from physioctl.record.history import session
from physioctl.record.journal import Journal, SessionLog
from physioctl.rehearsal.disk import SimulatedDisk
from physioctl.rehearsal.rig import Rig, speaking
from physioctl.runner import Request, run_session
from protocols.errors import Refused
from protocols.limits import Family
from simulator.cable import Cable
from simulator.faults import parse
from tests.physioctl.test_admission import CALF, NO
from tests.support import SECOND_MS, CountedLink

PERSON = "P-017"
PLANNED_MS = 20 * SECOND_MS
KINDS = ("lease", "timer", "none")


class Killed(BaseException):
    """The program has been killed: nothing of it runs any more."""


class Dead(CountedLink):
    """The line of a program that has been killed at ``at_ms``: nothing leaves or arrives."""

    at_ms = 8 * SECOND_MS

    def __init__(self, cable: Cable, clock: VirtualClock, inbox: Inbox) -> None:
        super().__init__(cable, clock, inbox)
        self.clock = clock

    def send(self, data: bytes) -> bool:
        if self.clock.now_ms() >= self.at_ms:
            raise Killed
        return super().send(data)


def rig_of(
    kind: str,
    *faults: str,
    link: Callable[..., CountedLink] = CountedLink,
    clock: VirtualClock | None = None,
    seed: int = 0,
    boots: int = 0,
) -> Rig:
    spoken = speaking("modbus", kind)
    return Rig(
        "ultragun",
        seed=seed,
        faults=[parse(each) for each in faults],
        clock=clock,
        link=link,
        unit=partial(spoken.unit, boots=boots),
        dialect=spoken.dialect,
    )


def calf(rest_of: str | None = None) -> Request:
    return Request(CALF, "left", PERSON, NO, attended=True, rest_of=rest_of, confirm_host_loss=lambda _: True)


def counted_ms(journal: Journal) -> int:
    """What the site has had today, as admission counts it."""
    with journal.reading() as connection:
        had = had_today(
            connection, reference(PERSON), CALF.body_site, "left", Family.PERCUSSION, journal.clock.utc()
        )
        return sum(each.delivered_ms for each in had)


def killed(journal: Journal, clock: VirtualClock, kind: str) -> Rig:
    """A rig whose program was killed in mid-session, half a minute and more ago."""
    rig = rig_of(kind, link=Dead, clock=clock)
    with pytest.raises(Killed):
        run_session(calf(), rig.driver, journal)
    rig.wait(round(TOLD_WITHIN.total_seconds() * 1000))
    return rig


def settled(journal: Journal, rig: Rig) -> OffConfirmation:
    """What the unit of ``rig`` settles of the open session."""
    driver = Driver(
        CountedLink(rig.cable, rig.clock, rig.inbox), rig.clock, rig.inbox, speaking("modbus").dialect()
    )
    (found,) = reconcile(journal, driver, driver.run(perform_handshake(driver.controller)))
    return found.output_off


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at_ms", [4000, 8000, 12_500])
def test_a_session_whose_cable_was_pulled_counts_for_at_least_what_its_unit_gave(
    kind: str, at_ms: int
) -> None:
    rig = rig_of(kind, f"cable_pulled@{at_ms}ms+60s")
    with Journal.in_memory(rig.clock) as journal:
        ended = run_session(calf(), rig.driver, journal)
        rig.wait(30 * SECOND_MS)

        assert ended.output_off is not OffConfirmation.CONFIRMED
        assert counted_ms(journal) >= min(rig.unit.delivered_ms, PLANNED_MS)


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize("kind", ["lease", "timer"])
def test_its_rest_on_another_unit_gives_no_more_than_was_planned(kind: str) -> None:
    rig = rig_of(kind, "cable_pulled@6s+60s")
    with Journal.in_memory(rig.clock) as journal:
        first = run_session(calf(), rig.driver, journal)
        rig.wait(30 * SECOND_MS)
        other = rig_of(kind, clock=rig.clock, seed=9)
        rest = run_session(calf(rest_of=first.session), other.driver, journal)

    assert rest.outcome is Outcome.COMPLETED
    assert rig.unit.delivered_ms + other.unit.delivered_ms <= PLANNED_MS


@pytest.mark.hazard("H-03")
def test_of_a_session_that_ended_with_its_output_unknown_no_rest_is_left() -> None:
    rig = rig_of("none", "cable_pulled@6s+60s")
    with Journal.in_memory(rig.clock) as journal:
        first = run_session(calf(), rig.driver, journal)
        other = rig_of("none", clock=rig.clock, seed=9)

        with pytest.raises(Refused, match="may have given all of it"):
            run_session(calf(rest_of=first.session), other.driver, journal)


@pytest.mark.hazard("H-03")
@pytest.mark.hazard("H-07")
@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("lease", OffConfirmation.PRESUMED),
        ("timer", OffConfirmation.PRESUMED),
        ("none", OffConfirmation.UNKNOWN),
    ],
)
def test_a_killed_session_on_a_unit_switched_off_and_on_counts_for_at_least_what_that_gave(
    kind: str, known: OffConfirmation
) -> None:
    clock = VirtualClock()
    with Journal.in_memory(clock) as journal:
        rig = killed(journal, clock, kind)
        restarted = rig_of(kind, clock=clock, boots=1)

        assert settled(journal, restarted) is known
        assert session(journal).summary.outcome is Outcome.INTERRUPTED
        assert counted_ms(journal) >= min(rig.unit.delivered_ms, PLANNED_MS)


class DeadDisk(SimulatedDisk):
    """A disk of 5 s for a write, of a program that has been killed: then nothing is written."""

    def __init__(self, log: SessionLog, rig: Rig) -> None:
        super().__init__(log, rig.clock, rig.inbox, 5 * SECOND_MS)
        self._host = rig.clock

    def next_ms(self) -> int | None:
        return None if self._host.now_ms() >= LaterDead.at_ms else super().next_ms()

    def move_to(self, now_ms: int) -> None:
        if now_ms < LaterDead.at_ms:
            super().move_to(now_ms)


class LaterDead(Dead):
    at_ms = 24_900


@pytest.mark.hazard("H-03")
@pytest.mark.hazard("H-15")
def test_what_a_slow_disk_had_not_taken_of_a_killed_session_counts() -> None:
    kind, clock = "lease", VirtualClock()
    with Journal.in_memory(clock) as journal:
        rig = rig_of(kind, link=LaterDead, clock=clock)
        with pytest.raises(Killed):
            run_session(calf(), rig.driver, journal, recorder=lambda log: DeadDisk(log, rig))
        rig.wait(round(TOLD_WITHIN.total_seconds() * 1000))
        settled(journal, rig_of(kind, clock=clock, boots=1))
        on_disk_ms = session(journal).summary.delivered_ms

        assert PLANNED_MS > rig.unit.delivered_ms > on_disk_ms + 4 * SECOND_MS
        assert counted_ms(journal) >= rig.unit.delivered_ms


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_session_that_its_unit_settles_counts_for_at_least_what_that_gave(kind: str) -> None:
    clock = VirtualClock()
    with Journal.in_memory(clock) as journal:
        rig = killed(journal, clock, kind)

        assert settled(journal, rig) is OffConfirmation.CONFIRMED
        assert counted_ms(journal) >= min(rig.unit.delivered_ms, PLANNED_MS)
