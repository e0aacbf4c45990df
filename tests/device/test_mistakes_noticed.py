"""Claims that a mistake in the code would once have slipped past. `make mutants` found each gap."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from device.alarms import Effect, Rule, View
from device.events import Priority
from device.machine import State, Stateful
from device.watch import Watch
from protocols.limits import Bound, Excess, Layer, Limits, Quantity
from simulator.rig import Rig
from tests.device.parts import DECLARED, MODEL, REPORT, bound

INTENSITY = Quantity.INTENSITY_MW_CM2


def view(*faults: str) -> View:
    """What a rule sees of a unit that reports ``faults``."""
    return View(
        now_ms=0,
        report=replace(REPORT, faults=faults),
        before=None,
        since_before_ms=0,
        model=MODEL,
        declared=DECLARED,
        wanted_level=0,
        last_level=1,
        steady=False,
        nonce=REPORT.nonce,
        lapses=REPORT.lapses,
        delivered_max_ms=90_000,
        energy_max_mj=100_000,
        elapsed_ms=0,
        unit_elapsed_ms=0,
        head_still_ms=0,
        emitted_ms=0,
    )


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize("state", list(State))
def test_the_librarys_own_triggers_lead_into_no_state(state: State) -> None:
    stateful = Stateful(Rig().controller)

    with pytest.raises(AttributeError, match="to_"):
        stateful.trigger(f"to_{state.name}")

    assert stateful.state is State.OFFLINE


def test_building_the_machine_says_nothing_in_anybodys_log() -> None:
    assert not logging.getLogger("transitions.core").isEnabledFor(logging.WARNING)


def test_a_rule_for_a_fault_of_the_units_is_raised_by_that_fault_and_by_no_other() -> None:
    stalled = Rule(
        code="STALLED",
        breaks=None,
        unit_faults=("STALL",),
        sustain_ms=300,
        priority=Priority.MEDIUM,
        latches=True,
        effect=Effect.FAIL,
        what="for a test",
        to_do="Nothing.",
    )

    raised_by = {faults: Watch([stalled]).judge(view(*faults))[0] for faults in ((), ("STALL",), ("SENSOR",))}

    assert raised_by == {(): [], ("STALL",): [stalled], ("SENSOR",): []}


@pytest.mark.parametrize("highest", [(3_000, 1_060, 440), (440, 1_060), (1, 0), (0, 1)])
def test_the_lowest_upper_bound_binds_wherever_it_stands(highest: tuple[int, ...]) -> None:
    limits = Limits([bound(INTENSITY, at_least=1), *(bound(INTENSITY, at_most=value) for value in highest)])

    assert limits.at_most(INTENSITY) == min(highest)


def test_an_excess_names_every_value_a_list_admits() -> None:
    listed = Bound(Quantity.DUTY_PCT, Layer.UNIT, "a test", one_of=frozenset((10, 50)))

    assert str(Excess(20, listed)).endswith("one of 10 %, 50 % (a test)")
