"""Several things done at once, each in a thread of its own, so that none holds up another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from queue import SimpleQueue
from typing import TypeVar

from device.clock import SystemClock

T = TypeVar("T")


class TookTooLong(Exception):
    """It has not come to an end in time. Its thread is left behind: it is a daemon."""


def at_once(work: Mapping[str, Callable[[], T]], limit_ms: int) -> Iterator[tuple[str, T | Exception]]:
    """Do all of ``work`` at once; yield the name of each with what came of it, as it comes.

    That is what it returned or raised, or `TookTooLong` after ``limit_ms``. Where the system has no further
    thread, the work is done in this one.
    """
    results: SimpleQueue[tuple[str, T | Exception]] = SimpleQueue()

    def do(name: str, each: Callable[[], T]) -> None:
        try:
            results.put((name, each()))
        except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
            results.put((name, error))

    clock = SystemClock()
    for name, each in work.items():
        try:
            threading.Thread(target=do, args=(name, each), name=name, daemon=True).start()
        except RuntimeError:  # the system has no thread for it
            do(name, each)
    waiting = set(work)
    while waiting and (result := clock.wait(results, limit_ms)) is not None:
        waiting.discard(result[0])
        yield result
    for name in sorted(waiting):
        yield name, TookTooLong(f"it has not come to an end in {limit_ms / 1000:.0f} s")
