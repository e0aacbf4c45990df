"""What ``device/wire/table.toml`` makes: Python messages, a C header, a page and the golden vectors."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from struct import Struct
from typing import Any

from tools import golden, golden_lines
from tools.wire_page import manual

TABLE = Path(__file__).resolve().parents[1] / "device/wire/table.toml"

Table = Mapping[str, Any]
_STRUCT = {"u8": "B", "u16": "H", "u32": "I", "i16": "h", "lease": "B", "version": "3B"}
_C = {"u8": "uint8_t", "u16": "uint16_t", "u32": "uint32_t", "i16": "int16_t", "lease": "uint8_t"}
_MANY = re.compile(r"(u8|u16|text)\[(\d+)\]")


def files() -> dict[str, str]:
    """Every generated file: its path from the project's root, and its text."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {
        "device/wire/messages.py": python(table),
        "device/wire/vectors.json": _json(vectors(table)),
        "firmware/physioctl_wire.h": c_header(table),
        "docs/wire.md": manual(table),
    }


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def vectors(table: Table) -> dict[str, Any]:
    """The golden vectors: a frame for each message, bytes that are none, and a whole conversation."""
    return {
        "messages": golden.messages(table),
        "bad_frames": golden_lines.bad_frames(table),
        "conversation": golden_lines.tracker(table),
    }


# --- Python ---------------------------------------------------------------------------------------


def python(table: Table) -> str:
    """The module ``device/wire/messages.py``."""
    dialect = table["dialect"]
    parts = [
        '"""The native dialect\'s messages. Made by `python -m tools.generate`: do not edit."""',
        "",
        "from __future__ import annotations",
        "",
        "from dataclasses import dataclass",
        "from enum import IntEnum, IntFlag",
        "from struct import Struct",
        "from struct import error as StructError",
        "from typing import ClassVar, TypeAlias",
        "",
        f"MAJOR = {dialect['major']}",
        f"MINOR = {dialect['minor']}",
        f"BAUD = {dialect['baud']}",
        f"BODY_MAX = {dialect['body_max']}",
        "",
        "",
        "def _lease_byte(lease_ms: int) -> int:",
        '    """Neither zero nor endless can be written: n stands for (n + 1) × 10 ms."""',
        "    if lease_ms % 10 or not 10 <= lease_ms <= 2560:",
        '        raise ValueError(f"a lease is a multiple of 10 ms from 10 to 2560, not {lease_ms}")',
        "    return lease_ms // 10 - 1",
        "",
        "",
        "def _ascii(text: str, size: int) -> bytes:",
        "    if len(text) > size:",
        '        raise ValueError(f"{text!r} is longer than {size} bytes")',
        '    return text.encode("ascii")',
        "",
        "",
        "def _text(raw: bytes) -> str:",
        '    return raw.rstrip(b"\\0").decode("ascii", "replace")',
        "",
        "",
    ]
    for enum in table["enum"]:
        parts += _python_enum(enum, "IntEnum", "{value}")
    for flags in table["flags"]:
        parts += _python_enum(flags, "IntFlag", "0x{value:04X}")
    types = {
        "name": "Type",
        "about": "What a frame's first byte says it is.",
        "values": [
            {"name": _constant(m["name"]), "value": m["type"], "about": m["about"].split(". ")[0].rstrip(".")}
            for m in table["message"]
        ],
    }
    parts += _python_enum(types, "IntEnum", "0x{value:02X}")
    enums = {e["name"] for e in (*table["enum"], *table["flags"])}
    for message in table["message"]:
        parts += _python_message(message, enums, {f["name"] for f in table["flags"]})
    names = [m["name"] for m in table["message"]]
    parts += [
        "Message: TypeAlias = (",
        *(f"    {'| ' if place else ''}{name}" for place, name in enumerate(names)),
        ")",
        "",
        "_BY_TYPE: dict[int, type[Message]] = {",
        *(f"    0x{m['type']:02X}: {m['name']}," for m in table["message"]),
        "}",
        "",
        "",
        "def read(type_: int, body: bytes) -> Message | None:",
        '    """What a frame says, or None when it is no message of this dialect."""',
        "    message = _BY_TYPE.get(type_)",
        "    if message is None:",
        "        return None",
        "    try:",
        "        return message.unpack(body)",
        "    except (StructError, ValueError):",
        "        return None",
    ]
    return "\n".join(parts) + "\n"


def _constant(name: str) -> str:
    """``GetStatus`` as the name of a constant: ``GET_STATUS``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()


def _python_enum(enum: Table, base: str, form: str) -> list[str]:
    values = [f"    {v['name']} = {form.format(value=v['value'])}  # {v['about']}" for v in enum["values"]]
    return [f"class {enum['name']}({base}):", f'    """{enum["about"]}"""', "", *values, "", ""]


def _python_message(message: Table, enums: set[str], flags: set[str]) -> list[str]:
    name, fields = message["name"], message["fields"]
    lines = ["@dataclass(frozen=True, slots=True)", f"class {name}:"]
    sentences = re.split(r"(?<=[.]) (?=[A-Z])", message["about"])
    if len(sentences) == 1:
        lines.append(f'    """{sentences[0]}"""')
    else:
        lines += [f'    """{sentences[0]}', "", *(f"    {s}" for s in sentences[1:]), '    """']
    lines += ["", f"    TYPE: ClassVar[Type] = Type.{_constant(name)}"]
    if not fields:
        return lines + _python_bodiless(message)
    for field in fields:
        unit = f"{field['unit']}: " if "unit" in field else ""
        lines.append(f"    {field['name']}: {_python_type(field['kind'], enums)}  # {unit}{field['about']}")
    code = "<" + "".join(_struct_code(f["kind"], flags) for f in fields)
    lines += [
        "",
        f'    _LAYOUT: ClassVar[Struct] = Struct("{code}")',
        "",
        "    def pack(self) -> bytes:",
        '        """The body of the frame that says this; raise ValueError when a value does not fit."""',
        "        try:",
        "            return self._LAYOUT.pack(",
        *(f"                {_to_wire(f)}," for f in fields),
        "            )",
        "        except StructError as error:",
        f'            raise ValueError(f"{name}: {{error}}") from None',
        "",
        "    @classmethod",
        f"    def unpack(cls, body: bytes) -> {name}:",
        '        """Read a body; raise ValueError or struct.error when it is not one of this message."""',
        "        raw = cls._LAYOUT.unpack(body)",
        "        return cls(",
    ]
    place = 0
    for field in fields:
        text, place = _from_wire(field["kind"], place, enums)
        lines.append(f"            {text},")
    return [*lines, "        )", "", ""]


def _python_bodiless(message: Table) -> list[str]:
    """The methods of a message without fields."""
    name = message["name"]
    lines = [
        "",
        "    def pack(self) -> bytes:",
        '        """The body of the frame that says this."""',
        '        return b""',
        "",
        "    @classmethod",
    ]
    if message.get("any_body"):
        lines += [
            f"    def unpack(cls, _body: bytes) -> {name}:",
            '        """Read a body, whatever it holds: the type alone says this."""',
        ]
    else:
        lines += [
            f"    def unpack(cls, body: bytes) -> {name}:",
            '        """Read a body; raise ValueError when it is not one of this message."""',
            "        if body:",
            f'            raise ValueError("{name} has no body")',
        ]
    return [*lines, "        return cls()", "", ""]


def _python_type(kind: str, enums: set[str]) -> str:
    if kind in enums:
        return kind
    many = _MANY.fullmatch(kind)
    if many:
        return "str" if many[1] == "text" else "tuple[int, ...]"
    return "tuple[int, ...]" if kind == "version" else "int"


def _struct_code(kind: str, flags: set[str]) -> str:
    many = _MANY.fullmatch(kind)
    if many:
        return f"{many[2]}s" if many[1] == "text" else _STRUCT[many[1]] * int(many[2])
    return _STRUCT.get(kind, "H" if kind in flags else "B")


def _to_wire(field: Table) -> str:
    kind, name = field["kind"], f"self.{field['name']}"
    many = _MANY.fullmatch(kind)
    if many:
        if many[1] == "text":
            return f"_ascii({name}, {many[2]})"
        return f"*({name} + (0,) * ({many[2]} - len({name})))"
    if kind == "version":
        return f"*{name}"
    return f"_lease_byte({name})" if kind == "lease" else name


def _from_wire(kind: str, place: int, enums: set[str]) -> tuple[str, int]:
    many = _MANY.fullmatch(kind)
    if many and many[1] != "text":
        end = place + int(many[2])
        return f"tuple(item for item in raw[{place}:{end}] if item)", end
    if many:
        return f"_text(raw[{place}])", place + 1
    if kind == "version":
        return f"tuple(raw[{place}:{place + 3}])", place + 3
    if kind == "lease":
        return f"(raw[{place}] + 1) * 10", place + 1
    return (f"{kind}(raw[{place}])" if kind in enums else f"raw[{place}]"), place + 1


# --- C --------------------------------------------------------------------------------------------


def c_header(table: Table) -> str:
    """The header ``firmware/physioctl_wire.h``."""
    dialect = table["dialect"]
    flags = {f["name"] for f in table["flags"]}
    lines = [
        "/* The messages of the native dialect. Made from device/wire/table.toml: do not edit.",
        " * Bodies are packed and little-endian; a lease byte n stands for (n + 1) * 10 ms. */",
        "#ifndef PHYSIOCTL_WIRE_H",
        "#define PHYSIOCTL_WIRE_H",
        "",
        "#include <stdint.h>",
        "",
        f"#define PW_MAJOR {dialect['major']}",
        f"#define PW_MINOR {dialect['minor']}",
        f"#define PW_BAUD {dialect['baud']}",
        f"#define PW_BODY_MAX {dialect['body_max']}",
        "#define PW_LEASE_MS(n) ((uint16_t)(((n) + 1u) * 10u))",
        "",
        "/* SHA-256 of device/wire/table.toml: the build of the firmware compares it. */",
        f'#define PW_TABLE_SHA256 "{table_hash()}"',
        "",
        "/* How many types of request there are: the firmware's core has to answer each. */",
        f"#define PW_REQUESTS {sum(m['type'] < 0x80 for m in table['message'])}",
        "",
    ]
    for enum in (*table["enum"], *table["flags"]):
        prefix = "PW_" + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", enum["name"]).upper()
        lines += [
            f"/* {enum['about']} */",
            "enum {",
            *(f"    {prefix}_{v['name']} = {v['value']}, /* {v['about']} */" for v in enum["values"]),
            "};",
            "",
        ]
    for message in table["message"]:
        lines += [
            f"/* {message['about']} */",
            f"#define PW_TYPE_{_constant(message['name'])} 0x{message['type']:02X}u",
        ]
        if message["fields"]:
            lines.append("typedef struct __attribute__((packed)) {")
            lines += [f"    {_c_field(f, flags)}" for f in message["fields"]]
            lines.append(f"}} pw_{message['name'].lower()}_t;")
        lines.append(f"#define PW_{_constant(message['name'])}_SIZE {_size(message, flags)}u")
        lines.append("")
    return "\n".join([*lines, "#endif", ""])


def table_hash() -> str:
    """SHA-256 of the table's file, which `sha256sum` finds too: a C build needs no Python to compare it."""
    return hashlib.sha256(TABLE.read_bytes()).hexdigest()


def _size(message: Table, flags: set[str]) -> int:
    return Struct("<" + "".join(_struct_code(f["kind"], flags) for f in message["fields"])).size


def _c_field(field: Table, flags: set[str]) -> str:
    kind = field["kind"]
    many = _MANY.fullmatch(kind)
    note = f" /* {field['about']} */"
    if many:
        return f"{'char' if many[1] == 'text' else _C[many[1]]} {field['name']}[{many[2]}];{note}"
    if kind == "version":
        return f"uint8_t {field['name']}[3];{note}"
    return f"{_C.get(kind, 'uint16_t' if kind in flags else 'uint8_t')} {field['name']};{note}"
