"""A line that is held and never answers: noticed within the lease, and waited for without spinning.

What it costs in processor time is measured by ``python -m benchmarks half_dead_line``.
"""

from __future__ import annotations

from queue import SimpleQueue
from typing import TypeVar

import pytest

from device.clock import VirtualClock
from device.control.delivery import Ended
from device.control.driver import Driver
from device.control.handshake import perform_handshake
from device.control.schedule import STOP_MS
from device.dialects.native import Native
from device.link import Inbox
from physioctl.rehearsal.rig import CableLink
from protocols.plan import Emit
from simulator.cable import Cable
from simulator.faults import parse
from simulator.unit import SimulatedUnit
from tests.support import LEASE_MS, MINUTE_MS, ULTRASOUND, Ledger, plan_of, run_plan

T = TypeVar("T")
DEAD_AT_MS = 10_000


class CountingClock(VirtualClock):
    """Counts how often somebody waits: once for each turn of the loop."""

    def __init__(self) -> None:
        super().__init__()
        self.waits_at_ms: list[int] = []

    def wait(self, inbox: SimpleQueue[T], until_ms: int) -> T | None:
        self.waits_at_ms.append(self.now_ms())
        return super().wait(inbox, until_ms)


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize("direction", [0, 1])
def test_a_line_that_no_longer_answers_is_noticed_within_the_lease_and_not_spun_on(direction: int) -> None:
    clock = CountingClock()
    inbox: Inbox = SimpleQueue()
    fault = parse(f"half_open@{DEAD_AT_MS}ms+1h={direction}")
    unit = SimulatedUnit("us111")
    cable = Cable(unit, faults=[fault])
    clock.add(cable)
    driver = Driver(CableLink(cable, clock, inbox), clock, inbox, Native())
    ledger = Ledger()
    known = driver.run(perform_handshake(driver.controller))
    driver.record_to(ledger)

    delivery = run_plan(driver, plan_of(known, Emit(ULTRASOUND, MINUTE_MS, 0)), 7)

    (alarm,) = ledger.named("alarm_raised")
    after = [at_ms for at_ms in clock.waits_at_ms if at_ms > DEAD_AT_MS]
    assert delivery.ended is Ended.INTERRUPTED
    assert alarm.at_ms - DEAD_AT_MS <= LEASE_MS
    assert unit.changes[-1].output == 0
    assert unit.changes[-1].ms - DEAD_AT_MS <= LEASE_MS
    assert len(after) <= 2 * (after[-1] - after[0]) / STOP_MS + 10
