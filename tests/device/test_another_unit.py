"""Who says that output is off: the unit that had the permission, and never another on its cable."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.control.delivery import Ended
from device.control.output_off import STUBBORN_MS, OutputOff
from device.dialects.base import UnitState
from device.errors import Stopped
from device.events import Event, OffConfirmation, StopOutcome
from device.operator import SessionAction
from physioctl.rehearsal.rig import Rig
from protocols.plan import Rest
from simulator.faults import parse
from simulator.record import Why
from tests.device.parts import EMITTING, NONCE, STATUS
from tests.support import MINUTE_MS, SECOND_MS, Ledger, MakeRig, emit, session_on, some_sessions

BOUND_MS = 550  # a lease of 500 ms, and the tenth that a unit's clock may be slow
OTHER = replace(STATUS, nonce=NONCE + 1)
OTHER_EMITTING = replace(EMITTING, nonce=NONCE + 1)


def permitted(at_ms: int = 1000) -> OutputOff:
    """Output was allowed, the unit has said that it gives it, and a stop was asked."""
    output_off = OutputOff()
    output_off.allow(at_ms, 500, NONCE)
    output_off.hear(EMITTING, at_ms + 50)
    output_off.ask(at_ms + 100, reachable=True)
    return output_off


# --- by the clock ---------------------------------------------------------------------------------------


@pytest.mark.hazard("H-07")
@pytest.mark.parametrize("nonce", [NONCE - 1, NONCE + 1, 0])
def test_another_units_report_confirms_nothing_and_the_lease_has_to_run_out(nonce: int) -> None:
    output_off = permitted()

    output_off.hear(replace(STATUS, nonce=nonce), 1150)

    assert not output_off.confirmed_off
    assert output_off.stopping
    assert output_off.known(1100 + BOUND_MS, reachable=True) is None
    assert output_off.known(1101 + BOUND_MS, reachable=True) is OffConfirmation.PRESUMED


def test_the_units_own_report_confirms_it_whatever_another_has_said() -> None:
    output_off = permitted()

    output_off.hear(OTHER, 1150)
    output_off.hear(STATUS, 1160)
    output_off.hear(OTHER, 1170)

    assert output_off.known(1170, reachable=True) is OffConfirmation.CONFIRMED


def test_what_the_unit_has_said_before_a_stop_stands_when_another_answers_the_stop() -> None:
    output_off = permitted()
    output_off.hear(STATUS, 1150)

    output_off.ask(2000, reachable=True)
    asked = output_off.known(2000, reachable=True)
    output_off.hear(OTHER, 2010)

    assert asked is None
    assert output_off.known(2010, reachable=True) is OffConfirmation.CONFIRMED


def test_a_permission_makes_the_units_word_before_it_old_for_another_too() -> None:
    output_off = permitted()
    output_off.hear(STATUS, 1150)
    output_off.rest()
    output_off.allow(2000, 500, NONCE)

    output_off.hear(OTHER, 2050)

    assert not output_off.confirmed_off


@pytest.mark.hazard("H-07")
def test_output_of_another_unit_is_output_on_the_cable() -> None:
    output_off = permitted()
    output_off.hear(STATUS, 1150)
    output_off.hear(OTHER_EMITTING, 1101 + BOUND_MS)
    output_off.hear(OTHER, 1102 + BOUND_MS)

    after_it = OutputOff()
    after_it.allow(1000, 500, NONCE)
    after_it.ask(1000, reachable=True)
    after_it.hear(OTHER_EMITTING, 1001 + BOUND_MS)

    assert not output_off.confirmed_off  # it may be ours, restarted, with output that has stuck
    assert output_off.known(1653 + BOUND_MS, reachable=True) is OffConfirmation.PRESUMED
    assert after_it.known(3001 + BOUND_MS, reachable=False) is OffConfirmation.UNKNOWN


@pytest.mark.hazard("H-07")
def test_one_units_word_does_not_take_back_anothers_that_it_has_output() -> None:
    disobeys = replace(STATUS, measured_level=440, state=UnitState.IDLE)
    output_off = permitted()
    output_off.hear(disobeys, 1120)

    output_off.hear(OTHER, 1150)

    assert output_off.known(1120 + BOUND_MS, reachable=True) is OffConfirmation.UNKNOWN


@pytest.mark.hazard("H-07")
def test_another_unit_that_ends_its_output_takes_back_its_own_word_only() -> None:
    output_off = permitted()
    output_off.hear(replace(STATUS, measured_level=440), 1120)

    output_off.hear(replace(OTHER, measured_level=440), 1150)
    output_off.hear(OTHER, 1160)

    assert output_off.known(1160 + BOUND_MS, reachable=True) is OffConfirmation.UNKNOWN


def test_before_any_permission_whoever_answers_a_stop_is_believed() -> None:
    output_off = OutputOff()
    output_off.ask(0, reachable=True)

    output_off.hear(OTHER, 10)

    assert output_off.known(10, reachable=True) is OffConfirmation.CONFIRMED


@pytest.mark.hazard("H-07")
def test_of_a_unit_that_nothing_but_its_switch_ends_nothing_is_presumed() -> None:
    output_off = OutputOff()
    output_off.allow(1000, None, NONCE)
    output_off.ask(1000, reachable=False)

    assert output_off.known(1000, reachable=False) is OffConfirmation.UNKNOWN
    assert output_off.known(100_000, reachable=False) is OffConfirmation.UNKNOWN


@pytest.mark.hazard("H-07")
def test_a_unit_that_nothing_but_its_switch_ends_is_told_to_stop_for_a_while() -> None:
    output_off = OutputOff()
    output_off.allow(1000, None, NONCE)
    output_off.ask(1000, reachable=True)

    assert output_off.known(21_000, reachable=True) is None
    assert output_off.known(21_001, reachable=True) is OffConfirmation.UNKNOWN


# --- in a session ---------------------------------------------------------------------------------------


def stopped(ledger: Ledger) -> list[OffConfirmation]:
    return [event.output_off for event in ledger.events if isinstance(event, StopOutcome)]


@pytest.mark.hazard("H-07")
@pytest.mark.parametrize("fault", ["swapped@5s+1h=0", "swapped@5s+1h=1", "swapped@5s+1h=2", "restart@5s+1ms"])
def test_a_unit_swapped_or_restarted_under_output_leaves_output_off_presumed(
    make_rig: MakeRig, fault: str
) -> None:
    rig, ledger = make_rig("us111", fault), Ledger()

    delivery = session_on(rig, emit(rig, MINUTE_MS), ledger=ledger)

    assert (delivery.ended, delivery.output_off) == (Ended.INTERRUPTED, OffConfirmation.PRESUMED)
    assert stopped(ledger) == [OffConfirmation.PRESUMED]
    assert [rule.code for rule in rig.controller.alarms] == ["RESTARTED"]
    assert rig.unit.output_off_since_ms is not None
    assert delivery.delivered_ms <= 5 * SECOND_MS


@pytest.mark.hazard("H-05")
def test_a_unit_that_was_swapped_is_given_no_lease_by_another_ones_reports(make_rig: MakeRig) -> None:
    rig = make_rig("us111", "swapped@5s+1h=0")

    session_on(rig, emit(rig, MINUTE_MS))
    rig.wait(MINUTE_MS)

    _, off = rig.unit.changes
    assert off.why is Why.LEASE
    assert off.ms <= 5 * SECOND_MS + 500
    assert [other.changes for other in rig.cable.others] == [[]]
    assert [other.breaches for other in rig.cable.others] == [[]]


def test_a_unit_swapped_in_a_rest_had_said_that_its_output_was_off(make_rig: MakeRig) -> None:
    rig = make_rig("us111", "swapped@5s+1h=0")

    delivery = session_on(rig, emit(rig, SECOND_MS), Rest(MINUTE_MS), emit(rig, SECOND_MS))

    assert (delivery.ended, delivery.output_off) == (Ended.INTERRUPTED, OffConfirmation.CONFIRMED)
    assert rig.unit.changes[-1].why is Why.STEP_DONE


@pytest.mark.hazard("H-07")
@some_sessions
@given(
    at_ms=st.integers(100, 12_000),  # the handshake is over
    for_ms=st.sampled_from([1, 50, 200, 1000, 3_600_000]),
    other=st.integers(0, 2),
    model=st.sampled_from(["us111", "ultragun"]),
    actions=st.lists(
        st.tuples(st.integers(0, 12_000), st.sampled_from([SessionAction.PAUSE, SessionAction.STOP])),
        max_size=2,
    ),
)
def test_output_off_is_never_confirmed_while_the_unit_that_had_the_permission_gives_output(
    at_ms: int, for_ms: int, other: int, model: str, actions: list[tuple[int, SessionAction]]
) -> None:
    rig = Rig(model, faults=[parse(f"swapped@{at_ms}ms+{for_ms}ms={other}")], actions=actions)
    wrong: list[str] = []

    class Looking(Ledger):
        def publish(self, event: Event) -> None:
            if (
                isinstance(event, StopOutcome)
                and event.output_off is not OffConfirmation.UNKNOWN
                and rig.unit.output
            ):
                wrong.append(f"{event.output_off} at {event.at_ms}")

    with suppress(Stopped):
        session_on(rig, emit(rig, 4000), Rest(2000), emit(rig, 4000), ledger=Looking())
    rig.wait(SECOND_MS)

    assert wrong == []
    assert rig.unit.output == 0


@pytest.mark.hazard("H-10")
def test_a_unit_that_was_heard_with_output_is_not_confirmed_off_by_another_though_none_had_permission() -> (
    None
):
    output_off = OutputOff()
    output_off.hear(OTHER_EMITTING, 100)
    output_off.ask(300, reachable=True)
    output_off.hear(STATUS, 310)

    assert output_off.known(310, reachable=True) is None
    assert output_off.known(300 + STUBBORN_MS, reachable=True) is None
    assert output_off.known(301 + STUBBORN_MS, reachable=True) is OffConfirmation.UNKNOWN

    output_off.hear(OTHER, 3000)
    output_off.hear(STATUS, 3010)

    assert output_off.known(3010, reachable=True) is OffConfirmation.CONFIRMED
