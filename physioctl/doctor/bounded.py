"""One thing done within a bound of time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from physioctl.at_once import at_once

T = TypeVar("T")


def bounded(name: str, work: Callable[[], T], limit_ms: int) -> T:
    """What ``work`` returns or raises; raise `TookTooLong` after ``limit_ms``, and leave it to itself."""
    ((_, result),) = at_once({name: work}, limit_ms)
    if isinstance(result, Exception):
        raise result
    return result
