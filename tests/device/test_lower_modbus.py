"""A level lowered in mid-session on each kind of Modbus unit."""

from __future__ import annotations

import pytest

from device.control.delivery import Ended
from device.control.machine import State
from device.events import Event, StateChanged
from device.operator import Lower
from device.wire.messages import UnitState
from physioctl.rehearsal.rig import Rig, speaking
from simulator.modbus_firmware import UntimedFirmware
from simulator.modbus_unit import UntimedUnit
from tests.device.test_host_loss import KINDS, plan_on, rig_with
from tests.support import Ledger, run_plan


@pytest.mark.parametrize("kind", KINDS)
def test_a_level_is_lowered_for_the_rest_of_the_session(kind: str) -> None:
    rig = rig_with(kind, "ultragun")
    plan = plan_on(rig, 14_000, 3_000)
    rig.person.schedule(Lower(1_900), 4_000)

    delivery = run_plan(rig.driver, plan, attended=True)

    assert delivery.ended is Ended.COMPLETED
    assert [rule.code for rule in rig.controller.alarms] == []
    levels = [change.output for change in rig.unit.changes if change.output]
    assert levels[0] == 2_000
    assert set(levels[1:]) == {1_900}
    assert rig.unit.breaches == []


class LowersInFinishing:
    """Lowers the level so long after the host has first begun to end a step."""

    def __init__(self, rig: Rig, after_ms: int) -> None:
        self._rig, self._after_ms = rig, after_ms
        self._done = False

    def on_event(self, event: Event) -> None:
        if isinstance(event, StateChanged) and event.state == State.FINISHING.value and not self._done:
            self._done = True
            self._rig.person.schedule(Lower(1_900), event.at_ms + self._after_ms)


class DropsFirstStop(UntimedFirmware):
    """Says that it has carried out the first stop of its output, and goes on."""

    _dropped = False

    def _stop(self, own_ms: int) -> None:
        drops = self.state is UnitState.EMITTING and not self._dropped
        self._dropped = self._dropped or drops
        if not drops:
            super()._stop(own_ms)


class Stubborn(UntimedUnit):
    firmware = DropsFirstStop


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("after_ms", range(0, 50, 5))
@pytest.mark.parametrize("maker", [UntimedUnit, Stubborn])
def test_a_level_lowered_while_the_host_ends_a_step_caps_the_steps_that_follow(
    maker: type[UntimedUnit], after_ms: int
) -> None:
    rig, ledger = Rig("ultragun", unit=maker, dialect=speaking("modbus", "none").dialect), Ledger()
    rig.driver.record_to(ledger)
    rig.driver.add_observer(LowersInFinishing(rig, after_ms))

    delivery = run_plan(rig.driver, plan_on(rig, 1_000, 1_000), attended=True)

    assert delivery.ended is Ended.COMPLETED
    assert len(ledger.named("level_lowered")) == 1
    assert [change.output for change in rig.unit.changes if change.output][-1] == 1_900
    assert rig.unit.breaches == []
