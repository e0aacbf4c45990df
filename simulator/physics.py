"""The physics around the unit: skin, head, motor, battery.

Slow things move on a fixed grid of true time, so that nothing depends on how time is cut up; output and its
energy are followed to the millisecond by the unit. It knows nothing of commands, limits or the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import exp, sqrt
from random import Random

from simulator.nameplate import Nameplate

TICK_MS = 100
ROOM_C = 25.0

_TICK_S = TICK_MS / 1000


class Wander:
    """A random value that returns to its mean (Ornstein-Uhlenbeck process), exact on the grid."""

    def __init__(self, rng: Random, mean: float, spread: float, back_s: float) -> None:
        self.value = mean
        self._rng = rng
        self._mean = mean
        self._keep = exp(-_TICK_S / back_s)
        self._kick = spread * sqrt(1 - self._keep**2)

    def tick(self) -> float:
        """One grid step on."""
        drawn = self._mean + (self.value - self._mean) * self._keep + self._kick * self._rng.gauss()
        self.value = max(0.0, drawn)
        return self.value


@dataclass(slots=True)
class Moment:
    """What went on in the last grid step, and what was done to the unit from outside."""

    power_w: float = 0.0  # into the person, on average
    driven: bool = False
    coupling: float | None = None  # the head is lifted: this instead of what the gel gives
    heat_w: float = 0.0  # into the head, or into the motor
    load: float | None = None  # pressed on: this share of the stall force


class Body:
    """What any unit has, at rest in a room. Each family changes what is its own."""

    def __init__(self) -> None:
        self.contact = 1.0  # as sensed
        self.coupling = 1.0
        self.head_c = ROOM_C
        self.tissue_c = 36.0
        self.load_n = 0.0
        self.stalled = False
        self.winding_c = ROOM_C
        self.charge = 1.0
        self.cell_v = 4.15

    @property
    def warmest_c(self) -> float:
        """°C where the unit is warmest to whoever holds it."""
        raise NotImplementedError

    def mw_per_level(self, duty_pct: int) -> float:
        """Power into the person, for each unit of level."""
        raise NotImplementedError

    def tick(self, past: Moment) -> None:
        """One grid step on."""
        raise NotImplementedError


class Ultrasound(Body):
    """A head on gelled skin. The unit regulates what it emits; the coupling decides where it goes."""

    _ETA = 0.6  # acoustic over electric power
    _HEAD_J_K = 60.0
    _GAIN_K_S = 0.356 / 60  # muscle, per W/cm² at 1 MHz, fitted to one published course
    _TISSUE_S = 9.5 * 60
    _SENSE_KEEP = exp(-_TICK_S / 0.2)

    def __init__(self, plate: Nameplate, rng: Random) -> None:
        super().__init__()
        self._area_cm2 = plate.area_mm2 / 100
        # A stationary spread of 0.052 is the 0.06/√s of the model over its 1.5 s.
        self._gel = Wander(rng, mean=0.92, spread=0.052, back_s=1.5)
        self.contact = self.coupling = self._gel.value

    @property
    def warmest_c(self) -> float:
        """°C at the face of the head."""
        return self.head_c

    def mw_per_level(self, duty_pct: int) -> float:
        """Intensity × area × duty."""
        return self._area_cm2 * duty_pct / 100

    def tick(self, past: Moment) -> None:
        """Coupling, its low-passed reading, the head and the muscle below it."""
        gelled = min(1.0, self._gel.tick())
        self.coupling = gelled if past.coupling is None else past.coupling
        self.contact = self.coupling + (self.contact - self.coupling) * self._SENSE_KEEP
        lost_w = past.power_w * ((1 - self._ETA) / self._ETA + 1 - self.coupling) + past.heat_w
        to_room_w = (self.head_c - ROOM_C) / (15 - 10 * self.coupling)
        self.head_c += _TICK_S * (lost_w - to_room_w) / self._HEAD_J_K
        warmed = self._GAIN_K_S * past.power_w / self._area_cm2 * self.coupling
        self.tissue_c += _TICK_S * (warmed - (self.tissue_c - 36.0) / self._TISSUE_S)


class Percussion(Body):
    """A motor, what it is pressed against, and its battery. Speed is regulated until the motor stalls."""

    _LOSS = 0.3  # share of force × stroke that is left in the muscle
    _ETA = 0.6
    _IDLE_W = 3.0
    _STALL_W = 45.0
    _WINDING_J_K = 80.0
    _WINDING_K_W = 4.0
    _CELL_OHM = 0.06
    _OCV = ((0.0, 3.0), (0.10, 3.45), (0.25, 3.60), (0.50, 3.72), (0.75, 3.90), (1.0, 4.15))

    def __init__(self, plate: Nameplate, rng: Random) -> None:
        super().__init__()
        self._plate = plate
        self._hand = Wander(rng, mean=40.0, spread=8.0, back_s=1.0)
        self.load_n = self._hand.value

    @property
    def warmest_c(self) -> float:
        """°C in the winding of the motor."""
        return self.winding_c

    def mw_per_level(self, duty_pct: int) -> float:
        """Force × stroke × loss, sixty to the minute."""
        return self.load_n * self._plate.amplitude_mm * self._LOSS / 60 * duty_pct / 100

    def tick(self, past: Moment) -> None:
        """The hand's force, the motor's heat, the battery's charge."""
        pressed = self._hand.tick()
        self.load_n = pressed if past.load is None else past.load * self._plate.stall_n
        self.stalled = past.driven and self.load_n > self._plate.stall_n
        electric_w = 0.05
        if past.driven:
            electric_w = self._STALL_W if self.stalled else self._IDLE_W + past.power_w / self._ETA
        heat_w = (electric_w if self.stalled else 0.25 * electric_w) + past.heat_w
        to_room_w = (self.winding_c - ROOM_C) / self._WINDING_K_W
        self.winding_c += _TICK_S * (heat_w - to_room_w) / self._WINDING_J_K
        self._drain(electric_w)

    def _drain(self, electric_w: float) -> None:
        open_v = self._open_v()
        current_a = electric_w / (open_v * self._plate.cells)
        self.cell_v = open_v - current_a * self._CELL_OHM
        self.charge = max(0.0, self.charge - current_a * _TICK_S / 3.6 / self._plate.battery_mah)

    def _open_v(self) -> float:
        for (low, low_v), (high, high_v) in pairwise(self._OCV):
            if self.charge <= high:
                return low_v + (high_v - low_v) * (self.charge - low) / (high - low)
        return self._OCV[-1][1]
