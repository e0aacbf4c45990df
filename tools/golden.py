"""The golden frames, worked out without the code they judge.

Nothing here uses zlib, struct, the cobs package or ``frame.py``: the CRC is long division bit by
bit, COBS is written from its definition, and integers are laid out one byte at a time. Two
mistakes would have to be the same to agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Value = int | str | list[int]

# Message, seq, and what each field holds. Chosen to put zeros, 0xFF and zero-free runs on the wire.
CASES: tuple[tuple[str, int, Mapping[str, Value]], ...] = (
    ("Identify", 0, {}),
    ("Identify", 65535, {}),
    ("GetCapabilities", 1, {}),
    ("GetStatus", 256, {}),
    ("Stop", 7, {}),
    ("Arm", 2, {"nonce": 0xDEADBEEF, "session": 1, "level_max": 530, "delivered_max_ms": 600_000,
                "energy_max_mj": 1_272_000, "unit_uptime_ms": 30_500}),
    ("Set", 3, {"nonce": 0xDEADBEEF, "session": 1, "level": 440, "duty_pct": 50, "carrier_khz": 1000,
                "pulse_hz": 100, "for_ms": 300_000, "ramp_ms": 3000,
                "unit_uptime_ms": 38_765, "lease_ms": 500}),
    ("Set", 0x0100, {"nonce": 1, "session": 0xFFFFFFFF, "level": 2400, "duty_pct": 100, "carrier_khz": 0,
                     "pulse_hz": 0, "for_ms": 1, "ramp_ms": 0, "unit_uptime_ms": 0xFFFFFFFF, "lease_ms": 10}),
    ("Renew", 4, {"nonce": 0xDEADBEEF, "session": 1, "unit_uptime_ms": 99_909, "lease_ms": 2560}),
    ("Clear", 5, {"nonce": 0, "unit_uptime_ms": 99_909}),
    ("Lower", 6, {"nonce": 0xDEADBEEF, "session": 1, "level": 396}),
    ("Identity", 0, {"major": 1, "minor": 0, "family": 1, "firmware": [1, 0, 3], "nonce": 0xDEADBEEF,
                     "model": "US111", "serial": "SIM-0001", "calibrated": 2400}),
    ("Capabilities", 1, {"level_min": 290, "level_max": 1060, "average_max": 530, "area_mm2": 400,
                         "bnr_tenths": 50, "duties_pct": [20, 50, 100], "carriers_khz": [1000],
                         "pulses_hz": [100], "step_max_ms": 900_000, "delivered_max_ms": 900_000,
                         "suspension_max_ms": 60_000, "lease_min_ms": 100, "lease_max_ms": 1000,
                         "head_trip_ddeg_c": 430, "sensors": 15}),
    ("Status", 3, {"asked": 5, "result": 0, "state": 2, "faults": 0, "nonce": 0xDEADBEEF, "session": 1,
                   "level_set": 440, "duty_set_pct": 50, "measured_level": 438, "head_temp_ddeg_c": 312,
                   "contact_pct": 92, "battery_pct": 100, "force_n": 0, "step_ms": 1234,
                   "delivered_ms": 61_234, "energy_mj": 53_880, "lease_left_ms": 500,
                   "uptime_ms": 99_999, "bad_frames": 0, "lapses": 0}),
    ("Status", 65535, {"asked": 7, "result": 11, "state": 5, "faults": 0x00FF, "nonce": 0xFFFFFFFF,
                       "session": 0, "level_set": 0, "duty_set_pct": 0, "measured_level": 0,
                       "head_temp_ddeg_c": -55, "contact_pct": 0, "battery_pct": 0, "force_n": 65535,
                       "step_ms": 0, "delivered_ms": 0, "energy_mj": 0xFFFFFFFF, "lease_left_ms": 0,
                       "uptime_ms": 0xFFFFFFFF, "bad_frames": 65535, "lapses": 1}),
)  # fmt: skip

_WIDTH = {"u8": 1, "u16": 2, "u32": 4, "i16": 2}


def messages(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every case with the frame that carries it, as hexadecimal text."""
    return [
        {"message": name, "seq": seq, "fields": dict(values), "frame": said.hex(" ")}
        for name, seq, values in CASES
        for said in [message(table, name, seq, values)]
    ]


def message(table: Mapping[str, Any], name: str, seq: int, values: Mapping[str, Value]) -> bytes:
    """The frame that carries one message."""
    (found,) = (message for message in table["message"] if message["name"] == name)
    widths = _WIDTH | {e["name"]: 1 for e in table["enum"]} | {f["name"]: 2 for f in table["flags"]}
    body = b"".join(_lay(field["kind"], values[field["name"]], widths) for field in found["fields"])
    return frame(bytes([found["type"], seq & 0xFF, seq >> 8]) + body)


def frame(plain: bytes) -> bytes:
    """``plain`` with its CRC, stuffed and delimited. Type and ``seq`` are its first three bytes."""
    return b"\0" + _stuff(plain + _little(_crc32(plain), 4)) + b"\0"


def _lay(kind: str, value: Value, widths: Mapping[str, int]) -> bytes:
    if kind == "lease":
        assert isinstance(value, int)
        return _little(value // 10 - 1, 1)
    if kind == "version":
        assert isinstance(value, list)
        return bytes(value)
    many = re.fullmatch(r"(u8|u16|text)\[(\d+)\]", kind)
    if many and isinstance(value, str):
        return bytes(map(ord, value)).ljust(int(many[2]), b"\0")
    if many and isinstance(value, list):
        padded = value + [0] * (int(many[2]) - len(value))
        return b"".join(_little(item, widths[many[1]]) for item in padded)
    assert isinstance(value, int)
    return _little(value, widths[kind])


def _little(value: int, width: int) -> bytes:
    return bytes((value >> (8 * place)) & 0xFF for place in range(width))


def _crc32(data: bytes) -> int:
    """IEEE 802.3, reflected: the remainder by 0xEDB88320, started and ended inverted."""
    remainder = 0xFFFFFFFF
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = (remainder >> 1) ^ (0xEDB88320 if remainder & 1 else 0)
    return remainder ^ 0xFFFFFFFF


def _stuff(data: bytes) -> bytes:
    """COBS for fewer than 254 bytes: each run up to a zero becomes its length plus one, then itself."""
    return b"".join(bytes([len(run) + 1]) + run for run in _runs(data))


def _runs(data: bytes) -> Iterator[bytes]:
    start = 0
    for place, byte in enumerate(data):
        if byte == 0:
            yield data[start:place]
            start = place + 1
    yield data[start:]
