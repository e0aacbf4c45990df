"""Ctrl-C in a script: what runs on its units is asked to stop before `KeyboardInterrupt` is raised.

The exception alone does not do. Python may raise it in the first instruction of ``__exit__``, which then has
done nothing, and a script may catch it.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_stops: dict[object, Callable[[], None]] = {}


@contextmanager
def stopped_by_interrupt(stop: Callable[[], None]) -> Iterator[None]:
    """Let Ctrl-C call ``stop`` for as long as the block lasts. It may wait for nothing.

    Where the program handles SIGINT itself, that stays as it is. Only the main thread may set a handler: in
    another one ``stop`` is called where the main thread holds a unit as well.
    """
    key = object()
    _stops[key] = stop
    _replace(signal.default_int_handler, _stop_and_raise)
    try:
        yield
    finally:
        del _stops[key]
        if not _stops:
            _replace(_stop_and_raise, signal.default_int_handler)


def _replace(expected: object, handler: Callable[[int, FrameType | None], object]) -> None:
    """Set ``handler`` where ``expected`` is set; nothing outside of the main thread."""
    with suppress(ValueError):
        if signal.getsignal(signal.SIGINT) is expected:
            signal.signal(signal.SIGINT, handler)


def _stop_and_raise(number: int, frame: FrameType | None) -> None:
    try:
        for stop in tuple(_stops.values()):
            with suppress(Exception):  # the others are stopped all the same
                stop()
    finally:
        signal.default_int_handler(number, frame)
