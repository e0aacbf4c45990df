"""Golden bytes that are no frame, and a whole conversation with its times, worked out from docs/wire.md.

The frames are those of `tools.golden`; the values in the answers are not computed by any unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from tools.golden import Value, frame, message

Table = Mapping[str, Any]

NONCE, SESSION = 0xDEADBEEF, 7

# The unit of the conversation: what it declares, and what the page leaves to a unit.
CAPABILITIES: Mapping[str, Value] = {
    "level_min": 290, "level_max": 1060, "average_max": 530, "area_mm2": 400, "bnr_tenths": 50,
    "duties_pct": [20, 50, 100], "carriers_khz": [1000], "pulses_hz": [100], "step_max_ms": 900_000,
    "delivered_max_ms": 900_000, "suspension_max_ms": 60_000, "lease_min_ms": 100, "lease_max_ms": 1000,
    "head_trip_ddeg_c": 430, "sensors": 7,
}  # fmt: skip
IDENTITY: Mapping[str, Value] = {
    "major": 1, "minor": 0, "family": 1, "firmware": [1, 4, 2], "nonce": NONCE, "model": "US111",
    "serial": "SIM-0001", "calibrated": 2131,
}  # fmt: skip
HOLDS_AFTER_MS, GOES_ON_AFTER_MS = 100, 300

_UNKNOWN_TYPE, _BAD_STATE, _STALE, _OVER_CEILING = 1, 3, 6, 10
_IDLE, _READY, _EMITTING, _HELD, _LAPSED = range(5)
_TYPES = {
    "Identify": 1,
    "GetCapabilities": 2,
    "GetStatus": 3,
    "Arm": 4,
    "Set": 5,
    "Renew": 6,
    "Stop": 7,
    "Lower": 9,
}


def bad_frames(table: Table) -> list[dict[str, Any]]:
    """Bytes for a fresh receiver: how many times it throws something away, and the frames it finds."""
    look = message(table, "GetStatus", 0x0201, {})
    struck = bytes([*look[:-2], look[-2] ^ 1, 0])
    longest, longer = (frame(b"\x03\x01\x02" + b"x" * size) for size in (64, 65))
    rows: list[tuple[str, bytes, int, list[bytes]]] = [
        ("nothing between two zeros", b"\0\0\0\0", 0, []),
        ("a CRC that does not fit", struck, 1, []),
        ("a COBS run beyond the end", b"\0\x09\x01\0", 1, []),
        ("six bytes before COBS, with a CRC that fits", frame(b"\x03\x01"), 1, []),
        ("seven bytes before COBS", frame(b"\x03\x01\x02"), 0, [frame(b"\x03\x01\x02")]),
        ("a body of 64 bytes", longest, 0, [longest]),
        ("a body of 65 bytes", longer, 1, []),
        ("two hundred bytes without a zero, then a frame", b"\x55" * 200 + look, 1, [look]),
        ("a frame cut short, then a frame", look[:6] + look, 1, [look]),
        ("two frames with one zero between them", look + look[1:], 0, [look, look]),
        ("noise before the first zero", b"\x11\x22\x33" + look, 1, [look]),
    ]
    return [
        {"what": what, "bytes": data.hex(" "), "thrown_away": count, "frames": [f.hex(" ") for f in frames]}
        for what, data, count, frames in rows
    ]


def tracker(table: Table) -> dict[str, Any]:
    """A session of a unit just switched on: what is asked when, and what is answered.

    ``contact_pct`` is what its sensor reads from then on. Everything else that it measures stands still: the
    head at 30.0 °C, no battery (100 %), no force.
    """
    return {
        "identity": dict(IDENTITY),
        "capabilities": dict(CAPABILITIES),
        "holds_after_ms": HOLDS_AFTER_MS,
        "goes_on_after_ms": GOES_ON_AFTER_MS,
        "lines": [_line(table, row) for row in _rows()],
    }


_Row: TypeAlias = tuple[int, str, int, Mapping[str, Value], Mapping[str, Value] | int]


def _rows() -> list[_Row]:
    """Time, request, ``seq``, its fields, and what the answer says; or a reading of contact."""
    arm: dict[str, Value] = {"level_max": 440, "delivered_max_ms": 10_000, "energy_max_mj": 8800}
    step: dict[str, Value] = {"level": 440, "duty_pct": 50, "carrier_khz": 1000, "pulse_hz": 100}
    first: dict[str, Value] = step | {"for_ms": 2000, "ramp_ms": 400, "unit_uptime_ms": 20, "lease_ms": 500}
    on: dict[str, Value] = {"state": _EMITTING, "level_set": 440, "duty_set_pct": 50}
    low: dict[str, Value] = on | {"level_set": 330, "measured_level": 330}
    held: dict[str, Value] = low | {"state": _HELD, "measured_level": 0}
    ready: dict[str, Value] = {"state": _READY}

    def given(step_ms: int, energy_mj: int) -> dict[str, Value]:
        return {"step_ms": step_ms, "delivered_ms": step_ms, "energy_mj": energy_mj}

    # 440 mW/cm² × 4 cm² × 50 % are 880 mW; the rise gives half of that; 330 mW/cm² are 660 mW.
    return [
        (0, "Identify", 1, {}, {}),
        (5, "GetCapabilities", 2, {}, {}),
        (10, "GetStatus", 3, {}, {"session": 0}),
        (20, "Arm", 4, arm | {"unit_uptime_ms": 10}, ready),
        (30, "Set", 5, first, on | {"lease_left_ms": 490}),
        (131, "Renew", 6, {"unit_uptime_ms": 30, "lease_ms": 500},
         on | given(101, 11) | {"measured_level": 111, "lease_left_ms": 399}),
        # One that would shorten the lease is done, and changes nothing.
        (141, "Renew", 7, {"unit_uptime_ms": 131, "lease_ms": 100},
         on | given(111, 13) | {"measured_level": 122, "lease_left_ms": 389}),
        (431, "Renew", 8, {"unit_uptime_ms": 141, "lease_ms": 500},
         on | given(401, 176) | {"measured_level": 440, "lease_left_ms": 210}),
        # Another host, under a number far ahead: it counts for nothing.
        (441, "GetStatus", 0x7FFF, {}, on | given(411, 185) | {"measured_level": 440, "lease_left_ms": 200}),
        (481, "Lower", 9, {"level": 330}, low | given(451, 220) | {"lease_left_ms": 160}),
        # The same bytes again: not done again, and answered afresh.
        (491, "Lower", 9, {"level": 330}, low | given(461, 227) | {"lease_left_ms": 150}),
        (501, "Lower", 10, {"level": 331},
         low | given(471, 234) | {"result": _OVER_CEILING, "lease_left_ms": 140}),
        (511, "Renew", 11, {"unit_uptime_ms": 501, "lease_ms": 1000},
         low | given(481, 240) | {"lease_left_ms": 990}),
        # Another request under the last number, and one exactly half a turn ahead of it.
        (521, "Renew", 11, {"unit_uptime_ms": 511, "lease_ms": 1000},
         low | given(491, 247) | {"result": _STALE, "lease_left_ms": 980}),
        (531, "Renew", 0x800B, {"unit_uptime_ms": 521, "lease_ms": 1000},
         low | given(501, 253) | {"result": _STALE, "lease_left_ms": 970}),
        (600, "", 0, {}, 0),
        (900, "Renew", 12, {"unit_uptime_ms": 531, "lease_ms": 1000},
         held | given(670, 365) | {"contact_pct": 0, "lease_left_ms": 631}),
        (1000, "", 0, {}, 92),
        (1250, "Renew", 13, {"unit_uptime_ms": 900, "lease_ms": 1000},
         held | given(670, 365) | {"lease_left_ms": 650}),
        # It went on at 1300, and is half way up its 500 ms.
        (1550, "GetStatus", 14, {}, low | given(920, 406) | {"measured_level": 165, "lease_left_ms": 350}),
        (1600, "Stop", 15, {}, {"state": _IDLE} | given(970, 424)),
        (1610, "Set", 16, first | {"unit_uptime_ms": 1550},
         {"state": _IDLE, "result": _BAD_STATE} | given(970, 424)),
        # Dated before the stop: kept back on its way.
        (1620, "Arm", 17, arm | {"level_max": 330, "unit_uptime_ms": 1550},
         {"state": _IDLE, "result": _STALE} | given(970, 424)),
        (1630, "Arm", 18, arm | {"unit_uptime_ms": 1620},
         {"state": _IDLE, "result": _OVER_CEILING} | given(970, 424)),
        (1640, "Arm", 19, arm | {"level_max": 330, "unit_uptime_ms": 1600}, ready | given(970, 424)),
        (1650, "Set", 20,
         step | {"level": 330, "for_ms": 2000, "ramp_ms": 0, "unit_uptime_ms": 1640, "lease_ms": 500},
         low | {"delivered_ms": 970, "energy_mj": 424, "lease_left_ms": 490}),
        (1660, "type 0x55", 21, {},
         low | {"result": _UNKNOWN_TYPE, "step_ms": 10, "delivered_ms": 980, "energy_mj": 431,
                "lease_left_ms": 480}),
        (2140, "GetStatus", 22, {},
         {"state": _LAPSED, "step_ms": 490, "delivered_ms": 1460, "energy_mj": 748, "lapses": 1}),
    ]  # fmt: skip


def _line(table: Table, row: _Row) -> dict[str, Any]:
    at_ms, name, seq, fields, then = row
    if isinstance(then, int):
        return {"at_ms": at_ms, "contact_pct": then}
    usual = {"nonce": NONCE, "session": SESSION}
    fields_of = {found["name"]: found["fields"] for found in table["message"]}
    named = {field["name"] for field in fields_of.get(name, ())}
    asked = {key: value for key, value in usual.items() if key in named} | dict(fields)
    if name == "Stop":  # with a body: a stop all the same
        said = frame(b"\x07" + seq.to_bytes(2, "little") + b"\x01\x02\x03")
    elif name in _TYPES:
        said = message(table, name, seq, asked)
    else:
        said = frame(bytes([0x55, seq, 0]))
    kind, answered = _answer(name, at_ms, then)
    return {
        "at_ms": at_ms,
        "asked": {"message": name, "seq": seq, "fields": asked},
        "request": said.hex(" "),
        "answered": {"message": kind, "fields": answered},
        "answer": message(table, kind, seq, answered).hex(" "),
    }


def _answer(name: str, at_ms: int, said: Mapping[str, Value]) -> tuple[str, dict[str, Value]]:
    if name == "Identify":
        return "Identity", dict(IDENTITY)
    if name == "GetCapabilities":
        return "Capabilities", dict(CAPABILITIES)
    usual: dict[str, Value] = {
        "asked": _TYPES.get(name, 0x55), "result": 0, "state": _IDLE, "faults": 0, "nonce": NONCE,
        "session": SESSION, "level_set": 0, "duty_set_pct": 0, "measured_level": 0, "head_temp_ddeg_c": 300,
        "contact_pct": 92, "battery_pct": 100, "force_n": 0, "step_ms": 0, "delivered_ms": 0, "energy_mj": 0,
        "lease_left_ms": 0, "uptime_ms": at_ms, "bad_frames": 0, "lapses": 0,
    }  # fmt: skip
    return "Status", usual | dict(said)
