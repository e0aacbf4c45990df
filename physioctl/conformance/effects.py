"""What a script of the suite asks of whoever runs it, and what it is given back."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Send:
    """Send these bytes. Answered by `Arrived` without any bytes: the time at which they were sent."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for bytes, and for so many milliseconds at the most. Answered by `Arrived`."""

    within_ms: int


@dataclass(frozen=True, slots=True)
class TellPerson:
    """Tell the person at the unit what to do now. Answered by `Arrived` without any bytes."""

    text: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """What has come, and the host's time in milliseconds."""

    now_ms: int
    data: bytes = b""


Effect: TypeAlias = Send | Wait | TellPerson
Script: TypeAlias = Generator[Effect, Arrived, T]
