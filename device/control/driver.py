"""The driver: gives a controller its clock, its port, its recorder and its observers.

It does what the controller says, in the order that safety needs: what has come in is taken in first, an
event is handed to the recorder before the bytes that it is about leave, and only then is there a wait. It
decides nothing. One reader thread owns the port's input (`device.link`); everything arrives in one inbox.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from queue import Empty
from typing import TypeAlias, TypeVar

from device.clock import Clock
from device.control.controller import Controller, Outgoing, Script
from device.dialects.base import Dialect
from device.errors import LinkLost
from device.events import Event, Observer, ObserverDropped, Recorder
from device.link import Inbox, Link, News
from device.operator import Act, Lower

LIMIT_MS = 5  # of news taken in before anything is sent; a line that floods must not keep a renewal waiting

MakeController: TypeAlias = Callable[[Dialect, int, str], Controller]

T = TypeVar("T")


class Driver:
    """Runs the scripts of one controller over one link."""

    def __init__(
        self,
        link: Link,
        clock: Clock,
        inbox: Inbox,
        dialect: Dialect,
        controller: MakeController = Controller,
    ) -> None:
        self.link = link
        self.clock = clock
        self.inbox = inbox
        self.controller = controller(dialect, clock.now_ms(), link.name)
        self._recorder: Recorder | None = None
        self._observers: list[Observer] = []
        self._dropped: list[ObserverDropped] = []  # and not told yet
        self._uncounted = 0  # events for the recorder that the controller has not made

    def record_to(self, recorder: Recorder) -> None:
        """From here on every event is handed to ``recorder`` before anything that follows from it leaves."""
        self._recorder = recorder
        self.controller.record_from_here()

    def add_observer(self, observer: Observer) -> None:
        """Let ``observer`` be told of every event, after it has been handed to the recorder."""
        self._observers.append(observer)

    def run(self, script: Script[T]) -> T:
        """Run ``script`` to its end and return its result.

        Whatever is raised on the way is raised inside the script first, so that it can end the output. Raise
        what the script raises, and what the recorder raises when it cannot record.
        """
        error: BaseException | None = None
        self.controller.poll(self.clock.now_ms())  # time may have passed since the last script
        while True:
            try:
                wake_ms = next(script) if error is None else script.throw(error)
            except StopIteration as ended:
                self.carry_out()
                result: T = ended.value
                return result
            except BaseException:
                self.carry_out()
                raise
            try:
                error = None
                self.turn(wake_ms)
            except BaseException as raised:  # noqa: BLE001 - handed to the script, which raises it again
                error, self._recorder = raised, None  # the recorder may be what broke

    def publish(self, event: Event) -> None:
        """Record ``event`` and show it, between two scripts."""
        self.controller.tell(event)
        self.carry_out()

    def publish_when_written(self, event: Event, wait_ms: int) -> bool:
        """Record ``event``, and show it once it is on the disk; return whether it is, after ``wait_ms``.

        What comes in meanwhile is taken in, and what follows from it recorded; it is not waited for.
        """
        self.controller.tell(event)
        number = self.controller.handed_over
        shown, self._observers = self._observers, []
        try:
            self.carry_out()
        finally:  # when it cannot be recorded, they still hear how the session broke off
            self._observers = shown
        give_up_ms = self.clock.now_ms() + wait_ms
        while not self.controller.is_written(number) and self.clock.now_ms() < give_up_ms:
            self._take_in_all(self.clock.wait(self.inbox, give_up_ms))
        written = self.controller.is_written(number)
        if written:
            self._show(event)
        return written

    def stop_at_exit(self) -> None:
        """Send a stop past the loop: the interpreter is on its way out, perhaps in another thread."""
        data = self.controller.stop_bytes()
        if data:
            self.inbox.put(Act.STOP)
            with suppress(LinkLost):
                self.link.send(data)

    def turn(self, wake_ms: int) -> None:
        """Do what the script has asked for; wait; take in what has come; do what is due."""
        self.carry_out()
        news = self.clock.wait(self.inbox, min(wake_ms, self.controller.due_ms()))
        self._take_in_all(news)
        self.controller.poll(self.clock.now_ms())
        self.carry_out()

    def _take_in_all(self, news: News | None) -> None:
        """Take in ``news`` and what is queued behind it, for no longer than `LIMIT_MS`."""
        give_up_ms = self.clock.now_ms() + LIMIT_MS
        while news is not None:
            self._take_in(news)
            self.carry_out()
            news = self._queued() if self.clock.now_ms() < give_up_ms else None

    def _queued(self) -> News | None:
        try:
            return self.inbox.get_nowait()
        except Empty:
            return None

    def _take_in(self, news: News) -> None:
        now_ms = self.clock.now_ms()
        if isinstance(news, bytes):
            self.controller.receive(news, now_ms)
        elif isinstance(news, LinkLost):
            self.controller.lose_link(news, now_ms)
        elif isinstance(news, Act | Lower):
            self.controller.operate(news, now_ms)
        elif news.error is not None:
            raise news.error

    def carry_out(self) -> None:
        """Record, show and send what the controller has produced, in its order.

        Once an event could not be recorded, nothing but stops is sent.
        """
        failure: Exception | None = None
        while (item := self.controller.next_output) is not None:
            if isinstance(item, Outgoing) and item.starts_output and not self.inbox.empty():
                self._take_in_all(self._queued())  # a stop is looked for once more
                continue
            self.controller.done()
            try:
                if isinstance(item, Event):
                    self._publish(item)
                elif failure is None or item.is_stop:
                    self._send(item)
            except Exception as error:  # noqa: BLE001 - raised again below, when the stops have left
                self._recorder, failure = None, failure or error
        if failure is not None:
            raise failure
        if self._recorder is not None and not self.controller.all_written:
            # Which of the written events are the controller's is not told: none is taken for one too many.
            self.controller.recorded(self._recorder.written - self._uncounted, self.clock.now_ms())

    def _send(self, item: Outgoing) -> None:
        try:
            self.link.send(item.data)
            self.controller.sent(self.clock.now_ms())
        except LinkLost as error:
            self.controller.lose_link(error, self.clock.now_ms())

    def _publish(self, event: Event) -> None:
        """Record ``event`` and show it.

        That an observer was dropped is told before the next event, so that a session's last event remains
        the last.
        """
        dropped, self._dropped = self._dropped, []
        for each in dropped:
            self._uncounted += self._recorder is not None
            self._record_and_show(replace(each, at_ms=event.at_ms))
        self._record_and_show(event)

    def _record_and_show(self, event: Event) -> None:
        if self._recorder is not None:
            self._recorder.record(event)
        self._show(event)

    def _show(self, event: Event) -> None:
        for observer in tuple(self._observers):
            try:
                observer.notice(event)
            except Exception as error:  # noqa: BLE001 - whatever a screen trips over, it may not delay a stop
                self._observers.remove(observer)
                self._dropped.append(
                    ObserverDropped(
                        at_ms=event.at_ms,
                        observer=name_of(observer),
                        error=str(error) if isinstance(error, ObserverFailed) else described(error),
                    )
                )


class ObserverFailed(Exception):
    """What an observer in a thread of its own raised, as text."""


def name_of(observer: Observer) -> str:
    """Return what ``observer`` calls itself, or its class."""
    try:
        return str(getattr(observer, "name", type(observer).__name__))
    except Exception:  # noqa: BLE001 - whatever an observer does, it may not end the session
        return type(observer).__name__


def described(error: BaseException) -> str:
    """Return ``error`` as text: its class alone where it has no text that can be had."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - the same
        return type(error).__name__
