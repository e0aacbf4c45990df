"""When the next message leaves, and which: the rhythm of looks, renewals and stops.

It knows when something was last sent, granted and heard. It sends nothing; whether a message may leave is the
guard's to say.
"""

from __future__ import annotations

from device.control.machine import State
from device.control.requests import Conversation
from device.control.state import Knowledge
from device.dialects.base import Intent, Look, LowerLevel, Renew, Stop
from device.monitor.watch import Watch

STATUS_MS = 100  # the status period: while output may be on, the unit is heard at least this often
RENEW_MS = 90  # between renewals, so that the next one leaves while the last answer is fresh
HEARD_MS = STATUS_MS  # only a unit heard within this time is given more time
LOOK_MS = 250  # while it is off
SURE_MS = 40  # while a reading is made sure of
STOP_MS = 40  # between stops, until silence is known
END_MS = 5  # after a step's reckoned end, and between looks for it
LOWER_MS = 40  # before a lower level is asked for again
LIVE = (State.EMITTING, State.HELD, State.FINISHING)  # output may be on


class Pace:
    """Keeps the time of one controller's messages."""

    def __init__(self, known: Knowledge, conversation: Conversation, watch: Watch, now_ms: int) -> None:
        self.sent_ms = 0  # when anything last left
        self.granted_ms = 0  # when output was last allowed to start or go on
        self.heard_ms = now_ms  # when the unit last reported; until it has, when we began to listen
        self._known = known
        self._conversation = conversation
        self._watch = watch

    def is_fresh(self, now_ms: int) -> bool:
        """Whether the unit has been heard within one status period: only then is it given more time."""
        return now_ms - self.heard_ms <= HEARD_MS

    def due_ms(self, state: State, now_ms: int) -> int:
        """When the next message leaves."""
        end_ms = self.step_end_ms(state)
        due_ms = max(self._wanted_ms(state, now_ms), self._conversation.free_at_ms())
        return due_ms if end_ms is None else min(due_ms, end_ms)

    def _wanted_ms(self, state: State, now_ms: int) -> int:
        """The same, were the line always free."""
        standing = self._conversation.standing
        if self._known.quiet.stopping:
            return self.sent_ms + STOP_MS
        if standing is not None:
            answer_max_ms = self._conversation.dialect.promises.line.answer_max_ms
            return standing.at_ms + (answer_max_ms if state in LIVE else LOOK_MS)
        if state in LIVE and self._watch.making_sure:
            return self.sent_ms + SURE_MS
        if state in LIVE:
            unit = self._known.unit
            leased = unit is None or unit.policy.leased
            renew_ms = (self.granted_ms if leased else self.sent_ms) + RENEW_MS
            due_ms = min(renew_ms, self._expected_end_ms(state, now_ms))
            return due_ms if self._known.level_to_lower_to is None else min(due_ms, self.sent_ms + LOWER_MS)
        return self.sent_ms + LOOK_MS

    def step_end_ms(self, state: State) -> int | None:
        """When the host has to end the running step; None for a unit that ends it by a timer of its own."""
        known = self._known
        if state is not State.EMITTING or known.unit is None or known.start is None:
            return None
        if known.unit.policy.unit_ends_steps:
            return None
        left_ms = known.step_end_ms - known.delivered_ms - known.unit.policy.ends_early_ms
        return max(self.heard_ms, known.start.at_ms) + max(left_ms, 0)

    def what_is_due(self, state: State, now_ms: int) -> Intent:
        """The message that leaves then."""
        unit, report = self._known.unit, self._known.report
        if self._known.quiet.stopping:
            return Stop()
        heard = self._conversation.standing is None and self.is_fresh(now_ms)
        if unit is None or report is None or state not in LIVE:
            return Look()
        if not heard or self._watch.making_sure:
            return Look()  # prolongs nothing: what is not heard, or looks wrong, is not given more time
        nonce, session = unit.identity.nonce, self._known.session
        to_level = self._known.level_to_lower_to
        if to_level is not None and (now_ms < self.granted_ms + RENEW_MS or not unit.policy.leased):
            return LowerLevel(nonce, session, to_level)
        if not unit.policy.leased:
            return Look()
        return Renew(nonce, session, report.uptime_ms, unit.lease_ms)

    def _expected_end_ms(self, state: State, now_ms: int) -> int:
        """When the unit's own timer should have ended the running step: worth a look at once."""
        if state is not State.EMITTING or not self._known.confirmed:
            return now_ms + LOOK_MS
        left_ms = self._known.step_end_ms - self._known.delivered_ms
        return max(self.heard_ms + left_ms, self.sent_ms) + END_MS
