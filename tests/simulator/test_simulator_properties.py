"""Whatever is said to the unit, however time is cut up, and whatever goes wrong."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from device.wire.frame import Frame, encode
from device.wire.messages import Family, Identify, Message, Renew, Result, Set, Status, Stop
from simulator.faults import Fault, FaultKind, draw
from simulator.nameplate import MODELS, nameplate
from simulator.unit import SimulatedUnit
from tests.simulator.bench import Bench

# A deed is a wait, some noise, or a request that differs from a proper one in the fields named.
Request: TypeAlias = tuple[str, dict[str, int]]
Deed: TypeAlias = int | bytes | Request

models = st.sampled_from(MODELS)
EDGES: dict[str, tuple[int, ...]] = {
    "session": (0, 1, 2),
    "level": (0, 1, 289, 290, 530, 531, 1060, 1061, 1800, 2400, 2401, 3000, 3001, 65_535),
    "duty_pct": (0, 20, 50, 100),
    "carrier_khz": (0, 1000, 3000),
    "pulse_hz": (0, 100),
    "for_ms": (0, 1, 150, 5000, 300_000, 300_001, 900_001),
    "ramp_ms": (1, 150, 3000),
    "unit_uptime_ms": (0, 1, 499, 1000, 2000, 0xFFFF_FFFF),
    "lease_ms": (10, 90, 100, 1000, 1010, 2560),
    "level_max": (0, 500, 1061, 2401, 65_535),
    "delivered_max_ms": (0, 200, 900_001),
    "energy_max_mj": (0, 100, 1000),
}


def requests(name: str, *fields: str) -> st.SearchStrategy[Request]:
    changed = st.fixed_dictionaries({}, optional={field: st.sampled_from(EDGES[field]) for field in fields})
    return st.tuples(st.just(name), changed | st.just({}))


renewals = requests("a_renew", "session", "unit_uptime_ms", "lease_ms")
steps = requests(
    "a_set",
    "session",
    "level",
    "duty_pct",
    "carrier_khz",
    "pulse_hz",
    "for_ms",
    "ramp_ms",
    "unit_uptime_ms",
    "lease_ms",
)
sessions = requests("an_arm", "session", "level_max", "delivered_max_ms", "energy_max_mj")
proper: st.SearchStrategy[Request] = st.sampled_from(["an_arm", "a_set"]).map(lambda name: (name, {}))
off: st.SearchStrategy[Request] = st.sampled_from([("stop", {}), ("clear", {})])
deeds = st.one_of(st.integers(0, 700), proper, steps, renewals, sessions, off, st.binary(max_size=40))


class Onlooker:
    """Does deeds to a unit, and keeps its own count of the lease that was granted."""

    def __init__(self, model: str) -> None:
        self.bench = Bench(model)
        self.granted_until_ms = 0
        self.bench.say(self.bench.an_arm())

    def do(self, deed: Deed) -> None:
        bench = self.bench
        if isinstance(deed, bytes):
            bench.unit.hear(deed + b"\0", bench.now_ms)
        elif isinstance(deed, int):
            self.wait(deed)
        else:
            asked = self.request(*deed)
            answer = bench.say(asked)
            if isinstance(asked, Set | Renew) and isinstance(answer, Status) and answer.result is Result.OK:
                self.granted_until_ms = asked.unit_uptime_ms + asked.lease_ms
        self.judge()

    def request(self, name: str, changed: dict[str, int]) -> Message:
        others: dict[str, Message] = {"stop": Stop(), "clear": self.bench.a_clear()}
        if name in others:
            return others[name]
        made: Message = getattr(self.bench, name)(**changed)
        return made

    def wait(self, ms: int) -> None:
        until_ms = self.bench.now_ms + ms
        while self.bench.now_ms < until_ms:
            self.bench.now_ms = min(self.bench.unit.next_ms(), until_ms)
            self.bench.unit.move_to(self.bench.now_ms)
            self.judge()

    def judge(self) -> None:
        unit = self.bench.unit
        assert unit.output <= nameplate(unit.plate.model).level_max
        if unit.output:
            assert unit.lease_live
            assert self.bench.now_ms < self.granted_until_ms


@given(models, st.lists(deeds, max_size=25))
@settings(max_examples=150, deadline=None)
def test_nothing_that_is_said_makes_output_pass_the_nameplate_or_outlive_its_lease(
    model: str, said: list[Deed]
) -> None:
    onlooker = Onlooker(model)

    for deed in said:
        onlooker.do(deed)
    onlooker.wait(1001)

    assert onlooker.bench.unit.output == 0


@given(models, st.integers(0, 2**32), st.lists(st.integers(1, 4000), max_size=30))
@settings(max_examples=40, deadline=None)
def test_how_time_is_cut_up_makes_no_difference(model: str, seed: int, cuts: list[int]) -> None:
    one, other = lived(model, seed, []), lived(model, seed, cuts)

    assert one.changes == other.changes
    assert one.hear(encode(Frame(Identify.TYPE, 1)), 5000) == other.hear(
        encode(Frame(Identify.TYPE, 1)), 5000
    )
    assert (one.energy_mj, one.delivered_ms) == (other.energy_mj, other.delivered_ms)
    assert (one.head_temp, one.tissue_temp, one.coupling) == (
        other.head_temp,
        other.tissue_temp,
        other.coupling,
    )


def mishaps(model: str, seed: int) -> tuple[Fault, ...]:
    """Four faults in the first seconds, none of them before the bench has begun."""
    drawn = draw(Random(seed), 3000, 4, nameplate(model).family)
    return tuple(replace(fault, at_ms=fault.at_ms + 1) for fault in drawn)


def lived(model: str, seed: int, cuts: list[int]) -> SimulatedUnit:
    """A unit that lived four seconds with faults, looked at ``cuts``."""
    bench = Bench(model, seed=seed, faults=mishaps(model, seed))
    bench.start(ramp_ms=700, for_ms=3500)
    for at_ms in sorted({*range(180, 4001, 180), *cuts}):
        bench.now_ms = at_ms
        bench.unit.move_to(at_ms)
        if at_ms % 180 == 0:
            bench.say(bench.a_renew())
    bench.unit.move_to(5000)
    return bench.unit


@given(
    models,
    st.integers(0, 2**32),
    st.integers(1, 20_000),
    st.integers(0, 5000),
    st.sampled_from([290, 440, 500]),
)
@settings(max_examples=40, deadline=None)
def test_the_unit_counts_what_really_goes_out(
    model: str, seed: int, for_ms: int, ramp_ms: int, level: int
) -> None:
    us = nameplate(model).family is Family.ULTRASOUND
    bench = Bench(model, seed=seed, faults=("lift_off@3s+1s",) if us else ())
    bench.start(for_ms=for_ms, ramp_ms=min(ramp_ms, for_ms), **({"level": level} if us else {}))

    bench.treat(for_ms + 2000, every_ms=300)

    counted = bench.look()
    assert counted.step_ms == bench.unit.delivered_ms == for_ms
    assert abs(counted.energy_mj - bench.unit.energy_mj) <= max(1, bench.unit.energy_mj / 100)


@given(models, st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_whatever_goes_wrong_inside_output_without_a_lease_is_a_stuck_one(model: str, seed: int) -> None:
    faults = mishaps(model, seed)
    bench = Bench(model, seed=seed, faults=faults)
    stuck = [fault for fault in faults if fault.kind is FaultKind.STUCK_OUTPUT]
    bench.start()

    for _ in range(100):
        bench.wait(100)
        bench.say(bench.a_renew())
        if not any(fault.during(bench.now_ms) for fault in stuck):
            assert bench.unit.output == 0 or bench.unit.lease_live

    assert bench.unit.breaches == []
