"""Who says that output is off: the unit that had the permission, and never another on its cable."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.control.delivery import Ended
from device.control.output_off import STUBBORN_MS, Quiet
from device.dialects.base import UnitState
from device.errors import Stopped
from device.events import Event, Silence, Silenced
from device.operator import Act
from physioctl.rehearsal.rig import Rig
from protocols.plan import Rest
from simulator.faults import parse
from simulator.record import Why
from tests.device.parts import EMITTING, NONCE, REPORT
from tests.support import MINUTE_MS, SECOND_MS, Ledger, MakeRig, emit, session_on, some_sessions

BOUND_MS = 550  # a lease of 500 ms, and the tenth that a unit's clock may be slow
OTHER = replace(REPORT, nonce=NONCE + 1)
OTHER_EMITTING = replace(EMITTING, nonce=NONCE + 1)


def permitted(at_ms: int = 1000) -> Quiet:
    """Output was allowed, the unit has said that it gives it, and a stop was asked."""
    quiet = Quiet()
    quiet.allow(at_ms, 500, NONCE)
    quiet.hear(EMITTING, at_ms + 50)
    quiet.ask(at_ms + 100, reachable=True)
    return quiet


# --- by the clock ---------------------------------------------------------------------------------------


@pytest.mark.hazard("H-07")
@pytest.mark.parametrize("nonce", [NONCE - 1, NONCE + 1, 0])
def test_another_units_word_proves_nothing_and_the_lease_has_to_run_out(nonce: int) -> None:
    quiet = permitted()

    quiet.hear(replace(REPORT, nonce=nonce), 1150)

    assert not quiet.proven
    assert quiet.stopping
    assert quiet.known(1100 + BOUND_MS, reachable=True) is None
    assert quiet.known(1101 + BOUND_MS, reachable=True) is Silence.INFERRED


def test_the_units_own_word_proves_it_whatever_another_has_said() -> None:
    quiet = permitted()

    quiet.hear(OTHER, 1150)
    quiet.hear(REPORT, 1160)
    quiet.hear(OTHER, 1170)

    assert quiet.known(1170, reachable=True) is Silence.PROVEN


def test_what_the_unit_has_said_before_a_stop_stands_when_another_answers_the_stop() -> None:
    quiet = permitted()
    quiet.hear(REPORT, 1150)

    quiet.ask(2000, reachable=True)
    asked = quiet.known(2000, reachable=True)
    quiet.hear(OTHER, 2010)

    assert asked is None
    assert quiet.known(2010, reachable=True) is Silence.PROVEN


def test_a_permission_makes_the_units_word_before_it_old_for_another_too() -> None:
    quiet = permitted()
    quiet.hear(REPORT, 1150)
    quiet.rest()
    quiet.allow(2000, 500, NONCE)

    quiet.hear(OTHER, 2050)

    assert not quiet.proven


@pytest.mark.hazard("H-07")
def test_output_of_another_unit_is_output_on_the_cable() -> None:
    quiet = permitted()
    quiet.hear(REPORT, 1150)
    quiet.hear(OTHER_EMITTING, 1101 + BOUND_MS)
    quiet.hear(OTHER, 1102 + BOUND_MS)

    after_it = Quiet()
    after_it.allow(1000, 500, NONCE)
    after_it.ask(1000, reachable=True)
    after_it.hear(OTHER_EMITTING, 1001 + BOUND_MS)

    assert not quiet.proven  # it may be ours, restarted, with output that has stuck
    assert quiet.known(1653 + BOUND_MS, reachable=True) is Silence.INFERRED
    assert after_it.known(3001 + BOUND_MS, reachable=False) is Silence.UNKNOWN


@pytest.mark.hazard("H-07")
def test_one_units_word_does_not_take_back_anothers_that_it_has_output() -> None:
    disobeys = replace(REPORT, output=440, state=UnitState.IDLE)
    quiet = permitted()
    quiet.hear(disobeys, 1120)

    quiet.hear(OTHER, 1150)

    assert quiet.known(1120 + BOUND_MS, reachable=True) is Silence.UNKNOWN


@pytest.mark.hazard("H-07")
def test_another_unit_that_ends_its_output_takes_back_its_own_word_only() -> None:
    quiet = permitted()
    quiet.hear(replace(REPORT, output=440), 1120)

    quiet.hear(replace(OTHER, output=440), 1150)
    quiet.hear(OTHER, 1160)

    assert quiet.known(1160 + BOUND_MS, reachable=True) is Silence.UNKNOWN


def test_before_any_permission_whoever_answers_a_stop_is_believed() -> None:
    quiet = Quiet()
    quiet.ask(0, reachable=True)

    quiet.hear(OTHER, 10)

    assert quiet.known(10, reachable=True) is Silence.PROVEN


@pytest.mark.hazard("H-07")
def test_of_a_unit_that_nothing_but_its_switch_ends_nothing_is_inferred() -> None:
    quiet = Quiet()
    quiet.allow(1000, None, NONCE)
    quiet.ask(1000, reachable=False)

    assert quiet.known(1000, reachable=False) is Silence.UNKNOWN
    assert quiet.known(100_000, reachable=False) is Silence.UNKNOWN


@pytest.mark.hazard("H-07")
def test_a_unit_that_nothing_but_its_switch_ends_is_told_to_stop_for_a_while() -> None:
    quiet = Quiet()
    quiet.allow(1000, None, NONCE)
    quiet.ask(1000, reachable=True)

    assert quiet.known(1000 + STUBBORN_MS, reachable=True) is None
    assert quiet.known(1001 + STUBBORN_MS, reachable=True) is Silence.UNKNOWN


# --- in a session ---------------------------------------------------------------------------------------


def silenced(ledger: Ledger) -> list[Silence]:
    return [event.silence for event in ledger.events if isinstance(event, Silenced)]


@pytest.mark.hazard("H-07")
@pytest.mark.parametrize("fault", ["swapped@5s+1h=0", "swapped@5s+1h=1", "swapped@5s+1h=2", "restart@5s+1ms"])
def test_a_unit_swapped_or_restarted_under_output_leaves_silence_inferred(
    make_rig: MakeRig, fault: str
) -> None:
    rig, ledger = make_rig("us111", fault), Ledger()

    delivery = session_on(rig, emit(rig, MINUTE_MS), ledger=ledger)

    assert (delivery.ended, delivery.silence) == (Ended.INTERRUPTED, Silence.INFERRED)
    assert silenced(ledger) == [Silence.INFERRED]
    assert [rule.code for rule in rig.controller.alarms] == ["RESTARTED"]
    assert rig.unit.silent_since_ms is not None
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

    assert (delivery.ended, delivery.silence) == (Ended.INTERRUPTED, Silence.PROVEN)
    assert rig.unit.changes[-1].why is Why.STEP_DONE


@pytest.mark.hazard("H-07")
@some_sessions
@given(
    at_ms=st.integers(100, 12_000),  # the handshake is over
    for_ms=st.sampled_from([1, 50, 200, 1000, 3_600_000]),
    other=st.integers(0, 2),
    model=st.sampled_from(["us111", "ultragun"]),
    acts=st.lists(st.tuples(st.integers(0, 12_000), st.sampled_from([Act.PAUSE, Act.STOP])), max_size=2),
)
def test_silence_is_never_proven_while_the_unit_that_had_the_permission_gives_output(
    at_ms: int, for_ms: int, other: int, model: str, acts: list[tuple[int, Act]]
) -> None:
    rig = Rig(model, faults=[parse(f"swapped@{at_ms}ms+{for_ms}ms={other}")], acts=acts)
    wrong: list[str] = []

    class Looking(Ledger):
        def tell(self, event: Event) -> None:
            if isinstance(event, Silenced) and event.silence is not Silence.UNKNOWN and rig.unit.output:
                wrong.append(f"{event.silence} at {event.at_ms}")

    with suppress(Stopped):
        session_on(rig, emit(rig, 4000), Rest(2000), emit(rig, 4000), ledger=Looking())
    rig.wait(SECOND_MS)

    assert wrong == []
    assert rig.unit.output == 0


@pytest.mark.hazard("H-10")
def test_a_unit_that_was_heard_with_output_is_not_proven_off_by_another_though_none_had_permission() -> None:
    quiet = Quiet()
    quiet.hear(OTHER_EMITTING, 100)
    quiet.ask(300, reachable=True)
    quiet.hear(REPORT, 310)

    assert quiet.known(310, reachable=True) is None
    assert quiet.known(300 + STUBBORN_MS, reachable=True) is None
    assert quiet.known(301 + STUBBORN_MS, reachable=True) is Silence.UNKNOWN

    quiet.hear(OTHER, 3000)
    quiet.hear(REPORT, 3010)

    assert quiet.known(3010, reachable=True) is Silence.PROVEN
