"""What the unit reports of itself that does not change while it runs."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, fields

from device.wire.messages import MAJOR, MINOR, Capabilities, Identity
from simulator.nameplate import Nameplate, nameplate

_NUMBERS = 10**8
_SERIAL_MAX = 16  # bytes in a message


def serial_of(model: str, number: int) -> str:
    """The serial number of a unit of ``model``: no two models have one in common."""
    return f"SIM-{nameplate(model).serial_prefix}-{number % _NUMBERS:04d}"


def checked_serial(serial: str) -> str:
    """``serial``, or raise ValueError when the wire has no room for it."""
    if not (serial.isascii() and serial.isprintable() and 0 < len(serial) <= _SERIAL_MAX):
        raise ValueError(f"{serial!r} is no serial number; write 1 to {_SERIAL_MAX} ASCII characters")
    return serial


def drawn_serial(model: str) -> str:
    """A serial number that another unit of ``model`` does not have, but for a rare chance."""
    return serial_of(model, secrets.randbelow(_NUMBERS))


def drawn_boot() -> int:
    """How often a unit has been started before, but for a rare chance never the same."""
    return secrets.randbits(48)


@dataclass(frozen=True, slots=True)
class Birth:
    """What a unit knows of itself when it starts."""

    nonce: int
    serial: str
    calibrated: int
    own_ms: int = 0


def identity(plate: Nameplate, birth: Birth) -> Identity:
    """Who it is."""
    return Identity(
        major=MAJOR,
        minor=MINOR,
        family=plate.family,
        firmware=plate.firmware,
        nonce=birth.nonce,
        model=plate.name,
        serial=birth.serial,
        calibrated=birth.calibrated,
    )


def capabilities(plate: Nameplate) -> Capabilities:
    """What it can do: the nameplate, in the wire's words."""
    return Capabilities(**{field.name: getattr(plate, field.name) for field in fields(Capabilities)})
