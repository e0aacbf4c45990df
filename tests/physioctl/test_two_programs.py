"""Two programs and one journal: neither calls the other's session ended, and a rest is given only once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from device.clock import VirtualClock
from device.control.driver import Driver
from device.control.handshake import perform_handshake
from device.dialects.native import Native
from device.events import BACKLOG_MAX_MS, Commanded, Event, OffConfirmation, Progress
from device.unit import Unit
from physioctl.errors import JournalUnusable
from physioctl.events import Outcome, SessionEnded, SessionReconciled, SessionStarted
from physioctl.reconcile import TOLD_WITHIN, reconcile
from physioctl.record.history import session, unsettled
from physioctl.record.journal import BUSY_S, Journal
from physioctl.record.summary import Summary
from physioctl.rehearsal.rig import Rig
from physioctl.runner import Request, run_session
from physioctl.screens.wording import unfinished
from protocols.errors import Refused
from protocols.library import find
from simulator.faults import Fault, FaultKind
from simulator.unit import SimulatedUnit
from tests.support import SECOND_MS

CHECK = find("unit-check")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SERIAL = "SIM-US-0000"  # of every simulated US111 on a rig without a seed of its own


class InTheMidst:
    """A observer that does something once, when the unit has delivered half of what is planned."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._action: Callable[[], None] | None = action

    def on_event(self, event: Event) -> None:
        if self._action is not None and isinstance(event, Progress) and event.delivered_ms >= 5 * SECOND_MS:
            action, self._action = self._action, None
            action()


def another(clock: VirtualClock) -> Rig:
    """Another unit of the same serial number, at the same time of day."""
    return Rig(clock=VirtualClock(clock.utc()))


def again(rig: Rig) -> Driver:
    """The controller of a program that was started anew, on the same cable."""
    return Driver(rig.driver.link, rig.clock, rig.inbox, Native())


class Restarted(SimulatedUnit):
    """Has been switched off and on."""

    def __init__(self, model: str, **others: Any) -> None:
        super().__init__(model, boots=1, **others)


def broken_off(path: Path) -> Rig:
    """A rig whose session's program has broken off half-way, so that it is open in the journal."""
    rig = Rig()
    journal = Journal.open(path, rig.clock)
    with pytest.raises(JournalUnusable):
        run_session(Request(CHECK), rig.driver, journal, [InTheMidst(journal.close)])
    return rig


def identified_by(moment: datetime, **others: Any) -> tuple[Rig, Unit]:
    """A rig, and its unit, which has been identified; it is ``moment``."""
    rig = Rig(clock=VirtualClock(moment - timedelta(seconds=1)), **others)
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.wait((moment - rig.clock.utc()) // timedelta(milliseconds=1))
    return rig, unit


# --- what the record says -------------------------------------------------------------------------------


def started(serial: str = SERIAL) -> SessionStarted:
    return SessionStarted(
        at_ms=0, session="s-1", protocol=CHECK.id, title=CHECK.title, content_hash="0" * 64, simulated=True,
        nonce=1, utc_offset_min=0, boot_id=None, boot_ms=None, boot_utc_ms=None,
        family="ultrasound", body_site=CHECK.body_site, side="none", person=None, model="US111",
        serial=serial, firmware="1.0", assumed=True, physioctl="0.1.0", planned_ms=10_000,
        planned_energy_mj=9000, total_ms=12_000, lease_ms=500,
    )  # fmt: skip


def progress(delivered_ms: int) -> Progress:
    return Progress(
        at_ms=delivered_ms, step=1, remaining_ms=9, state="EMITTING", level_set=290, measured_level=290,
        delivered_ms=delivered_ms, energy_mj=delivered_ms, head_temp_ddeg_c=312, contact_pct=92,
        battery_pct=88,
    )  # fmt: skip


def ended(output_off: OffConfirmation, delivered_ms: int = 2000, why: str = "") -> SessionEnded:
    return SessionEnded(
        at_ms=9000, session="s-1", outcome=Outcome.INTERRUPTED, why=why, output_off=output_off,
        delivered_ms=delivered_ms, planned_ms=10_000, energy_mj=delivered_ms, planned_energy_mj=9000,
        duration_ms=9000,
    )  # fmt: skip


RECONCILED = SessionReconciled(
    at_ms=0, session="s-1", protocol=CHECK.id, delivered_ms=2000, planned_ms=10_000, energy_mj=2000,
    counted=False,
)  # fmt: skip
PRESUMED = replace(RECONCILED, output_off=OffConfirmation.PRESUMED)
ANOTHERS_WORD = (RECONCILED, ended(OffConfirmation.CONFIRMED, why="the program ended before the session did"))
COMMANDED = Commanded(at_ms=3000, intent="SetOutput", values={})


@pytest.mark.parametrize(
    ("told", "outcome", "output_off", "settled"),
    [
        ([progress(2000)], None, None, False),
        (
            [progress(2000), ended(OffConfirmation.CONFIRMED)],
            Outcome.INTERRUPTED,
            OffConfirmation.CONFIRMED,
            True,
        ),
        (
            [progress(2000), ended(OffConfirmation.PRESUMED)],
            Outcome.INTERRUPTED,
            OffConfirmation.PRESUMED,
            False,
        ),
        ([ended(OffConfirmation.PRESUMED), RECONCILED], Outcome.INTERRUPTED, OffConfirmation.CONFIRMED, True),
        ([progress(2000), *ANOTHERS_WORD], Outcome.INTERRUPTED, OffConfirmation.CONFIRMED, True),
        ([ended(OffConfirmation.UNKNOWN), PRESUMED], Outcome.INTERRUPTED, OffConfirmation.PRESUMED, True),
        (
            [progress(2000), ended(OffConfirmation.PRESUMED), PRESUMED],
            Outcome.INTERRUPTED,
            OffConfirmation.PRESUMED,
            True,
        ),
        (
            [ended(OffConfirmation.PRESUMED), PRESUMED, ended(OffConfirmation.UNKNOWN)],
            Outcome.INTERRUPTED,
            OffConfirmation.UNKNOWN,
            False,
        ),
        ([*ANOTHERS_WORD, progress(3000)], None, None, False),  # it went on: that word was wrong
        ([*ANOTHERS_WORD, COMMANDED], None, None, False),
        (
            [*ANOTHERS_WORD, progress(3000), ended(OffConfirmation.PRESUMED, 3000)],
            Outcome.INTERRUPTED,
            OffConfirmation.PRESUMED,
            False,
        ),
        (
            [*ANOTHERS_WORD, ended(OffConfirmation.UNKNOWN)],
            Outcome.INTERRUPTED,
            OffConfirmation.UNKNOWN,
            False,
        ),
        ([progress(2000), RECONCILED], None, None, False),  # cut off before the end was told: once more
    ],
)
def test_what_was_told_last_of_an_end_counts(
    told: list[Event], outcome: Outcome | None, output_off: OffConfirmation | None, settled: bool
) -> None:
    with Journal.in_memory(VirtualClock(NOON)) as journal:
        for event in (started(), *told):
            journal.begin("s-1").record(event)

        found = session(journal, "s-1").summary
        left = unsettled(journal, "US111", SERIAL)

    assert (found.outcome, found.output_off) == (outcome, output_off)
    assert [each.id for each in left] == ([] if settled else ["s-1"])


# --- a session that runs --------------------------------------------------------------------------------


def test_a_session_that_runs_is_not_called_ended_by_a_second_program() -> None:
    rig = Rig()
    found: list[SessionReconciled] = []
    second: list[SessionEnded] = []

    def run_beside_it() -> None:
        request = Request(CHECK, on_unfinished=found.append)
        second.append(run_session(request, another(rig.clock).driver, journal))

    with Journal.in_memory(rig.clock) as journal:
        first = run_session(Request(CHECK), rig.driver, journal, [InTheMidst(run_beside_it)])
        names = [entry.name for entry in session(journal, first.session).entries]

    assert [each.outcome for each in (first, *second)] == [Outcome.COMPLETED, Outcome.COMPLETED]
    assert found == []
    assert "session_reconciled" not in names
    assert names.count("session_ended") == 1


def test_the_rest_of_a_session_that_runs_is_refused() -> None:
    rig = Rig()
    beside = another(rig.clock)
    refused: list[Refused] = []

    def give_its_rest() -> None:
        try:
            run_session(Request(CHECK, rest_of=session(journal).summary.id), beside.driver, journal)
        except Refused as refusal:
            refused.append(refusal)

    with Journal.in_memory(rig.clock) as journal:
        run_session(Request(CHECK), rig.driver, journal, [InTheMidst(give_its_rest)])

    (refusal,) = refused
    assert "may still be running" in refusal.what
    assert SERIAL in refusal.action
    assert rig.unit.delivered_ms == 10 * SECOND_MS
    assert beside.unit.changes == []


@pytest.mark.parametrize("faults", [(), (Fault(FaultKind.CABLE_PULLED, 5 * SECOND_MS, 3600 * SECOND_MS),)])
def test_a_session_that_runs_is_heard_of_within_the_time_it_is_left_alone(faults: tuple[Fault, ...]) -> None:
    rig = Rig(faults=faults)
    with Journal.in_memory(rig.clock) as journal:
        run_session(Request(CHECK), rig.driver, journal)
        entries = session(journal).entries

    heard = [
        entry.utc
        for entry in entries
        if entry.name in ("session_started", "commanded", "progress", "step_ended", "session_ended")
    ]
    longest = max(after - before for before, after in pairwise(heard))
    assert longest + timedelta(seconds=BUSY_S, milliseconds=BACKLOG_MAX_MS) < TOLD_WITHIN


# --- a session that broke off ---------------------------------------------------------------------------


def test_a_session_that_its_unit_counts_is_settled_at_once(tmp_path: Path) -> None:
    rig = broken_off(tmp_path / "j")
    was = session(tmp_path / "j").summary
    lasted_ms = (was.last - was.began) // timedelta(milliseconds=1)
    controller = again(rig)
    unit = controller.run(perform_handshake(controller.controller))

    with Journal.open(tmp_path / "j", rig.clock) as journal:
        (found,) = reconcile(journal, controller, unit)
        left = unsettled(journal, "US111", SERIAL)
        (told,) = [entry for entry in session(journal).entries if entry.name == "session_ended"]

    assert told.body["duration_ms"] == lasted_ms
    assert found.counted
    assert found.delivered_ms == rig.unit.delivered_ms
    assert left == ()


class Boasting(SimulatedUnit):
    """Counts what cannot have been."""

    delivered, energy = 0xFFFF_FFFF, 0

    def hear(self, data: bytes, now_ms: int) -> bytes:
        self._firmware.delivered_ms, self._firmware.energy_mj = self.delivered, self.energy
        return super().hear(data, now_ms)


class Forgetting(Boasting):
    delivered = 0


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize("unit", [Boasting, Forgetting])
def test_a_count_that_cannot_be_is_named_and_the_session_counts_whole(
    tmp_path: Path, unit: type[SimulatedUnit]
) -> None:
    rig = broken_off(tmp_path / "j")
    rig.unit.__class__ = unit
    driver = again(rig)

    with Journal.open(tmp_path / "j", rig.clock) as journal:
        (found,) = reconcile(journal, driver, driver.run(perform_handshake(driver.controller)))
        after = session(journal).summary

    assert (found.counted, found.delivered_ms) == (False, found.planned_ms)
    assert after.delivered_ms == found.planned_ms
    assert "which cannot be" in after.why
    assert found.doubt in after.why
    assert f"the whole of it is counted as given, for {found.doubt}. Its output is off." in unfinished(found)


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize(
    ("counts", "believed"),
    [
        (lambda was: (was.delivered_ms, was.energy_mj), True),
        (lambda was: (was.delivered_ms - 1, was.energy_mj), False),
        (lambda was: (was.delivered_ms, was.energy_mj - 1), False),
        (lambda was: (was.planned_ms + 20, was.energy_mj), True),  # a unit's timer may be a tick late
        (lambda was: (was.planned_ms + 21, was.energy_mj), False),
        (lambda was: (was.delivered_ms, was.planned_energy_mj * 5 // 4 + 1000), True),
        (lambda was: (was.delivered_ms, was.planned_energy_mj * 5 // 4 + 1001), False),
    ],
)
def test_a_count_is_believed_between_what_was_told_and_what_was_planned(
    tmp_path: Path, counts: Callable[[Summary], tuple[int, int]], believed: bool
) -> None:
    rig = broken_off(tmp_path / "j")
    was = session(tmp_path / "j").summary

    class Counting(Boasting):
        delivered, energy = counts(was)

    rig.unit.__class__ = Counting
    driver = again(rig)

    with Journal.open(tmp_path / "j", rig.clock) as journal:
        (found,) = reconcile(journal, driver, driver.run(perform_handshake(driver.controller)))

    assert found.counted is believed
    assert (found.delivered_ms, found.energy_mj) == (
        counts(was) if believed else (was.planned_ms, was.energy_mj)
    )
    assert bool(found.doubt) is not believed


@pytest.mark.hazard("H-03")
def test_what_is_reconciled_later_counts_as_given_when_it_was(tmp_path: Path) -> None:
    rig = broken_off(tmp_path / "j")
    before = session(tmp_path / "j").summary.last
    controller = again(rig)
    rig.wait(60 * SECOND_MS)

    with Journal.open(tmp_path / "j", rig.clock) as journal:
        reconcile(journal, controller, controller.run(perform_handshake(controller.controller)))
        after = session(journal).summary

    assert after.outcome is Outcome.INTERRUPTED
    assert after.last == before


@pytest.mark.parametrize(
    ("later", "settled"),
    [
        (timedelta(hours=-1), False),  # a clock set back confirms nothing
        (timedelta(0), False),
        (timedelta(milliseconds=44_999), False),
        (timedelta(seconds=45), True),
        (timedelta(hours=1), True),
    ],
)
def test_a_session_that_its_unit_does_not_count_is_settled_when_nothing_came_for_long_enough(
    tmp_path: Path, later: timedelta, settled: bool
) -> None:
    broken_off(tmp_path / "j")
    restarted, unit = identified_by(session(tmp_path / "j").summary.last + later)

    with Journal.open(tmp_path / "j", restarted.clock) as journal:
        found = reconcile(journal, restarted.driver, unit)
        left = unsettled(journal, "US111", SERIAL)

    assert [(each.session, each.counted) for each in found] == (
        [(session(tmp_path / "j").summary.id, False)] if settled else []
    )
    assert len(left) == (0 if settled else 1)


LEASE_BOUND = timedelta(milliseconds=550)


@pytest.mark.hazard("H-07")
def test_the_unit_itself_confirms_that_its_output_is_off(tmp_path: Path) -> None:
    rig = broken_off(tmp_path / "j")
    controller = again(rig)

    with Journal.open(tmp_path / "j", rig.clock) as journal:
        (found,) = reconcile(journal, controller, controller.run(perform_handshake(controller.controller)))
        kept = session(journal).summary

    assert (found.counted, found.output_off, kept.output_off) == (
        True,
        OffConfirmation.CONFIRMED,
        OffConfirmation.CONFIRMED,
    )


@pytest.mark.hazard("H-07")
@pytest.mark.parametrize(
    ("later", "settled"), [(TOLD_WITHIN - timedelta(seconds=1), False), (TOLD_WITHIN, True)]
)
def test_a_unit_that_was_switched_off_and_on_settles_an_open_session_as_presumed(
    tmp_path: Path, later: timedelta, settled: bool
) -> None:
    broken_off(tmp_path / "j")
    heard = session(tmp_path / "j").summary.last
    rig = Rig(clock=VirtualClock(heard + later), unit=Restarted)

    with Journal.open(tmp_path / "j", rig.clock) as journal:
        found = reconcile(journal, rig.driver, rig.driver.run(perform_handshake(rig.controller)))
        left = unsettled(journal, "US111", SERIAL)
        kept = session(journal).summary

    assert [(each.counted, each.output_off) for each in found] == (
        [(False, OffConfirmation.PRESUMED)] if settled else []
    )
    assert (kept.output_off, len(left)) == ((OffConfirmation.PRESUMED, 0) if settled else (None, 1))


@pytest.mark.hazard("H-07")
@pytest.mark.parametrize("output_off", [OffConfirmation.PRESUMED, OffConfirmation.UNKNOWN])
@pytest.mark.parametrize(
    ("later", "settled"),
    [
        (timedelta(hours=-1), False),
        (LEASE_BOUND - timedelta(milliseconds=1), False),
        (LEASE_BOUND, True),
        (timedelta(days=1), True),
    ],
)
def test_a_unit_that_was_switched_off_and_on_settles_an_end_once_the_old_lease_is_over(
    output_off: OffConfirmation, later: timedelta, settled: bool
) -> None:
    clock = VirtualClock(NOON)
    with Journal.in_memory(clock) as journal:
        for event in (started(), ended(output_off)):
            journal.begin("s-1").record(event)
        rig, unit = identified_by(NOON + later, unit=Restarted)
        found = reconcile(journal, rig.driver, unit)
        kept = session(journal).summary
        left = unsettled(journal, "US111", SERIAL)

    assert [each.output_off for each in found] == ([OffConfirmation.PRESUMED] if settled else [])
    assert kept.output_off is (OffConfirmation.PRESUMED if settled else output_off)
    assert len(left) == (0 if settled else 1)


@pytest.mark.hazard("H-07")
@pytest.mark.parametrize("told", [[], [ended(OffConfirmation.UNKNOWN)]])
@pytest.mark.parametrize(
    ("host_loss", "output_off"),
    [
        ("lease", OffConfirmation.PRESUMED),
        ("own_timer", OffConfirmation.PRESUMED),
        ("none", OffConfirmation.UNKNOWN),
    ],
)
def test_output_that_nothing_else_ended_stays_unknown_after_the_unit_was_switched_off_and_on(
    host_loss: str, output_off: OffConfirmation, told: list[Event]
) -> None:
    with Journal.in_memory(VirtualClock(NOON)) as journal:
        for event in (replace(started(), host_loss=host_loss), *told):
            journal.begin("s-1").record(event)
        rig = Rig(clock=VirtualClock(NOON + timedelta(hours=1)), unit=Restarted)
        (found,) = reconcile(journal, rig.driver, rig.driver.run(perform_handshake(rig.controller)))

    unbounded = "nothing but the unit's own switch ends its output, and the unit has not counted it"
    assert found.output_off is output_off
    assert found.doubt == (unbounded if host_loss == "none" else "")


@pytest.mark.hazard("H-07")
@pytest.mark.parametrize("told", [[], [ended(OffConfirmation.UNKNOWN)]])
def test_another_model_with_the_same_serial_number_settles_nothing(told: list[Event]) -> None:
    clock = VirtualClock(NOON)
    with Journal.in_memory(clock) as journal:
        for event in (started(), *told):
            journal.begin("s-1").record(event)
        gun = Rig("ultragun", serial=SERIAL, clock=VirtualClock(NOON + timedelta(hours=1)))
        found = reconcile(journal, gun.driver, gun.driver.run(perform_handshake(gun.controller)))
        left = unsettled(journal, "US111", SERIAL)

    assert found == ()
    assert [each.id for each in left] == ["s-1"]


@pytest.mark.hazard("H-07")
def test_a_count_of_that_session_under_another_boot_is_not_its_count(tmp_path: Path) -> None:
    rig = broken_off(tmp_path / "j")
    unit = (driver := again(rig)).run(perform_handshake(driver.controller))
    restarted = replace(unit, identity=replace(unit.identity, nonce=unit.identity.nonce ^ 1))
    rig.wait(60 * SECOND_MS)

    with Journal.open(tmp_path / "j", rig.clock) as journal:
        (found,) = reconcile(journal, driver, restarted)

    assert (found.counted, found.output_off) == (False, OffConfirmation.PRESUMED)


def test_a_session_that_broke_off_says_how_its_output_is_known_to_be_off() -> None:
    counted = unfinished(replace(RECONCILED, counted=True))
    used = unfinished(RECONCILED)
    restarted = unfinished(PRESUMED)

    assert "by the unit's own count. Its output is off." in counted
    assert "as last heard; the unit has been used since. Its output is off." in used
    assert "as last heard; the unit has restarted since. Its output should be off." in restarted
    unknown = unfinished(replace(RECONCILED, output_off=OffConfirmation.UNKNOWN))
    assert "Whether its output has ended is NOT KNOWN" in unknown
    assert "off." not in unknown


def test_the_rest_of_a_session_that_broke_off_is_given_on_its_own_unit_and_once(tmp_path: Path) -> None:
    rig = broken_off(tmp_path / "j")
    before_ms = rig.unit.delivered_ms
    with Journal.open(tmp_path / "j", rig.clock) as journal:
        first = session(journal).summary.id
        rest = run_session(Request(CHECK, rest_of=first), again(rig), journal)

        with pytest.raises(Refused, match=f"has been given or begun in {rest.session}"):
            run_session(Request(CHECK, rest_of=first), again(rig), journal)

    assert rest.outcome is Outcome.COMPLETED
    assert before_ms + rest.delivered_ms == 10 * SECOND_MS


def test_the_rest_of_a_session_that_is_open_on_another_unit_is_refused() -> None:
    rig = Rig()
    with Journal.in_memory(rig.clock) as journal:
        journal.begin("s-1").record(started(serial="another"))
        rig.wait(60 * SECOND_MS)

        with pytest.raises(Refused, match="may still be running") as refused:
            run_session(Request(CHECK, rest_of="s-1"), rig.driver, journal)

    assert "another" in refused.value.action
    assert rig.unit.changes == []


# --- a person, however written --------------------------------------------------------------------------

SPELLINGS = ["P-1", "p-1", "Ｐ-1"]


@pytest.mark.parametrize("spelt", SPELLINGS)
def test_a_rest_is_given_to_the_same_person_however_the_reference_is_written(
    tmp_path: Path, spelt: str
) -> None:
    rig = Rig()
    journal = Journal.open(tmp_path / "j", rig.clock)
    with pytest.raises(JournalUnusable):
        run_session(Request(CHECK, person="P-1"), rig.driver, journal, [InTheMidst(journal.close)])

    with Journal.open(tmp_path / "j", rig.clock) as opened:
        request: dict[str, Any] = {"rest_of": session(opened).summary.id, "person": spelt}
        with pytest.raises(Refused, match="another protocol, person"):
            run_session(Request(CHECK, **(request | {"person": "P-2"})), again(rig), opened)
        rest = run_session(Request(CHECK, **request), again(rig), opened)

    assert rest.outcome is Outcome.COMPLETED
