"""Frames that a cable has spoilt: bits struck, frames cut, joined and doubled, and noise between them.

`Spoiler.next` gives bytes together with the frames that are still whole in them, worked out from the bytes
that were sent and not by the decoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from device.wire.frame import Frame, encode


@dataclass(frozen=True, slots=True)
class Spoilt:
    """Bytes as they come off a bad cable, and the frames among them that nothing happened to."""

    data: bytes
    whole: tuple[Frame, ...]


class Spoiler:
    """Spoils frames at random, from a seed."""

    def __init__(self, frames: list[Frame], seed: int) -> None:
        self._rng = Random(seed)
        self._sent = {encode(frame).strip(b"\0"): frame for frame in frames}
        self._coded = [encode(frame) for frame in frames]
        self._ways = (self._struck, self._cut, self._joined, self._doubled, self._noise)

    def next(self) -> Spoilt:
        """The next spoilt bytes, with a delimiter at either end."""
        data = b"\0" + self._rng.choice(self._ways)() + b"\0"
        return Spoilt(data, tuple(self._sent[raw] for raw in data.split(b"\0") if raw in self._sent))

    def _any(self) -> bytes:
        return self._rng.choice(self._coded)

    def _struck(self) -> bytes:
        data = bytearray(self._any())
        for _ in range(self._rng.randint(1, 8)):
            data[self._rng.randrange(len(data))] ^= 1 << self._rng.randrange(8)
        return bytes(data)

    def _cut(self) -> bytes:
        data = self._any()
        begin, end = sorted(self._rng.randrange(len(data) + 1) for _ in range(2))
        return data[begin:end]

    def _joined(self) -> bytes:
        return self._cut().strip(b"\0") + self._cut().strip(b"\0") + self._cut()

    def _doubled(self) -> bytes:
        data = self._any()
        return data * 2 if self._rng.random() < 0.1 else data[:-1].lstrip(b"\0") * 2

    def _noise(self) -> bytes:
        return self._rng.randbytes(self._rng.randint(1, 200))
