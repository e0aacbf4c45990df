"""A level lowered in mid-session on each kind of Modbus unit."""

from __future__ import annotations

import pytest

from device.control.delivery import Ended
from device.operator import Lower
from tests.device.test_host_loss import KINDS, plan_on, rig_with
from tests.support import run_plan


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
