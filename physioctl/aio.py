"""Units and sessions for asyncio: `physioctl.connect`, with ``async`` before what waits.

    async with physioctl.aio.connect("/dev/ttyUSB0") as unit:
        session = await unit.start("unit-check", answers=None)
        async for event in session.events(): ...
        ended = await session.result()

The session runs in a thread of its own, so that a loop that is held up delays nothing of it. Leaving the
block ends its output, by a cancellation as by anything else; a cancellation while the unit is being let go is
raised once that is done.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar

from device.dialects.base import Identity
from device.events import Event, Observer, OffConfirmation
from physioctl import api
from physioctl import stopping as stopping_of
from physioctl.events import SessionEnded, SessionStarted
from physioctl.running import RunningSession as _Running
from physioctl.screening import Answers
from protocols.model import Protocol, Side

T = TypeVar("T")


@asynccontextmanager
async def connect(
    port: str | None = None,
    *,
    serial: str | None = None,
    dialect: str | None = None,
    journal: Path | str | None = None,
) -> AsyncIterator[ConnectedUnit]:
    """Hold a unit for as long as the block lasts: see `physioctl.connect`."""
    opening = _begun(lambda: api.connect(port, serial=serial, dialect=dialect, journal=journal))
    try:
        unit = await _whole(opening)
    except asyncio.CancelledError:
        if opening.exception() is None:
            await _whole(_begun(opening.result().close))
        raise
    try:
        yield ConnectedUnit(unit)
    finally:
        unit.request_stop()  # at once: the thread that waits for the end may come late
        await _whole(_begun(unit.close))


class ConnectedUnit:
    """A unit that this program holds: see `physioctl.ConnectedUnit`."""

    def __init__(self, unit: api.ConnectedUnit) -> None:
        self._unit = unit
        self.port = unit.port
        self.dialect = unit.dialect
        self.identity: Identity = unit.identity

    async def start(
        self,
        protocol: Protocol | Path | str,
        *,
        side: Side | str | None = None,
        person: str | None = None,
        answers: Answers | Path | None = api.NOT_ANSWERED,
        operator: str | None = None,
        attended: bool = False,
        rest_of: str | None = None,
        unauthenticated_network: bool = False,
        observers: Sequence[Observer] = (),
    ) -> RunningSession:
        """Start a session; return once it has started. A cancellation meanwhile ends it."""
        events = _Events(asyncio.get_running_loop())
        starting = _begun(
            lambda: self._unit.start(
                protocol,
                side=side,
                person=person,
                answers=answers,
                operator=operator,
                attended=attended,
                rest_of=rest_of,
                unauthenticated_network=unauthenticated_network,
                observers=[events, *observers],
            )
        )
        try:
            session = await _whole(starting, self._unit.request_stop)
        except asyncio.CancelledError:
            if starting.exception() is None:
                starting.result().stop()
            raise
        return RunningSession(session, events)

    async def stop(self) -> OffConfirmation:
        """End output, whether or not a session runs; return what is then known of it, within seconds."""
        self._unit.request_stop()
        return await _whole(_begun(self._unit.stop))


class RunningSession:
    """A session on a unit: see `physioctl.RunningSession`, whose actions wait for nothing."""

    def __init__(self, session: _Running, events: _Events) -> None:
        self._session = session
        self._events = events
        self._result = _begun(session.result)
        self._result.add_done_callback(events.end)
        self.stop = session.stop
        self.lower = session.lower
        self.pause = session.pause
        self.resume = session.resume
        self.skip = session.skip
        self.note = session.note
        self.pain = session.pain

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self._session.running

    @property
    def started(self) -> SessionStarted:
        """Its first event: its id, what is given, to whom and by which unit."""
        return self._session.started

    @property
    def id(self) -> str:
        """Its id in the journal."""
        return self._session.id

    async def events(self) -> AsyncIterator[Event]:
        """Each event from the first on, as it comes, until the session is over."""
        given = 0
        while new := await self._events.after(given):
            for event in new:
                yield event
            given += len(new)

    async def result(self, timeout_s: float | None = None) -> SessionEnded:
        """Wait for the end; return how it ended. Raise what broke it off, and `TimeoutError`."""
        return await asyncio.wait_for(asyncio.shield(self._result), timeout_s)


async def stop(port: str, dialect: str | None = None) -> OffConfirmation:
    """Stop whatever runs on ``port``: see `physioctl.stop`. It is sent, whatever is cancelled meanwhile."""
    return await _whole(_begun(lambda: stopping_of.stop(port, dialect)))


class _Events:
    """Hands the events of a session from its thread to the loop. It is told of them by the session."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._events: list[Event] = []
        self._over = False
        self._news = asyncio.Event()

    def on_event(self, event: Event) -> None:
        """Keep ``event``; called in the session's thread."""
        with suppress(RuntimeError):  # the loop has been closed
            self._loop.call_soon_threadsafe(self._keep, event)

    def end(self, result: asyncio.Future[SessionEnded]) -> None:
        """No more will come."""
        result.exception()  # it is raised where the result is asked for, and need not be
        self._over = True
        self._news.set()

    async def after(self, count: int) -> Sequence[Event]:
        """Events beyond the first ``count``, waited for; none once the session is over."""
        while len(self._events) <= count and not self._over:
            self._news.clear()
            await self._news.wait()
        return self._events[count:]

    def _keep(self, event: Event) -> None:
        self._events.append(event)
        self._news.set()


def _begun(work: Callable[[], T]) -> asyncio.Future[T]:
    """Begin ``work`` in a thread of its own: the loop's own ones are few, and a stop waits for none."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # None only where T is

    def run() -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = work()
        except BaseException as raised:  # noqa: BLE001 - raised where it is awaited
            error = raised
        with suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="physioctl.aio", daemon=True).start()
    return future


async def _whole(future: asyncio.Future[T], on_cancel: Callable[[], None] = lambda: None) -> T:
    """What ``future`` comes to. A cancellation calls ``on_cancel`` at once, and is raised afterwards."""
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
            on_cancel()
    if cancelled is not None:
        future.exception()  # it is not raised
        raise cancelled
    return future.result()
