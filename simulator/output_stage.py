"""Output as the firmware commands it: one straight line, then level. In the unit's own time."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class OutputStage:
    """From one level to another over a ramp."""

    target: int
    duty_pct: int
    start_ms: int
    base: float = 0.0
    ramp_ms: int = 0
    most: int | None = None  # where a rise is cut short: lowered since

    @property
    def end_ms(self) -> int:
        """When it has reached its target, or the level to which it has been lowered."""
        if self.most is None:
            return self.start_ms + self.ramp_ms
        return self.start_ms - int(-self.ramp_ms * (self.most - self.base) // (self.target - self.base))

    def level(self, own_ms: int) -> float:
        """The level commanded at ``own_ms``."""
        gone_ms = own_ms - self.start_ms
        if gone_ms >= self.ramp_ms:
            on_line = float(self.target)
        else:
            on_line = self.base + (self.target - self.base) * gone_ms / self.ramp_ms
        return on_line if self.most is None else min(on_line, self.most)

    def lowered(self, level: int, own_ms: int) -> OutputStage:
        """The same line as far as ``level``, or ``level`` at once where it is above that already."""
        if self.level(own_ms) >= level:
            return OutputStage(level, self.duty_pct, own_ms)
        return replace(self, most=level)

    def levelled(self, own_ms: int) -> OutputStage:
        """What it is once its line has ended."""
        return OutputStage(self.target if self.most is None else self.most, self.duty_pct, own_ms)


OFF = OutputStage(target=0, duty_pct=0, start_ms=0)  # compared by identity: off is not a level of zero
