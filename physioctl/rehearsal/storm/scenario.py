"""Scenarios: all faults and operator actions of one session, drawn from one seed.

A scenario has times and amounts, and no expected result.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from random import Random
from typing import Any

from device.operator import SessionAction
from physioctl.rehearsal.storm.expected_run import expected_run, names, needs_end
from physioctl.rehearsal.storm.families import reckoned
from physioctl.rehearsal.storm.fences import Fence
from physioctl.rehearsal.storm.host import Freeze, SlowDisk
from physioctl.rehearsal.storm.kinds import kind_called
from physioctl.rehearsal.storm.second_program import OtherRequest
from simulator.faults import KINDS, ON_THE_LINE, Fault, FaultKind, parse
from simulator.nameplate import MODELS, nameplate
from simulator.rng import stream

_SEED_BITS = 48
_TAIL_MS = 2000  # things may still happen for this long after the end of an undisturbed session

# How long each kind lasts, and its amounts: some are drawn from one of two ranges.
_Range = tuple[float, float]
_DRAWN: dict[FaultKind, tuple[tuple[int, int], tuple[_Range, ...]]] = {
    FaultKind.BYTES_LOST: ((500, 6000), ((0.002, 0.2),)),
    FaultKind.BYTES_STRUCK: ((500, 6000), ((0.002, 0.2),)),
    FaultKind.BYTES_DOUBLED: ((500, 6000), ((0.05, 1.0),)),
    FaultKind.FRAMES_REORDERED: ((500, 6000), ((0.05, 0.6),)),
    FaultKind.BYTES_LATE: ((500, 6000), ((5, 50), (50, 400))),
    FaultKind.HALF_OPEN: ((50, 5000), ((0, 0), (1, 1))),
    FaultKind.CABLE_PULLED: ((50, 5000), ((0, 0),)),
    FaultKind.SWAPPED: ((50, 20_000), ((0, 0), (1, 1), (2, 2))),
    FaultKind.RESTART: ((50, 3000), ((0, 0),)),
    FaultKind.BROWN_OUT: ((10, 1000), ((0, 0),)),
    FaultKind.STUCK_OUTPUT: ((100, 5000), ((0, 0), (300, 3000))),
    FaultKind.LYING_SENSOR: ((500, 8000), ((0, 0), (1, 1))),
    FaultKind.STUCK_SENSOR: ((1000, 30_000), ((0, 0),)),
    FaultKind.IMPLAUSIBLE_SENSOR: ((50, 4000), ((-60, -25), (60, 200))),
    FaultKind.FAST_CLOCK: ((1000, 20_000), ((0.005, 0.2),)),
    FaultKind.SLOW_CLOCK: ((1000, 20_000), ((0.005, 0.2),)),
    FaultKind.LIFT_OFF: ((50, 5000), ((0, 0.2),)),
    FaultKind.OVERHEAT: ((5000, 20_000), ((60, 300),)),
    FaultKind.STALL: ((100, 4000), ((1.05, 2),)),
    FaultKind.LOW_BATTERY: ((0, 0), ((0, 0.3),)),
    FaultKind.AGEING: ((1000, 20_000), ((-0.6, 0.0), (0.0, 0.6))),
    FaultKind.WRONG_DUTY: ((500, 20_000), ((20, 20), (100, 100))),
    FaultKind.LYING_DUTY: ((500, 20_000), ((20, 20), (100, 100))),
    FaultKind.LYING_METER: ((500, 20_000), ((0, 0), (0, 0.9), (1.1, 4))),
    FaultKind.LYING_SESSION: ((50, 20_000), ((0, 0), (1, 60_000))),
    FaultKind.LYING_COUNT: ((500, 20_000), ((0, 0), (0, 0.95), (1.05, 3))),
    FaultKind.ENDLESS_LEASE: ((500, 20_000), ((0, 0),)),
    FaultKind.ENDLESS_SUSPENSION: ((300_000, 300_000), ((0, 0),)),
    FaultKind.ENDLESS_STEP: ((500, 20_000), ((0, 0),)),
    FaultKind.MISSING_SENSOR: ((300_000, 300_000), ((1, 1), (2, 2), (4, 4), (8, 8), (15, 15))),
    FaultKind.WILD_AREA: ((300_000, 300_000), ((0, 319), (481, 65_535))),
    FaultKind.FUTURE_CALIBRATION: ((300_000, 300_000), ((2200, 65_535),)),
}
_DECLARED = (FaultKind.MISSING_SENSOR, FaultKind.WILD_AREA, FaultKind.FUTURE_CALIBRATION)
_SLOW_DISKS = 0.06  # share of the scenarios
_SECOND_PROGRAMS = 0.12
_ON_BODY = 0.05  # of those of ultrasound units that nothing ends without a host
_WITHOUT: tuple[dict[str, Any], ...] = (
    {"down": None},
    {"death_ms": None},
    {"lower_ms": None},
    {"awaits_start": False},
    {"notes_ms": (), "pain": ()},
    {"disk": None},
)
_STARTS_AWAITED = 0.3  # of the attended ones
_STARTED_MS = 6000  # within which somebody starts; before it is waited for, that starts nothing
_BODY_COURSE = "calf-tightness-ultrasound"
_LIFTED_MS = (62_000, 100_000)  # for a hold that has no end to be one


@dataclass(frozen=True, slots=True)
class Scenario:
    """One session and its faults."""

    seed: int
    model: str
    protocol: str
    faults: tuple[Fault, ...] = ()
    actions: tuple[tuple[int, SessionAction], ...] = ()
    awaits_start: bool = False  # only a person's start lets it begin
    notes_ms: tuple[int, ...] = ()  # when somebody notes an observation
    pain: tuple[tuple[int, int], ...] = ()  # when a pain score is told, and which; some are of no scale
    lower_ms: int | None = None  # when somebody lowers the level, by a tenth of the step's
    freezes: tuple[Freeze, ...] = ()
    death_ms: int | None = None
    attended: bool = True
    down: Fence | None = None  # which fence permits everything; None: all are up
    disk: SlowDisk | None = None  # None: what is recorded is in the journal at once
    elsewhere: tuple[OtherRequest, ...] = ()  # asked by a second program
    dialect: str = "native"
    host_loss: str | None = None  # what ends the output without a host; None for native

    def as_json(self) -> str:
        """The scenario on one line."""
        written: dict[str, Any] = asdict(self)
        written["faults"] = [f"{f.kind}@{f.at_ms}ms+{f.for_ms}ms={f.amount!r}" for f in self.faults]
        return json.dumps(written, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Scenario:
        """The scenario that `as_json` wrote, or raise ValueError."""
        try:
            written = json.loads(text)
            written["faults"] = tuple(map(parse, written["faults"]))
            written["actions"] = tuple(
                (int(at_ms), SessionAction(action)) for at_ms, action in written["actions"]
            )
            written["notes_ms"] = tuple(written.get("notes_ms", ()))
            written["pain"] = tuple((int(at_ms), int(score)) for at_ms, score in written.get("pain", ()))
            written["down"] = Fence(down) if (down := written.get("down")) else None
            written["freezes"] = tuple(Freeze(**freeze) for freeze in written["freezes"])
            written["disk"] = SlowDisk(**disk) if (disk := written.get("disk")) else None
            written["elsewhere"] = tuple(OtherRequest(**asked) for asked in written.get("elsewhere", ()))
            scenario = cls(**written)
            kind_called(scenario.dialect, scenario.host_loss)
            return scenario
        except (KeyError, TypeError) as error:
            raise ValueError(f"this is no scenario: {error}") from error

    def shorter(self) -> Iterator[Scenario]:
        """The scenarios with one thing fewer in them, what happens last left out first."""
        for without in _WITHOUT:
            if (shorter := replace(self, **without)) != self:
                yield shorter
        if self.disk is not None and self.disk.stops_ms is not None:
            yield replace(self, disk=replace(self.disk, stops_ms=None))
        for elsewhere in combinations(self.elsewhere, len(self.elsewhere) - 1) if self.elsewhere else ():
            yield replace(self, elsewhere=elsewhere)
        for freezes in combinations(self.freezes, len(self.freezes) - 1) if self.freezes else ():
            yield replace(self, freezes=freezes)
        for actions in combinations(self.actions, len(self.actions) - 1) if self.actions else ():
            yield replace(self, actions=actions)
        for faults in combinations(self.faults, len(self.faults) - 1) if self.faults else ():
            yield replace(self, faults=faults)


def seed_of(campaign: int, index: int) -> int:
    """The seed of a campaign's scenario."""
    return stream(campaign, f"story {index}").getrandbits(_SEED_BITS)


def draw(
    seed: int,
    model: str | None = None,
    protocol: str | None = None,
    dialect: str = "native",
    host_loss: str | None = None,
) -> Scenario:
    """The scenario that ``seed`` holds: of any model and expected run, or of those named, on units of that
    kind.

    Raise `ValueError` for a kind that there is not.
    """
    kind = kind_called(dialect, host_loss)
    rng = stream(seed, "story")  # the name is part of what a seed means
    model = model or rng.choice(MODELS)
    name = protocol or rng.choice(names(model))
    within_ms = expected_run(name, model).total_ms + _TAIL_MS
    apart = stream(seed, "disk and second program")  # so that a seed's faults are what they always were
    disk = _disk(apart, within_ms)
    if disk is not None:  # each start waits for a commit
        within_ms += expected_run(name, model).starts() * disk.commit_ms
    if kind.goes_on_ms is None and protocol is None and needs_end(model) and apart.random() < _ON_BODY:
        name = _BODY_COURSE
    scenario = Scenario(
        seed=seed,
        model=model,
        protocol=name,
        faults=_faults(rng, model, within_ms, kind.not_drawn),
        actions=_actions(rng, within_ms),
        lower_ms=_lower_ms(stream(seed, "lower"), within_ms),
        freezes=_freezes(rng, within_ms),
        death_ms=rng.randrange(within_ms) if rng.random() < 0.1 else None,
        attended=rng.random() < (0.7 if kind.goes_on_ms is not None else 0.95),
        down=rng.choice(tuple(Fence)) if rng.random() < 0.2 else None,
        disk=disk,
        elsewhere=_elsewhere(apart, within_ms),
        dialect=dialect,
        host_loss=host_loss,
    )
    scenario = _at_the_couch(stream(seed, "person at the couch"), scenario, within_ms)
    endless = FaultKind.ENDLESS_LEASE if kind.leased else FaultKind.ENDLESS_STEP
    if all(fault.kind is not endless for fault in scenario.faults):
        return scenario
    # Without a lease, nothing but the unit's own switch ends output after the host or the line has failed.
    heard = tuple(fault for fault in scenario.faults if fault.kind not in ON_THE_LINE)
    return replace(scenario, faults=heard, freezes=(), death_ms=None)


def _faults(rng: Random, model: str, within_ms: int, not_drawn: frozenset[FaultKind]) -> tuple[Fault, ...]:
    family = nameplate(model).family
    kinds = [kind for kind, usual in KINDS.items() if family in usual.families and kind not in not_drawn]
    (count,) = rng.choices((0, 1, 2, 3), weights=(1, 5, 3, 2))
    faults = []
    for kind in rng.sample(kinds, count):
        lasts, amounts = _DRAWN[kind]
        amount = round(rng.uniform(*rng.choice(amounts)), 4)
        if kind is FaultKind.OVERHEAT:
            amount *= reckoned(family).overheat_times
        at_ms = 0 if kind in _DECLARED else rng.randrange(within_ms)
        faults.append(Fault(kind, at_ms, rng.randint(*lasts), amount))
    if any(fault.kind is FaultKind.ENDLESS_SUSPENSION for fault in faults):
        faults = [fault for fault in faults if fault.kind is not FaultKind.LIFT_OFF]
        lifted_ms = rng.randint(*_LIFTED_MS)
        faults.append(Fault(FaultKind.LIFT_OFF, rng.randrange(within_ms), lifted_ms, 0.02))
    return tuple(sorted(faults, key=lambda fault: fault.at_ms))


def _actions(rng: Random, within_ms: int) -> tuple[tuple[int, SessionAction], ...]:
    (count,) = rng.choices((0, 1, 2, 4, 8), weights=(5, 3, 3, 2, 1))
    kinds = rng.choices(
        (SessionAction.PAUSE, SessionAction.RESUME, SessionAction.SKIP, SessionAction.STOP),
        weights=(5, 5, 1, 1),
        k=count,
    )
    return tuple(sorted((rng.randrange(within_ms), action) for action in kinds))


def _at_the_couch(rng: Random, scenario: Scenario, within_ms: int) -> Scenario:
    """``scenario`` with observations and pain scores, and in some with a start that is waited for."""
    notes_ms = tuple(sorted(rng.randrange(within_ms) for _ in range(rng.choice((0, 0, 1, 3)))))
    pain = tuple((rng.randrange(within_ms), rng.randint(-1, 11)) for _ in range(rng.choice((0, 0, 1, 2))))
    scenario = replace(scenario, notes_ms=notes_ms, pain=pain)
    if not scenario.attended or rng.random() >= _STARTS_AWAITED:
        return scenario
    starts = [(rng.randrange(_STARTED_MS), SessionAction.START) for _ in range(rng.choice((1, 1, 2)))]
    actions = sorted((*scenario.actions, *starts), key=lambda timed: timed[0])
    return replace(scenario, awaits_start=True, actions=tuple(actions))


def _lower_ms(rng: Random, within_ms: int) -> int | None:
    return rng.randrange(within_ms) if rng.random() < 0.3 else None


def _freezes(rng: Random, within_ms: int) -> tuple[Freeze, ...]:
    (count,) = rng.choices((0, 1, 2, 4), weights=(6, 3, 1, 1))
    return tuple(
        sorted(
            Freeze(rng.randrange(within_ms), round(50 * 60 ** rng.random()), rng.random() < 0.3)
            for _ in range(count)
        )
    )


def _disk(rng: Random, within_ms: int) -> SlowDisk | None:
    if rng.random() >= _SLOW_DISKS:
        return None
    commit_ms = round(1000 * 10 ** rng.random())
    return SlowDisk(commit_ms, rng.randrange(within_ms) if rng.random() < 0.25 else None)


def _elsewhere(rng: Random, within_ms: int) -> tuple[OtherRequest, ...]:
    if rng.random() >= _SECOND_PROGRAMS:
        return ()
    (count,) = rng.choices((1, 2, 4, 8), weights=(3, 2, 2, 1))
    stops = 0.6 if rng.random() < 0.6 else 0.0  # or it merely looks
    return tuple(
        sorted(
            OtherRequest(rng.randrange(within_ms), _other_seq(rng), rng.random() < stops)
            for _ in range(count)
        )
    )


def _other_seq(rng: Random) -> int:
    """One that the session may use as well, one that the unit takes for an old one, or any."""
    return rng.choice((rng.randrange(200), rng.randrange(0x9000, 0x10000), rng.randrange(0x10000)))
