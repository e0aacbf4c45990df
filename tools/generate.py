"""Make every generated file: ``python -m tools.generate`` writes, ``--check`` only says what is stale."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from physioctl.rehearsal import scenario_schema
from protocols import index, schema
from tools import firmware, hazards, modbus, pages, questions, tables, texts, traces, wire

ROOT = Path(__file__).resolve().parents[1]


def files() -> dict[str, str]:
    """Every generated file: its path from the project's root, and its text."""
    found = tables.files() | questions.files() | texts.files() | wire.files() | modbus.files()
    found |= firmware.files() | pages.files() | hazards.files() | traces.files()
    found |= {f"physioctl/rehearsal/{scenario_schema.PATH.name}": scenario_schema.text()}
    return found | {f"protocols/{made.PATH.name}": made.text() for made in (schema, index)}


def main() -> int:
    """Return 1 when ``--check`` found something stale."""
    parser = argparse.ArgumentParser(prog="python -m tools.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is stale")
    check = parser.parse_args().check
    made = files()
    stale = [name for name, text in made.items() if not _holds(ROOT / name, text)]
    for name in stale:
        if check:
            sys.stderr.write(f"{name} is stale: run python -m tools.generate\n")
        else:
            (ROOT / name).write_text(made[name], encoding="utf-8")
            sys.stdout.write(f"wrote {name}\n")
    return int(check and bool(stale))


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
