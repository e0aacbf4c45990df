"""When the next message is sent, and which: status requests, renewals and stops.

It keeps the times of the latest request, permission and answer. It sends nothing; the guard decides whether
a message may be sent.
"""

from __future__ import annotations

from device.control.machine import State
from device.control.requests import RequestTracker
from device.control.state import SessionState
from device.dialects.base import GetStatus, Intent, LowerLevel, Renew, Stop
from device.monitor.watch import Watch

STATUS_MS = 100  # the status period: while output may be on, a status is received at least this often
RENEW_MS = 90  # between renewals: the next one is sent while the last answer is recent
FRESH_MS = STATUS_MS  # a lease is renewed only if a status was received within this time
OFF_STATUS_MS = 250  # while it is off
SURE_MS = 40  # while a reading is being confirmed
STOP_MS = 40  # between stops, until output off is confirmed or given up
END_MS = 5  # after the calculated end of a step, and between status requests for it
LOWER_MS = 40  # before a lower level is asked for again
DATED_MS = 500  # an Arm is dated by a report no older than this; a unit takes it for a second
LIVE = (State.EMITTING, State.SUSPENDED, State.FINISHING)  # output may be on
WAITING = (State.AWAITING_START, State.ARMED, State.PAUSED)  # output is off, and nothing is on its way
RUNNING = (*WAITING, State.PAUSING, *LIVE)  # a session goes on


class Scheduler:
    """Schedules the messages of one controller."""

    def __init__(self, known: SessionState, tracker: RequestTracker, watch: Watch, now_ms: int) -> None:
        self.sent_ms = 0  # when the latest message was sent
        self.stop_waits = False  # the latest stop could not leave: another request was under way
        self.granted_ms = 0  # when the latest start or renewal was sent
        self.received_at_ms = now_ms  # when the latest status was received, or listening began
        self._stopped_ms = now_ms  # when a stop last left
        self._heard_since_stop = False  # the latest status answers what was asked with that stop, or since
        self._known = known
        self._requests = tracker
        self._watch = watch

    def is_fresh(self, now_ms: int) -> bool:
        """Whether a status was received within one status period. Only then may the lease be renewed."""
        return now_ms - self.received_at_ms <= FRESH_MS

    def can_date(self, now_ms: int) -> bool:
        """Whether the latest status can date an Arm: it is recent, and no older than our latest stop."""
        return self._heard_since_stop and now_ms - self.received_at_ms <= DATED_MS

    def received(self, asked_ms: int, now_ms: int) -> None:
        """Note that a status was received, in answer to a request of ``asked_ms``."""
        self.received_at_ms = now_ms
        self._heard_since_stop = self._heard_since_stop or asked_ms >= self._stopped_ms

    def stops(self, now_ms: int, *, waits: bool) -> None:
        """Note a stop; ``waits`` says that it cannot leave, another request being under way."""
        self._stopped_ms, self._heard_since_stop, self.stop_waits = now_ms, False, waits

    def due_ms(self, state: State, now_ms: int) -> int:
        """Return when the next message is due."""
        end_ms = self.step_end_ms(state)
        due_ms = max(self._wanted_ms(state, now_ms), self._requests.free_at_ms())
        return due_ms if end_ms is None else min(due_ms, end_ms)

    def _wanted_ms(self, state: State, now_ms: int) -> int:
        """The same, were the line always free."""
        pending = self._requests.pending
        if self._known.output_off.stopping:
            return now_ms if self.stop_waits else self.sent_ms + STOP_MS
        if pending is not None:
            answer_max_ms = self._requests.dialect.promises.line.answer_max_ms
            return pending.at_ms + (answer_max_ms if state in LIVE else OFF_STATUS_MS)
        if state in LIVE and self._watch.making_sure:
            return self.sent_ms + SURE_MS
        if state in LIVE:
            unit = self._known.unit
            leased = unit is None or unit.policy.leased
            renew_ms = (self.granted_ms if leased else self.sent_ms) + RENEW_MS
            due_ms = min(renew_ms, self._expected_end_ms(state, now_ms))
            return due_ms if self._known.level_to_lower_to is None else min(due_ms, self.sent_ms + LOWER_MS)
        return self.sent_ms + OFF_STATUS_MS

    def step_end_ms(self, state: State) -> int | None:
        """When the host has to end the running step; None for a unit that ends it by a timer of its own."""
        known = self._known
        if state is not State.EMITTING or known.unit is None or known.start is None:
            return None
        if known.unit.policy.unit_ends_steps:
            return None
        left_ms = known.step_end_ms - known.delivered_ms - known.unit.policy.ends_early_ms
        return max(self.received_at_ms, known.start.at_ms) + max(left_ms, 0)

    def what_is_due(self, state: State, now_ms: int) -> Intent:
        """Return the message that is due."""
        unit, status = self._known.unit, self._known.status
        if self._known.output_off.stopping:
            return Stop()
        heard = self._requests.pending is None and self.is_fresh(now_ms)
        if unit is None or status is None or state not in LIVE:
            return GetStatus()
        if not heard or self._watch.making_sure:
            return GetStatus()  # no renewal: the unit does not answer, or a reading is being confirmed
        nonce, session = unit.identity.nonce, self._known.session
        to_level = self._known.level_to_lower_to
        if to_level is not None and (now_ms < self.granted_ms + RENEW_MS or not unit.policy.leased):
            return LowerLevel(nonce, session, to_level)
        if not unit.policy.leased:
            return GetStatus()
        return Renew(nonce, session, status.uptime_ms, unit.lease_ms)

    def _expected_end_ms(self, state: State, now_ms: int) -> int:
        """When the unit's own timer should have ended the running step: a status request is due then."""
        if state is not State.EMITTING or not self._known.start_seen:
            return now_ms + OFF_STATUS_MS
        left_ms = self._known.step_end_ms - self._known.delivered_ms
        return max(self.received_at_ms + left_ms, self.sent_ms) + END_MS
