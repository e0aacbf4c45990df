"""Faults that the unit itself has latched: told before a session begins, and cleared on purpose."""

from __future__ import annotations

import pytest

from device.control.delivery import Ended
from device.control.fault_clearing import clear_faults, latched
from device.control.handshake import perform_handshake
from device.control.machine import State
from device.errors import UnitFaulted
from physioctl.rehearsal.rig import Rig
from protocols.errors import PhysioctlError
from tests.support import (
    MINUTE_MS,
    SECOND_MS,
    Ledger,
    MakeRig,
    another_host,
    emit,
    plan_of,
    run_plan,
    session_on,
)


def faulted(make_rig: MakeRig, *faults: str) -> Rig:
    """A rig whose unit has latched a fault in mid-session."""
    rig = make_rig("us111", *faults)
    assert session_on(rig, emit(rig, 5 * MINUTE_MS)).ended is Ended.INTERRUPTED
    rig.wait(SECOND_MS)  # the watch may have been quicker than the unit
    rig.driver.run(perform_handshake(rig.controller))
    return rig


def told(error: PhysioctlError | None) -> tuple[str, str]:
    assert error is not None
    return error.what, error.action


def test_a_sound_unit_has_latched_nothing_and_nothing_is_cleared(rig: Rig) -> None:
    rig.driver.run(perform_handshake(rig.controller))

    assert latched(rig.controller) is None
    assert rig.driver.run(clear_faults(rig.controller)) == ()
    assert rig.controller.state is State.IDLE


def test_a_unit_that_has_said_nothing_has_told_of_no_fault(rig: Rig) -> None:
    assert latched(rig.controller) is None


def test_a_latched_fault_is_told_by_its_name_its_meaning_and_what_to_do(make_rig: MakeRig) -> None:
    dipped, hot = faulted(make_rig, "brown_out@5s"), faulted(make_rig, "overheat@5s+1min=200")

    assert told(latched(dipped.controller)) == (
        "the unit has latched SUPPLY: the unit reports a fault of its own",
        "Switch the unit off and on. If it comes back, have it looked at. "
        f"Once the cause has gone: physioctl clear --port {dipped.driver.link.name}",
    )
    assert told(latched(hot.controller))[0] == "the unit has latched HEAD_HOT: the head is too warm"


def test_a_fault_whose_cause_has_gone_is_cleared_and_the_unit_may_be_used_again(make_rig: MakeRig) -> None:
    rig = faulted(make_rig, "brown_out@5s")

    names = rig.driver.run(clear_faults(rig.controller))

    assert names == ("SUPPLY",)
    assert (rig.controller.state, rig.controller.failure) == (State.OFFLINE, "")
    next_one = another_host(rig)
    unit = next_one.run(perform_handshake(next_one.controller))
    next_one.record_to(Ledger())
    again = run_plan(next_one, plan_of(unit, emit(rig, SECOND_MS)), 8)
    assert (again.ended, again.delivered_ms) == (Ended.COMPLETED, SECOND_MS)


@pytest.mark.hazard("H-01")
def test_a_head_that_is_still_too_warm_keeps_its_fault_until_it_has_cooled(make_rig: MakeRig) -> None:
    rig = faulted(make_rig, "overheat@5s+1min=200")

    with pytest.raises(UnitFaulted, match="HEAD_HOT: the head is too warm"):
        rig.driver.run(clear_faults(rig.controller))
    kept = rig.controller.state
    rig.wait(60 * MINUTE_MS)

    assert kept is State.FAULT
    assert rig.driver.run(clear_faults(rig.controller)) == ("HEAD_HOT",)
    assert rig.controller.state is State.OFFLINE


@pytest.mark.parametrize("dead", [0, 1])
def test_a_request_to_clear_that_is_lost_is_made_again(make_rig: MakeRig, dead: int) -> None:
    rig = faulted(make_rig, "brown_out@5s", f"half_open@60020ms+200ms={dead}")
    rig.wait(MINUTE_MS - rig.clock.now_ms())

    assert rig.driver.run(clear_faults(rig.controller)) == ("SUPPLY",)
