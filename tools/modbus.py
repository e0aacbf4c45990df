"""What ``device/wire/modbus.toml`` makes: Python blocks, a page and the golden vectors."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.golden_modbus import vectors

FOLDER = Path(__file__).resolve().parents[1] / "device/wire"

Table = Mapping[str, Any]
_SIZES = {"u16": 1, "i16": 1, "u32": 2, "version": 3}
_CHECK = 2
_MANY = re.compile(r"(u16|text)\[(\d+)\]")
_PREFACE = (Path(__file__).with_name("modbus_preface.md")).read_text(encoding="utf-8")


def files() -> dict[str, str]:
    """Every generated file: its path from the project's root, and its text."""
    table = tomllib.loads((FOLDER / "modbus.toml").read_text(encoding="utf-8"))
    native = tomllib.loads((FOLDER / "table.toml").read_text(encoding="utf-8"))
    found = vectors(table)
    return {
        "device/wire/modbus_map.py": python(table, native),
        "device/wire/modbus_vectors.json": json.dumps(found, indent=1, ensure_ascii=False) + "\n",
        "docs/modbus.md": manual(table, native, found),
    }


def _count(kind: str) -> int:
    many = _MANY.fullmatch(kind)
    if many:
        return int(many[2]) // (2 if many[1] == "text" else 1)
    return _SIZES.get(kind, 1)


def _block_count(block: Table) -> int:
    return sum(_count(field["kind"]) for field in block["fields"]) + _CHECK


# --- Python ---------------------------------------------------------------------------------------


def python(table: Table, native: Table) -> str:
    """The module ``device/wire/modbus_map.py``."""
    ours = {e["name"] for e in (*table["enum"], *table["flags"])}
    theirs = {e["name"] for e in (*native["enum"], *native["flags"])}
    used = {f["kind"] for block in table["block"] for f in block["fields"]} & theirs
    lines = [
        '"""The Modbus dialect\'s register map. Made by `python -m tools.generate`: do not edit."""',
        "",
        "from __future__ import annotations",
        "",
        "from dataclasses import dataclass",
        "from enum import IntEnum, IntFlag",
        "from typing import ClassVar",
        "",
        f"from device.wire.messages import {', '.join(sorted(used))}",
        "from device.wire.registers import I16, U16, U32, VERSION, Block, Kind, enum, many, text",
        "",
        *(f"{name.upper()} = {json.dumps(value)}" for name, value in table["dialect"].items()),
        "",
        "",
    ]
    for each, base, form in (
        *((e, "IntEnum", "{}") for e in table["enum"]),
        *((f, "IntFlag", "0x{:04X}") for f in table["flags"]),
    ):
        lines += [f"class {each['name']}({base}):", f'    """{each["about"]}"""', ""]
        lines += [f"    {v['name']} = {form.format(v['value'])}  # {v['about']}" for v in each["values"]]
        lines += ["", ""]
    for block in table["block"]:
        lines += _python_block(block, ours | theirs)
    commands = next(e for e in table["enum"] if e["name"] == "Command")["values"]
    lines += [
        "READS: dict[Command, type[Block]] = {",
        *(f"    Command.{v['name']}: {v['reads']}," for v in commands),
        "}",
        "USES: dict[Command, frozenset[str]] = {",
        *(f"    Command.{v['name']}: frozenset({json.dumps(v['fields'])})," for v in commands),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _python_block(block: Table, enums: set[str]) -> Iterator[str]:
    yield from ("@dataclass(frozen=True, slots=True)", f"class {block['name']}(Block):")
    yield from (f'    """{block["about"]}"""', "")
    yield f"    ADDRESS: ClassVar[int] = 0x{block['address']:04X}"
    yield f"    COUNT: ClassVar[int] = {_block_count(block)}"
    yield "    KINDS: ClassVar[tuple[Kind, ...]] = ("
    yield from (f"        {_python_kind(f['kind'], enums)}," for f in block["fields"])
    yield "    )"
    yield ""
    default = " = 0" if block["name"] == "Order" else ""
    for place, field in enumerate(block["fields"]):
        unit = f"{field['unit']}: " if "unit" in field else ""
        given = default if place > 1 else ""
        kind = _python_type(field["kind"], enums)
        yield f"    {field['name']}: {kind}{given}  # {unit}{_plain(field['about'])}"
    yield from ("", "")


def _python_kind(kind: str, enums: set[str]) -> str:
    if kind in enums:
        return f"enum({kind})"
    found = _MANY.fullmatch(kind)
    if found:
        return f"{'text' if found[1] == 'text' else 'many'}({found[2]})"
    return kind.upper()


def _python_type(kind: str, enums: set[str]) -> str:
    if kind in enums:
        return kind
    if kind.startswith("text"):
        return "str"
    return "tuple[int, ...]" if kind == "version" or _MANY.fullmatch(kind) else "int"


def _plain(text: str) -> str:
    return text.replace("*", "")


# --- the page -------------------------------------------------------------------------------------


def manual(table: Table, native: Table, found: list[dict[str, Any]]) -> str:
    """The page ``docs/modbus.md``."""
    values = dict(table["dialect"]) | {"map": f"0x{table['dialect']['map']:04X}"}
    values["stop_within_ms"] = values["answer_max_ms"] + values["drain_ms"]
    values |= {f"{b['name'].lower()}_address": b["address"] for b in table["block"]}
    values |= {f"{b['name'].lower()}_count": _block_count(b) for b in table["block"]}
    lines = [_PREFACE.format(**values).rstrip(), "", "## Registers", ""]
    for block in table["block"]:
        lines += _manual_block(block)
    commands = next(e for e in table["enum"] if e["name"] == "Command")
    lines += ["## Commands", "", "| code | command | reads | uses | meaning |", "|---|---|---|---|---|"]
    for v in commands["values"]:
        uses = ", ".join(f"`{name}`" for name in v["fields"]) or "–"
        lines.append(f"| {v['value']} | {v['name']} | {v['reads']} | {uses} | {v['about']} |")
    lines += ["", "## Values", ""]
    kinds = {f["kind"] for block in table["block"] for f in block["fields"]} - {"Command"}
    for each in (*table["enum"], *table["flags"], *native["enum"], *native["flags"]):
        if each["name"] not in kinds:
            continue
        lines += [
            f"### {each['name']}",
            "",
            _plain(each["about"]),
            "",
            "| value | name | meaning |",
            "|---|---|---|",
        ]
        lines += [f"| {v['value']} | {v['name']} | {v['about']} |" for v in each["values"]]
        lines.append("")
    lines += ["## Worked examples", ""]
    lines += ["Frames for the unit at address 17, as hexadecimal text; fields that are not named are 0.", ""]
    for vector in found:
        fields = ", ".join(f"{name} {value}" for name, value in vector.get("fields", {}).items())
        lines += [f"{vector.get('what') or vector['block']}{': ' + fields if fields else ''}", ""]
        lines += ["```", *_wrapped(vector["frame"]), "```", ""]
    return "\n".join(lines)


def _manual_block(block: Table) -> Iterator[str]:
    yield from (f"### {block['title']}", "", f"{block['about']} {_block_count(block)} registers.", "")
    yield from (
        "| register | field | kind | unit | units that have it | meaning |",
        "|---|---|---|---|---|---|",
    )
    at = block["address"]
    for field in block["fields"]:
        size = _count(field["kind"])
        place = f"{at}" if size == 1 else f"{at}–{at + size - 1}"
        has = ", ".join(field.get("units", ())) or "all"
        yield (
            f"| {place} | `{field['name']}` | {field['kind']} | {field.get('unit', '')} | {has} "
            f"| {field['about']} |"
        )
        at += size
    yield (
        f"| {at}–{at + 1} | `check` | u32 |  | all "
        + "| CRC-32 of the unit's address and all registers above |"
    )
    yield ""


def _wrapped(text: str) -> list[str]:
    parts = text.split(" ")
    return [" ".join(parts[at : at + 24]) for at in range(0, len(parts), 24)]
