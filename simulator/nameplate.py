"""The unit's own numbers, from files that say ASSUMED on their first line.

They are separate from the controller's, which gets them over the wire only.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from datetime import date
from functools import cache, reduce
from operator import or_
from pathlib import Path
from typing import Any, get_type_hints

from device.wire.messages import MAJOR, MINOR, Capabilities, Family, Identity, Sensor
from simulator.added import added, added_file

GROUP = "physioctl.simulated_units"
_FILES = Path(__file__).with_name("nameplates")
MODELS = tuple(sorted(path.stem for path in _FILES.glob("*.toml")))

_DAY_ZERO = date(2020, 1, 1)


class UnknownModel(LookupError):
    """Nobody has written a nameplate for this model."""

    def __init__(self, model: str) -> None:
        super().__init__(f"no simulated unit is called {model!r}; choose one of {', '.join(names())}")


@dataclass(frozen=True, slots=True)
class Nameplate:
    """What one model of unit may do, all of it assumed."""

    model: str
    name: str
    serial_prefix: str  # of every serial number of the model, and of no other's
    family: Family
    firmware: tuple[int, ...]
    calibrated: date
    sensors: Sensor
    level_min: int
    level_max: int
    average_max: int
    area_mm2: int
    bnr_tenths: int
    duties_pct: tuple[int, ...]
    carriers_khz: tuple[int, ...]
    pulses_hz: tuple[int, ...]
    step_max_ms: int
    delivered_max_ms: int
    suspension_max_ms: int
    lease_min_ms: int
    lease_max_ms: int
    head_trip_ddeg_c: int
    head_clear_ddeg_c: int
    contact_from_level: int
    contact_grace_ms: int
    contact_back_ms: int
    resume_ramp_ms: int
    amplitude_mm: int
    stall_n: int
    cells: int
    battery_mah: int


def names() -> tuple[str, ...]:
    """Every simulated unit there is: ours, and those of other distributions; raise ValueError."""
    return MODELS + added(GROUP, MODELS)


@cache
def nameplate(model: str) -> Nameplate:
    """The nameplate of ``model``; raise `UnknownModel`, or ValueError for one that cannot be used."""
    if model in MODELS:
        return read_nameplate(_FILES / f"{model}.toml")
    path = added_file(GROUP, model)
    if path is None:
        raise UnknownModel(model)
    try:
        return _sayable(read_nameplate(path))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"the simulated unit {model!r}, {path}, cannot be used: {error}") from error


def _sayable(plate: Nameplate) -> Nameplate:
    """``plate``; raise ValueError when a message has no room for what it says."""
    Capabilities(**{field.name: getattr(plate, field.name) for field in fields(Capabilities)}).pack()
    if len(plate.firmware) != 3:
        raise ValueError("its firmware is not of three numbers")
    serial, calibrated = f"SIM-{plate.serial_prefix}-00000000", calibration_days(plate.calibrated)
    Identity(MAJOR, MINOR, plate.family, plate.firmware, 0, plate.name, serial, calibrated).pack()
    if not (plate.name.isprintable() and plate.serial_prefix.isalnum()):
        raise ValueError("its name is not printable, or its serial_prefix not of letters and digits")
    return plate


def read_nameplate(path: Path) -> Nameplate:
    """The nameplate in a file; raise ValueError when a key is missing, unknown or of another kind."""
    from pydantic import ConfigDict, create_model  # slow to import: a stop through sim:// may not wait

    written = tomllib.loads(path.read_text(encoding="utf-8"))
    lists = {key: tuple(value) for key, value in written.items() if isinstance(value, list)}
    try:
        read = {
            "family": Family[written["family"].upper()],
            "sensors": reduce(or_, (Sensor[name] for name in written["sensors"])),
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path.name}: no family or no sensors that are known: {error}") from None
    keys: dict[str, Any] = {name: (kind, ...) for name, kind in get_type_hints(Nameplate).items()}
    file = create_model(path.name, __config__=ConfigDict(strict=True, extra="forbid"), **keys)
    return Nameplate(**dict(file.model_validate({"model": path.stem} | written | lists | read)))


def calibration_days(day: date) -> int:
    """A calibration date as the wire carries it: days from 2020-01-01."""
    return (day - _DAY_ZERO).days
