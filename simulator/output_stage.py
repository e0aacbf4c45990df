"""Output as the firmware commands it: one straight line, then level. In the unit's own time."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Drive:
    """From one level to another over a ramp."""

    target: int
    duty_pct: int
    start_ms: int
    base: float = 0.0
    ramp_ms: int = 0

    @property
    def end_ms(self) -> int:
        """When it has reached its target."""
        return self.start_ms + self.ramp_ms

    def level(self, own_ms: int) -> float:
        """The level commanded at ``own_ms``."""
        gone_ms = own_ms - self.start_ms
        if gone_ms >= self.ramp_ms:
            return float(self.target)
        return self.base + (self.target - self.base) * gone_ms / self.ramp_ms

    def lowered(self, level: int, own_ms: int) -> Drive:
        """The same line as far as ``level``, or ``level`` at once where it is above that already."""
        if self.level(own_ms) >= level:
            return replace(self, target=level, start_ms=own_ms, base=0.0, ramp_ms=0)
        rises_ms = -(-self.ramp_ms * (level - self.base) // (self.target - self.base))
        return replace(self, target=level, ramp_ms=int(rises_ms))


OFF = Drive(target=0, duty_pct=0, start_ms=0)  # compared by identity: off is not a level of zero
