"""The driver: in which order it records, looks for a stop, sends and waits; and what a slow disk costs."""

from __future__ import annotations

from queue import SimpleQueue

import pytest

from device.clock import VirtualClock
from device.control.delivery import Ended, deliver
from device.control.handshake import perform_handshake
from device.control.machine import State
from device.events import (
    BACKLOG_MAX_MS,
    Commanded,
    Event,
    HostDelayed,
    OffConfirmation,
    OperatorActed,
    StateChanged,
)
from device.link import Inbox
from device.operator import SessionAction
from physioctl.rehearsal.disk import SimulatedDisk
from physioctl.rehearsal.rig import CableLink, Rig, speaking
from protocols.errors import PhysioctlError
from protocols.plan import Guide, Rest
from simulator.cable import Cable
from simulator.record import Why
from tests.support import (
    LEASE_MS,
    MINUTE_MS,
    ON_THE_WAY_MS,
    SECOND_MS,
    Ledger,
    MakeRig,
    admission_of,
    emit,
    plan_of,
    run_plan,
    session_on,
)

STATUS_MS = 100


class Book:
    """A recorder, a link and an observer that write what they get into one list."""

    def __init__(self, entries: list[str], fails_at: str = "") -> None:
        self.entries = entries
        self.written = 0
        self._fails_at = fails_at

    def record(self, event: Event) -> None:
        if event.name == self._fails_at:
            raise PhysioctlError("the disk is full", "Make room.")
        self.written += 1
        self.entries.append(f"recorded {event.name}")

    def on_event(self, event: Event) -> None:
        self.entries.append(f"shown {event.name}")


class WrittenLink(CableLink):
    """The host's end of a cable, which writes down that something was sent."""

    entries: list[str]

    def send(self, data: bytes) -> bool:
        self.entries.append("sent")
        return super().send(data)


def written_rig(entries: list[str]) -> Rig:
    def link(cable: Cable, clock: VirtualClock, inbox: Inbox) -> WrittenLink:
        made = WrittenLink(cable, clock, inbox)
        made.entries = entries
        return made

    return Rig(link=link)


class SessionReady(Event):
    """Any event that nothing else tells."""


def on_slow_disk(rig: Rig, commit_ms: int, ledger: Ledger) -> SimulatedDisk:
    return SimulatedDisk(ledger, rig.clock, rig.inbox, commit_ms)


# --- order ----------------------------------------------------------------------------------------------


@pytest.mark.hazard("H-15")
def test_a_start_is_recorded_before_it_is_sent_and_shown_after_it_is_recorded() -> None:
    entries: list[str] = []
    rig, book = written_rig(entries), Book(entries)
    rig.driver.add_observer(book)
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(book)

    run_plan(rig.driver, plan_of(unit, emit(rig, SECOND_MS)))

    permitted = entries.index("recorded output_permitted")
    commanded = entries.index("recorded commanded", permitted)
    assert entries[permitted + 1] == "shown output_permitted"
    assert "sent" in entries[commanded + 1 : commanded + 3]
    assert entries.count("sent") > 10


def test_a_stop_that_is_queued_when_a_start_is_about_to_be_sent_goes_first(rig: Rig) -> None:
    class Stopper:
        """Asks for a stop the moment it is told that a start is about to leave."""

        def on_event(self, event: Event) -> None:
            if isinstance(event, Commanded) and event.intent == "SetOutput":
                rig.inbox.put(SessionAction.STOP)

    rig.driver.add_observer(Stopper())

    delivery = session_on(rig, emit(rig, SECOND_MS))

    assert delivery.ended is Ended.STOPPED
    assert rig.unit.changes == []


@pytest.mark.hazard("H-15")
def test_once_an_event_could_not_be_recorded_nothing_but_stops_is_sent() -> None:
    entries: list[str] = []
    rig = written_rig(entries)
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(Book(entries, fails_at="commanded"))

    with pytest.raises(PhysioctlError, match="the disk is full"):
        run_plan(rig.driver, plan_of(unit, emit(rig, SECOND_MS)))

    assert rig.unit.changes == []
    assert rig.controller.output_off() is OffConfirmation.CONFIRMED
    assert rig.unit.breaches == []


def test_an_observer_cannot_swallow_a_persons_interrupt(rig: Rig) -> None:
    class Interrupted:
        def on_event(self, event: Event) -> None:
            raise KeyboardInterrupt

    rig.driver.add_observer(Interrupted())

    with pytest.raises(KeyboardInterrupt):
        rig.driver.publish(OperatorActed(at_ms=0, action="pause"))


def test_two_units_are_driven_by_two_drivers_on_one_clock_one_after_the_other(make_rig: MakeRig) -> None:
    first = make_rig("us111")
    second = Rig("ultragun", clock=first.clock)

    one = session_on(first, emit(first, SECOND_MS))
    other = session_on(second, emit(second, SECOND_MS))

    assert (one.ended, other.ended) == (Ended.COMPLETED, Ended.COMPLETED)


def test_a_loop_that_is_flooded_goes_on_renewing(rig: Rig) -> None:
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(Ledger())

    class Flood:
        """Puts bytes that mean nothing into the inbox, ten times a millisecond."""

        def next_ms(self) -> int | None:
            return rig.clock.now_ms() + 1

        def move_to(self, now_ms: int) -> None:
            for _ in range(10):
                rig.inbox.put(b"\x55" * 64)

    rig.clock.add(Flood())
    delivery = run_plan(rig.driver, plan_of(unit, emit(rig, 2 * SECOND_MS)))

    assert (delivery.ended, delivery.delivered_ms) == (Ended.COMPLETED, 2 * SECOND_MS)


# --- a slow disk ----------------------------------------------------------------------------------------


@pytest.mark.hazard("H-15")
@pytest.mark.parametrize("commit_ms", [1, 300, SECOND_MS, 10 * SECOND_MS])
def test_a_slow_disk_costs_neither_a_stale_start_nor_a_lease(make_rig: MakeRig, commit_ms: int) -> None:
    rig, ledger = make_rig("us111"), Ledger()
    disk = on_slow_disk(rig, commit_ms, ledger)
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(disk)
    plan = plan_of(unit, Guide("Lie down.", 500), emit(rig, 30 * SECOND_MS), Rest(700), emit(rig, SECOND_MS))

    delivery = run_plan(rig.driver, plan)

    assert (delivery.ended, delivery.delivered_ms) == (Ended.COMPLETED, 31 * SECOND_MS)
    assert [change.why for change in rig.unit.changes] == [Why.SET, Why.STEP_DONE] * 2
    assert rig.controller.alarms == []


@pytest.mark.hazard("H-15")
@pytest.mark.parametrize("commit_ms", [16 * SECOND_MS, 40 * SECOND_MS])
def test_on_a_disk_that_is_too_slow_there_is_no_output_and_the_reason_says_how_slow_it_is(
    make_rig: MakeRig, commit_ms: int
) -> None:
    rig = make_rig("us111")
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(on_slow_disk(rig, commit_ms, Ledger()))

    delivery = run_plan(rig.driver, plan_of(unit, emit(rig, SECOND_MS)))

    measured = "the latest write took 16000 ms" if commit_ms < BACKLOG_MAX_MS else "no write has been done"
    assert delivery.ended is Ended.INTERRUPTED
    assert delivery.why.startswith("the disk is too slow or has stopped: ")
    assert delivery.why.endswith(measured)
    assert delivery.duration_ms <= BACKLOG_MAX_MS + SECOND_MS
    assert rig.unit.changes == []


class Failing:
    """An observer that raises once it has been told of so many events."""

    def __init__(self, after: int) -> None:
        self._left = after

    def on_event(self, event: Event) -> None:
        self._left -= 1
        if self._left < 0:
            raise ValueError("a screen that fails")


@pytest.mark.hazard("H-15")
@pytest.mark.parametrize("commit_ms", [300, 3 * SECOND_MS])
@pytest.mark.parametrize("failing", [(), (0,), (0, 1, 2), (3, 4, 5, 6)])
def test_output_begins_only_when_its_permission_is_on_the_disk(
    make_rig: MakeRig, failing: tuple[int, ...], commit_ms: int
) -> None:
    rig, ledger = make_rig("us111"), Ledger()
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(on_slow_disk(rig, commit_ms, ledger))
    for after in failing:
        rig.driver.add_observer(Failing(after))

    class AtTheStart:
        """Notes what was on the disk when output began."""

        on_disk: list[str] | None = None

        def next_ms(self) -> int | None:
            return None

        def move_to(self, now_ms: int) -> None:
            if rig.unit.output and self.on_disk is None:
                self.on_disk = [event.name for event in ledger.events]

    seen = AtTheStart()
    rig.clock.add(seen)

    run_plan(rig.driver, plan_of(unit, Guide("Lie down.", 8 * SECOND_MS), emit(rig, SECOND_MS)))

    assert seen.on_disk is not None
    assert "output_permitted" in seen.on_disk


@pytest.mark.hazard("H-18")
def test_a_stop_does_not_wait_for_the_disk(make_rig: MakeRig) -> None:
    rig = make_rig("us111", actions=[(12 * SECOND_MS, SessionAction.STOP)])
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(on_slow_disk(rig, 5 * SECOND_MS, Ledger()))

    delivery = run_plan(rig.driver, plan_of(unit, emit(rig, MINUTE_MS)))

    assert delivery.ended is Ended.STOPPED
    assert rig.unit.changes[-1].ms <= 12 * SECOND_MS + ON_THE_WAY_MS


@pytest.mark.hazard("H-15")
def test_a_disk_that_has_stopped_writing_ends_output_within_the_stated_bound(make_rig: MakeRig) -> None:
    rig = make_rig("us111")
    unit = rig.driver.run(perform_handshake(rig.controller))
    ledger = Ledger()
    disk = on_slow_disk(rig, 1, ledger)
    rig.driver.record_to(disk)

    class Breaks:
        """Makes the disk stop in mid-session."""

        def next_ms(self) -> int | None:
            return 5 * SECOND_MS if rig.clock.now_ms() < 5 * SECOND_MS else None

        def move_to(self, now_ms: int) -> None:
            if now_ms >= 5 * SECOND_MS:
                disk._commit_ms = 10 * MINUTE_MS

    rig.clock.add(Breaks())
    delivery = run_plan(rig.driver, plan_of(unit, emit(rig, 5 * MINUTE_MS)))

    assert delivery.ended is Ended.INTERRUPTED
    assert "not on the disk" in delivery.why
    assert rig.unit.changes[-1].ms <= 5 * SECOND_MS + BACKLOG_MAX_MS + 2 * SECOND_MS


def test_an_event_is_shown_once_it_is_on_the_disk_and_not_when_it_never_is(make_rig: MakeRig) -> None:
    shown: dict[int, tuple[bool, int]] = {}
    for commit_ms in (SECOND_MS, MINUTE_MS):
        rig, entries = make_rig("us111"), list[str]()
        rig.driver.record_to(on_slow_disk(rig, commit_ms, Ledger()))
        rig.driver.add_observer(Book(entries))
        written = rig.driver.publish_when_written(OperatorActed(at_ms=0, action="pause"), 10 * SECOND_MS)
        shown[commit_ms] = written, len(entries)

    assert shown == {SECOND_MS: (True, 1), MINUTE_MS: (False, 0)}


def test_what_a_person_does_meanwhile_does_not_keep_an_event_from_being_shown(make_rig: MakeRig) -> None:
    entries: list[str] = []
    rig = make_rig(
        "us111", actions=[(at_ms, SessionAction.RESUME) for at_ms in range(500, 20 * SECOND_MS, 500)]
    )
    rig.driver.record_to(on_slow_disk(rig, 3 * SECOND_MS, Ledger()))
    rig.driver.add_observer(Book(entries))

    written = rig.driver.publish_when_written(SessionReady(at_ms=0), 10 * SECOND_MS)

    assert written
    assert rig.clock.now_ms() == 3 * SECOND_MS
    assert entries[-1] == "shown session_ready"


# --- a host that was busy -----------------------------------------------------------------------------------


@pytest.mark.hazard("H-06")
@pytest.mark.hazard("H-17")
@pytest.mark.parametrize("attended", [True, False])
def test_a_lapse_that_this_computer_caused_is_a_pause_where_somebody_is_there(
    make_rig: MakeRig, attended: bool
) -> None:
    rig, ledger = make_rig("us111"), Ledger()
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(ledger)
    plan = plan_of(unit, emit(rig, 10 * SECOND_MS))
    script = deliver(rig.controller, plan, 7, admission=admission_of(plan), attended=attended)
    wake_ms = next(script)
    for _ in range(10):
        while not rig.unit.output:
            rig.driver.step(wake_ms)
            wake_ms = next(script)
        rig.wait(700)
        for _ in range(60):
            rig.driver.step(wake_ms)
            try:
                wake_ms = next(script)
            except StopIteration:
                break
        if not attended:
            break
        assert rig.controller.state is State.PAUSED
        assert rig.unit.output == 0
        rig.inbox.put(SessionAction.RESUME)
    rules = {rule.code for rule in rig.controller.alarms}
    assert rules == {"HOST_DELAYED"}
    assert all(event.for_ms >= LEASE_MS for event in ledger.events if isinstance(event, HostDelayed))
    if attended:
        assert len(rig.controller.alarms) == 10
        script.close()
        rig.driver.carry_out()
        rig.wait(LEASE_MS)
    else:
        assert rig.controller.failure.startswith("this computer was busy for")


class Resuming:
    """Somebody who goes on from every pause at once."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    def on_event(self, event: Event) -> None:
        if isinstance(event, StateChanged) and event.state == State.PAUSED.value:
            self._rig.inbox.put(SessionAction.RESUME)


@pytest.mark.hazard("H-17")
@pytest.mark.parametrize("phase_ms", range(0, STATUS_MS, 4))  # an answer may be on its way, or not
@pytest.mark.parametrize("stall_ms", [300, 490, 700, MINUTE_MS])
def test_a_host_that_was_busy_is_not_taken_for_a_unit_that_is_wrong(
    make_rig: MakeRig, stall_ms: int, phase_ms: int
) -> None:
    rig = make_rig("us111")
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(Ledger())
    plan = plan_of(unit, emit(rig, 2 * SECOND_MS))
    script = deliver(rig.controller, plan, 7, admission=admission_of(plan), attended=True)
    rig.driver.add_observer(Resuming(rig))
    stall_at_ms: int | None = rig.clock.now_ms() + 500 + phase_ms
    while True:
        try:
            wake_ms = next(script)
        except StopIteration as ended:
            delivery = ended.value
            break
        rig.driver.step(min(wake_ms, stall_at_ms or wake_ms))
        if stall_at_ms is not None and rig.clock.now_ms() >= stall_at_ms:
            rig.wait(stall_ms)  # nothing of ours runs
            stall_at_ms = None

    assert (delivery.ended, delivery.delivered_ms) == (Ended.COMPLETED, 2 * SECOND_MS)
    assert {rule.code for rule in rig.controller.alarms} <= {"HOST_DELAYED"}


class StallingLink(CableLink):
    """The end of a cable of a computer that once stalls with a message in its hand."""

    stalls_at_ms: int | None = None

    def send(self, data: bytes) -> bool:
        if self.stalls_at_ms is not None and self._clock.now_ms() >= self.stalls_at_ms:
            self.stalls_at_ms = None
            self._clock.wait(SimpleQueue[None](), self._clock.now_ms() + 300)
        return super().send(data)


@pytest.mark.hazard("H-17")
@pytest.mark.parametrize("kind", ["lease", "timer", "none"])
@pytest.mark.parametrize("at_ms", [2000, 2050])
def test_after_a_stall_nothing_is_sent_over_the_answer_to_what_left_late(kind: str, at_ms: int) -> None:
    spoken = speaking("modbus", kind)
    links: list[StallingLink] = []

    def link(cable: Cable, clock: VirtualClock, inbox: Inbox) -> StallingLink:
        links.append(StallingLink(cable, clock, inbox))
        return links[0]

    rig = Rig("ultragun", link=link, unit=spoken.unit, dialect=spoken.dialect)
    links[0].stalls_at_ms = at_ms
    rig.person.schedule(SessionAction.STOP, at_ms + 200)
    rig.driver.record_to(Ledger())
    plan = plan_of(rig.driver.run(perform_handshake(rig.controller)), emit(rig, 5 * SECOND_MS))

    run_plan(rig.driver, plan, attended=True)

    assert rig.cable.collisions_ms == []
    assert rig.unit.output == 0
