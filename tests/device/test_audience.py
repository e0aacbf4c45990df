"""Who is told, in which order, and what becomes of those who raise."""

from __future__ import annotations

import pytest

from device.control.event_bus import Audience
from device.events import Acted, Event, ObserverDropped
from protocols.errors import PhysioctlError

EVENT = Acted(at_ms=1, act="pause")


class Listener:
    """A witness and a watcher: keeps its name in a shared book, or fails."""

    def __init__(self, name: str, book: list[str], fails: Exception | None = None) -> None:
        self._name, self._book, self._fails = name, book, fails

    def tell(self, event: Event) -> None:
        assert event is EVENT or isinstance(event, ObserverDropped)
        self._book.append(self._name if event is EVENT else f"{self._name}: {event}")
        if self._fails:
            raise self._fails

    notice = tell


def test_with_nobody_there_nothing_happens() -> None:
    Audience().tell(EVENT)


def test_the_witness_is_told_first_then_the_watchers_in_the_order_they_came() -> None:
    book: list[str] = []
    audience = Audience()
    audience.add(Listener("first", book))
    audience.add(Listener("second", book))
    audience.witness = Listener("witness", book)

    audience.tell(EVENT)

    assert book == ["witness", "first", "second"]


def test_a_witness_who_cannot_write_is_heard_and_no_watcher_is_told() -> None:
    book: list[str] = []
    audience = Audience()
    audience.add(Listener("watcher", book))
    audience.witness = Listener("witness", book, PhysioctlError("the disk is full", "Make room."))

    with pytest.raises(PhysioctlError, match="the disk is full"):
        audience.tell(EVENT)

    assert book == ["witness"]


def test_a_watcher_that_raises_is_dropped_and_hinders_nobody() -> None:
    book: list[str] = []
    audience = Audience()
    audience.add(Listener("broken", book, RuntimeError("a screen has gone")))
    audience.add(Listener("sound", book))

    audience.tell(EVENT)
    audience.tell(EVENT)

    dropped = ObserverDropped(at_ms=1, observer="Listener", error="RuntimeError: a screen has gone")
    assert book == ["broken", "sound", f"sound: {dropped}", "sound"]


def test_that_a_watcher_was_dropped_is_taken_down_before_the_next_event() -> None:
    book: list[str] = []
    audience = Audience()
    audience.witness = Listener("witness", book)
    audience.add(Listener("broken", [], RuntimeError("a screen has gone")))

    audience.tell(EVENT)
    assert book == ["witness"]

    audience.tell(EVENT)
    assert book[1].startswith("witness: ObserverDropped(")
    assert book[2:] == ["witness"]


def test_a_watcher_cannot_swallow_a_persons_interrupt() -> None:
    class Interrupted:
        def notice(self, event: Event) -> None:
            raise KeyboardInterrupt

    audience = Audience()
    audience.add(Interrupted())

    with pytest.raises(KeyboardInterrupt):
        audience.tell(EVENT)
