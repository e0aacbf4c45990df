"""Operator actions in a running session, from a key, a signal or a script."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class SessionAction(StrEnum):
    """An operator action. STOP is never refused, never delayed and never dropped."""

    PAUSE = "pause"
    RESUME = "resume"
    TOGGLE = "toggle"  # pause when running, resume when paused: one key for both
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Lower:
    """Go on at a lower level: in the step that runs, and in every one that follows. It is not taken back.

    ``to_level`` is in mW/cm² during the pulse, or in percussions a minute. Left out, it is one tenth of the
    step's level less than now, and at least the lowest level that the unit gives. ``by`` is who asks for it.
    """

    to_level: int | None = None
    by: str = "operator"


OperatorAction: TypeAlias = SessionAction | Lower
