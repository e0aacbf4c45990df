"""Three judges of spoilt frames, for the suite and for the benchmark of a million.

A unit and a session are each held against a twin that only ever meets whole frames: whatever differs
was done because of a frame that nobody sent.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from device.control.delivery import Delivery
from device.events import Event
from device.wire.frame import Decoder, Frame, encode
from device.wire.messages import Arm, Family, Message, Renew, Set, Status, Stop, read
from physioctl.rehearsal.rig import Rig
from simulator.unit import SimulatedUnit
from tests.frames import Spoiler
from tests.simulator.bench import Bench
from tests.support import SECOND_MS, Ledger, emit, session_on

_ROUND = 50  # spoilt frames between two things that a host says in earnest
_UNIT_LIVES = 1_000  # spoilt frames, before a fresh unit: heat and battery are no matter of frames
_UNIT_EVERY_MS = 4
_HOST_EVERY_MS = 1
_POOL = 32  # the latest answers, which are spoilt and come again
_RENEWED_AFTER = 100  # spoilt frames, before the pool is looked at anew


def decoder_in_a_storm(count: int, seed: int) -> int:
    """Feed ``count`` spoilt frames, cut up anyhow; how many came through whole."""
    sizes = (0, 7, 28, 64)
    frames = [Frame(kind, kind * 257 + size, bytes(range(size))) for kind in range(1, 9) for size in sizes]
    spoiler, decoder, whole = Spoiler(frames, seed), Decoder(), 0
    for number in range(count):
        spoilt = spoiler.next()
        middle = number % len(spoilt.data)
        items = decoder.feed(spoilt.data[:middle]) + decoder.feed(spoilt.data[middle:])
        assert tuple(item for item in items if isinstance(item, Frame)) == spoilt.whole
        whole += len(spoilt.whole)
    return whole


def unit_in_a_storm(count: int, seed: int, model: str) -> int:
    """Feed ``count`` spoilt requests to armed units, on or off; how many changes of output there were."""
    changes = 0
    for start in range(0, count, _UNIT_LIVES):
        changes += _one_life(min(_UNIT_LIVES, count - start), seed + start, model)
    return changes


def _one_life(count: int, seed: int, model: str) -> int:
    struck, twin = Bench(model, seed=seed), Bench(model, seed=seed)
    rng = Random(seed)
    for start in range(0, count, _ROUND):
        begin = rng.random() < 0.7
        for bench in (struck, twin):
            bench.stop()
            bench.arm(session=start + 1, level_max=_level(struck, 1))
            if begin:
                bench.set(session=start + 1, level=_level(struck, 0))
        spoiler = Spoiler(_requests(struck, start + 1), rng.randrange(2**32))
        for _ in range(min(_ROUND, count - start)):
            spoilt = spoiler.next()
            struck.now_ms = twin.now_ms = struck.now_ms + _UNIT_EVERY_MS
            struck.unit.hear(spoilt.data, struck.now_ms)
            twin.unit.hear(b"".join(map(encode, spoilt.whole)), twin.now_ms)
            assert _deeds(struck.unit) == _deeds(twin.unit)
        struck.seq = twin.seq = struck.seq + 100  # beyond all that was spoilt, and whole after all
    return len(struck.unit.changes)


def _deeds(unit: SimulatedUnit) -> tuple[object, ...]:
    """Whatever a request could have changed in ``unit``."""
    last = unit.changes[-1:]
    return (len(unit.changes), last, len(unit.breaches), unit.output, unit.lease_live, unit.delivered_ms)


def _level(bench: Bench, higher: int) -> int:
    levels = (290, 440) if bench.unit.plate.family is Family.ULTRASOUND else (1800, 2200)
    return levels[higher]


def _requests(bench: Bench, session: int) -> list[Frame]:
    """Requests that would be carried out if they came: a higher output, a longer lease, an end."""
    messages: tuple[Message, ...] = (
        bench.a_set(session=session, level=_level(bench, 1)),
        bench.a_set(session=session, level=_level(bench, 0), lease_ms=1000),
        bench.a_renew(session=session, lease_ms=1000),
        bench.an_arm(session=session + 1),
        Stop(),
    )
    assert all(isinstance(message, Set | Renew | Arm | Stop) for message in messages)
    seqs = range(bench.seq + 1, bench.seq + 100, 7)
    return [Frame(message.TYPE, seq, message.pack()) for seq in seqs for message in messages]


class Storm:
    """Puts spoilt answers into a host's inbox: old ones, and forged ones under numbers yet to come."""

    def __init__(self, rig: Rig, seed: int) -> None:
        self.put = 0
        self._rig = rig
        self._rng = Random(seed)
        self._next_ms = 0
        self._decoder = Decoder()
        self._heard: list[Frame] = []
        self._old: Spoiler | None = None
        self._forged: Spoiler | None = None
        rig.cable.on_arrival = self._arrived

    def next_ms(self) -> int | None:
        return self._next_ms

    def move_to(self, now_ms: int) -> None:
        while self._next_ms <= now_ms:
            self._next_ms += _HOST_EVERY_MS
            if self._heard:
                self._strike()

    def _arrived(self, data: bytes) -> None:
        frames = [item for item in self._decoder.feed(data) if isinstance(item, Frame)]
        self._heard = (self._heard + frames)[-_POOL:]
        self._rig.inbox.put(data)

    def _strike(self) -> None:
        if self.put % _RENEWED_AFTER == 0 or self._old is None or self._forged is None:
            self._old = Spoiler(self._heard, self._rng.randrange(2**32))
            self._forged = Spoiler(list(map(self._forge, self._heard)), self._rng.randrange(2**32))
        self._rig.inbox.put(self._old.next().data)
        forged = self._forged.next()
        if not forged.whole:  # a forged frame that came whole would be believed, and ought to be
            self._rig.inbox.put(forged.data)
        self.put += 2

    def _forge(self, frame: Frame) -> Frame:
        message = read(frame.type, frame.body)
        seq = (frame.seq + self._rng.randrange(1, 12)) & 0xFFFF
        if not isinstance(message, Status):
            return replace(frame, seq=seq)
        hot = replace(
            message,
            head_temp_ddeg_c=900,
            measured_level=message.measured_level + 500,
            nonce=message.nonce ^ 1,
        )
        return Frame(frame.type, seq, hot.pack())


def controller_in_a_storm(count: int, seed: int, model: str) -> int:
    """Run sessions under ``count`` spoilt answers or more, each against its twin; how many there were."""
    put = 0
    while put < count:
        seed += 1
        twin, _ = _session(Rig(model, seed=seed))
        rig = Rig(model, seed=seed)
        storm = Storm(rig, seed)
        rig.clock.add(storm)
        told, delivery = _session(rig)
        assert told == twin
        assert delivery.delivered_ms == 20 * SECOND_MS
        assert rig.unit.breaches == []
        put += storm.put
    return put


def _session(rig: Rig) -> tuple[list[Event], Delivery]:
    ledger = Ledger()
    delivery = session_on(
        rig, emit(rig, 10 * SECOND_MS), emit(rig, 10 * SECOND_MS, ramp_ms=500), ledger=ledger
    )
    return ledger.events, delivery
