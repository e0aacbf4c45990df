"""The nameplates of the reference firmware: C headers made from `simulator/nameplates/`.

A unit's own numbers are written once. The firmware takes them from there, and nothing else from the simulated
unit. `firmware/physioctl_wire.h` is made by `tools.wire`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from typing import Any

from tools.wire import TABLE

NAMEPLATES = TABLE.parents[2] / "simulator/nameplates"

# Lists are of the length that the message Capabilities gives them.
_LISTS = {"duties_pct": 6, "carriers_khz": 2, "pulses_hz": 3}
_NUMBERS = (
    "level_min",
    "level_max",
    "average_max",
    "area_mm2",
    "bnr_tenths",
    "step_max_ms",
    "delivered_max_ms",
    "suspension_max_ms",
    "lease_min_ms",
    "lease_max_ms",
    "head_trip_ddeg_c",
    "head_clear_ddeg_c",
    "contact_from_level",
    "contact_grace_ms",
    "contact_back_ms",
    "resume_ramp_ms",
)


def files() -> dict[str, str]:
    """Every generated file: its path from the project's root, and its text."""
    return {
        f"firmware/nameplates/{path.stem}.h": header(
            path.stem, tomllib.loads(path.read_text(encoding="utf-8"))
        )
        for path in sorted(NAMEPLATES.glob("*.toml"))
    }


def header(model: str, plate: Mapping[str, Any]) -> str:
    """The header of one model."""
    guard = f"NAMEPLATE_{model.upper()}_H"
    sensors = " | ".join(f"PW_SENSOR_{name}" for name in plate["sensors"])
    calibrated = (plate["calibrated"] - date(2020, 1, 1)).days
    lines = [
        f"/* The nameplate of the {plate['name']}. Made from simulator/nameplates/{model}.toml: do not edit.",
        " * ASSUMED: no specification of this model is known. Units last in names; 0 bounds nothing. */",
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        f'#define NAMEPLATE_MODEL "{plate["name"]}"',
        f"#define NAMEPLATE_FAMILY PW_FAMILY_{plate['family'].upper()}",
        f"#define NAMEPLATE_FIRMWARE {_list(plate['firmware'])}",
        f"#define NAMEPLATE_CALIBRATED {calibrated}u /* days from 2020-01-01, of the unit in the vectors */",
        f"#define NAMEPLATE_SENSORS ({sensors})",
        *(f"#define NAMEPLATE_{name.upper()} {plate[name]}u" for name in _NUMBERS),
        *(f"#define NAMEPLATE_{name.upper()} {_list(plate[name], size)}" for name, size in _LISTS.items()),
        "",
        "#endif",
    ]
    return "\n".join(lines) + "\n"


def _list(values: list[int], size: int = 0) -> str:
    return "{" + ", ".join(str(value) for value in [*values, *[0] * (size - len(values))]) + "}"
