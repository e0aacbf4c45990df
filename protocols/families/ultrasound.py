"""Ultrasound: a head on gelled skin, set to an intensity, a duty cycle, a carrier and a pulse repetition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from protocols.errors import Problem
from protocols.families import instructions
from protocols.families.base import FamilyDefinition, Key, Reading
from protocols.limits import Family, Quantity

THERMAL_DUTY_PCT = 50  # from here on output is taken to be meant to heat; this project's own figure
THERMAL_ABOVE_MW_CM2 = 500  # of temporal-average intensity; likewise


@dataclass(frozen=True, slots=True)
class Ultrasound:
    """What an ultrasound head is to give."""

    family: ClassVar[Literal[Family.ULTRASOUND]] = Family.ULTRASOUND

    intensity_mw_cm2: int  # effective intensity during the pulse
    duty_pct: int  # 100 is continuous
    carrier_khz: int
    pulse_hz: int = 0  # 0 when continuous

    @property
    def level(self) -> int:
        """Intensity during the pulse, mW/cm²."""
        return self.intensity_mw_cm2

    def at_level(self, level: int) -> Ultrasound:
        """The same at another intensity."""
        return replace(self, intensity_mw_cm2=level)

    @property
    def sata_mw_cm2(self) -> int:
        """Temporal-average intensity, rounded up: a limit on it errs to the lower output."""
        return -(-self.intensity_mw_cm2 * self.duty_pct // 100)

    @property
    def is_thermal(self) -> bool:
        """Whether it is meant to heat, by its duty cycle or by its temporal average."""
        average = self.intensity_mw_cm2 * self.duty_pct
        return self.duty_pct >= THERMAL_DUTY_PCT or average > THERMAL_ABOVE_MW_CM2 * 100

    def quantities(self) -> tuple[tuple[Quantity, int], ...]:
        """Every value that can be bounded."""
        return (
            (Quantity.INTENSITY_MW_CM2, self.intensity_mw_cm2),
            (Quantity.SATA_MW_CM2, self.sata_mw_cm2),
            (Quantity.DUTY_PCT, self.duty_pct),
            (Quantity.CARRIER_KHZ, self.carrier_khz),
            (Quantity.PULSE_HZ, self.pulse_hz),
        )

    def energy_mj(self, for_ms: int, ramp_ms: int, area_mm2: int) -> int:
        """Planned acoustic energy, mJ, rounded up.

        Intensity × effective radiating area × duty × time, with the ramp counted as half: it rises straight
        from nothing.
        """
        # mW/cm² × mm² = 10 µW; × % = 0.1 µW; × ms = 0.1 nJ; half milliseconds make it 0.05 nJ.
        twentieths_nj = self.intensity_mw_cm2 * area_mm2 * self.duty_pct * (2 * for_ms - ramp_ms)
        return -(-twentieths_nj // 20_000_000)

    def describe(self) -> str:
        """What a person reads, the temporal average included."""
        pulse = f", pulsed at {Quantity.PULSE_HZ.show(self.pulse_hz)}" if self.pulse_hz else ""
        return (
            f"{Quantity.INTENSITY_MW_CM2.show(self.intensity_mw_cm2)} at {self.duty_pct} %"
            f" (average {Quantity.SATA_MW_CM2.show(self.sata_mw_cm2)}),"
            f" {Quantity.CARRIER_KHZ.show(self.carrier_khz)}{pulse}"
        )


def _disagreements(said: Mapping[str, Any]) -> Iterator[Problem]:
    """Pulsed output has a pulse repetition, and continuous output has none."""
    duty_pct, pulse_hz = said["duty_pct"], said["pulse_hz"]
    if duty_pct < 100 and pulse_hz is None:
        yield Problem(f"{duty_pct} % duty is pulsed, and `pulse` is missing", "Add `pulse: 100 Hz`.")
    if duty_pct == 100 and pulse_hz is not None:
        what = "100 % duty is continuous and has no pulse repetition"
        yield Problem(what, "Take `pulse` out, or lower the duty.", ("pulse",))


_PULSED = {"properties": {"duty": {"pattern": r"^\s*0*[1-9]?[0-9](\.0+)?\s*%"}}, "required": ["duty"]}
_CONTINUOUS = {"properties": {"duty": {"pattern": r"^\s*0*100(\.0+)?\s*%"}}, "required": ["duty"]}
_SCHEMA = (
    {"if": _PULSED, "then": {"required": ["pulse"]}},
    {"if": _CONTINUOUS, "then": {"not": {"required": ["pulse"]}}},
)

_SET = (
    Key("intensity", Quantity.INTENSITY_MW_CM2, "intensity during the pulse"),
    Key("duty", Quantity.DUTY_PCT, "100 % is continuous"),
    Key("carrier", Quantity.CARRIER_KHZ),
    Key("pulse", Quantity.PULSE_HZ, "needed below 100 % duty", needed=False),
)
_BOUNDED = (
    Quantity.INTENSITY_MW_CM2,
    Quantity.SATA_MW_CM2,
    Quantity.DUTY_PCT,
    Quantity.CARRIER_KHZ,
    Quantity.PULSE_HZ,
)

ULTRASOUND = FamilyDefinition(
    family=Family.ULTRASOUND,
    setting=Ultrasound,
    unit_kind="therapeutic ultrasound unit",
    level=Quantity.INTENSITY_MW_CM2,
    keys=_SET,
    limits=(
        Key("intensity", Quantity.INTENSITY_MW_CM2, "intensity during the pulse"),
        Key("sata", Quantity.SATA_MW_CM2, "temporal-average intensity"),
        Key("energy", Quantity.ENERGY_MJ, "acoustic energy of the session"),
    ),
    usual_ramp_ms=3_000,
    ceilings=(*_BOUNDED, Quantity.ENERGY_MJ),
    nameplate=_BOUNDED,
    at_site=(Quantity.INTENSITY_MW_CM2, Quantity.SATA_MW_CM2, Quantity.DUTY_PCT, Quantity.ENERGY_MJ),
    readings=(Reading.ENERGY, Reading.HEAD_TEMPERATURE, Reading.CONTACT),
    show_output=lambda output: f"{output / 1000:.2f} W/cm²",
    before_start=instructions.ULTRASOUND_BEFORE_START,
    before_check=instructions.ULTRASOUND_BEFORE_CHECK,
    with_lower_end=frozenset((Quantity.DUTY_PCT, Quantity.CARRIER_KHZ)),
    listed=frozenset((Quantity.DUTY_PCT, Quantity.CARRIER_KHZ, Quantity.PULSE_HZ)),
    has_head=True,
    may_heat=True,
    needs_end=True,  # modelled on 21 CFR 1050.10 (c)(2) as codified to 2022, which asks for a timer
    disagreements=_disagreements,
    schema=_SCHEMA,
)
