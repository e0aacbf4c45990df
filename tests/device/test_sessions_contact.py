"""Contact comes and goes: the unit holds output and timer, and a long absence is a person's matter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.control.delivery import Ended
from device.control.machine import State
from device.events import OffConfirmation
from device.operator import SessionAction
from physioctl.record.codec import to_json
from physioctl.rehearsal.rig import Rig
from simulator.faults import Fault, FaultKind
from simulator.record import Why
from tests.support import MINUTE_MS, SECOND_MS, Ledger, MakeRig, emit, session_on, some_sessions

SUSPENSION_MAX_MS = 60_000  # declared by the simulated US111


@pytest.mark.hazard("H-01")
@some_sessions
@given(at_ms=st.integers(0, 8 * SECOND_MS), for_ms=st.integers(0, 10 * SECOND_MS))
def test_a_lift_off_holds_the_timer_and_the_session_goes_on(at_ms: int, for_ms: int) -> None:
    rig = Rig(faults=[Fault(FaultKind.LIFT_OFF, at_ms, for_ms, 0.02)])

    delivery = session_on(rig, emit(rig, 6 * SECOND_MS))

    assert (delivery.ended, delivery.output_off) == (Ended.COMPLETED, OffConfirmation.CONFIRMED)
    assert rig.unit.delivered_ms == delivery.delivered_ms == 6 * SECOND_MS
    assert {change.output for change in rig.unit.changes} <= {0, 440}
    assert rig.unit.breaches == []
    assert rig.unit.output == 0


def test_a_lift_off_is_told_and_is_over_when_it_is(make_rig: MakeRig) -> None:
    rig, ledger = make_rig("us111", "lift_off@5s+3s"), Ledger()

    session_on(rig, emit(rig, 20 * SECOND_MS), ledger=ledger)

    assert [rule.code for rule in rig.controller.alarms] == ["CONTACT_LOST"]
    assert len(ledger.named("alarm_ended")) == 1
    assert [change.why for change in rig.unit.changes] == [
        Why.SET, Why.CONTACT_LOST, Why.CONTACT_BACK, Why.STEP_DONE,
    ]  # fmt: skip


def test_a_head_lifted_for_too_long_pauses_an_attended_session(make_rig: MakeRig) -> None:
    rig, ledger = (
        make_rig("us111", "lift_off@5s+80s", actions=[(90 * SECOND_MS, SessionAction.RESUME)]),
        Ledger(),
    )

    delivery = session_on(rig, emit(rig, 20 * SECOND_MS), attended=True, ledger=ledger)

    assert [change.why for change in rig.unit.changes] == [
        Why.SET, Why.CONTACT_LOST, Why.SUSPENSION_EXPIRED, Why.SET, Why.STEP_DONE,
    ]  # fmt: skip
    assert State.PAUSED.value in [to_json(event)["state"] for event in ledger.named("state_changed")]
    assert (delivery.ended, rig.unit.delivered_ms) == (Ended.COMPLETED, 20 * SECOND_MS)


@pytest.mark.hazard("H-01")
def test_a_head_lifted_for_too_long_ends_an_unattended_session(make_rig: MakeRig) -> None:
    rig = make_rig("us111", "lift_off@5s+80s")

    delivery = session_on(rig, emit(rig, 20 * SECOND_MS))

    assert (delivery.ended, delivery.output_off) == (Ended.INTERRUPTED, OffConfirmation.CONFIRMED)
    assert "contact" in delivery.why
    assert [change.why for change in rig.unit.changes[-2:]] == [Why.CONTACT_LOST, Why.SUSPENSION_EXPIRED]


@pytest.mark.hazard("H-17")
@pytest.mark.parametrize("after_ms", [0, 1, 100, SECOND_MS, SUSPENSION_MAX_MS - SECOND_MS])
def test_a_head_that_is_put_back_after_a_stop_gives_nothing(make_rig: MakeRig, after_ms: int) -> None:
    rig = make_rig("us111", "lift_off@5s+80s", actions=[(6000 + after_ms, SessionAction.STOP)])

    delivery = session_on(rig, emit(rig, MINUTE_MS))
    rig.wait(MINUTE_MS)

    assert (delivery.ended, delivery.output_off) == (Ended.STOPPED, OffConfirmation.CONFIRMED)
    assert Why.CONTACT_BACK not in [change.why for change in rig.unit.changes]


def test_a_host_that_dies_while_the_head_is_lifted_leaves_no_output_behind(make_rig: MakeRig) -> None:
    rig = make_rig("us111", "lift_off@5s+10s", "half_open@6s+1h=0")

    session_on(rig, emit(rig, MINUTE_MS))
    rig.wait(MINUTE_MS)

    assert rig.unit.changes[-1].why is Why.LEASE
