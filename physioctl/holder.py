"""The program that holds a port, and how another program of the same user asks it to stop.

Two programs that read one port take each other's bytes, so a stop sent beside a running session is confirmed
to one of them at random. So the holder of a port listens on a local socket. It puts a stop into its inbox the
moment it is asked, and answers once it knows whether output is off. A program that asks and does not get
*confirmed* in time sends a stop on the port itself, whatever holds it.

A request and an answer are one message each: the version of this exchange, a space, and a word. Whoever asks
everybody to stop, and knows the sockets alone, also asks which port it is.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, SimpleQueue

from device.events import Event, OffConfirmation, StopOutcome
from device.link import Inbox
from device.operator import SessionAction
from physioctl.events import SessionEnded
from physioctl.local_socket import (
    Door,
    connected,
    connections_to,
    limit_reading,
    name_of,
    names_of,
    open_door,
)

# This project's own figures.
ASK_S = 1.5  # for an answer, before the port is opened beside its holder
ANSWER_S = 5.0  # an answer after this is of no use
CALLERS_MAX = 16  # at a time; more are turned away, and send their stop on the port
MESSAGE_MAX = 32  # bytes
READ_S = 0.5  # for each piece of a message
PORT_MAX = 512  # bytes of a port's name
_VERSION = b"1"
_STOP = b"stop"
_PORT = b"port"


@dataclass(frozen=True, slots=True)
class Holder:
    """A program that was asked to stop."""

    port: str  # which it holds, as it was given to it; empty where it does not say
    output_off: OffConfirmation | None  # None where it does not say


class StopService:
    """Takes requests to stop from other programs, and answers what the controller then finds out.

    It is an observer of the controller, called by the loop itself: `on_event` never waits.
    """

    def __init__(self, inbox: Inbox, port: str = "") -> None:
        self.port = port
        self._inbox = inbox
        self._asked = False
        self._known: OffConfirmation | None = None
        self._released = False
        self._changed = threading.Condition()

    def on_event(self, event: Event) -> None:
        """Learn what is known of the output: after a request, or at the end of the session."""
        with self._changed:
            if isinstance(event, SessionEnded) or (isinstance(event, StopOutcome) and self._asked):
                self._known = event.output_off
                self._changed.notify_all()

    def stop(self) -> OffConfirmation:
        """Ask the loop to stop, and return what is then known of the output."""
        with self._changed:
            self._asked = True
            self._inbox.put(SessionAction.STOP)
            self._changed.wait_for(lambda: self._known is not None or self._released, ANSWER_S)
            return self._known or OffConfirmation.UNKNOWN

    def release(self) -> None:
        """End every wait: the port is free."""
        with self._changed:
            self._released = True
            self._changed.notify_all()


@contextmanager
def listening(port: str, service: StopService, folders: Iterable[Path] | None = None) -> Iterator[None]:
    """Let other programs ask ``service`` to stop what runs on ``port``, where that can be.

    ``folders`` are where the socket may be: see `local_socket.open_door`.
    """
    name = name_of(port)
    door = open_door(name, folders) if name is not None else None
    if door is None:
        yield
        return
    closed = threading.Event()
    thread = threading.Thread(target=_let_in, args=(door, service, closed), name="stop service", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # the system has no thread for it
        door.close()
        raise
    try:
        yield
    finally:
        closed.set()
        door.close()
        thread.join(READ_S)


def ask_to_stop(port: str, within_s: float = ASK_S) -> OffConfirmation | None:
    """Have the program that holds ``port`` stop. Return what it then knows; None when it does not say."""
    answers: SimpleQueue[OffConfirmation | None] = SimpleQueue()
    try:
        threading.Thread(target=_ask, args=(port, within_s, answers), name="asking", daemon=True).start()
        return answers.get(timeout=within_s)
    except (Empty, RuntimeError):  # RuntimeError: the system has no thread for it
        return None


def _ask(port: str, within_s: float, answers: SimpleQueue[OffConfirmation | None]) -> None:
    for name in names_of(port):
        answer = _answer_from(name.text, within_s)
        if answer is not None and name.sure:
            answers.put(answer)
            return
    answers.put(None)  # what another port's holder says of its unit may not be believed of this one


def _answer_from(name: str, within_s: float) -> OffConfirmation | None:
    for connection in connections_to(name):
        with connection, suppress(OSError, EOFError, ValueError):
            limit_reading(connection, within_s)
            connection.send_bytes(_VERSION + b" " + _STOP)
            return OffConfirmation(_word(connection.recv_bytes(MESSAGE_MAX)).decode("ascii"))
    return None


def ask_to_stop_at(path: Path, within_s: float = ASK_S) -> Holder | None:
    """Have the program stop that listens at ``path``, whatever port it holds; None when nobody listens there.

    It returns after ``within_s`` for each of the two answers at most, but for a program that takes no
    connection: that one holds up the calling thread.
    """
    try:
        asking = connected(path)
    except (OSError, EOFError):
        return None
    port, output_off = "", None
    with asking, suppress(OSError, EOFError, ValueError):
        limit_reading(asking, within_s)
        asking.send_bytes(_VERSION + b" " + _STOP)
        with suppress(OSError, EOFError), connected(path) as another:  # it will have gone once it has stopped
            limit_reading(another, READ_S)
            another.send_bytes(_VERSION + b" " + _PORT)
            port = _word(another.recv_bytes(PORT_MAX + MESSAGE_MAX)).decode("utf-8", "surrogateescape")
        output_off = OffConfirmation(_word(asking.recv_bytes(MESSAGE_MAX)).decode("ascii"))
    return Holder(port, output_off)


def holding(port: str) -> bool:
    """Whether a program of the same user says that it holds ``port``. Nothing is asked of it but that.

    A program that takes no connection holds up the calling thread, as in `ask_to_stop_at`.
    """
    for name in names_of(port):
        for connection in connections_to(name.text) if name.sure else ():
            with connection, suppress(OSError, EOFError, ValueError):
                limit_reading(connection, READ_S)
                connection.send_bytes(_VERSION + b" " + _PORT)
                _word(connection.recv_bytes(PORT_MAX + MESSAGE_MAX))
            return True  # it listens under the port's name: that it says no more makes no difference
    return False


def _word(message: bytes) -> bytes:
    """What an answer says; raise `ValueError` for one in another version."""
    version, _, word = message.partition(b" ")
    if version != _VERSION:
        raise ValueError(f"an answer in version {version!r}")
    return word


def _let_in(door: Door, service: StopService, closed: threading.Event) -> None:
    slots = threading.BoundedSemaphore(CALLERS_MAX)
    while not closed.is_set():
        try:
            connection = door.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ECONNABORTED):
                closed.wait(READ_S)
                continue
            return
        if connection is None:
            continue
        if not slots.acquire(blocking=False):
            connection.close()
            continue
        try:
            threading.Thread(target=_answer, args=(connection, service, slots), daemon=True).start()
        except RuntimeError:  # the system has no thread for it
            connection.close()
            slots.release()


def _answer(connection: Connection, service: StopService, slots: threading.BoundedSemaphore) -> None:
    try:
        with connection, suppress(OSError, EOFError):
            limit_reading(connection, READ_S)
            word = connection.recv_bytes(MESSAGE_MAX).partition(b" ")[2]
            if word == _STOP:  # in any version
                connection.send_bytes(_VERSION + b" " + service.stop().value.encode("ascii"))
            elif word == _PORT:
                port = service.port.encode("utf-8", "surrogateescape")[:PORT_MAX]
                connection.send_bytes(_VERSION + b" " + port)
    finally:
        slots.release()
