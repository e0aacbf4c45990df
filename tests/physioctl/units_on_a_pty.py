"""A simulated unit at the far end of a pseudo-terminal, in this process, that knows one speed.

What the host sends is kept, so that a test can say what was asked of the unit.
"""

from __future__ import annotations

import os
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Any

from device.dialects.base import Intent
from device.dialects.native import _ASKED
from device.wire import messages as wire
from device.wire.frame import Decoder, Frame, encode
from physioctl.holder import holding
from simulator.cable import Cable
from simulator.nameplate import calibration_days
from simulator.serve import serve_pty
from simulator.unit import SimulatedUnit

LIMIT_S = 10.0
TODAY = calibration_days(datetime.now(UTC).date())
_SPEEDS = {9600: termios.B9600, 19_200: termios.B19200, 115_200: termios.B115200}


class Answering(SimulatedUnit):
    """A unit whose answers are changed on their way out; None: it gives none."""

    def __init__(self, change: Callable[[wire.Message], wire.Message | None]) -> None:
        super().__init__("us111", serial="A-1", calibrated=TODAY)
        self._change = change

    def hear(self, data: bytes, now_ms: int) -> bytes:
        said = b""
        for item in Decoder().feed(super().hear(data, now_ms)):
            assert isinstance(item, Frame)
            message = wire.read(item.type, item.body)
            assert message is not None
            changed = self._change(message)
            said += b"" if changed is None else encode(Frame(item.type, item.seq, changed.pack()))
        return said


class AtOneSpeed(Cable):
    """A cable to a unit that knows one speed: at another, what it hears and says is noise."""

    def __init__(self, unit: SimulatedUnit, baud: int, noise: bytes, **others: Any) -> None:
        super().__init__(unit, **others)
        self.sent = b""
        self._baud = baud
        self._noise = noise
        self.port = ""

    def send(self, data: bytes, now_ms: int) -> None:
        self.sent += data
        if self._is_set_to() == self._baud:
            super().send(data, now_ms)
        else:
            self.on_arrival(self._noise)

    def _is_set_to(self) -> int:
        end = os.open(self.port, os.O_RDWR | os.O_NOCTTY)
        try:
            speed = termios.tcgetattr(end)[4]
        finally:
            os.close(end)
        return next((baud for baud, code in _SPEEDS.items() if code == speed), 0)


class UnitOnAPty:
    """The unit, its port, and what was sent to it."""

    def __init__(self, cable: AtOneSpeed) -> None:
        self.unit = cable.unit
        self.port = cable.port
        self._cable = cable

    @property
    def asked(self) -> set[type[Intent] | None]:
        """The kinds of the requests that it was sent in the native dialect, at whatever speed."""
        frames = (item for item in Decoder().feed(self._cable.sent) if isinstance(item, Frame))
        return {_ASKED.get(frame.type) for frame in frames}


@contextmanager
def numbers_nobody_listens_for() -> Iterator[None]:
    """Let a pseudo-terminal that is opened in the block have a number that no session waits for.

    A session whose pseudo-terminal has gone waits for it, and the system gives its number to another.
    """
    with ExitStack() as taken:
        while True:
            far, near = os.openpty()
            if not holding(os.ttyname(near)):
                break
            taken.callback(os.close, near)
            taken.callback(os.close, far)
        os.close(near)
        os.close(far)
        yield


@contextmanager
def unit_on_a_pty(
    unit: SimulatedUnit | None = None, *, baud: int = 115_200, noise: bytes = b""
) -> Iterator[UnitOnAPty]:
    """Serve ``unit`` for as long as the block lasts; it must have given no output, and met no breach."""
    cable = AtOneSpeed(unit or SimulatedUnit("us111", serial="A-1", calibrated=TODAY), baud, noise)
    ended, announced = threading.Event(), SimpleQueue[str]()

    def announce(port: str) -> None:
        cable.port = port
        announced.put(port)

    thread = threading.Thread(
        target=serve_pty, args=(cable,), kwargs={"announce": announce, "ended": ended.is_set}, daemon=True
    )
    with numbers_nobody_listens_for():
        thread.start()
        announced.get(timeout=LIMIT_S)
    try:
        yield UnitOnAPty(cable)
    finally:
        ended.set()
        thread.join(LIMIT_S)
    assert not thread.is_alive()
    assert cable.unit.changes == []
    assert cable.unit.breaches == []
