"""The driver: runs a controller with a clock, a port, a recorder and observers.

It carries out what the controller produces, in the order that safety requires: input is processed first, an
event is passed to the recorder before the bytes that it describes are sent, and only then does the driver
wait. It makes no decisions. One reader thread reads the port (`device.link`); everything arrives in one
inbox.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from queue import Empty
from typing import TypeAlias, TypeVar

from device.clock import Clock
from device.control.controller import Controller, Script
from device.control.outbox import Outgoing
from device.dialects.base import Dialect
from device.errors import LinkLost
from device.events import Event, Observer, Recorder
from device.link import Inbox, Link, News
from device.operator import ActedBy, Lower, Note, Pain, SessionAction
from device.publisher import Publisher

LIMIT_MS = 5  # for processing input before anything is sent: a flooded line must not delay a renewal

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
        self._publisher = Publisher()
        self._process = os.getpid()

    def record_to(self, recorder: Recorder) -> None:
        """From here on every event is handed to ``recorder`` before anything that follows from it leaves."""
        self._publisher.recorder = recorder
        self.controller.record_from_here()

    def add_observer(self, observer: Observer) -> None:
        """Let ``observer`` be told of every event, after it has been handed to the recorder."""
        self._publisher.add_observer(observer)

    def run(self, script: Script[T]) -> T:
        """Run ``script`` to its end and return its result.

        An exception is raised inside the script first, so that it can end the output. Raise what the script
        raises, and what the recorder raises when it cannot record.
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
            except BaseException:  # of any kind: the stop that the script has asked for still has to leave
                self.carry_out()
                raise
            try:
                error = None
                self.step(wake_ms)
            except BaseException as raised:  # noqa: BLE001 - handed to the script, which raises it again
                error, self._publisher.recorder = raised, None  # the recorder may be what broke

    def publish(self, event: Event) -> None:
        """Record ``event`` and show it, between two scripts."""
        self.controller.publish(event)
        self.carry_out()

    def publish_when_written(self, event: Event, wait_ms: int) -> bool:
        """Record ``event``, and show it once it is on the disk; return whether it is, after ``wait_ms``.

        What comes in meanwhile is taken in, and what follows from it recorded; it is not waited for.
        """
        self.controller.publish(event)
        number = self.controller.outbox.handed_over
        with self._publisher.unseen():
            self.carry_out()
        give_up_ms = self.clock.now_ms() + wait_ms
        while not self.controller.outbox.is_written(number) and self.clock.now_ms() < give_up_ms:
            self._take_in_all(self._wait(give_up_ms))
        written = self.controller.outbox.is_written(number)
        if written:
            self._publisher.show(event)
        return written

    def stop_at_exit(self) -> None:
        """Send a stop without the loop: the interpreter is exiting, perhaps in another thread.

        Not when a process exits that was forked from the session's: the session goes on.
        """
        data = self.controller.stop_bytes() if os.getpid() == self._process else b""
        if data:
            self.inbox.put(SessionAction.STOP)
            with suppress(LinkLost):
                self.link.send(data)

    def step(self, wake_ms: int) -> None:
        """Carry out what is due, wait, process what has arrived, and carry out what is due then."""
        self.carry_out()
        self._take_in_all(self._wait(min(wake_ms, self.controller.due_ms())))
        self.controller.poll(self.clock.now_ms())
        self.carry_out()

    def _wait(self, until_ms: int) -> News | None:
        return self.clock.wait(self.inbox, until_ms)

    def _take_in_all(self, news: News | None) -> None:
        """Process ``news`` and what is queued behind it, for at most `LIMIT_MS`."""
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
        elif isinstance(news, SessionAction | ActedBy | Lower | Note | Pain):
            self.controller.operate(news, now_ms)
        elif news.error is not None:
            raise news.error
        else:
            self.controller.outbox.write_ms = news.took_ms

    def carry_out(self) -> None:
        """Record, show and send what the controller has produced, in its order.

        After an event could not be recorded, only stops are sent.
        """
        failure: Exception | None = None
        while (item := self.controller.outbox.next) is not None:
            if isinstance(item, Outgoing) and item.starts_output and not self.inbox.empty():
                self._take_in_all(self._queued())  # look for a stop once more
                continue
            self.controller.outbox.done()
            try:
                if isinstance(item, Event):
                    self._publisher.publish(item)
                elif failure is None or item.is_stop:
                    self._send(item)
            except Exception as error:  # noqa: BLE001 - raised again below, when the stops have left
                self._publisher.recorder, failure = None, failure or error
        if failure is not None:
            raise failure
        recorder = self._publisher.recorder
        if recorder is not None and not self.controller.outbox.all_written:
            # Which of the written events are the controller's is not told: none is taken for one too many.
            written = recorder.written - self._publisher.recorded_drops
            self.controller.recorded(written, self.clock.now_ms())

    def _send(self, item: Outgoing) -> None:
        try:
            self.link.send(item.data)
            self.controller.sent(self.clock.now_ms())
        except LinkLost as error:
            self.controller.lose_link(error, self.clock.now_ms())
