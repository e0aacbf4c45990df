"""The watch: compares every status with every rule.

It keeps the time since which a rule has been broken, raises an alarm once that is long enough, without a
break or as the sum of many short times, and ends an alarm that does not latch. The controller carries out
an alarm's effect on the session. Figures are this project's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from device.dialects.base import ReportField
from device.monitor.alarms import RULES, Effect, Rule
from device.monitor.view import View

FORGIVEN = 10  # times as long as a rule was broken, it has to hold before that is forgotten
INTERVAL_MAX_MS = 100  # of two reports: for what happened in a longer gap between them there is no evidence


@dataclass(slots=True)
class Watch:
    """The rules, and how each of them stands."""

    rules: Sequence[Rule] = RULES
    making_sure: bool = False  # a reading that would end the session is wrong, and not yet for long enough
    _since_ms: dict[str, int] = field(default_factory=dict)
    _right_ms: dict[str, int] = field(default_factory=dict)  # since when a broken rule holds again
    _raised: set[str] = field(default_factory=set)
    _broken_ms_10ths: dict[str, int] = field(default_factory=dict)  # of late, in tenths of a millisecond
    _was_broken: set[str] = field(default_factory=set)  # by the report before
    _judged_ms: int | None = None  # when that was

    def judge(self, view: View) -> tuple[list[Rule], list[Rule]]:
        """Return the rules whose alarm this status raises, and those whose alarm it ends."""
        raised, ended = [], []
        self.making_sure = False
        interval_ms = self._interval_ms(view.now_ms)
        faults = view.status.faults
        for rule in self.rules if faults or self._remembers() else self._broken(view):
            said = bool(faults) and any(fault in rule.unit_faults for fault in faults)
            broken = said or (rule.breaks is not None and rule.breaks(view))
            if not broken and not self._follows(rule.code):
                continue
            summed = self._add(rule, broken, interval_ms)
            if broken:
                since_ms = self._since_ms.setdefault(rule.code, view.now_ms)
                self._right_ms.pop(rule.code, None)
                due = said or summed or view.now_ms - since_ms >= rule.sustain_ms
                if not due:
                    self.making_sure = self.making_sure or rule.effect is Effect.FAIL
                elif rule.code not in self._raised:
                    self._raised.add(rule.code)
                    raised.append(rule)
            elif rule.code in self._since_ms and self._is_over(rule, view.now_ms):
                ended.append(rule)
        return raised, ended

    def judge_only_what_is_told(self, reports: frozenset[ReportField]) -> None:
        """Let the rules stand down that need more than ``reports``."""
        self.rules = tuple(rule for rule in self.rules if rule.needs <= reports)

    def forget(self, code: str) -> None:
        """Let the alarm ``code`` be raised again: its cause has been handled."""
        self._since_ms.pop(code, None)
        self._broken_ms_10ths.pop(code, None)
        self._raised.discard(code)

    def _interval_ms(self, now_ms: int) -> int:
        before_ms = now_ms if self._judged_ms is None else self._judged_ms
        self._judged_ms = now_ms
        return min(now_ms - before_ms, INTERVAL_MAX_MS)

    def _broken(self, view: View) -> list[Rule]:
        """The rules that ``view`` breaks: of most views, none."""
        return [rule for rule in self.rules if rule.breaks is not None and rule.breaks(view)]

    def _remembers(self) -> bool:
        """Whether anything is remembered of any rule."""
        return bool(self._was_broken or self._broken_ms_10ths or self._since_ms)

    def _follows(self, code: str) -> bool:
        """Whether anything is remembered of the rule ``code``: of most, and most of the time, nothing is."""
        return code in self._was_broken or code in self._since_ms or code in self._broken_ms_10ths

    def _add(self, rule: Rule, broken: bool, interval_ms: int) -> bool:
        """Add up for how long the rule has been broken; say whether that is long enough in all.

        A time in which it changed counts half. What holds again is forgiven slowly, so that what is wrong
        for a tenth of the time or more, however it is cut up, comes to the sum in the end.
        """
        ends = broken + (rule.code in self._was_broken)
        (self._was_broken.add if broken else self._was_broken.discard)(rule.code)
        change = FORGIVEN * ends * interval_ms // 2 if ends else -interval_ms
        total = max(self._broken_ms_10ths.pop(rule.code, 0) + change, 0)
        if total:
            self._broken_ms_10ths[rule.code] = total
        return total >= FORGIVEN * rule.sustain_ms

    def _is_over(self, rule: Rule, now_ms: int) -> bool:
        """Forget a rule that is kept again, and return whether that ends an alarm.

        One that was not broken for long enough is remembered for as long again, for what comes and goes is
        broken.
        """
        ends = rule.code in self._raised and not rule.latches
        if ends or now_ms - self._right_ms.setdefault(rule.code, now_ms) >= rule.sustain_ms:
            del self._since_ms[rule.code]
        if ends:
            self._broken_ms_10ths.pop(rule.code, None)
            self._raised.discard(rule.code)
        return ends
