"""Standard output and standard error, whose readers change neither a session nor its exit code.

A stream may be closed, full, a pipe that nobody reads or whose reader has gone, or a terminal that lacks a
character or stands still. None of that raises here. What is written is passed on by a thread of the stream's
own, and who writes waits until it has been: for as long as the reader takes, or, in a command that holds a
unit, for `PATIENCE_S` at the most.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import EPIPE
from queue import SimpleQueue
from typing import TextIO, cast

PATIENCE_S = 1.0  # this project's own figure: how long a command that holds a unit waits for a reader in all


class Output:
    """A text stream that passes on what it can, and never raises for what it cannot."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._fd = _descriptor(stream)
        self.encoding: str = getattr(stream, "encoding", None) or "utf-8"
        self.errors = "backslashreplace"
        self.error: Exception | None = None  # why nothing more can be written
        self._patience_s: float | None = None  # None: as long as it takes
        self._written: list[str] = []  # not flushed yet
        self._items: SimpleQueue[tuple[str, threading.Event] | None] = SimpleQueue()
        self._writer: threading.Thread | None = None
        if self._fd is not None and stream is not None:
            with suppress(OSError, ValueError):
                stream.flush()  # what was written before this one took over

    # --- what a text stream does ----------------------------------------------------------------------

    def write(self, text: str) -> int:
        """Take ``text``; it is passed on by the next `flush`."""
        if not isinstance(text, str):
            raise TypeError(f"a str is needed, not {type(text).__name__}")
        self._written.append(text)
        return len(text)

    def flush(self) -> None:
        """Pass on what was written, and wait until it has been.

        Threads other than the main one wait for as long as it takes, whatever the command.
        """
        taken, self._written = self._written, []
        text = "".join(taken)
        if not text or self.error is not None:
            return
        if self._fd is None:
            self._pass_on(text)
            return
        try:
            self._begin_to_write()
        except RuntimeError:  # the system has no thread for it: then nothing runs that could be delayed
            self._pass_on(text)
            return
        done = threading.Event()
        self._items.put((text, done))
        self._wait(done)

    def post(self, text: str) -> None:
        """Pass on ``text`` without waiting for anybody; it is dropped where there is no thread for that."""
        with suppress(RuntimeError):
            self._begin_to_write()
            self._items.put((text, threading.Event()))

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        try:
            return self._stream is not None and self._stream.isatty()
        except (OSError, ValueError, AttributeError):
            return False

    def fileno(self) -> int:
        """The descriptor behind it; raise `OSError` when there is none."""
        if self._fd is None:
            raise OSError("this stream has no descriptor")
        return self._fd

    def writable(self) -> bool:
        """Always: what cannot be passed on is dropped."""
        return True

    # --- for the command line ---------------------------------------------------------------------------

    def limit_waiting(self) -> None:
        """From here on the main thread waits for readers for `PATIENCE_S` in all."""
        if self._patience_s is None:
            self._patience_s = PATIENCE_S

    def drain(self) -> None:
        """Pass on what is left, and end the thread if it can be."""
        self.flush()
        if self._writer is not None:
            self._items.put(None)
            self._writer.join(self._patience_s)

    def _begin_to_write(self) -> None:
        if self._writer is None:
            writer = threading.Thread(target=self._write_all, name="output", daemon=True)
            writer.start()
            self._writer = writer

    def _wait(self, done: threading.Event) -> None:
        if self._patience_s is None or threading.current_thread() is not threading.main_thread():
            done.wait()
        elif not done.wait(self._patience_s):
            self._patience_s = 0.0  # it has been used up; what is written from here on is left to the thread

    def _write_all(self) -> None:
        while (item := self._items.get()) is not None:
            text, done = item
            if self.error is None:
                self._pass_on(text)
            done.set()

    def _pass_on(self, text: str) -> None:
        data = text.encode(self.encoding, "backslashreplace")
        try:
            if self._fd is not None:
                while data:
                    data = data[_write(self._fd, data) :]
            elif self._stream is not None:
                self._stream.write(data.decode(self.encoding))
                self._stream.flush()
        except (OSError, ValueError) as error:  # ValueError: the stream has been closed
            self.error = error


@dataclass(frozen=True, slots=True)
class Streams:
    """Standard output and standard error of a command."""

    out: Output
    err: Output

    def limit_waiting(self) -> None:
        """From here on the main thread waits for readers for `PATIENCE_S` a stream at the most."""
        self.out.limit_waiting()
        self.err.limit_waiting()

    def drain(self) -> None:
        """Pass on what is left. That standard output is full is said; that nobody reads it is not."""
        self.out.drain()
        error = self.out.error
        if isinstance(error, OSError) and error.errno != EPIPE:
            self.err.write(f"error: standard output cannot be written: {error.strerror}\n")
            self.err.write("  to do: Make room there, or send it elsewhere.\n")
        self.err.drain()


@contextmanager
def standard_streams() -> Iterator[Streams]:
    """Let ``sys.stdout`` and ``sys.stderr`` be streams that never fail, for as long as the block lasts."""
    before = sys.stdout, sys.stderr
    streams = Streams(Output(sys.stdout), Output(sys.stderr))
    sys.stdout, sys.stderr = cast("TextIO", streams.out), cast("TextIO", streams.err)
    try:
        yield streams
    finally:
        sys.stdout, sys.stderr = before


def limit_waiting() -> None:
    """Wait for readers no longer than `PATIENCE_S` from here on: a unit is held."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, Output):
            stream.limit_waiting()


def open_closed_descriptors() -> None:
    """Put the null device where a standard stream is closed.

    Otherwise the next file to be opened, a port or the journal, gets its number, and with it whatever is
    written to that stream.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        with suppress(OSError):
            if not _is_open(number):
                os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free, which is this one
            if getattr(sys, name) is None:
                setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _write(fd: int, data: bytes) -> int:
    """Write some of ``data``, and return how much. A descriptor that is not to block is waited for here."""
    try:
        return os.write(fd, data)
    except BlockingIOError:
        select.select([], [fd], [])
        return 0


def _descriptor(stream: TextIO | None) -> int | None:
    """The descriptor to write to; None where the stream has none, or has to be written to itself."""
    if stream is None or sys.platform == "win32":  # untried there: a console takes text, not bytes
        return None
    try:
        return stream.fileno()
    except (OSError, ValueError, AttributeError):
        return None
