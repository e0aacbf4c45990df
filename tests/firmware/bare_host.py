"""A host of a few lines, which asks a board over TCP and knows no policy at all."""

from __future__ import annotations

import select
import socket
from contextlib import suppress
from time import monotonic
from typing import Self
from urllib.parse import urlsplit

from device.wire import messages as wire
from device.wire.frame import Decoder, Frame, encode

ANSWER_S = 1.0


class NoAnswer(Exception):
    """The board has not answered in time."""


def connected(port: str) -> socket.socket:
    """A connection to a ``socket://`` port."""
    at = urlsplit(port)
    assert at.hostname is not None
    line = socket.create_connection((at.hostname, at.port or 0), timeout=ANSWER_S)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


class BareHost:
    """Asks, and reads the answer under the same number."""

    def __init__(self, port: str) -> None:
        self._line = connected(port)
        self._decoder = Decoder()
        self._seq = 0
        self._session = 0
        self.last: wire.Status | None = None

    def send(self, data: bytes) -> None:
        """Bytes as they are."""
        self._line.sendall(data)

    def ask(self, message: wire.Message, within_s: float = ANSWER_S) -> wire.Status:
        """Ask, and wait for the status that answers it; raise NoAnswer."""
        self._seq = (self._seq + 1) % 0x10000
        self._line.sendall(encode(Frame(message.TYPE, self._seq, message.pack())))
        ends = monotonic() + within_s
        while (left := ends - monotonic()) > 0:
            readable, _, _ = select.select([self._line], [], [], left)
            for item in self._decoder.feed(self._line.recv(4096)) if readable else []:
                if isinstance(item, Frame) and item.seq == self._seq:
                    answer = wire.read(item.type, item.body)
                    if isinstance(answer, wire.Status):
                        self.last = answer
                        return answer
        raise NoAnswer(type(message).__name__)

    def status(self) -> wire.Status:
        """How the unit stands; asked again where an answer was lost."""
        return self._until_answered(wire.GetStatus())

    def stop(self) -> wire.Status:
        """Stop, again and again until it is answered."""
        return self._until_answered(wire.Stop())

    def _until_answered(self, message: wire.Message) -> wire.Status:
        for _ in range(5):
            with suppress(NoAnswer):
                return self.ask(message)
        raise NoAnswer(f"{type(message).__name__}, five times")

    def begin(self, level: int = 530, *, lease_ms: int = 500, for_ms: int = 60_000) -> wire.Status:
        """Bring the unit to give output, from whatever state it is in."""
        status = self.status()
        if status.state is wire.UnitState.FAULT:
            self.ask(wire.Clear(status.nonce, status.uptime_ms))
        status = self.stop()
        self._session += 1
        arm = wire.Arm(status.nonce, self._session, level, for_ms, 10_000_000, status.uptime_ms)
        status = self.ask(arm)
        if status.result is not wire.Result.OK:
            return status
        asked = (level, 100, 1000, 0, for_ms, 0)
        return self.ask(wire.Set(status.nonce, self._session, *asked, status.uptime_ms, lease_ms))

    def renew(self, lease_ms: int = 500) -> wire.Status:
        """Prolong the lease from the latest status heard."""
        assert self.last is not None
        return self.ask(wire.Renew(self.last.nonce, self.last.session, self.last.uptime_ms, lease_ms))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Let go of the line."""
        self._line.close()
