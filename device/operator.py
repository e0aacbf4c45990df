"""What a person can ask of a running session, from a key, a signal or a script."""

from __future__ import annotations

from enum import StrEnum


class Act(StrEnum):
    """A person's act. STOP is never refused, never delayed and never dropped."""

    PAUSE = "pause"
    RESUME = "resume"
    TOGGLE = "toggle"  # pause when running, resume when paused: one key for both
    STOP = "stop"
