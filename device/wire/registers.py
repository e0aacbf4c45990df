"""Blocks of 16-bit registers: values in, registers out, and back. No port, no clock.

Each block ends in a check of two registers: the CRC-32 of zlib over the unit's address, one byte, and every
register before it, the upper byte first. The CRC-16 of Modbus takes one spoilt frame in 65536 for whole, and
knows nothing of a block that is read one register beside its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum, IntFlag
from typing import Any, ClassVar, Self
from zlib import crc32

CHECK_COUNT = 2
_WORD = 0xFFFF


@dataclass(frozen=True, slots=True)
class Kind:
    """How one field stands in registers."""

    count: int
    pack: Callable[[Any], Sequence[int]]  # raises ValueError for what does not fit
    unpack: Callable[[Sequence[int]], Any]  # raises ValueError for what means nothing


class Block:
    """Fields that are written or read together. A subclass is a frozen dataclass of them, in order."""

    __slots__ = ()
    ADDRESS: ClassVar[int]  # of the first register
    COUNT: ClassVar[int]  # of registers, with the check
    KINDS: ClassVar[tuple[Kind, ...]]

    def registers(self, unit: int) -> list[int]:
        """The registers of the unit at the address ``unit``; raise ValueError when a value does not fit."""
        found: list[int] = []
        for kind, field in zip(self.KINDS, fields(self), strict=True):  # type: ignore[arg-type]  # it is one
            found += kind.pack(getattr(self, field.name))
        return [*found, *U32.pack(_check(found, unit))]

    @classmethod
    def read(cls, registers: Sequence[int], unit: int) -> Self:
        """Read the block of the unit at the address ``unit``; raise ValueError when these are not one."""
        if len(registers) != cls.COUNT:
            raise ValueError(f"{cls.__name__} has {cls.COUNT} registers, not {len(registers)}")
        *body, high, low = registers
        if _check(body, unit) != U32.unpack((high, low)):
            raise ValueError(f"the check of {cls.__name__} is wrong")
        values, at = [], 0
        for kind in cls.KINDS:
            values.append(kind.unpack(body[at : at + kind.count]))
            at += kind.count
        return cls(*values)


def _check(registers: Sequence[int], unit: int) -> int:
    return crc32(bytes([unit]) + b"".join(register.to_bytes(2, "big") for register in registers))


def _within(value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise ValueError(f"{value} is not from {low} to {high}")
    return int(value)


def _pack_u32(value: int) -> tuple[int, int]:
    return divmod(_within(value, 0, 0xFFFF_FFFF), _WORD + 1)


U16 = Kind(1, lambda value: (_within(value, 0, _WORD),), lambda registers: registers[0])
U32 = Kind(2, _pack_u32, lambda registers: registers[0] << 16 | registers[1])
I16 = Kind(
    1,
    lambda value: (_within(value, -0x8000, 0x7FFF) & _WORD,),
    lambda registers: (registers[0] ^ 0x8000) - 0x8000,
)
VERSION = Kind(3, lambda value: [_within(part, 0, _WORD) for part in _three(value)], tuple)


def _three(parts: Sequence[int]) -> Sequence[int]:
    if len(parts) != 3:
        raise ValueError(f"a version has three parts, not {len(parts)}")
    return parts


def enum(kind: type[IntEnum] | type[IntFlag]) -> Kind:
    """One register that holds a member of ``kind``, or bits of it."""
    return Kind(1, U16.pack, lambda registers: kind(registers[0]))


def many(count: int) -> Kind:
    """A list of at most ``count`` numbers, none of them 0."""

    def pack(values: Sequence[int]) -> list[int]:
        if len(values) > count:
            raise ValueError(f"{values} are more than {count}")
        return [_within(value, 1, _WORD) for value in values] + [0] * (count - len(values))

    return Kind(count, pack, lambda registers: tuple(filter(None, registers)))


def text(count: int) -> Kind:
    """At most ``count`` ASCII characters, two in a register."""

    def pack(value: str) -> list[int]:
        raw = value.encode("ascii", "strict")
        if len(raw) > count or "\0" in value:
            raise ValueError(f"{value!r} is not 0 to {count} characters")
        raw = raw.ljust(count, b"\0")
        return [int.from_bytes(raw[at : at + 2], "big") for at in range(0, count, 2)]

    def unpack(registers: Sequence[int]) -> str:
        raw = b"".join(register.to_bytes(2, "big") for register in registers)
        return raw.rstrip(b"\0").decode("ascii", "replace")

    return Kind(count // 2, pack, unpack)
