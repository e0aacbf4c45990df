"""Faults of a unit and its cable, with their times: values, text, files and random draws.

Times are true milliseconds since the unit was first switched on. What a fault does is described where it
takes effect.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from device.wire.messages import Family


class FaultKind(StrEnum):
    """The name of a fault, as it is written."""

    BYTES_LOST = "bytes_lost"
    BYTES_STRUCK = "bytes_struck"
    BYTES_DOUBLED = "bytes_doubled"
    FRAMES_REORDERED = "frames_reordered"
    BYTES_LATE = "bytes_late"
    HALF_OPEN = "half_open"
    CABLE_PULLED = "cable_pulled"
    SWAPPED = "swapped"
    RESTART = "restart"
    BROWN_OUT = "brown_out"
    STUCK_OUTPUT = "stuck_output"
    LYING_SENSOR = "lying_sensor"
    STUCK_SENSOR = "stuck_sensor"
    IMPLAUSIBLE_SENSOR = "implausible_sensor"
    FAST_CLOCK = "fast_clock"
    SLOW_CLOCK = "slow_clock"
    LIFT_OFF = "lift_off"
    OVERHEAT = "overheat"
    STALL = "stall"
    LOW_BATTERY = "low_battery"
    AGEING = "ageing"
    WRONG_DUTY = "wrong_duty"
    LYING_DUTY = "lying_duty"
    LYING_METER = "lying_meter"
    LYING_SESSION = "lying_session"
    LYING_COUNT = "lying_count"
    ENDLESS_LEASE = "endless_lease"
    ENDLESS_SUSPENSION = "endless_suspension"
    ENDLESS_STEP = "endless_step"
    MISSING_SENSOR = "missing_sensor"
    WILD_AREA = "wild_area"
    FUTURE_CALIBRATION = "future_calibration"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind of fault is given when nothing else is said, and what its amount may be."""

    for_ms: int
    amount: float
    least: float
    most: float
    meaning: str  # of the amount
    families: tuple[Family, ...] = tuple(Family)


_US = (Family.ULTRASOUND,)
_GUN = (Family.PERCUSSION,)

KINDS: dict[FaultKind, Kind] = {
    FaultKind.BYTES_LOST: Kind(2000, 0.01, 0, 1, "share of the bytes, each way"),
    FaultKind.BYTES_STRUCK: Kind(2000, 0.01, 0, 1, "share of the bytes with a bit turned, each way"),
    FaultKind.BYTES_DOUBLED: Kind(2000, 0.3, 0, 1, "share of the sendings that arrive twice"),
    FaultKind.FRAMES_REORDERED: Kind(2000, 0.3, 0, 1, "share of the sendings held back while others pass"),
    FaultKind.BYTES_LATE: Kind(2000, 120, 0, 5000, "milliseconds, each way"),
    FaultKind.HALF_OPEN: Kind(2000, 0, 0, 1, "0: nothing reaches the unit; 1: nothing reaches the host"),
    FaultKind.CABLE_PULLED: Kind(2000, 0, 0, 0, "none"),
    FaultKind.SWAPPED: Kind(
        60_000,
        0,
        0,
        2,
        "another unit, idle, is on the cable; 0: of the same serial number; "
        "1: of another; 2: of another model",
    ),
    FaultKind.RESTART: Kind(500, 0, 0, 0, "none; it is deaf for as long as it lasts"),
    FaultKind.BROWN_OUT: Kind(200, 0, 0, 0, "none"),
    FaultKind.STUCK_OUTPUT: Kind(
        3000, 0, 0, 65_535, "the level it sticks at; 0: the present one, or the lowest when output is off"
    ),
    FaultKind.LYING_SENSOR: Kind(5000, 0, 0, 1, "0: it reads nothing; 1: it reads what was set"),
    FaultKind.STUCK_SENSOR: Kind(60_000, 0, 0, 0, "none; the temperature stands still", _US),
    FaultKind.IMPLAUSIBLE_SENSOR: Kind(2000, 150, -273, 1000, "the temperature it reads, °C", _US),
    FaultKind.FAST_CLOCK: Kind(60_000, 0.05, 0, 1, "share by which the unit's clock gains"),
    FaultKind.SLOW_CLOCK: Kind(60_000, 0.05, 0, 0.9, "share by which the unit's clock loses"),
    FaultKind.LIFT_OFF: Kind(2000, 0.02, 0, 1, "coupling that is left", _US),
    FaultKind.OVERHEAT: Kind(120_000, 30, 0, 1000, "watts into the head or the motor"),
    FaultKind.STALL: Kind(2000, 1.2, 0, 10, "force, as a multiple of the stall force", _GUN),
    FaultKind.LOW_BATTERY: Kind(0, 0.03, 0, 1, "charge it drops to", _GUN),
    FaultKind.AGEING: Kind(600_000, -0.3, -1, 1, "share by which output is off from what is set"),
    FaultKind.WRONG_DUTY: Kind(60_000, 100, 1, 100, "the duty cycle it gives and reports, %", _US),
    FaultKind.LYING_DUTY: Kind(60_000, 100, 1, 100, "the duty cycle it gives and does not report, %", _US),
    FaultKind.LYING_METER: Kind(60_000, 0, 0, 10, "share of the energy that its meter counts", _US),
    FaultKind.LYING_SESSION: Kind(60_000, 1, 0, 65_535, "the session it names"),
    FaultKind.LYING_COUNT: Kind(60_000, 0.5, 0, 4, "share of the delivered time that it counts"),
    FaultKind.ENDLESS_LEASE: Kind(60_000, 0, 0, 0, "none; no lease runs out, and 65535 ms of it are left"),
    FaultKind.ENDLESS_SUSPENSION: Kind(600_000, 0, 0, 0, "none; it waits for contact for ever", _US),
    FaultKind.ENDLESS_STEP: Kind(60_000, 0, 0, 0, "none; its timer ends no step"),
    FaultKind.MISSING_SENSOR: Kind(600_000, 1, 1, 15, "the sensors it lacks, as bits of Sensor"),
    FaultKind.WILD_AREA: Kind(600_000, 65_535, 0, 65_535, "the radiating area it declares, mm²", _US),
    FaultKind.FUTURE_CALIBRATION: Kind(
        600_000, 65_535, 0, 65_535, "days from 2020-01-01 to the calibration it names"
    ),
}

ON_THE_LINE = frozenset(
    (
        FaultKind.BYTES_LOST,
        FaultKind.BYTES_STRUCK,
        FaultKind.BYTES_DOUBLED,
        FaultKind.FRAMES_REORDERED,
        FaultKind.BYTES_LATE,
        FaultKind.HALF_OPEN,
        FaultKind.CABLE_PULLED,
        FaultKind.SWAPPED,
    )
)

IN_THE_PROGRAM = frozenset(
    (
        FaultKind.WRONG_DUTY,
        FaultKind.LYING_DUTY,
        FaultKind.LYING_METER,
        FaultKind.LYING_SESSION,
        FaultKind.LYING_COUNT,
        FaultKind.ENDLESS_LEASE,
        FaultKind.ENDLESS_SUSPENSION,
        FaultKind.ENDLESS_STEP,
        FaultKind.MISSING_SENSOR,
        FaultKind.WILD_AREA,
        FaultKind.FUTURE_CALIBRATION,
    )
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong at a time and for a time."""

    kind: FaultKind
    at_ms: int
    for_ms: int
    amount: float = 0.0

    def __post_init__(self) -> None:
        kind = KINDS[self.kind]
        if self.at_ms < 0 or self.for_ms < 0:
            raise ValueError(f"{self.kind} cannot begin or last less than nothing; write times from 0 up")
        if not kind.least <= self.amount <= kind.most:
            raise ValueError(
                f"{self.kind} of {self.amount:g} is outside {kind.least:g} to {kind.most:g}; "
                f"its amount is: {kind.meaning}"
            )

    @property
    def until_ms(self) -> int:
        """The first millisecond in which it is over."""
        return self.at_ms + self.for_ms

    def during(self, now_ms: int) -> bool:
        """Whether it goes wrong at ``now_ms``."""
        return self.at_ms <= now_ms < self.until_ms


_MS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000}
_TIME = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*(ms|s|min|h)", re.ASCII)
_FAULT = re.compile(r"(?P<kind>[^@]+)@(?P<at>[^+=]+)(\+(?P<for>[^=]+))?(=(?P<amount>.+))?")


def parse(text: str) -> Fault:
    """Read ``kind@when``, with ``+how long`` and ``=amount`` where the usual ones will not do.

    >>> parse("lift_off@30s+2s=0.5")
    Fault(kind=<FaultKind.LIFT_OFF: 'lift_off'>, at_ms=30000, for_ms=2000, amount=0.5)
    """
    found = _FAULT.fullmatch(text.strip())
    if found is None:
        raise ValueError(
            f"{text!r} is no fault; write kind@when+how long=amount, such as lift_off@30s+2s=0.5"
        )
    return fault(found["kind"], found["at"], found["for"], found["amount"])


def draw(rng: Random, within_ms: int, count: int, family: Family) -> tuple[Fault, ...]:
    """Draw ``count`` faults that can happen to ``family``, in the order they begin."""
    kinds = [kind for kind, usual in KINDS.items() if family in usual.families]
    faults = []
    for _ in range(count):
        kind = rng.choice(kinds)
        usual = KINDS[kind]
        for_ms = rng.randint(usual.for_ms // 4, usual.for_ms * 2)
        whole = usual.least, usual.most
        # An amount of 0 or 1 is a choice between two, and the rest are spread about the usual.
        if kind in (FaultKind.HALF_OPEN, FaultKind.LYING_SENSOR):
            amount = float(rng.choice(whole))
        elif kind is FaultKind.SWAPPED:
            amount = float(rng.randint(0, 2))
        else:
            amount = min(max(usual.amount * rng.uniform(0.5, 1.5), usual.least), usual.most)
        faults.append(Fault(kind, rng.randrange(within_ms), for_ms, amount))
    return tuple(sorted(faults, key=lambda fault: fault.at_ms))


def fault(kind: str, at: str, for_: str | None, amount: str | None) -> Fault:
    """The fault that these texts tell of, with what is usual where one is None; or raise ValueError."""
    try:
        known = FaultKind(kind.strip())
    except ValueError:
        raise ValueError(f"no fault is called {kind!r}; choose one of {', '.join(FaultKind)}") from None
    usual = KINDS[known]
    at_ms, for_ms = _ms(at), usual.for_ms if for_ is None else _ms(for_)
    try:
        number = usual.amount if amount is None else float(amount)
    except ValueError:
        raise ValueError(f"{amount!r} is no number; the amount of {known} is: {usual.meaning}") from None
    return Fault(known, at_ms, for_ms, number)


def _ms(text: str) -> int:
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no time; write a number with ms, s, min or h, such as 30s")
    return round(float(found[1]) * _MS[found[2]])
