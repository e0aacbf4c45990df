"""What is overdue, and ends output: a report, a lower level that was to be taken, an event on the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from device.control.machine import Trigger
from device.control.schedule import LIVE, RUNNING, WAITING
from device.events import BACKLOG_MAX_MS
from device.monitor.alarms import BY_CODE
from device.unit import LEASE_MS

if TYPE_CHECKING:
    from device.control.controller import Controller

OVERDUE_MS = 100  # this long before the lease is out, or would be, missing answers are doubted
OFF_OVERDUE_MS = 2000  # the same, while output is off
LOWER_MAX_MS = 1000  # a unit that has not taken a lower level after this long is stopped


class Overdue:
    """What one controller waits for, and for how long."""

    def __init__(self, controller: Controller) -> None:
        self.record_failure = ""  # why the recorder was too slow for the session; empty where it was not
        self._controller = controller

    def check(self) -> None:
        """End output when what is required is overdue: before the lease runs out, where there is one."""
        self._check_record()
        if self._controller.unit is not None:
            self._check_lowered()
            self._check_reports(self._controller.unit.lease_ms or LEASE_MS)

    def _check_record(self) -> None:
        controller = self._controller
        since_ms = controller.outbox.unwritten_since_ms
        if since_ms is None or controller.state not in RUNNING:
            return
        if self._since(since_ms) >= BACKLOG_MAX_MS:
            self.record_failure = (
                "the disk is too slow or has stopped: "
                f"what happened {BACKLOG_MAX_MS // 1000} s ago is not on the disk yet; "
                f"{controller.outbox.latest_write}"
            )
            controller.fail(self.record_failure)

    def _check_lowered(self) -> None:
        known = self._controller.known
        lowers = self._controller.state in LIVE and known.level_to_lower_to is not None
        if lowers and self._since(known.lowered_ms) >= LOWER_MAX_MS:
            self._controller.break_off("the unit has not taken the lower level that it was asked to")

    def _check_reports(self, lease_ms: int) -> None:
        controller = self._controller
        state, unheard_for_ms = controller.state, self._since(controller.scheduler.received_at_ms)
        if state in LIVE and unheard_for_ms >= lease_ms - OVERDUE_MS:
            controller.failure = "the unit does not answer"
            controller.end(Trigger.DOUBT)
            controller.alarm(BY_CODE["COMM_LOST"], controller.failure)
        elif unheard_for_ms >= OFF_OVERDUE_MS and state in WAITING:
            controller.break_rule(BY_CODE["COMM_LOST"], "the unit does not answer")

    def _since(self, at_ms: int) -> int:
        return self._controller.delays.since(at_ms, self._controller.now_ms)
