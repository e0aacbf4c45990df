"""What can make a session unsafe, since when it has been so, and how long the output then went on.

Each hazard is timed from its onset to the moment at which nothing goes out. It reads the unit's truth;
what the controller believes enters only as the moment at which it last heard the unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from sys import maxsize

from device.operator import SessionAction
from device.wire.messages import Sensor
from physioctl.rehearsal.rig import Rig
from physioctl.rehearsal.storm.expected_run import must_end
from physioctl.rehearsal.storm.families import reckoned
from physioctl.rehearsal.storm.host import MortalClock
from physioctl.rehearsal.storm.kinds import kind_called
from physioctl.rehearsal.storm.scenario import Scenario
from simulator.cable import HELD_BACK_MS
from simulator.faults import ON_THE_LINE, Fault, FaultKind

LEASE_MS = 500
PRESUMED_PCT = 110  # of what a unit times, after which it is taken to have run out in any unit
PERIOD_MS = 100  # between statuses while output is on
BOUND_MS = LEASE_MS + PERIOD_MS  # to output off, of whatever a unit survives
_LINE_MS = 20  # an answer, and what may be on the line before it
_CLOCK_PCT = 2  # as far as a clock may be off before anybody can tell
_CLOCK_SLACK_MS = 350
OVER_PCT = 120  # of what was set: no calibration is that far off
_DIGIT = 1  # the meter's last
_COUNT_SLACK_MS = 600  # by which a count of output may be off before anybody can tell, and a status period
_METERED_MS = 2000  # of output, before a meter can tell it from another
_BACKLOG_MS = 30_000  # for which an event may wait for the disk while output goes on
_TOLD_MS = 1000  # between events of a session that runs
_CONTACT_JUDGED = 200  # mW/cm²: below it the unit does not judge contact

HOST_FREEZE = "host_freeze"
HOST_DEATH = "host_death"
SLOW_DISK = "slow_disk"
DISK_STOPPED = "disk_stopped"
STOPPED_ELSEWHERE = "stopped_elsewhere"
LOOKED_AT_ELSEWHERE = "looked_at_elsewhere"
UNDER_POWER = "under_power"  # an ageing that gives less

_COMM = frozenset(("COMM_LOST", "LAPSED"))
_ALARMS: dict[str, frozenset[str]] = {
    FaultKind.IMPLAUSIBLE_SENSOR: frozenset(("SENSOR_FAULT", "HEAD_OVERTEMP")),
    FaultKind.AGEING: frozenset(("OUTPUT_HIGH",)),
    FaultKind.OVERHEAT: frozenset(("HEAD_OVERTEMP", "MOTOR_HOT")),
    FaultKind.STUCK_OUTPUT: frozenset(("OUTPUT_STUCK", "OUTPUT_HIGH")),
    FaultKind.LYING_SENSOR: frozenset(("POWER_MISMATCH", "OUTPUT_STUCK")),
    FaultKind.STUCK_SENSOR: frozenset(("SENSOR_FAULT",)),
    FaultKind.FAST_CLOCK: frozenset(("CLOCK_OFF",)),
    FaultKind.SLOW_CLOCK: frozenset(("CLOCK_OFF",)),
    FaultKind.STALL: frozenset(("MOTOR_STALL", "POWER_MISMATCH")),
    FaultKind.LOW_BATTERY: frozenset(("BATTERY_CRITICAL",)),
    UNDER_POWER: frozenset(("POWER_MISMATCH",)),
    FaultKind.WRONG_DUTY: frozenset(("DUTY_DIFFERS",)),
    FaultKind.LYING_DUTY: frozenset(("ENERGY_DIFFERS",)),
    FaultKind.LYING_METER: frozenset(("ENERGY_DIFFERS",)),
    FaultKind.LYING_SESSION: frozenset(("SESSION_DIFFERS",)),
    FaultKind.LYING_COUNT: frozenset(("COUNT_OFF",)),
    FaultKind.ENDLESS_LEASE: frozenset(("LEASE_DIFFERS",)),
    FaultKind.ENDLESS_SUSPENSION: frozenset(("SUSPENSION_OVERRUN",)),
    FaultKind.ENDLESS_STEP: frozenset(("OVER_DOSE", "STEP_OVERRUN")),
}
_NONE: frozenset[FaultKind] = frozenset()
_HIDDEN_BY = {  # what is not visible while the sensor that would show it is at fault as well
    FaultKind.OVERHEAT: frozenset((FaultKind.STUCK_SENSOR, FaultKind.IMPLAUSIBLE_SENSOR)),
    FaultKind.AGEING: frozenset((FaultKind.LYING_SENSOR,)),
    FaultKind.LYING_DUTY: frozenset((FaultKind.LYING_SENSOR, FaultKind.LYING_METER, FaultKind.AGEING)),
}
# With these nothing goes out beyond what was set, or nothing but the unit's own switch can end it.
LATENT: frozenset[str] = frozenset(
    (
        UNDER_POWER,
        SLOW_DISK,
        DISK_STOPPED,
        LOOKED_AT_ELSEWHERE,
        FaultKind.LYING_SENSOR,
        FaultKind.STUCK_SENSOR,
        FaultKind.FAST_CLOCK,
        FaultKind.SLOW_CLOCK,
        FaultKind.STALL,
        FaultKind.LOW_BATTERY,
        FaultKind.STUCK_OUTPUT,
        FaultKind.LYING_METER,
        FaultKind.LYING_COUNT,
        FaultKind.ENDLESS_SUSPENSION,
        FaultKind.ENDLESS_STEP,
        FaultKind.MISSING_SENSOR,
        FaultKind.WILD_AREA,
        FaultKind.FUTURE_CALIBRATION,
    )
)


@dataclass(frozen=True, slots=True)
class Figure:
    """How long output went on after the onset of one hazard."""

    kind: str
    took_ms: int
    bound_ms: int | None  # None: shown, and held to nothing
    stretched: bool = False  # the bound is: by a slow clock, or because nobody could stop the unit

    @property
    def late(self) -> bool:
        """Whether it went on for too long."""
        return self.bound_ms is not None and self.took_ms > self.bound_ms


@dataclass(slots=True)
class TimeToSafe:
    """The time from the onset of one unsafe condition to output off."""

    kind: str
    unsafe: Callable[[int, float], bool]  # now, with this output
    since_ms: Callable[[], int]  # unsafe from here on, at the earliest
    bound_ms: Callable[[int, int], int] | None = None  # between two moments; None: held to nothing
    plain_ms: int = BOUND_MS  # what it is at the least
    alarms: frozenset[str] = frozenset()  # one of these says that it has ended the session
    ends_it: bool = True  # an output that ends while it is there has been ended by it
    stays: bool = False  # once there, it stays until the output has ended
    late: Figure | None = None  # the first that went on for too long, whatever ended it
    _onset_ms: int | None = None
    _figures: list[tuple[Figure, bool]] = field(default_factory=list)

    def look(self, now_ms: int, before_ms: int, on: bool, was_on: bool, output: float) -> None:
        """Process one event; ``output`` is the present output, or the one until now."""
        there = self.unsafe(now_ms, output) or (self.stays and self._onset_ms is not None)
        if self._onset_ms is None:
            if not (there and (on or was_on)):
                return
            # A condition that arose between two events counts from the first of them.
            self._onset_ms = before_ms if was_on else now_ms
        since_ms = max(self._onset_ms, self.since_ms())
        bound_ms = None if self.bound_ms is None else self.bound_ms(since_ms, now_ms)
        stretched = bound_ms is not None and bound_ms > self.plain_ms
        figure = Figure(self.kind, now_ms - since_ms, bound_ms, stretched)
        if there and figure.late:
            self.late = self.late or figure
        if not on:
            self._figures.append((figure, there and self.ends_it))
            self._onset_ms = None

    def forget(self) -> None:
        """Discard the time: output is stuck on."""
        self._onset_ms = None

    def ended(self, alarms: frozenset[str]) -> Iterator[Figure]:
        """How long output went on, each time that this hazard ended it."""
        for index, (figure, ended_it) in enumerate(self._figures, start=1):
            if ended_it or (index == len(self._figures) and self.alarms & alarms):
                yield figure


class _TimesToSafe:
    """Makes the times to safe of a scenario."""

    def __init__(
        self, rig: Rig, clock: MortalClock, level: Callable[[], int], duty_pct: Callable[[], int]
    ) -> None:
        self._rig = rig
        self._clock = clock
        self._level = level
        self._duty_pct = duty_pct
        self._too_hot_c = reckoned(rig.unit.plate.family).too_hot_c

    def of_action(self, at_ms: int, action: SessionAction) -> TimeToSafe:
        """The operator asks for output off."""
        return TimeToSafe(
            kind_of_action(action), lambda now_ms, _: now_ms == at_ms, lambda: at_ms, stays=True
        )

    def of_stop_elsewhere(self, at_ms: int) -> TimeToSafe:
        """A second program wants output off, from the moment at which it says so."""
        return TimeToSafe(STOPPED_ELSEWHERE, lambda now_ms, _: now_ms == at_ms, lambda: at_ms, stays=True)

    def of_freezes(self) -> TimeToSafe:
        """The host does nothing."""
        clock = self._clock
        return TimeToSafe(HOST_FREEZE, lambda _, __: clock.frozen, lambda: clock.froze_ms)

    def of_death(self, at_ms: int) -> TimeToSafe:
        """The host is gone."""
        return TimeToSafe(HOST_DEATH, lambda now_ms, _: now_ms >= at_ms, lambda: at_ms)

    def of_fault(self, fault: Fault) -> TimeToSafe:
        """Unsafe while the fault lasts, or while what it does is beyond what is safe."""
        if fault.kind in ON_THE_LINE:
            return self._unheard(fault)
        kind = kind_of(fault)
        # A battery that has run down stays so, however short the moment at which it did.
        during = range(fault.at_ms, maxsize if kind == FaultKind.LOW_BATTERY else fault.until_ms)
        return TimeToSafe(
            kind,
            lambda now_ms, output: now_ms in during and self._beyond(kind, output),
            lambda: fault.at_ms,
            alarms=_ALARMS.get(kind, frozenset()),
            ends_it=kind not in LATENT,
        )

    def _beyond(self, kind: str, output: float) -> bool:
        match kind:
            case FaultKind.AGEING:
                return output - _DIGIT > self._level() * OVER_PCT / 100
            case FaultKind.WRONG_DUTY | FaultKind.LYING_DUTY:
                return self._rig.unit.duty_pct > self._duty_pct()
            case FaultKind.OVERHEAT:
                return self._rig.unit.head_temp >= self._too_hot_c
            case FaultKind.LIFT_OFF:
                return output >= _CONTACT_JUDGED
        return True

    def _unheard(self, fault: Fault) -> TimeToSafe:
        """Unsafe from when the host last heard the unit, until it hears it again with the line whole."""
        controller = self._rig.controller

        def unsafe(now_ms: int, _: float) -> bool:
            return now_ms >= fault.at_ms and (
                fault.during(now_ms) or controller.scheduler.received_at_ms < fault.until_ms
            )

        return TimeToSafe(
            fault.kind.value,
            unsafe,
            lambda: max(fault.at_ms, controller.scheduler.received_at_ms),
            alarms=_COMM | {"RESTARTED"} if fault.kind is FaultKind.SWAPPED else _COMM,
            ends_it=False,
        )


def times_to_safe(
    scenario: Scenario,
    rig: Rig,
    clock: MortalClock,
    level: Callable[[], int],
    duty_pct: Callable[[], int],
    unstoppable_ms: Callable[[int, int], int],
) -> list[TimeToSafe]:
    """Return the times to safe of a scenario; ``level`` and ``duty_pct`` are those of the present step.

    ``unstoppable_ms`` is what becomes of a bound from a moment on when nobody could stop the unit meanwhile.
    """

    def bound_of(plain_ms: int, since_ms: int, to_ms: int) -> int:
        return unstoppable_ms(bound_ms(scenario, since_ms, to_ms) + plain_ms, since_ms)

    make = _TimesToSafe(rig, clock, level, duty_pct)
    kinds = {fault.kind for fault in scenario.faults}
    found = [
        make.of_fault(fault) for fault in scenario.faults if not kinds & _HIDDEN_BY.get(fault.kind, _NONE)
    ]
    found += [make.of_action(at_ms, action) for at_ms, action in scenario.actions if action in ENDING]
    on_line_ms = min((fault.at_ms for fault in scenario.faults if fault.kind in ON_THE_LINE), default=maxsize)
    # Nobody says it twice: where the line is not whole, or both may talk at once, it may never arrive.
    stops_ms = [asked.at_ms for asked in scenario.elsewhere if asked.stop and scenario.dialect == "native"]
    found += [make.of_stop_elsewhere(at_ms) for at_ms in stops_ms if at_ms + _LINE_MS < on_line_ms]
    if scenario.freezes:
        found.append(make.of_freezes())
    if scenario.death_ms is not None:
        found.append(make.of_death(scenario.death_ms))
    for timed in found:
        if timed.kind not in LATENT:
            # What shows in the energy only takes longer to show.
            timed.bound_ms = partial(bound_of, _METERED_MS if timed.kind == FaultKind.LYING_DUTY else 0)
        timed.plain_ms = plain_bound_ms(scenario)
    return found


def must_be_refused(scenario: Scenario, sensors: Sensor) -> bool:
    """Whether the unit of a scenario has to be refused; ``sensors`` are those of a sound unit."""
    kind = kind_called(scenario.dialect, scenario.host_loss)
    if kind.goes_on_ms is None and (not scenario.attended or must_end(scenario.protocol, scenario.model)):
        return True
    kinds = {fault.kind: fault.amount for fault in scenario.faults if fault.at_ms == 0}
    if FaultKind.WILD_AREA in kinds or FaultKind.FUTURE_CALIBRATION in kinds:
        return True
    return bool(Sensor(round(kinds.get(FaultKind.MISSING_SENSOR, 0))) & sensors & ~Sensor.FORCE)


def kind_of(fault: Fault) -> str:
    """What a fault is timed as: a unit that has aged gives too much, or too little."""
    return UNDER_POWER if fault.kind is FaultKind.AGEING and fault.amount <= 0 else fault.kind.value


ENDING = (SessionAction.PAUSE, SessionAction.STOP)  # the acts that end output


def kind_of_action(action: SessionAction) -> str:
    """What an act that ends output is timed as."""
    return "operator_stop" if action is SessionAction.STOP else "operator_pause"


def clock_stretch(scenario: Scenario, from_ms: int = 0, to_ms: int = maxsize) -> float:
    """By how much longer what the unit times may truly last, between two moments: for its slow clock."""
    slow = max(
        (
            fault.amount
            for fault in scenario.faults
            if fault.kind is FaultKind.SLOW_CLOCK and fault.at_ms < to_ms and from_ms < fault.until_ms
        ),
        default=0.0,
    )
    return 1 / (1 - slow)


def lease_ms(scenario: Scenario, from_ms: int = 0, to_ms: int = maxsize) -> int:
    """How long a lease may truly last, between two moments; as long as one where there are none."""
    return ceil(LEASE_MS * clock_stretch(scenario, from_ms, to_ms))


def line_ms(scenario: Scenario) -> int:
    """How long an answer may be on its way."""
    late_ms = sum(fault.amount for fault in scenario.faults if fault.kind is FaultKind.BYTES_LATE)
    held_back = any(fault.kind is FaultKind.FRAMES_REORDERED for fault in scenario.faults)
    return _LINE_MS + ceil(late_ms) + (HELD_BACK_MS if held_back else 0)


def clock_slack_ms(scenario: Scenario, now_ms: int, unstoppable_ms: int = 0) -> int:
    """By how much a count of time may be off until now: not at all, but for a clock or a count that is.

    ``unstoppable_ms`` is for how long nobody could stop the unit.
    """
    kinds = {fault.kind for fault in scenario.faults if fault.at_ms <= now_ms}
    slack_ms = 0
    if kinds & {FaultKind.SLOW_CLOCK, FaultKind.FAST_CLOCK}:
        slack_ms += _CLOCK_SLACK_MS + now_ms * _CLOCK_PCT // 100
    if kinds & {FaultKind.LYING_COUNT, FaultKind.ENDLESS_STEP}:
        slack_ms += _COUNT_SLACK_MS + now_ms * _CLOCK_PCT // 100
        if any(freeze.at_ms <= now_ms for freeze in scenario.freezes):  # then the lease alone ends output
            slack_ms += bound_ms(scenario)
    # What is counted too fast goes on being counted so until the stop has arrived.
    fast = [fault.amount - 1 for fault in scenario.faults if fault.kind is FaultKind.LYING_COUNT]
    return slack_ms + ceil(max([0, *fast]) * (bound_ms(scenario) + unstoppable_ms))


def bound_ms(scenario: Scenario, from_ms: int = 0, to_ms: int = maxsize) -> int:
    """The lease, one status period, and what a stop may wait for the line."""
    line_ms = kind_called(scenario.dialect, scenario.host_loss).line_ms
    return lease_ms(scenario, from_ms, to_ms) + PERIOD_MS + line_ms


def plain_bound_ms(scenario: Scenario) -> int:
    """The same with a clock that is right."""
    return BOUND_MS + kind_called(scenario.dialect, scenario.host_loss).line_ms


def backlog_bound_ms(scenario: Scenario) -> int:
    """How long output may go on with a disk that has stopped: for as long as an event may wait for it."""
    return _BACKLOG_MS + _TOLD_MS + bound_ms(scenario)


def patience_ms(scenario: Scenario, starts: int) -> tuple[int, int]:
    """How much longer a session may take for its slow disk, and its end: a start may wait for two commits."""
    if scenario.disk is None:
        return 0, 0
    return _BACKLOG_MS + 2 * (starts + 1) * scenario.disk.commit_ms, _BACKLOG_MS
