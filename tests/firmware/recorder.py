"""Stands on the line between a host and the POSIX board's TCP port, and keeps what the host has sent."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from device.wire.frame import Decoder, Frame
from device.wire.messages import Message, Renew, Set, read

CHUNK = 4096
GLANCE_S = 0.05


class LineRecorder:
    """Passes bytes on, one host after the other."""

    def __init__(self, board_port: str) -> None:
        found = urlsplit(board_port)
        assert found.hostname is not None
        assert found.port is not None
        self._board = (found.hostname, found.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        self.sent: list[Message | None] = []
        self._ended = False

    def run(self) -> None:
        """Until `end`."""
        while not self._ended:
            if select.select([self._listener], [], [], GLANCE_S)[0]:
                host, _ = self._listener.accept()
                with host, socket.create_connection(self._board) as board:
                    for each in (host, board):
                        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._pass_on(host, board)
        self._listener.close()

    def _pass_on(self, host: socket.socket, board: socket.socket) -> None:
        decoder = Decoder()
        while not self._ended:
            for each in select.select([host, board], [], [], GLANCE_S)[0]:
                try:
                    data = each.recv(CHUNK)
                    (board if each is host else host).sendall(data)
                except OSError:
                    return
                if not data:
                    return
                if each is host:
                    frames = (frame for frame in decoder.feed(data) if isinstance(frame, Frame))
                    self.sent += [read(frame.type, frame.body) for frame in frames]

    def end(self) -> None:
        self._ended = True

    def lease_until_ms(self) -> int:
        """Until when the latest step's lease runs, by the unit's clock and by what the host has sent."""
        latest = max(place for place, message in enumerate(self.sent) if isinstance(message, Set))
        step = [message for message in self.sent[latest:] if isinstance(message, (Set, Renew))]
        return max(message.unit_uptime_ms + message.lease_ms for message in step)


@contextmanager
def recorded(board_port: str) -> Iterator[LineRecorder]:
    """A recorder before a board, for as long as the block lasts."""
    line = LineRecorder(board_port)
    thread = threading.Thread(target=line.run, daemon=True)
    thread.start()
    try:
        yield line
    finally:
        line.end()
        thread.join()
