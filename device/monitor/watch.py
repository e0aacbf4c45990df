"""The watch: every report is held against every rule.

It remembers since when a rule has been broken, raises an alarm once it has been broken for long
enough, and clears one that does not latch. What an alarm does to the session is the controller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from device.monitor.alarms import RULES, Effect, Rule
from device.monitor.view import View


@dataclass(slots=True)
class Watch:
    """The rules, and how each of them stands."""

    rules: Sequence[Rule] = RULES
    making_sure: bool = False  # a reading that would end the session is wrong, and not yet for long enough
    _since_ms: dict[str, int] = field(default_factory=dict)
    _right_ms: dict[str, int] = field(default_factory=dict)  # since when a broken rule holds again
    _raised: set[str] = field(default_factory=set)

    def judge(self, view: View) -> tuple[list[Rule], list[Rule]]:
        """The rules whose alarm this report raises, and those whose alarm it clears."""
        raised, cleared = [], []
        self.making_sure = False
        faults = view.report.faults
        for rule in self.rules:
            said = bool(faults) and any(fault in rule.unit_faults for fault in faults)
            if said or (rule.breaks is not None and rule.breaks(view)):
                since_ms = self._since_ms.setdefault(rule.code, view.now_ms)
                self._right_ms.pop(rule.code, None)
                due = said or view.now_ms - since_ms >= rule.sustain_ms
                if not due:
                    self.making_sure = self.making_sure or rule.effect is Effect.FAIL
                elif rule.code not in self._raised:
                    self._raised.add(rule.code)
                    raised.append(rule)
            elif rule.code in self._since_ms and self._is_over(rule, view.now_ms):
                cleared.append(rule)
        return raised, cleared

    def forget(self, code: str) -> None:
        """Let the alarm ``code`` be raised anew: its cause has been dealt with."""
        self._since_ms.pop(code, None)
        self._right_ms.pop(code, None)
        self._raised.discard(code)

    def _is_over(self, rule: Rule, now_ms: int) -> bool:
        """Forget a rule that holds again, and say whether that clears an alarm.

        One that was not broken for long enough is remembered for as long again, for what comes and goes is
        broken.
        """
        clears = rule.code in self._raised and not rule.latches
        if clears or now_ms - self._right_ms.setdefault(rule.code, now_ms) >= rule.sustain_ms:
            del self._since_ms[rule.code]
        if clears:
            self._raised.discard(rule.code)
        return clears
