"""Two judges of spoilt Modbus frames, for the suite and for the benchmark of a million.

No frame that they feed is whole: whatever is believed of one, or done because of one, nobody has sent.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from device.dialects.base import GetStatus, Permitted
from device.dialects.modbus import Modbus
from device.wire import modbus_map as wire
from device.wire.messages import Fault, Result, UnitState
from device.wire.rtu import encode
from simulator.modbus_unit import UntimedUnit
from tests.device.modbus_frames import answered
from tests.simulator.modbus_bench import ModbusBench

_LEVEL, _HIGHER = 440, 1000
_TOKEN = 4242


def spoilt(rng: Random, whole: bytes) -> bytes:
    """``whole``, struck, cut, joined, doubled or shifted, and never whole."""
    data = bytearray(whole)
    way = rng.randrange(4)
    for _ in range(rng.randint(1, 8)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    if way == 1:
        data = bytearray(whole[: rng.randrange(len(whole))])
    elif way == 2:
        data = data[rng.randrange(len(data)) :] + data[: rng.randrange(len(data))]
    elif way == 3:
        at = rng.randrange(len(data))
        data[at:at] = rng.randbytes(rng.randint(1, 4))
    return bytes(data)


def unit_in_a_storm(count: int, seed: int) -> int:
    """Feed ``count`` spoilt requests for a higher level to a unit; how many it noticed as damage."""
    rng = Random(seed)
    bench = ModbusBench(UntimedUnit)
    bench.start()
    damage = 0
    for start in range(0, count, 1000):
        order = bench.order(wire.Command.SET, **bench.a_set(level=_HIGHER))
        whole = encode(bench.request(order), bench.unit.address)
        _feed(rng, whole, min(1000, count - start), lambda data: bench.unit.hear(data, bench.now_ms))
        bench.wait(100)
        status = bench.status()
        assert status.level_set in (_LEVEL, 0), "a level that nobody asked for"
        damage += status.bad_frames > 0
        if status.state is not UnitState.EMITTING:  # a spoilt frame can be a stop: seven in one register
            bench.start()
    assert all(change.output in (_LEVEL, 0) for change in bench.unit.changes)
    return damage


def dialect_in_a_storm(count: int, seed: int) -> int:
    """Feed ``count`` spoilt answers under the token that is waited for; how much damage was counted."""
    rng = Random(seed)
    dialect = Modbus()
    zeros = (0,) * 15
    status = wire.Status(
        _TOKEN, wire.Command.STATUS, Result.OK, UnitState.IDLE, Fault(0), rng.getrandbits(32), *zeros[1:]
    )
    whole = answered(status)
    dialect.say(Permitted(GetStatus()), _TOKEN)

    def hear(data: bytes) -> None:
        assert dialect.hear(data) == [], "an answer that nobody gave"

    _feed(rng, whole, count, hear)
    return dialect.damaged


def _feed(rng: Random, whole: bytes, count: int, take: Callable[[bytes], object]) -> None:
    """Have spoilt frames taken; pieces that would make up a whole one between them are left out."""
    tail = b""
    for _ in range(count):
        data = spoilt(rng, whole)
        if whole in tail + data:
            continue
        tail = (tail + data)[-len(whole) :]
        take(data)
