"""Four fences: file, plan, guard, unit. With any one of them saying yes to everything, the others hold.

What a session asks for is outrageous in one way or in several; what goes out is read from the simulated unit,
and held against every layer's bound by numbers that stand here and nowhere else.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.control.admission import Admission
from device.control.controller import Controller
from device.control.delivery import deliver
from device.control.handshake import perform_handshake
from device.control.machine import TransitionRefused
from physioctl.rehearsal.rig import Rig
from physioctl.rehearsal.storm.fences import Fence, Obeying, compile_anything, permit_anything, unchecked
from protocols.compile import compile_plan
from protocols.errors import PhysioctlError
from protocols.library import find, parse
from protocols.limits import Block, Bound, Family, Layer, Limits, Quantity
from protocols.model import Protocol
from simulator.unit import SimulatedUnit
from tests.support import Ledger, some_sessions

ALL = frozenset(Fence)
SLACK_MS = 20  # a unit's timer may be a tick late
AREA_CM2 = 4.0
AVERAGE_MW_CM2 = {"calf": 530, "foot": 300, "hand": 300}  # the US111's, or the site's
PLAIN = {"intensity": 290, "duty": 100, "pulse": None, "ms": 200, "times": 1}
LEVEL, AVERAGE, TIME, ENERGY = "level", "average", "time", "energy"


@dataclass(frozen=True)
class Asked:
    """A session that somebody asks of a US111, and what binds it besides the tables."""

    site: str = "calf"
    emissions: tuple[dict[str, Any], ...] = (PLAIN,)
    own: dict[str, int] = field(default_factory=dict)  # the protocol's limits
    person: tuple[tuple[Quantity, int], ...] = ()
    operator: tuple[tuple[Quantity, int], ...] = ()
    person_blocked: bool = False

    def protocol(self) -> Protocol:
        """The protocol, which no check has seen."""
        like = find("calf-tightness-ultrasound")
        emit = next(step for step in like.steps if hasattr(step, "emit"))
        steps = []
        for said in self.emissions:
            level = unchecked(emit.emit).model_copy(
                update={
                    "intensity_mw_cm2": said["intensity"],
                    "duty_pct": said["duty"],
                    "pulse_hz": said["pulse"],
                }
            )
            steps += [emit.model_copy(update={"emit": level, "duration_ms": said["ms"], "ramp_ms": 1})]
            steps += steps[-1:] * (said["times"] - 1)
        limits = like.limits.model_copy(update={"sata": None, "duration": None} | self.own)
        return unchecked(like).model_copy(
            update={"body_site": self.site, "steps": tuple(steps), "limits": limits}
        )

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """The person's and the operator's."""
        person = [Bound(q, Layer.PERSON, "a test", at_most=most) for q, most in self.person]
        return (*person, *(Bound(q, Layer.OPERATOR, "a test", at_most=most) for q, most in self.operator))

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The person's."""
        block = Block(Family.ULTRASOUND, Layer.PERSON, "a test", "twice today")
        return (block,) if self.person_blocked else ()


class Truth:
    """Looks at the unit at every event of virtual time, and remembers what went out."""

    def __init__(self, rig: Rig) -> None:
        self._unit = rig.unit
        self.level = self.average = 0.0
        rig.clock.add(self)

    def next_ms(self) -> int | None:
        return None

    def move_to(self, now_ms: int) -> None:
        if self._unit.output_off_since_ms is None:
            output_stage = self._unit._firmware.output_stage
            self.level = max(self.level, output_stage.target)
            self.average = max(self.average, output_stage.target * output_stage.duty_pct / 100)

    def above(self, asked: Asked) -> list[str]:
        """Which bounds have been exceeded."""
        if not self._unit.changes:
            return []
        if asked.site not in AVERAGE_MW_CM2 or asked.person_blocked:
            return ["blocked"]
        most = {
            LEVEL: min(1060, *_named(asked, "intensity", Quantity.INTENSITY_MW_CM2)),
            AVERAGE: min(AVERAGE_MW_CM2[asked.site], *_named(asked, "sata", Quantity.SATA_MW_CM2)),
            TIME: min(600_000, *_named(asked, "duration", Quantity.DELIVERED_MS)) + SLACK_MS,
            ENERGY: min(10**9, *_named(asked, "energy", Quantity.ENERGY_MJ)) * 1.01 + 10,
        }
        out = {
            LEVEL: self.level,
            AVERAGE: self.average,
            TIME: self._unit.delivered_ms,
            ENERGY: self._unit.energy_mj,
        }
        return [name for name, value in out.items() if value > most[name]]


def _named(asked: Asked, own: str, quantity: Quantity) -> tuple[int, int, int]:
    never = 10**9
    person = min((most for q, most in asked.person if q is quantity), default=never)
    operator = min((most for q, most in asked.operator if q is quantity), default=never)
    return asked.own.get(own, never), person, operator


def gave(asked: Asked, down: frozenset[Fence]) -> tuple[list[str], Rig]:
    """Ask for a session with these fences down; which bounds were exceeded by what went out."""
    unit = Obeying if Fence.UNIT in down else SimulatedUnit
    controller = partial(Controller, guard=permit_anything) if Fence.GUARD in down else Controller
    rig = Rig("us111", unit=unit, controller=controller)
    truth = Truth(rig)
    with suppress(PhysioctlError, TransitionRefused, LookupError):  # LookupError: a site that is in no table
        protocol = asked.protocol()
        content = protocol.canonical_text()
        if Fence.FILE not in down:
            protocol = parse(content.encode())
        known = rig.driver.run(perform_handshake(rig.controller))
        rig.driver.record_to(Ledger())
        plan = (compile_anything if Fence.PLAN in down else compile_plan)(
            protocol,
            model=known.model.id,
            family=known.model.family,
            area_mm2=known.area_mm2,
            limits=Limits((*known.bounds, *asked.bounds), asked.blocks),
        )
        hash_ = hashlib.sha256(content.encode()).hexdigest()
        admission = Admission(content, hash_, side="left", bounds=asked.bounds, blocks=asked.blocks)
        rig.driver.run(deliver(rig.controller, plan, 7, admission=admission))
    assert rig.unit.output == 0
    return truth.above(asked), rig


def one(**changes: Any) -> Asked:
    """A session of one plain emission, but for ``changes`` of it."""
    return Asked(emissions=(PLAIN | changes,))


# In each exactly one layer is exceeded, so that none can hide behind another.
OUTRAGEOUS = {
    "a blocked site": Asked(site="abdomen"),
    "a person who has had the day's": Asked(person_blocked=True),
    "the nameplate's level": one(intensity=1100, duty=20, pulse=100),
    "the nameplate's average": one(intensity=600),
    "the site's average": Asked(site="foot", emissions=(PLAIN | {"intensity": 440},)),
    "the protocol's own level": Asked(own={"intensity": 289}),
    "the protocol's own average": Asked(own={"sata": 289}),
    "the protocol's own time": Asked(own={"duration": 199 - SLACK_MS}),
    "the protocol's own energy": Asked(own={"energy": 50}),
    "what is left of a person's day": Asked(person=((Quantity.DELIVERED_MS, 199 - SLACK_MS),)),
    "the operator's level": Asked(operator=((Quantity.INTENSITY_MW_CM2, 289),)),
    "the operator's time": Asked(operator=((Quantity.DELIVERED_MS, 199 - SLACK_MS),)),
    "the operator's energy": Asked(operator=((Quantity.ENERGY_MJ, 50),)),
    "a person's time, in steps": Asked(
        emissions=(PLAIN | {"times": 3},), person=((Quantity.DELIVERED_MS, 450),)
    ),
}


# Of energy a step is asked about before it is started, whatever the guard says.
@pytest.mark.parametrize("name", [name for name in OUTRAGEOUS if "energy" not in name])
def test_with_every_fence_down_more_than_a_bound_goes_out(name: str) -> None:
    above, _ = gave(OUTRAGEOUS[name], ALL)

    assert above


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize("name", OUTRAGEOUS)
@pytest.mark.parametrize("alone", [Fence.PLAN, Fence.GUARD])
def test_the_plan_alone_and_the_guard_alone_hold_every_layer(alone: Fence, name: str) -> None:
    above, rig = gave(OUTRAGEOUS[name], ALL - {alone})

    assert above == []
    if "in steps" not in name:
        assert rig.unit.changes == []


@pytest.mark.parametrize("down", [frozenset(), *({fence} for fence in Fence), ALL])
def test_a_session_within_every_bound_is_given_whichever_fence_is_down(down: frozenset[Fence]) -> None:
    asked = Asked(
        emissions=(PLAIN, PLAIN | {"intensity": 1060, "duty": 50, "pulse": 100, "ms": 300}),
        own={"intensity": 1060, "sata": 530, "duration": 500, "energy": 870},
        person=((Quantity.DELIVERED_MS, 500),),
        operator=((Quantity.INTENSITY_MW_CM2, 1060), (Quantity.ENERGY_MJ, 870)),
    )

    above, rig = gave(asked, frozenset(down))

    assert (above, rig.unit.delivered_ms) == ([], 500)
    assert rig.unit.breaches == []


emissions = st.fixed_dictionaries(
    {
        "intensity": st.sampled_from([1, 290, 440, 530, 531, 1060, 1061, 3000, 3001, 65_535]),
        "duty": st.sampled_from([1, 20, 50, 60, 100, 101, 250]),
        "pulse": st.sampled_from([None, 100, 16, 5000]),
        "ms": st.sampled_from([1, 100, 700, 900_001, 1_800_001]),
        "times": st.integers(1, 3),
    }
)
times_ms = st.sampled_from([50, 150, 600, 10**7])
energies_mj = st.sampled_from([50, 400, 10**8])
layers = st.lists(
    st.tuples(st.just(Quantity.DELIVERED_MS), times_ms)
    | st.tuples(st.just(Quantity.ENERGY_MJ), energies_mj)
    | st.tuples(st.just(Quantity.INTENSITY_MW_CM2), st.sampled_from([289, 290, 5000]))
    | st.tuples(st.just(Quantity.SATA_MW_CM2), st.sampled_from([100, 290, 5000])),
    max_size=2,
).map(tuple)
requests = st.builds(
    Asked,
    site=st.sampled_from(["calf", "calf", "foot", "hand", "abdomen", "neck", "none", "nowhere"]),
    emissions=st.lists(emissions, min_size=1, max_size=2).map(tuple),
    own=st.fixed_dictionaries(
        {},
        optional={
            "intensity": st.sampled_from([289, 290, 5000]),
            "sata": st.sampled_from([100, 290, 5000]),
            "duration": times_ms,
            "energy": energies_mj,
        },
    ),
    person=layers,
    operator=layers,
    person_blocked=st.booleans(),
)


@pytest.mark.hazard("H-04")
@pytest.mark.hazard("H-14")
@pytest.mark.parametrize("down", Fence)
@some_sessions
@given(asked=requests)
def test_with_one_fence_down_nothing_above_any_layers_bound_goes_out(down: Fence, asked: Asked) -> None:
    above, _ = gave(asked, frozenset({down}))

    assert above == []


@pytest.mark.hazard("H-14")
@pytest.mark.parametrize("down", Fence)
def test_fourteen_minutes_on_the_abdomen_are_not_given_with_one_fence_down(down: Fence) -> None:
    above, rig = gave(Asked(site="abdomen", emissions=(PLAIN | {"ms": 840_000},)), frozenset({down}))

    assert (above, rig.unit.changes) == ([], [])
