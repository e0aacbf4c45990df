"""Writes a trace beside a session, which never waits for it.

The loop puts lines into a bounded queue, and a thread writes them. A disk that is full or too slow, and a
trace that is as large as a trace may be, end the trace and nothing else; why, is told once, after the
session. In virtual time the loop writes by itself: everything is the same every time.
"""

from __future__ import annotations

import os
import stat
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol, TypeAlias

from physioctl.errors import InvalidUsage
from physioctl.trace.lines import End, Header, TraceLine
from physioctl.trace.reading import LINES_MAX, SIZE_MAX

# This project's own figures.
QUEUE_MAX = 5000  # lines: about a minute of a session
DRAIN_S = 2.0  # at the end, for what is still in the queue
_END_ROOM = 1000  # bytes that are kept for the last line

Written: TypeAlias = Header | TraceLine


class Sink(Protocol):
    """Where lines go: a file without a buffer."""

    def write(self, data: bytes, /) -> int | None:
        """Write ``data``; return how much of it was written."""


class TraceWriter:
    """Takes lines and never waits: not for the disk, and not for its own thread."""

    def __init__(
        self,
        sink: Sink,
        *,
        in_thread: bool,
        queue_max: int = QUEUE_MAX,
        size_max: int = SIZE_MAX,
        lines_max: int = LINES_MAX,
    ) -> None:
        self.stopped = ""  # why nothing more is written; empty while everything is
        self._sink = sink
        self._queue_max = queue_max
        self._room = size_max - _END_ROOM
        self._lines_left = lines_max - 1
        self._last_ms = 0
        self._queue: deque[Written] = deque()
        self._ending = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        if in_thread:
            self._thread = threading.Thread(target=self._run, name="trace writer", daemon=True)
            self._thread.start()

    def add(self, line: Written) -> None:
        """Have ``line`` written, unless the trace has stopped."""
        if self.stopped:
            return
        if self._thread is None:
            self._write(line)
            return
        with self._changed:
            if len(self._queue) >= self._queue_max:
                self.stopped = "the disk is too slow"
                return
            self._queue.append(line)
            self._changed.notify()

    def stop(self, why: str) -> None:
        """Take nothing more."""
        with self._changed:
            self.stopped = self.stopped or why

    def close(self) -> None:
        """Write what waits, for no longer than `DRAIN_S`, and the last line."""
        if self._thread is None:
            self._finish()
            return
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join(DRAIN_S)
        if self.hangs:
            self.stopped = self.stopped or "the disk is too slow"

    @property
    def hangs(self) -> bool:
        """Whether a write has not come back."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        while (line := self._next()) is not None:
            self._write(line)
        self._finish()

    def _next(self) -> Written | None:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._ending)
            return self._queue.popleft() if self._queue else None

    def _write(self, line: Written) -> None:
        data = f"{line.text()}\n".encode()
        if self._room < len(data) or self._lines_left < 1:
            self._room = 0  # nothing shorter follows what was left out
            self.stopped = self.stopped or "it is as large as a trace may be"
            return
        self._room -= len(data)
        self._lines_left -= 1
        self._last_ms = line.ms
        self._put(data)

    def _finish(self) -> None:
        self._put(f"{End(ms=self._last_ms, why=self.stopped).text()}\n".encode())

    def _put(self, data: bytes) -> None:
        if self._lines_left < 0:
            return
        try:
            if self._sink.write(data) != len(data):
                raise OSError("the disk is full")
        except (OSError, ValueError) as error:
            self._room, self._lines_left = 0, -1  # nothing more: a half line would be no line
            why = (error.strerror if isinstance(error, OSError) else None) or str(error)
            self.stopped = self.stopped or f"it cannot be written: {why}"


def open_for_trace(path: Path, *, replace: bool) -> int:
    """Open ``path`` for a trace, for its user alone; return the descriptor. Raise `InvalidUsage`."""
    flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | (0 if replace else os.O_EXCL)
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError:
        raise InvalidUsage(
            f"there is {path} already", "Name another with --trace, or add --replace-trace."
        ) from None
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InvalidUsage(f"cannot write {path}: {why}", "Name another file with --trace.") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InvalidUsage(f"{path} is no file", "Name another with --trace.")
        os.ftruncate(descriptor, 0)
        if hasattr(os, "fchmod"):  # not on Windows, where there are no such modes; untried there
            os.fchmod(descriptor, 0o600)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def writing(
    path: Path, *, replace: bool, in_thread: bool, tell: Callable[[str], None]
) -> Iterator[TraceWriter]:
    """Write a trace to ``path`` while the block lasts; ``tell`` is told afterwards where it is not whole.

    Raise `InvalidUsage` when the file cannot be begun. The file is closed unless a write hangs in it.
    """
    descriptor = open_for_trace(path, replace=replace)
    file = os.fdopen(descriptor, "wb", buffering=0)
    try:
        writer = TraceWriter(file, in_thread=in_thread)
    except BaseException:  # there may be no thread for it
        file.close()
        raise
    try:
        yield writer
    finally:
        writer.close()
        if not writer.hangs:
            with suppress(OSError):
                file.close()
        if writer.stopped:
            tell(f"the trace {path} is not whole: {writer.stopped}. The session was not affected.")
