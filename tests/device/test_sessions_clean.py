"""A sound unit raises no alarm, whatever is asked of it within its limits: no rule is a matter of luck."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.control.delivery import Ended
from physioctl.rehearsal.rig import Rig
from protocols.plan import Emit, Percussion, Rest, Setting, Step, Ultrasound
from simulator.faults import Fault, FaultKind
from tests.support import MINUTE_MS, SECOND_MS, emit, session_on, some_sessions

# The lowest and the highest of every duty cycle, within a temporal average of 530 mW/cm².
HEAD: list[Setting] = [
    Ultrasound(290, 20, 1000, 100),
    Ultrasound(1060, 20, 1000, 100),
    Ultrasound(290, 50, 1000, 100),
    Ultrasound(1060, 50, 1000, 100),
    Ultrasound(290, 100, 1000, 0),
    Ultrasound(530, 100, 1000, 0),
]
SPEEDS: dict[str, list[Setting]] = {
    "us111": HEAD,
    "ultragun": [Percussion(1800), Percussion(3000)],
    "ultragun_pro": [Percussion(1750), Percussion(2400)],
}


@st.composite
def clean_sessions(draw: st.DrawFn) -> tuple[str, list[Step]]:
    """A model, and steps that it can give: short ones above all."""
    model = draw(st.sampled_from(sorted(SPEEDS)))
    steps: list[Step] = []
    for _ in range(draw(st.integers(1, 6))):
        for_ms = draw(st.integers(1, 200) | st.integers(1, 20 * SECOND_MS))
        ramp_ms = draw(st.integers(0, for_ms))
        steps += [Emit(draw(st.sampled_from(SPEEDS[model])), for_ms, ramp_ms)]
        steps += [Rest(draw(st.integers(1, 2 * SECOND_MS)))] * draw(st.integers(0, 1))
    return model, steps


def outcome(rig: Rig, *steps: Step) -> tuple[Ended, list[str]]:
    """How the session ended, and its alarms."""
    ended = session_on(rig, *steps).ended
    return ended, [rule.code for rule in rig.controller.alarms]


@some_sessions
@given(session=clean_sessions(), seed=st.integers(0, 10_000))
def test_a_sound_unit_raises_no_alarm(session: tuple[str, list[Step]], seed: int) -> None:
    model, steps = session

    assert outcome(Rig(model, seed=seed), *steps) == (Ended.COMPLETED, [])


@pytest.mark.parametrize("seed", [46, 221])
def test_a_step_too_short_for_two_readings_is_no_fault_of_the_sensor(seed: int) -> None:
    rig = Rig("us111", seed=seed)

    assert outcome(rig, emit(rig, 39)) == (Ended.COMPLETED, [])


@pytest.mark.parametrize("setting", [HEAD[0], HEAD[3], HEAD[5]], ids=str)
def test_a_session_of_many_minutes_raises_no_alarm(setting: Setting) -> None:
    steps: list[Step] = [
        Emit(setting, 2 * MINUTE_MS, 3 * SECOND_MS),
        Rest(SECOND_MS),
        Emit(setting, 2 * MINUTE_MS, 0),
    ]

    assert outcome(Rig("us111"), *steps) == (Ended.COMPLETED, [])


@some_sessions
@given(
    lifts=st.lists(st.tuples(st.integers(0, 40 * SECOND_MS), st.integers(1, 4000)), max_size=12),
    pulsed=st.booleans(),
)
def test_contact_that_comes_and_goes_breaks_no_rule_but_its_own(
    lifts: list[tuple[int, int]], pulsed: bool
) -> None:
    faults = [Fault(FaultKind.LIFT_OFF, at_ms, for_ms, 0.02) for at_ms, for_ms in lifts]

    ended, alarms = outcome(Rig("us111", faults=faults), Emit(HEAD[3 if pulsed else 5], 20 * SECOND_MS, 500))

    assert ended is Ended.COMPLETED
    assert set(alarms) <= {"CONTACT_LOST"}


@some_sessions
@given(share=st.sampled_from([0.002, 0.005, 0.01]), seed=st.integers(0, 1000), steps=st.integers(1, 8))
def test_bytes_that_are_lost_make_no_unit_a_liar(share: float, seed: int, steps: int) -> None:
    rig = Rig("us111", seed=seed, faults=[Fault(FaultKind.BYTES_LOST, 1000, MINUTE_MS, share)])

    _, alarms = outcome(rig, *[emit(rig, 3 * SECOND_MS, 300)] * steps)

    assert set(alarms) <= {"COMM_LOST", "LAPSED"}


@pytest.mark.parametrize("clock", [FaultKind.FAST_CLOCK, FaultKind.SLOW_CLOCK])
def test_a_clock_within_its_tolerance_makes_no_unit_a_liar(clock: FaultKind) -> None:
    rig = Rig("us111", faults=[Fault(clock, 0, 10 * MINUTE_MS, 0.019)])

    assert outcome(rig, *[emit(rig, 20 * SECOND_MS, 300)] * 9) == (Ended.COMPLETED, [])
