"""What the unit says of itself that does not change while it runs."""

from __future__ import annotations

from dataclasses import dataclass, fields

from device.wire.messages import MAJOR, MINOR, Capabilities, Identity
from simulator.nameplate import Nameplate


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
