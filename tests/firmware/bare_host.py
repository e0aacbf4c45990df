"""A host of a few lines, which asks a board over TCP; and a line between two others that notes what was sent."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
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
    """Asks, and reads the answer under the same number. It knows no policy at all."""

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
        for _ in range(5):
            with suppress(NoAnswer):
                return self.ask(wire.GetStatus())
        raise NoAnswer("GetStatus, five times")

    def begin(
        self, level: int = 530, *, lease_ms: int = 500, for_ms: int = 60_000, percussion: bool = False
    ) -> wire.Status:
        """Bring the unit to give output, from whatever state it is in."""
        status = self.status()
        if status.state is wire.UnitState.FAULT:
            self.ask(wire.Clear(status.nonce, status.uptime_ms))
        status = self.ask(wire.Stop())
        self._session += 1
        arm = wire.Arm(status.nonce, self._session, level, for_ms, 10_000_000, status.uptime_ms)
        status = self.ask(arm)
        if status.result is not wire.Result.OK:
            return status
        carrier = 0 if percussion else 1000
        return self.ask(
            wire.Set(
                status.nonce,
                self._session,
                level,
                100,
                carrier,
                0,
                for_ms,
                0,
                status.uptime_ms,
                lease_ms,
            )
        )

    def renew(self, lease_ms: int = 500) -> wire.Status:
        """Prolong the lease from the latest status heard."""
        assert self.last is not None
        return self.ask(wire.Renew(self.last.nonce, self.last.session, self.last.uptime_ms, lease_ms))

    def close(self) -> None:
        """Let go of the line."""
        self._line.close()


@dataclass(slots=True)
class Recorder:
    """A TCP port in front of a board's own, which notes every frame that it hands on."""

    board_port: str
    port: str = ""
    asked: list[Frame] = field(default_factory=list)
    answered: list[Frame] = field(default_factory=list)
    _server: socket.socket = field(default_factory=socket.socket)
    _ended: bool = False
    _thread: threading.Thread | None = None

    def __enter__(self) -> Recorder:
        self._server.bind(("127.0.0.1", 0))
        self._server.listen(1)
        self._server.settimeout(0.1)
        self.port = f"socket://127.0.0.1:{self._server.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        if self._thread is not None:
            self._thread.join(10)
        self._server.close()

    def lease_end_ms(self) -> int | None:
        """When the latest lease ends that a Set or a Renew has asked for, by the unit's clock."""
        ends = None
        for frame in self.asked:
            message = wire.read(frame.type, frame.body)
            if isinstance(message, wire.Set):
                ends = message.unit_uptime_ms + message.lease_ms
            elif isinstance(message, wire.Renew) and ends is not None:
                ends = max(ends, message.unit_uptime_ms + message.lease_ms)
            elif isinstance(message, wire.Stop):
                ends = None
        return ends

    def _serve(self) -> None:
        board = connected(self.board_port)
        while not self._ended:
            with suppress(TimeoutError):
                host, _ = self._server.accept()
                with host:
                    host.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._between(host, board)
        board.close()

    def _between(self, host: socket.socket, board: socket.socket) -> None:
        from_host, from_board = Decoder(), Decoder()
        while not self._ended:
            readable, _, _ = select.select([host, board], [], [], 0.1)
            for line in readable:
                try:
                    data = line.recv(4096)
                except OSError:
                    data = b""
                if not data:
                    return
                if line is host:
                    self.asked += [item for item in from_host.feed(data) if isinstance(item, Frame)]
                    board.sendall(data)
                else:
                    self.answered += [item for item in from_board.feed(data) if isinstance(item, Frame)]
                    with suppress(OSError):
                        host.sendall(data)
