"""The cable between a host and a simulated unit: bytes take their time, and faults of the line happen here.

It moves bytes and the unit in the exact order of events. It does not read frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from heapq import heapify, heappop, heappush
from random import Random

from device.wire.messages import BAUD
from simulator.faults import ON_THE_LINE, Fault, FaultKind
from simulator.identity import serial_of
from simulator.nameplate import MODELS
from simulator.rng import stream
from simulator.unit import SimulatedUnit

_LATENCY_MS = 1
_NEVER_MS = 1 << 62
HELD_BACK_MS = 150  # longer than a host waits for an answer, or nothing would be overtaken


class Toward(IntEnum):
    """The two directions; the amount of a half-open fault names the one that is dead."""

    UNIT = 0
    HOST = 1


def transmit_ms(count: int, bits_per_byte: int = 10) -> int:
    """How long ``count`` bytes occupy the line, in whole milliseconds begun."""
    return -(-count * bits_per_byte * 1000 // BAUD)


class Line:
    """One direction. What is sent together arrives together, when its last byte does."""

    def __init__(self, toward: Toward, rng: Random, faults: Sequence[Fault], bits_per_byte: int = 10) -> None:
        self._bits_per_byte = bits_per_byte
        self._toward = toward
        self._rng = rng
        self._faults = list(faults)
        self._deadly = [fault for fault in faults if _lets_nothing_pass(fault, toward)]
        self.next_ms = _NEVER_MS  # when the next bytes arrive
        self._on_the_way: list[tuple[int, int, int, bytes]] = []  # arrival, number, last sent byte, data
        self._count = 0
        self._free_ms = 0
        self._latest_ms = 0

    def inject(self, fault: Fault) -> None:
        """Let ``fault`` happen as well."""
        self._faults.append(fault)
        if _lets_nothing_pass(fault, self._toward):
            self._deadly.append(fault)

    def carry(self, data: bytes, now_ms: int) -> None:
        """Take ``data`` along, as far as the line is whole."""
        if self._deadly and self.is_dead(now_ms):
            return
        self._free_ms = max(self._free_ms, now_ms) + transmit_ms(len(data), self._bits_per_byte)
        at_ms = self._free_ms + _LATENCY_MS
        active = {fault.kind: fault.amount for fault in self._faults if fault.during(now_ms)}
        if not active:
            self._latest_ms = max(at_ms, self._latest_ms)
            self._put(self._latest_ms, data)
            return
        data = self._harm(data, active)
        at_ms += round(active.get(FaultKind.BYTES_LATE, 0))
        at_ms = self._latest_ms = max(at_ms, self._latest_ms)
        if self._happens(active.get(FaultKind.BYTES_DOUBLED)):
            self._put(at_ms, data)
        held_back = self._happens(active.get(FaultKind.FRAMES_REORDERED))
        self._put(at_ms + (HELD_BACK_MS if held_back else 0), data)

    def arrived(self, now_ms: int) -> list[bytes]:
        """What has come through by ``now_ms``, in the order of arrival."""
        came = []
        while self.next_ms <= now_ms:
            at_ms, _, _, data = heappop(self._on_the_way)
            self.next_ms = self._on_the_way[0][0] if self._on_the_way else _NEVER_MS
            if not (self._deadly and self.is_dead(at_ms)):
                came.append(data)
        return came

    def is_busy(self, now_ms: int) -> bool:
        """Whether bytes that were sent in this direction are still being transmitted at ``now_ms``."""
        return self._free_ms > now_ms

    def lose_what_is_sent(self, now_ms: int) -> None:
        """Lose what is still being transmitted at ``now_ms``, and not what is merely late."""
        self._on_the_way = [item for item in self._on_the_way if item[2] <= now_ms]
        heapify(self._on_the_way)
        self.next_ms = self._on_the_way[0][0] if self._on_the_way else _NEVER_MS

    def drop(self) -> None:
        """Lose what is on the way."""
        self._on_the_way.clear()
        self.next_ms = _NEVER_MS

    def is_dead(self, now_ms: int) -> bool:
        """Whether a fault keeps everything from passing at ``now_ms``."""
        return any(fault.during(now_ms) for fault in self._deadly)

    def _put(self, at_ms: int, data: bytes) -> None:
        if data:
            self._count += 1
            heappush(self._on_the_way, (at_ms, self._count, self._free_ms, data))
            self.next_ms = self._on_the_way[0][0]

    def _harm(self, data: bytes, active: dict[FaultKind, float]) -> bytes:
        lost, struck = active.get(FaultKind.BYTES_LOST), active.get(FaultKind.BYTES_STRUCK)
        if lost is None and struck is None:
            return data
        kept = (byte for byte in data if not self._happens(lost))
        return bytes(byte ^ (1 << self._rng.randrange(8)) if self._happens(struck) else byte for byte in kept)

    def _happens(self, share: float | None) -> bool:
        return share is not None and self._rng.random() < share


class Cable:
    """Connects a host to ``unit``, in real or virtual time.

    ``neighbours`` are further units on the same line: each hears the host, and what the others answer.
    Where the line is half duplex, what one end sends while the other is transmitting is lost, and so is what
    the other transmits; ``collisions_ms`` says when that was.
    """

    def __init__(
        self,
        unit: SimulatedUnit,
        *,
        seed: int = 0,
        faults: Sequence[Fault] = (),
        neighbours: Sequence[SimulatedUnit] = (),
    ) -> None:
        self.unit = unit
        self._neighbours = tuple(neighbours)
        self._seed = seed
        self.pulled = False
        self.collisions_ms: list[int] = []
        self.on_arrival: Callable[[bytes], None] = _into_the_void
        self.on_pulled: Callable[[], None] | None = None
        on_line = tuple(fault for fault in faults if fault.kind in ON_THE_LINE)
        self._pulls = [fault for fault in on_line if fault.kind is FaultKind.CABLE_PULLED]
        self._edges = sorted(
            {at for fault in self._pulls for at in (fault.at_ms, fault.until_ms)}, reverse=True
        )
        self._others = [
            (fault, _another(unit, fault, seed)) for fault in on_line if fault.kind is FaultKind.SWAPPED
        ]
        bits = unit.bits_per_byte
        self._to_unit = Line(Toward.UNIT, stream(seed, "line to unit"), on_line, bits)
        self._to_host = Line(Toward.HOST, stream(seed, "line to host"), on_line, bits)

    def send(self, data: bytes, now_ms: int) -> None:
        """Send ``data`` from the host's end."""
        if not self.pulled:
            self._carry(self._to_unit, data, now_ms, against=self._to_host)

    def inject(self, fault: Fault) -> None:
        """Let ``fault`` happen as well, from now on; one of the unit is the unit's, and is passed over."""
        if fault.kind not in ON_THE_LINE:
            return
        self._to_unit.inject(fault)
        self._to_host.inject(fault)
        if fault.kind is FaultKind.CABLE_PULLED:
            self._pulls.append(fault)
            self._edges = sorted({*self._edges, fault.at_ms, fault.until_ms}, reverse=True)
        elif fault.kind is FaultKind.SWAPPED:
            self._others.append((fault, _another(self.unit, fault, self._seed)))

    def pull(self) -> None:
        """Pull the cable: what is on the way is lost."""
        self._to_unit.drop()
        self._to_host.drop()
        if not self.pulled:
            self.pulled = True
            if self.on_pulled is not None:
                self.on_pulled()

    def plug(self) -> None:
        """Put the cable back."""
        self.pulled = False

    def next_ms(self) -> int:
        """When bytes next arrive at either end, or the unit does something by itself."""
        at_ms = min(self._next_own_ms(), self.unit.next_ms())
        for unit in self._neighbours:
            at_ms = min(at_ms, unit.next_ms())
        return at_ms

    def move_to(self, now_ms: int) -> None:
        """Move bytes and the unit to ``now_ms``, in the order in which things happen."""
        while (at_ms := self._next_own_ms()) <= now_ms:
            if self._edges and self._edges[-1] <= at_ms:
                self._change_plug(self._edges.pop())
            for data in self._to_unit.arrived(at_ms):
                for answer in self._answers(data, at_ms):
                    if not self.pulled:
                        self._carry(self._to_host, answer, at_ms, against=self._to_unit)
            for data in self._to_host.arrived(at_ms):
                self.on_arrival(data)
        for unit in (self.unit, *self._neighbours):
            unit.move_to(now_ms)

    @property
    def others(self) -> list[SimulatedUnit]:
        """The units that are on the cable at some time instead of ``unit``."""
        return [other for _, other in self._others]

    def _carry(self, line: Line, data: bytes, now_ms: int, *, against: Line) -> None:
        """Let ``line`` carry ``data``, unless the other end is talking on the same pair of wires."""
        line.carry(data, now_ms)
        if self.unit.half_duplex and against.is_busy(now_ms):
            self.collisions_ms.append(now_ms)
            line.lose_what_is_sent(now_ms)
            against.lose_what_is_sent(now_ms)

    def _answers(self, data: bytes, now_ms: int) -> Iterator[bytes]:
        """What each unit on the line says to ``data``; the others hear it as well."""
        units = (self._plugged(now_ms), *self._neighbours)
        for unit in units:
            if answer := unit.hear(data, now_ms):
                yield answer
                for other in units:
                    if other is not unit:
                        other.hear(answer, now_ms)

    def _plugged(self, now_ms: int) -> SimulatedUnit:
        for fault, other in self._others:
            if fault.during(now_ms):
                return other
        return self.unit

    def _next_own_ms(self) -> int:
        at_ms, other_ms = self._to_unit.next_ms, self._to_host.next_ms
        if other_ms < at_ms:
            at_ms = other_ms
        if self._edges and self._edges[-1] < at_ms:
            return self._edges[-1]
        return at_ms

    def _change_plug(self, at_ms: int) -> None:
        if any(pull.during(at_ms) for pull in self._pulls):
            self.pull()
        else:
            self.plug()


def _lets_nothing_pass(fault: Fault, toward: Toward) -> bool:
    if fault.kind is FaultKind.HALF_OPEN:
        return round(fault.amount) == toward
    return fault.kind is FaultKind.CABLE_PULLED


def _another(unit: SimulatedUnit, fault: Fault, seed: int) -> SimulatedUnit:
    """A sound unit that has been switched on beside ``unit``: under another boot nonce, whatever it is."""
    models = [model for model in MODELS if model != unit.plate.model]
    model = models[seed % len(models)] if round(fault.amount) == 2 else unit.plate.model
    serial = serial_of(model, seed + 1) if round(fault.amount) == 1 else unit.serial
    return unit.sound(model, seed=seed, boots=1 << 20, serial=serial)


def _into_the_void(data: bytes) -> None:
    """Does nothing: no host is connected yet."""
