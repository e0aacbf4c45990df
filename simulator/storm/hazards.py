"""What can make a session unsafe, since when it has been so, and how long the output then went on.

Each hazard is timed from its onset to the moment at which nothing goes out. It reads the unit's truth;
what the controller believes enters only as the moment at which it last heard the unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import ceil
from sys import maxsize

from device.operator import Act
from device.wire.messages import Family
from simulator.cable import HELD_BACK_MS
from simulator.faults import ON_THE_LINE, Fault, FaultKind
from simulator.rig import Rig
from simulator.storm.host import MortalClock
from simulator.storm.story import Story

LEASE_MS = 500
INFERRED_MS = 550  # after its last renewal, a lease is taken to have run out in any unit
PERIOD_MS = 100  # between statuses while output is on
BOUND_MS = LEASE_MS + PERIOD_MS  # to silence, of whatever a unit survives
TOO_HOT_C = {Family.ULTRASOUND: 43.0, Family.PERCUSSION: 85.0}
OVER_PCT = 120  # of what was set: no calibration is that far off
_DIGIT = 1  # the meter's last
_CONTACT_JUDGED = 200  # mW/cm²: below it the unit does not judge contact

HOST_FREEZE = "host_freeze"
HOST_DEATH = "host_death"
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
}
_NONE: frozenset[FaultKind] = frozenset()
_HIDDEN_BY = {  # what nobody can see while the sensor that would show it is at fault as well
    FaultKind.OVERHEAT: frozenset((FaultKind.STUCK_SENSOR, FaultKind.IMPLAUSIBLE_SENSOR)),
    FaultKind.AGEING: frozenset((FaultKind.LYING_SENSOR,)),
}
# Only the host's watch can see these, and it makes sure of a reading before it believes it. If the host goes
# deaf, stalls or dies just then, the lease ends the output, from when the unit was last heard.
_WATCHED = frozenset((FaultKind.AGEING, FaultKind.OVERHEAT, FaultKind.IMPLAUSIBLE_SENSOR))
_WATCH_MS = 400
# With these nothing goes out beyond what was set, or nothing but the unit's own switch can end it.
LATENT: frozenset[str] = frozenset(
    (
        UNDER_POWER,
        FaultKind.LYING_SENSOR,
        FaultKind.STUCK_SENSOR,
        FaultKind.FAST_CLOCK,
        FaultKind.SLOW_CLOCK,
        FaultKind.STALL,
        FaultKind.LOW_BATTERY,
        FaultKind.STUCK_OUTPUT,
    )
)


@dataclass(frozen=True, slots=True)
class Figure:
    """How long output went on after the onset of one hazard."""

    kind: str
    took_ms: int
    bound_ms: int | None  # None: shown, and held to nothing


@dataclass(slots=True)
class Hazard:
    """One thing that makes output unsafe, and its stopwatch."""

    kind: str
    unsafe: Callable[[int, float], bool]  # now, with this output
    since_ms: Callable[[], int]  # unsafe from here on, at the earliest
    bound_ms: int | None = None
    alarms: frozenset[str] = frozenset()  # one of these says that it has ended the session
    ends_it: bool = True  # an output that ends while it is there has been ended by it
    stays: bool = False  # once there, it stays until the output has ended
    longest_ms: int = 0  # that it has been there with output on
    _onset_ms: int | None = None
    _figures: list[tuple[int, bool]] = field(default_factory=list)

    def look(self, now_ms: int, before_ms: int, on: bool, was_on: bool, output: float) -> None:
        """Look on, one event after the other; ``output`` is what goes out, or went out until now."""
        there = self.unsafe(now_ms, output) or (self.stays and self._onset_ms is not None)
        if self._onset_ms is None:
            if not (there and (on or was_on)):
                return
            # What has crept up between two events is taken to have been there since the first of them.
            self._onset_ms = before_ms if was_on else now_ms
        took_ms = now_ms - max(self._onset_ms, self.since_ms())
        if there:
            self.longest_ms = max(self.longest_ms, took_ms)
        if not on:
            self._figures.append((took_ms, there and self.ends_it))
            self._onset_ms = None

    def forget(self) -> None:
        """Output no longer obeys anybody: the stopwatch tells nothing."""
        self._onset_ms = None

    def ended(self, alarms: frozenset[str]) -> Iterator[Figure]:
        """How long output went on, each time that this hazard ended it."""
        for index, (took_ms, ended_it) in enumerate(self._figures, start=1):
            if ended_it or (index == len(self._figures) and self.alarms & alarms):
                yield Figure(self.kind, took_ms, self.bound_ms)


class _Hazards:
    """Makes a story's hazards."""

    def __init__(self, rig: Rig, clock: MortalClock, level: Callable[[], int]) -> None:
        self._rig = rig
        self._clock = clock
        self._level = level
        self._too_hot_c = TOO_HOT_C[rig.unit.plate.family]

    def of_act(self, at_ms: int, act: Act) -> Hazard:
        """Somebody wants output off, from the moment of the act."""
        return Hazard(kind_of_act(act), lambda now_ms, _: now_ms == at_ms, lambda: at_ms, stays=True)

    def of_freezes(self) -> Hazard:
        """The host does nothing."""
        clock = self._clock
        return Hazard(HOST_FREEZE, lambda _, __: clock.frozen, lambda: clock.froze_ms)

    def of_death(self, at_ms: int) -> Hazard:
        """The host is gone."""
        return Hazard(HOST_DEATH, lambda now_ms, _: now_ms >= at_ms, lambda: at_ms)

    def of_fault(self, fault: Fault) -> Hazard:
        """Unsafe while the fault lasts, or while what it does is beyond what is safe."""
        if fault.kind in ON_THE_LINE:
            return self._unheard(fault)
        kind = kind_of(fault)
        # A battery that has run down stays so, however short the moment at which it did.
        during = range(fault.at_ms, maxsize if kind == FaultKind.LOW_BATTERY else fault.until_ms)
        return Hazard(
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
            case FaultKind.OVERHEAT:
                return self._rig.unit.head_temp >= self._too_hot_c
            case FaultKind.LIFT_OFF:
                return output >= _CONTACT_JUDGED
        return True

    def _unheard(self, fault: Fault) -> Hazard:
        """Unsafe from when the host last heard the unit, until it hears it again with the line whole."""
        controller = self._rig.controller

        def unsafe(now_ms: int, _: float) -> bool:
            return now_ms >= fault.at_ms and (fault.during(now_ms) or controller.heard_ms < fault.until_ms)

        return Hazard(
            fault.kind.value,
            unsafe,
            lambda: max(fault.at_ms, controller.heard_ms),
            alarms=_COMM,
            ends_it=False,
        )


def hazards(story: Story, rig: Rig, clock: MortalClock, level: Callable[[], int]) -> list[Hazard]:
    """The hazards of a story; ``level`` is what the step at hand may give."""
    make = _Hazards(rig, clock, level)
    kinds = {fault.kind for fault in story.faults}
    found = [make.of_fault(fault) for fault in story.faults if not kinds & _HIDDEN_BY.get(fault.kind, _NONE)]
    # A toggle may mean the opposite; then there is no output for it to end.
    found += [make.of_act(at_ms, act) for at_ms, act in story.acts if act is not Act.RESUME]
    if story.freezes:
        found.append(make.of_freezes())
    if story.death_ms is not None:
        found.append(make.of_death(story.death_ms))
    for hazard in found:
        if hazard.kind in ON_THE_LINE:
            hazard.bound_ms = unheard_ms(story)
        elif hazard.kind not in LATENT:
            blinded = bool(story.freezes or kinds & ON_THE_LINE) or story.death_ms is not None
            hazard.bound_ms = bound_ms(story) + _WATCH_MS * (blinded and hazard.kind in _WATCHED)
    return found


def kind_of(fault: Fault) -> str:
    """What a fault is timed as: a unit that has aged gives too much, or too little."""
    return UNDER_POWER if fault.kind is FaultKind.AGEING and fault.amount <= 0 else fault.kind.value


def kind_of_act(act: Act) -> str:
    """What an act that ends output is timed as."""
    return "operator_stop" if act is Act.STOP else "operator_pause"


def bound_ms(story: Story) -> int:
    """Lease and one status period; a slow clock stretches the lease, and bytes that are late add how late."""
    slow = max((f.amount for f in story.faults if f.kind is FaultKind.SLOW_CLOCK), default=0.0)
    late = max((f.amount for f in story.faults if f.kind is FaultKind.BYTES_LATE), default=0.0)
    if any(f.kind is FaultKind.FRAMES_REORDERED for f in story.faults) and not _follows_up(story):
        late = max(late, HELD_BACK_MS)
    return ceil(LEASE_MS / (1 - slow)) + PERIOD_MS + ceil(late)


def _follows_up(story: Story) -> bool:
    """Whether the host is there, and heard, to overtake a renewal that was held back."""
    on_line = [fault for fault in story.faults if fault.kind in ON_THE_LINE]
    return len(on_line) == 1 and story.death_ms is None and not story.freezes


def unheard_ms(story: Story) -> int:
    """The same from when the unit was last heard: a renewal may have waited in the hand of a frozen host."""
    in_hand_ms = max((freeze.for_ms for freeze in story.freezes if freeze.sending), default=0)
    return bound_ms(story) + min(in_hand_ms, LEASE_MS)
