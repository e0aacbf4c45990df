"""The computer is kept awake while a session runs, and a system that hangs or refuses holds up nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import pytest

from physioctl.awake import NOT_ANSWERED, Asked, kept_awake

LIMIT_S = 30.0


@dataclass
class Answer:
    active: bool


class System:
    """A system that is asked to stay awake."""

    def __init__(self, *, active: bool = True) -> None:
        self.released = threading.Event()
        self._active = active

    def ask(self) -> AbstractContextManager[Asked]:
        @contextmanager
        def held() -> Iterator[Asked]:
            yield Answer(self._active)
            self.released.set()

        return held()


def test_it_is_kept_awake_for_the_block_and_no_longer() -> None:
    system = System()

    with kept_awake(system.ask, LIMIT_S) as why:
        held = not system.released.is_set()

    assert (why, held) == ("", True)
    assert system.released.wait(LIMIT_S)


def test_a_system_that_offers_no_way_is_told() -> None:
    with kept_awake(System(active=False).ask, LIMIT_S) as why:
        assert why == "the system offers no way that is known"


@pytest.mark.parametrize("error", [OSError("no bus"), ImportError("no wakepy"), ValueError("odd")])
def test_a_system_that_refuses_is_told_and_the_block_runs(error: Exception) -> None:
    def refuse() -> AbstractContextManager[Asked]:
        raise error

    with kept_awake(refuse, LIMIT_S) as why:
        assert why == f"the system refused: {type(error).__name__}"


def test_a_system_that_does_not_answer_is_not_waited_for() -> None:
    never = threading.Event()

    def hang() -> AbstractContextManager[Asked]:
        never.wait(LIMIT_S)
        return System().ask()

    with kept_awake(hang, 0.0) as why:
        assert why == NOT_ANSWERED
    never.set()
