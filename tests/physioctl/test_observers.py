"""Observers off the loop: none delays a session, and each hears the first event first, the last one last."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Event as Flag

import pytest

import simulator
from device.clock import SystemClock
from device.control.driver import Driver
from device.dialects.native import Native
from device.events import Event, EventsSkipped, Observer, ObserverDropped, OffConfirmation, OperatorActed
from device.link import Inbox, SerialLink, add_url_handlers
from physioctl.events import Outcome, SessionEnded, SessionStarted
from physioctl.observers import FULL_MAX_MS, ObserverStalled, OffLoop
from physioctl.record.history import session
from physioctl.record.journal import Journal
from physioctl.rehearsal.rig import Rig
from physioctl.runner import Request, run_session
from protocols.library import find
from tests.processes import LIMIT_S, short_protocol
from tests.support import Ledger

SHORT_MAX = 3  # of a queue that is full soon


def seen(at_ms: int) -> OperatorActed:
    return OperatorActed(at_ms=at_ms, action="pause")


def ended(at_ms: int) -> SessionEnded:
    return SessionEnded(
        at_ms=at_ms,
        session="s-1",
        outcome=Outcome.STOPPED,
        why="",
        output_off=OffConfirmation.CONFIRMED,
        delivered_ms=0,
        planned_ms=0,
        energy_mj=0,
        planned_energy_mj=None,
        duration_ms=0,
    )


class Hanging(Ledger):
    """An observer that takes its first event and then hangs until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.hangs, self.let_go = Flag(), Flag()

    def on_event(self, event: Event) -> None:
        super().on_event(event)
        self.hangs.set()
        assert self.let_go.wait(LIMIT_S)


class LettingGo(Ledger):
    """An observer that lets another go once the session has ended."""

    def __init__(self, hanging: Hanging) -> None:
        super().__init__()
        self._hanging = hanging

    def on_event(self, event: Event) -> None:
        super().on_event(event)
        if isinstance(event, SessionEnded):
            self._hanging.let_go.set()


class Failing:
    """An observer that fails at its first event."""

    def on_event(self, event: Event) -> None:
        raise RuntimeError("the screen has gone")


@contextmanager
def full(observer: Hanging) -> Iterator[OffLoop]:
    """An observer that hangs, its queue full, at 0 ms."""
    off_loop = OffLoop(observer, queue_max=SHORT_MAX)
    off_loop.on_event(seen(0))
    assert observer.hangs.wait(LIMIT_S)
    for _ in range(SHORT_MAX):
        off_loop.on_event(seen(0))
    try:
        yield off_loop
    finally:
        observer.let_go.set()
        assert off_loop.wait_until_idle(round(LIMIT_S * 1000))
        off_loop.end()


def run_in_real_time(folder: Path, observers: list[Observer], *, seconds: int = 1) -> SessionEnded:
    """A session of so many seconds on a simulated unit, in real time."""
    inbox: Inbox = SimpleQueue()
    add_url_handlers(simulator.__name__)
    protocol = find(str(short_protocol(folder, seconds)))
    clock = SystemClock()
    with Journal.open(folder / "j", clock) as journal, closing(SerialLink("sim://us111", inbox)) as link:
        driver = Driver(link, clock, inbox, Native())
        return run_session(Request.on_nobody(protocol), driver, journal, observers)


@pytest.mark.hazard("H-18")
def test_an_observer_that_hangs_delays_no_session_and_hears_everything_in_the_end(tmp_path: Path) -> None:
    hanging = Hanging()
    other = LettingGo(hanging)

    session_ended = run_in_real_time(tmp_path, [hanging, other])

    assert (session_ended.outcome, session_ended.delivered_ms) == (Outcome.COMPLETED, 1000)
    assert isinstance(hanging.events[0], SessionStarted)
    assert hanging.events[-1] == session_ended
    assert hanging.events == other.events


class TextlessError(Exception):
    """An error whose text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


class Nameless:
    """An observer whose name cannot be had, and which fails with an error that has no text."""

    @property
    def name(self) -> str:
        raise RuntimeError("no name")

    def on_event(self, event: Event) -> None:
        raise TextlessError


def test_an_observer_without_a_name_or_a_text_is_dropped_as_any_other(tmp_path: Path) -> None:
    other, at_once = Ledger(), Ledger()
    rig = Rig()

    in_real_time = run_in_real_time(tmp_path, [Nameless(), other])
    with Journal.in_memory(rig.clock) as journal:
        in_virtual_time = run_session(
            Request.on_nobody(find("unit-check")), rig.driver, journal, [Nameless(), at_once]
        )

    assert in_real_time.outcome is in_virtual_time.outcome is Outcome.COMPLETED
    for ledger in (other, at_once):
        (dropped,) = ledger.named("observer_dropped")
        assert isinstance(dropped, ObserverDropped)
        assert (dropped.observer, dropped.error) == ("Nameless", "TextlessError")


def test_an_observer_that_raises_is_dropped_which_is_told_and_recorded(tmp_path: Path) -> None:
    other = Ledger()

    run_in_real_time(tmp_path, [Failing(), other])

    (dropped,) = other.named("observer_dropped")
    assert isinstance(dropped, ObserverDropped)
    assert (dropped.observer, dropped.error) == ("Failing", "RuntimeError: the screen has gone")
    names = [entry.name for entry in session(tmp_path / "j").entries]
    assert names.count("observer_dropped") == 1
    assert names[-1] == "session_ended"


def test_in_virtual_time_observers_are_called_by_the_loop_itself() -> None:
    def told() -> list[Event]:
        ledger = Ledger()
        rig = Rig()
        request = Request.on_nobody(find("unit-check"))
        with Journal.in_memory(rig.clock) as journal:
            run_session(request, rig.driver, journal, [Failing(), ledger])
        return ledger.events

    assert told() == told()
    assert told()[1].name == "observer_dropped"


def test_events_that_a_full_queue_leaves_out_are_counted_where_they_are_missing() -> None:
    hanging = Hanging()

    with full(hanging) as off_loop:
        for at_ms in (1, 2):
            off_loop.on_event(seen(at_ms))
            off_loop.after(seen(at_ms))
        hanging.let_go.set()
        assert off_loop.wait_until_idle(round(LIMIT_S * 1000))
        off_loop.on_event(seen(3))

    assert hanging.events[SHORT_MAX + 1 :] == [EventsSkipped(at_ms=3, count=2), seen(3)]


def test_a_full_queue_lets_the_end_of_the_session_in() -> None:
    hanging = Hanging()
    last = ended(2)

    with full(hanging) as off_loop:
        for event in (seen(1), last):
            off_loop.on_event(event)
            off_loop.after(event)

    assert hanging.events[SHORT_MAX + 1 :] == [EventsSkipped(at_ms=2, count=1), last]


def test_an_observer_whose_queue_stays_full_is_dropped_and_still_hears_the_end() -> None:
    hanging = Hanging()
    last = ended(FULL_MAX_MS + 3)

    with full(hanging) as off_loop:
        off_loop.on_event(seen(1))
        off_loop.after(seen(1))
        with pytest.raises(ObserverStalled):
            off_loop.on_event(seen(FULL_MAX_MS + 2))
        off_loop.after(seen(FULL_MAX_MS + 2))
        off_loop.after(last)

    assert hanging.events[SHORT_MAX + 1 :] == [EventsSkipped(at_ms=last.at_ms, count=2), last]


def test_at_the_end_a_slow_observer_skips_to_the_last_event() -> None:
    hanging = Hanging()
    last = ended(1)

    with full(hanging) as off_loop:
        off_loop.on_event(last)
        off_loop.after(last)
        off_loop.skip_to_the_last()

    assert hanging.events == [seen(0), EventsSkipped(at_ms=1, count=SHORT_MAX), last]


def test_the_end_of_a_session_is_heard_once() -> None:
    ledger = Ledger()
    off_loop = OffLoop(ledger)
    last = ended(1)

    off_loop.on_event(last)
    off_loop.after(last)
    assert off_loop.wait_until_idle(round(LIMIT_S * 1000))
    off_loop.end()

    assert ledger.events == [last]
