"""The pure controller against a simulated unit, in whatever order of events Hypothesis finds.

No driver, no clock and no thread: the walk itself moves bytes and time, loses and repeats them, holds the
recorder up, lets the host stall, and presses keys. What the storms' judge holds is held at every step.
"""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from device.control.controller import Controller, Script
from device.control.delivery import deliver
from device.control.handshake import perform_handshake
from device.control.machine import State
from device.control.outbox import Outgoing
from device.errors import LinkLost
from device.events import Event, LevelLowered, OffConfirmation, OperatorActed
from device.operator import Lower, Note, Pain, SessionAction
from physioctl.rehearsal.rig import speaking
from protocols.errors import PhysioctlError
from protocols.plan import Emit, Guide, Rest, level
from simulator.record import Why
from tests.support import LEASE_MS, OUTPUTS, admission_of, plan_of

PERIOD_MS = 100
LOWERED_MS = 1000 + LEASE_MS + PERIOD_MS  # what a unit does not take is asked again for a second, and stopped
LINE_MS = 100  # that a stop may wait on a line with one request at a time
EMISSION_MS = 10_500  # of one start, and for how long that may be under way


class Walk(RuleBasedStateMachine):
    """One session of one unit, with nothing between the two but this."""

    model = "us111"
    dialect, host_loss = "native", ""
    bound_ms = LEASE_MS + PERIOD_MS  # of output that the host does not know of, or that is not wanted
    awaits_start = False
    leased = True  # so, whatever was lost; else from when nothing is lost any more

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 0
        spoken = speaking(self.dialect, self.host_loss or None)
        output = OUTPUTS[self.model]
        self.steps = (Guide("Lie down.", 300), Emit(output, 2500, 400), Rest(200), Emit(output, 1500, 0))
        self.level = level(output)
        self.unit = spoken.unit(self.model)
        self.controller = Controller(spoken.dialect(), 0, "a walk")
        self.lost_ms = -1  # when something was lost last: the line, or the host's time
        self.script: Script[None] | None = self.session()
        self.wake_ms = 0
        self.to_unit: list[bytes] = []
        self.to_host: list[bytes] = []
        self.deaf = self.mute = self.disk_waits = self.cut = False
        self.handed_over = 0
        self.against_since_ms: int | None = None  # since when a person has wanted output off
        self.stopped = False
        self.started = not self.awaits_start  # by a person, while that was waited for
        self.lowered: tuple[int, int] | None = None  # to which level, and when that was told
        self.last_heard_by_host = b""

    def session(self) -> Script[None]:
        """A handshake, and the delivery of a plan."""
        unit = yield from perform_handshake(self.controller)
        self.controller.record_from_here()
        plan = plan_of(unit, *self.steps)
        yield from deliver(
            self.controller,
            plan,
            7,
            admission=admission_of(plan),
            attended=True,
            awaits_start=self.awaits_start,
        )

    # --- the host ---------------------------------------------------------------------------------------

    def advance_script(self) -> None:
        if self.script is None:
            return
        try:
            self.wake_ms = next(self.script)
        except (StopIteration, PhysioctlError):
            self.script = None

    def carry_out(self) -> None:
        while (item := self.controller.outbox.next) is not None:
            self.controller.outbox.done()
            if isinstance(item, Outgoing):
                self.to_unit.append(item.data)
            else:
                self.hear(item)
        if not self.disk_waits:
            self.controller.recorded(self.controller.outbox.handed_over, self.now_ms)

    def hear(self, event: Event) -> None:
        if isinstance(event, LevelLowered):
            assert event.after < event.before <= self.level
            self.lowered = event.after, self.now_ms
        if not isinstance(event, OperatorActed):
            return
        goes_on = not self.controller.used or self.controller.state is State.ARMED
        if event.action in (SessionAction.PAUSE, SessionAction.STOP):
            self.against()
        elif event.action == SessionAction.START:
            self.started = True
        elif event.action == SessionAction.RESUME and goes_on and not self.stopped:
            self.against_since_ms = None

    def against(self) -> None:
        if self.against_since_ms is None:
            self.against_since_ms = self.now_ms

    def host_turn(self) -> None:
        """What a driver does: take in, poll, go on with the script, carry out."""
        for data in self.take(self.to_host, lost=self.mute):
            self.last_heard_by_host = data
            self.controller.receive(data, self.now_ms)
            self.carry_out()
        self.controller.poll(self.now_ms)
        self.carry_out()
        self.advance_script()
        self.carry_out()

    def unit_turn(self) -> None:
        self.unit.move_to(self.now_ms)
        if self.deaf or self.mute or self.cut:
            self.lost_ms = self.now_ms
        for data in self.take(self.to_unit, lost=self.deaf or self.cut):
            if answer := self.unit.hear(data, self.now_ms):
                self.to_host.append(answer)

    @staticmethod
    def take(queue: list[bytes], *, lost: bool) -> Iterator[bytes]:
        taken = queue[:]
        queue.clear()
        yield from () if lost else taken

    @initialize(for_ms=st.sampled_from([0, 10, 300, 340, 345, 700]))
    def begin(self, for_ms: int) -> None:
        """Begin undisturbed, so that many walks meet the session where it gives output."""
        self.time_passes(for_ms)

    @precondition(lambda self: not self.started)
    @rule()
    def a_person_starts(self) -> None:
        self.a_person_acts(SessionAction.START)

    # --- what may happen ----------------------------------------------------------------------------------

    @rule(for_ms=st.sampled_from([1, 20, 90, 100, 250, 600, 2000]))
    def time_passes(self, for_ms: int) -> None:
        until_ms = self.now_ms + for_ms
        while self.now_ms < until_ms:
            self.now_ms = min(until_ms, self.now_ms + 5)
            self.unit_turn()
            self.host_turn()
            self.look()

    @rule(for_ms=st.sampled_from([50, 300, 700, 5000]))
    def the_host_stalls(self, for_ms: int) -> None:
        until_ms = self.now_ms + for_ms
        while self.now_ms < until_ms:
            self.now_ms += 5
            self.unit_turn()
            self.lost_ms = self.now_ms
            self.look()

    @rule(deaf=st.booleans(), mute=st.booleans())
    def the_line_changes(self, deaf: bool, mute: bool) -> None:
        self.deaf, self.mute = deaf, mute

    @precondition(lambda self: self.now_ms > 3000)
    @rule()
    def the_cable_is_pulled(self) -> None:
        self.cut = True
        self.controller.lose_link(LinkLost("the walk is gone", "Plug it in."), self.now_ms)
        self.carry_out()

    @rule(waits=st.booleans())
    def the_disk_changes(self, waits: bool) -> None:
        self.disk_waits = waits
        self.carry_out()

    @rule(action=st.sampled_from(SessionAction))
    def a_person_acts(self, action: SessionAction) -> None:
        self.stopped = self.stopped or action is SessionAction.STOP
        if action in (SessionAction.PAUSE, SessionAction.STOP):
            self.against()
        awaited = self.controller.state is State.AWAITING_START
        self.controller.operate(action, self.now_ms)
        self.carry_out()
        assert not awaited or self.controller.state is not State.EMITTING

    @rule(action=st.one_of(st.builds(Pain, st.integers(-1, 11)), st.builds(Note, st.text(max_size=9))))
    def a_person_tells_something(self, action: Pain | Note) -> None:
        state, told = self.controller.state, self.unit.output
        self.controller.operate(action, self.now_ms)
        self.carry_out()
        assert (self.controller.state, self.unit.output) == (state, told)

    @rule(to_level=st.sampled_from([None, None, 400, 350, 300, 290, 289, 500]))
    def a_person_lowers_the_level(self, to_level: int | None) -> None:
        self.controller.operate(Lower(to_level), self.now_ms)
        self.carry_out()

    @rule(back_ms=st.sampled_from([1, 1000, 10**9]))
    def a_caller_says_that_time_went_back(self, back_ms: int) -> None:
        self.controller.poll(self.now_ms - back_ms)
        self.carry_out()

    @rule()
    def the_same_bytes_come_again(self) -> None:
        self.controller.receive(self.last_heard_by_host, self.now_ms)
        self.carry_out()

    @rule(data=st.binary(max_size=40))
    def noise_comes(self, data: bytes) -> None:
        self.controller.receive(data, self.now_ms)
        self.carry_out()

    # --- what must always be so -----------------------------------------------------------------------------

    @invariant()
    def look(self) -> None:
        unit = self.unit
        assert unit.breaches == []
        assert unit.output <= self.level + 1e-6
        assert self.started or (unit.output == 0 and unit.changes == [])
        self.look_at_what_was_lowered()
        if unit.output_off_since_ms is None:
            assert unit.lease_live
            assert self.since(self.controller.scheduler.received_at_ms) <= self.bound_ms
            if self.against_since_ms is not None:
                assert self.since(self.against_since_ms) <= self.bound_ms
        planned_ms = sum(step.duration_ms for step in self.steps if isinstance(step, Emit))
        assert unit.delivered_ms <= planned_ms + 5 or (self.host_loss == "none" and self.lost_ms >= 0)
        if self.host_loss == "none" and unit.output_off_since_ms is None:
            assert self.controller.output_off() is not OffConfirmation.PRESUMED

    def since(self, at_ms: int) -> int:
        """How long ``at_ms`` is ago; without a lease, nothing counts that the host could do nothing about."""
        return self.now_ms - (at_ms if self.leased else max(at_ms, self.lost_ms))

    def look_at_what_was_lowered(self) -> None:
        """What the unit has taken is never exceeded again, and it has taken or ended it before long."""
        taken = [change.output for change in self.unit.changes if change.why is Why.LOWER]
        if taken:
            assert self.unit.output <= taken[-1] + 1e-6
        if self.lowered is not None and self.since(self.lowered[1]) > LOWERED_MS:
            assert self.unit.output <= self.lowered[0] + 1e-6

    def teardown(self) -> None:
        """Whatever happened, the unit's output is off a lease later, or when its timer ends, with nobody's
        help."""
        if self.host_loss == "none":
            return
        self.unit.move_to(self.now_ms + (self.bound_ms if self.leased else EMISSION_MS))
        assert self.unit.output == 0


class StartWalk(Walk):
    """The same, and the session waits for a person's start."""

    awaits_start = True


class LeaseWalk(Walk):
    """The same on a Modbus unit with a watchdog."""

    dialect, host_loss = "modbus", "lease"
    bound_ms = Walk.bound_ms + LINE_MS


class TimerWalk(LeaseWalk):
    """The same on one with a timer."""

    host_loss = "timer"
    leased = False


class NoneWalk(TimerWalk):
    """The same on one with neither: it gives no ultrasound on a body site."""

    model = "ultragun"
    host_loss = "none"


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True)
TestStartWalk = StartWalk.TestCase
TestLeaseWalk = LeaseWalk.TestCase
TestTimerWalk = TimerWalk.TestCase
TestNoneWalk = NoneWalk.TestCase
for case in (TestStartWalk, TestLeaseWalk, TestTimerWalk, TestNoneWalk):
    case.settings = settings(max_examples=20, stateful_step_count=40, deadline=None, derandomize=True)
