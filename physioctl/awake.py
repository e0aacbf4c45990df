"""Keep this computer from falling asleep while a session runs, by wakepy, in a thread of its own.

What an operating system is asked for takes as long as it takes, and nothing may wait for that. A computer
that falls asleep all the same renews no lease: output ends by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

ANSWER_S = 0.5  # for which an answer is waited for; this project's own figure
NOT_ANSWERED = "the system has not answered"


class Asked(Protocol):
    """What was asked of the system."""

    @property
    def active(self) -> bool:
        """Whether it is kept awake."""


Ask = Callable[[], AbstractContextManager[Asked]]


def _ask_the_system() -> AbstractContextManager[Asked]:
    from wakepy import keep  # only a session pays for it

    return keep.running(on_fail="pass")


@contextmanager
def kept_awake(ask: Ask = _ask_the_system, answer_s: float = ANSWER_S) -> Iterator[str]:
    """Keep the computer awake in the block. Yield why it may fall asleep all the same, or nothing."""
    ended, answered = threading.Event(), threading.Event()
    why = [NOT_ANSWERED]

    def hold() -> None:
        try:
            with ask() as asked:
                why[0] = "" if asked.active else "the system offers no way that is known"
                answered.set()
                ended.wait()
        except Exception as error:  # noqa: BLE001 - whatever it is, the session goes on, and it is said
            why[0] = f"the system refused: {type(error).__name__}"
            answered.set()

    try:
        threading.Thread(target=hold, name="kept awake", daemon=True).start()
        answered.wait(answer_s)
    except RuntimeError:  # the system has no thread for it
        why[0] = NOT_ANSWERED
    try:
        yield why[0]
    finally:
        ended.set()
