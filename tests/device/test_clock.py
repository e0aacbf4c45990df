"""The two clocks: one jumps from deadline to deadline, the other is on the wall. Neither runs back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from threading import Thread

import pytest

from device.clock import SystemClock, VirtualClock

Inbox = SimpleQueue[str]


class Actor:
    """Does something at the times it was given, and keeps a diary of the moments it lived through."""

    def __init__(self, clock: VirtualClock, inbox: Inbox, *at_ms: int, says: str = "") -> None:
        self._inbox = inbox
        self._due_ms = list(at_ms)
        self._says = says
        self.lived_through: list[int] = []
        clock.add(self)

    def next_ms(self) -> int | None:
        return self._due_ms[0] if self._due_ms else None

    def move_to(self, now_ms: int) -> None:
        if self.lived_through[-1:] != [now_ms]:
            self.lived_through.append(now_ms)
        while self._due_ms and self._due_ms[0] <= now_ms:
            self._due_ms.pop(0)
            if self._says:
                self._inbox.put(self._says)


def test_an_empty_world_jumps_straight_to_the_deadline() -> None:
    clock, inbox = VirtualClock(), Inbox()

    assert clock.now_ms() == 0
    assert clock.wait(inbox, 3_600_000) is None
    assert clock.now_ms() == 3_600_000


def test_the_world_is_taken_along_from_one_deadline_to_the_next() -> None:
    clock, inbox = VirtualClock(), Inbox()
    first, second = Actor(clock, inbox, 10, 30), Actor(clock, inbox, 20)

    clock.wait(inbox, 40)

    assert first.lived_through == second.lived_through == [10, 20, 30, 40]


def test_news_ends_the_waiting_at_the_moment_it_comes() -> None:
    clock, inbox = VirtualClock(), Inbox()
    Actor(clock, inbox, 25, says="news")

    assert clock.wait(inbox, 100) == "news"
    assert clock.now_ms() == 25


@pytest.mark.parametrize(("due_ms", "heard"), [(99, "news"), (100, "news"), (101, None)])
def test_news_at_the_deadline_itself_is_still_in_time(due_ms: int, heard: str | None) -> None:
    clock, inbox = VirtualClock(), Inbox()
    Actor(clock, inbox, due_ms, says="news")

    assert clock.wait(inbox, 100) == heard
    assert clock.now_ms() == min(due_ms, 100)


def test_news_that_is_there_already_takes_no_time() -> None:
    clock, inbox = VirtualClock(), Inbox()
    actor = Actor(clock, inbox, 5)
    inbox.put("first")
    inbox.put("second")

    assert [clock.wait(inbox, 100), clock.wait(inbox, 100)] == ["first", "second"]
    assert clock.now_ms() == 0
    assert actor.lived_through == []


def test_virtual_time_never_runs_back() -> None:
    clock, inbox = VirtualClock(), Inbox()
    clock.wait(inbox, 50)
    late = Actor(clock, inbox, 10)  # due before it came into the world

    assert clock.wait(inbox, 60) is None
    assert clock.wait(inbox, 20) is None
    assert clock.now_ms() == 60
    assert late.lived_through == [50, 60]


def test_an_actor_that_is_always_due_does_not_stop_time() -> None:
    class Restless:
        def next_ms(self) -> int:
            return clock.now_ms() + 1

        def move_to(self, now_ms: int) -> None:
            pass

    clock, inbox = VirtualClock(), Inbox()
    clock.add(Restless())

    assert clock.wait(inbox, 100) is None
    assert clock.now_ms() == 100


def test_the_day_of_virtual_time_is_the_same_every_time() -> None:
    clock, inbox = VirtualClock(), Inbox()

    clock.wait(inbox, 1500)

    assert clock.utc() == datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=1.5)
    assert VirtualClock(datetime(2027, 1, 1, tzinfo=UTC)).utc() == datetime(2027, 1, 1, tzinfo=UTC)


def test_the_clock_on_the_wall_counts_from_when_it_was_taken_up() -> None:
    clock, inbox = SystemClock(), Inbox()
    began_ms = clock.now_ms()

    assert clock.wait(inbox, began_ms + 20) is None
    assert 0 <= began_ms < 1000
    assert began_ms + 20 <= clock.now_ms() < began_ms + 5000


def test_the_clock_on_the_wall_is_woken_by_news_from_another_thread() -> None:
    clock, inbox = SystemClock(), Inbox()
    Thread(target=inbox.put, args=("news",)).start()

    assert clock.wait(inbox, clock.now_ms() + 60_000) == "news"
    assert clock.now_ms() < 30_000


def test_a_deadline_that_has_passed_is_not_waited_for() -> None:
    clock, inbox = SystemClock(), Inbox()

    assert clock.wait(inbox, -60_000) is None
    assert clock.now_ms() < 30_000


def test_the_day_on_the_wall_is_that_of_the_computer_in_utc() -> None:
    before = datetime.now(UTC)

    today = SystemClock().utc()

    assert before <= today <= datetime.now(UTC)
    assert today.utcoffset() == timedelta(0)
