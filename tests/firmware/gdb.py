"""As much of GDB's remote protocol as it takes to change a processor that runs: memory, registers, go on."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

LIMIT_S = 10.0
PC = 15


class Debugger:
    """Connected to a stub on a Unix socket. The processor stands still inside a ``with`` block."""

    def __init__(self, path: Path) -> None:
        self._line = socket.socket(socket.AF_UNIX)
        self._line.settimeout(LIMIT_S)
        self._line.connect(str(path))
        self._held = b""
        self._ask("qXfer:features:read:target.xml:0,ffb")  # or QEMU takes no single register
        self._ask("?")
        self._send("c")

    def __enter__(self) -> Debugger:
        self._line.sendall(b"\x03")
        self._packet()
        return self

    def __exit__(self, *_: object) -> None:
        self._send("c")

    def read(self, address: int, count: int) -> bytes:
        """``count`` bytes of memory."""
        return bytes.fromhex(self._ask(f"m{address:x},{count:x}"))

    def write(self, address: int, data: bytes) -> None:
        """Put ``data`` into memory."""
        assert (said := self._ask(f"M{address:x},{len(data):x}:{data.hex()}")) == "OK", said

    def register(self, number: int) -> int:
        """The value of r0 to r15."""
        return int.from_bytes(bytes.fromhex(self._ask(f"p{number:x}")), "little")

    def set_register(self, number: int, value: int) -> None:
        """Give a register a value."""
        assert (said := self._ask(f"P{number:x}={value.to_bytes(4, 'little').hex()}")) == "OK", said

    def close(self) -> None:
        """Leave the processor running."""
        with suppress(OSError):
            self._line.close()

    def _send(self, said: str) -> None:
        raw = said.encode()
        self._line.sendall(b"$" + raw + b"#%02x" % (sum(raw) % 256))

    def _ask(self, said: str) -> str:
        self._send(said)
        answer = self._packet()
        while answer[:1] == "T" and said != "?":  # told once more that it stands still
            answer = self._packet()
        return answer

    def _packet(self) -> str:
        while self._held.count(b"#") == 0 or len(self._held) < self._held.index(b"#") + 3:
            more = self._line.recv(4096)
            if not more:
                raise ConnectionError("the emulator has gone")
            self._held += more
        end = self._held.index(b"#")
        said = self._held[self._held.index(b"$") + 1 : end]
        self._held = self._held[end + 3 :]
        self._line.sendall(b"+")
        return said.decode()
