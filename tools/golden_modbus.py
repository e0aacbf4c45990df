"""The golden vectors of the Modbus dialect, worked out without the code they judge.

Nothing here uses pymodbus, zlib or ``device.wire``: both checksums are long division bit by bit, as the
standard's flow chart has it, and registers are laid out one byte at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tools.golden import Value
from tools.golden import _crc32 as crc32
from tools.golden import _little as little

UNIT = 17
# Block, and what each field of it holds. Zeros, 0xFFFF and both halves of wide values occur.
CASES: tuple[tuple[str, Mapping[str, Value]], ...] = (
    ("Order", {"command": 1, "token": 1}),
    ("Order", {"command": 2, "token": 2}),
    ("Order", {"command": 3, "token": 65535}),
    ("Order", {"command": 4, "token": 0, "nonce": 0xDEADBEEF, "session": 1, "level": 530, "for_ms": 600_000,
               "unit_uptime_ms": 38_000, "energy_max_mj": 1_272_000}),
    ("Order", {"command": 5, "token": 3, "nonce": 0xDEADBEEF, "session": 1, "level": 440, "duty_pct": 50,
               "carrier_khz": 1000, "pulse_hz": 100, "for_ms": 300_000, "ramp_ms": 3000,
               "unit_uptime_ms": 38_765,
               "lease_ms": 500}),
    ("Order", {"command": 5, "token": 4, "nonce": 1, "session": 0xFFFFFFFF, "level": 2400, "duty_pct": 100,
               "for_ms": 10_000, "unit_uptime_ms": 0xFFFFFFFF}),
    ("Order", {"command": 6, "token": 5, "nonce": 0xDEADBEEF, "session": 1, "unit_uptime_ms": 99_909,
               "lease_ms": 1000}),
    ("Order", {"command": 7, "token": 6}),
    ("Order", {"command": 8, "token": 7, "nonce": 0, "unit_uptime_ms": 99_909}),
    ("Order", {"command": 9, "token": 8, "nonce": 0xDEADBEEF, "session": 1, "level": 300}),
    ("Identity", {"token": 1, "command": 1, "map": 0x5054, "major": 1, "minor": 0, "family": 1,
                  "firmware": [1, 0, 3], "nonce": 0xDEADBEEF, "model": "US111", "serial": "SIM-0001",
                  "calibrated": 2400}),
    ("Capabilities", {"token": 2, "command": 2, "host_loss": 1, "reports": 31, "holds_limits": 1,
                      "level_min": 290, "level_max": 1060, "average_max": 530, "area_mm2": 400,
                      "bnr_tenths": 50, "duties_pct": [20, 50, 100], "carriers_khz": [1000],
                      "pulses_hz": [100], "step_max_ms": 900_000, "delivered_max_ms": 900_000,
                      "suspension_max_ms": 60_000, "lease_min_ms": 100, "lease_max_ms": 1000,
                      "head_trip_ddeg_c": 430, "sensors": 7}),
    ("Status", {"token": 3, "command": 5, "state": 2, "nonce": 0xDEADBEEF, "session": 1, "level_set": 440,
                "duty_set_pct": 50, "measured_level": 438, "head_temp_ddeg_c": 312, "contact_pct": 92,
                "battery_pct": 100, "step_ms": 1234, "delivered_ms": 61_234, "energy_mj": 53_880,
                "lease_left_ms": 500, "uptime_ms": 99_999}),
    ("Status", {"token": 65535, "command": 7, "result": 11, "state": 5, "faults": 0x00FF,
                "nonce": 0xFFFFFFFF, "head_temp_ddeg_c": -55, "energy_mj": 0xFFFFFFFF,
                "uptime_ms": 0xFFFFFFFF, "bad_frames": 65535, "lapses": 1}),
)  # fmt: skip


def vectors(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every case with the frame that carries it, as hexadecimal text; fields that are left out are 0."""
    blocks = {block["name"]: block for block in table["block"]}
    commands = {v["value"]: v for e in table["enum"] if e["name"] == "Command" for v in e["values"]}
    found = []
    for name, values in CASES:
        raw = _block(blocks[name], values)
        if name == "Order":
            read = blocks[commands[values["command"]]["reads"]]
            count, own = _count(read), len(raw) // 2
            pdu = b"\x17" + b"".join(map(_word, (read["address"], count, blocks[name]["address"], own)))
            pdu += bytes([len(raw)]) + raw
        else:
            pdu = b"\x17" + bytes([len(raw)]) + raw
        found.append(
            {"block": name, "unit": UNIT, "fields": dict(values), "frame": frame(UNIT, pdu).hex(" ")}
        )
    for what, unit, pdu in (
        ("plain stop", UNIT, b"\x06\x00\x00\x00\x07"),
        ("stop for every unit", 0, b"\x10\x00\x00\x00\x01\x02\x00\x07"),
        ("exception 3", UNIT, b"\x97\x03"),
    ):
        found.append({"what": what, "unit": unit, "frame": frame(unit, pdu).hex(" ")})
    return found


def frame(unit: int, pdu: bytes) -> bytes:
    """A whole frame around ``pdu``."""
    return bytes([unit]) + pdu + little(crc16(bytes([unit]) + pdu), 2)


def crc16(data: bytes) -> int:
    """MODBUS over Serial Line, V1.02, 6.2.2: the remainder by 0xA001, begun with every bit set."""
    remainder = 0xFFFF
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = (remainder >> 1) ^ (0xA001 if remainder & 1 else 0)
    return remainder


def _block(block: Mapping[str, Any], values: Mapping[str, Value]) -> bytes:
    raw = b"".join(b"".join(_lay(f["kind"], values.get(f["name"], 0))) for f in block["fields"])
    check = crc32(bytes([UNIT]) + raw)
    return raw + _word(check >> 16) + _word(check & 0xFFFF)


def _count(block: Mapping[str, Any]) -> int:
    return sum(len(b"".join(_lay(f["kind"], 0))) // 2 for f in block["fields"]) + 2


def _lay(kind: str, value: Value) -> Iterator[bytes]:
    many = re.fullmatch(r"(u16|text)\[(\d+)\]", kind)
    if many and many[1] == "text":
        yield bytes(map(ord, value or "")).ljust(int(many[2]), b"\0")  # type: ignore[arg-type]  # a text
    elif many or kind == "version":
        parts = value if isinstance(value, list) else []
        count = int(many[2]) if many else 3
        yield from map(_word, parts + [0] * (count - len(parts)))
    elif kind == "u32":
        assert isinstance(value, int)
        yield _word(value >> 16) + _word(value & 0xFFFF)
    else:
        assert isinstance(value, int)
        yield _word(value & 0xFFFF)


def _word(value: int) -> bytes:
    return bytes((value >> 8, value & 0xFF))
