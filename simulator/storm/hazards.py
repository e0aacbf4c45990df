"""What can make a session unsafe, since when it has been so, and how long the output then went on.

Each hazard is timed from its onset to the moment at which nothing goes out. It reads the unit's truth;
what the controller believes enters only as the moment at which it last heard the unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from device.operator import Act
from device.wire.messages import Family
from simulator.faults import Fault, FaultKind
from simulator.rig import Rig
from simulator.storm.host import MortalClock
from simulator.storm.story import Story

LEASE_MS = 500
PERIOD_MS = 100  # between statuses while output is on
TOO_HOT_C = {Family.ULTRASOUND: 43.0, Family.PERCUSSION: 85.0}
OVER_PCT = 120  # of what was set: no calibration is that far off
_CONTACT_JUDGED = 200  # mW/cm²: below it the unit does not judge contact

_COMM = frozenset(("COMM_LOST", "LAPSED"))
_ALARMS: dict[FaultKind, frozenset[str]] = {
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
}
_LINE = frozenset(
    (
        FaultKind.BYTES_LOST,
        FaultKind.BYTES_STRUCK,
        FaultKind.BYTES_DOUBLED,
        FaultKind.FRAMES_REORDERED,
        FaultKind.BYTES_LATE,
        FaultKind.HALF_OPEN,
        FaultKind.CABLE_PULLED,
    )
)
# With these nothing goes out beyond what was set, or, of a stuck output, nobody but its own switch can end it.
LATENT = frozenset(
    (
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
    at_ms: int = 0
    since_ms: Callable[[], int] | None = None  # unsafe from here on, where that is not its own beginning
    bound_ms: int | None = None
    alarms: frozenset[str] | None = None  # it has ended the output when one of these was told, or
    lasting: bool = True  # when it was still there as the output ended
    figures: list[tuple[int, bool]] = field(default_factory=list)
    _onset_ms: int | None = None

    def overdue_ms(self, now_ms: int, before_ms: int, output: float, before: float) -> int:
        """Look on; how long it has lasted with output on, 0 when it is not there."""
        there = self.unsafe(now_ms, output or before)
        if there and self._onset_ms is None and before:
            # What creeps in between two events is taken to have been there since the first of them.
            self._onset_ms = now_ms if now_ms == self.at_ms else max(self.at_ms, before_ms)
        elif there and self._onset_ms is None and output:
            self._onset_ms = now_ms
        if self._onset_ms is None:
            return 0
        took_ms = now_ms - max(self._onset_ms, self.since_ms() if self.since_ms else 0)
        if not output:
            self.figures.append((took_ms, there and self.lasting))
            self._onset_ms = None
        return took_ms if there else 0

    def forget(self) -> None:
        """Nothing can be said of it for now."""
        self._onset_ms = None

    def told(self, alarms: frozenset[str]) -> Iterator[int]:
        """How long output went on, each time that this hazard ended it."""
        for index, (took_ms, there) in enumerate(self.figures):
            last = index == len(self.figures) - 1
            if there or (last and self.alarms is not None and self.alarms & alarms):
                yield took_ms


def hazards(story: Story, rig: Rig, clock: MortalClock) -> list[Hazard]:
    """The hazards of a story."""
    found = [made for fault in story.faults if (made := _of_fault(fault, rig)) is not None]
    found += [_of_act(at_ms, act) for at_ms, act in story.acts if act is not Act.RESUME]
    if story.freezes:
        found.append(
            Hazard(
                "host_freeze",
                lambda _now, _out: clock.frozen_ms is not None,
                since_ms=lambda: clock.frozen_ms or 0,
                alarms=_COMM,
            )
        )
    if story.death_ms is not None:
        found.append(Hazard("host_death", lambda _now, _out: clock.dead, at_ms=story.death_ms))
    bound_ms = bound_of(story)
    for hazard in found:
        hazard.bound_ms = None if hazard.kind in LATENT else bound_ms
    return found


def bound_of(story: Story) -> int:
    """Lease and one status period; a slow clock stretches the lease, and late bytes add how late they are."""
    slow = max((f.amount for f in story.faults if f.kind is FaultKind.SLOW_CLOCK), default=0.0)
    late = max((f.amount for f in story.faults if f.kind is FaultKind.BYTES_LATE), default=0.0)
    return round(LEASE_MS / (1 - slow) + 0.5 * bool(slow)) + PERIOD_MS + round(late)


def _of_act(at_ms: int, act: Act) -> Hazard:
    return Hazard(
        "operator_stop" if act is Act.STOP else "operator_pause",
        lambda now_ms, _out: now_ms == at_ms,
        at_ms=at_ms,
        alarms=None,
    )


def _of_fault(fault: Fault, rig: Rig) -> Hazard | None:
    kind, unit = fault.kind, rig.unit

    def there(now_ms: int, _out: float) -> bool:
        return fault.during(now_ms)

    def ageing(now_ms: int, output: float) -> bool:
        return fault.during(now_ms) and output * 100 > unit.level_commanded * OVER_PCT

    raise NotImplementedError
