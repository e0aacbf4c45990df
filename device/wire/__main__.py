"""Make what the wire table makes: ``python -m device.wire`` writes, ``--check`` only says what is stale."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from device.wire import generate

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Return 1 when ``--check`` found something stale."""
    parser = argparse.ArgumentParser(prog="python -m device.wire", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is stale")
    check = parser.parse_args().check
    made = generate.files()
    stale = [name for name, text in made.items() if not _holds(ROOT / name, text)]
    for name in stale:
        if check:
            print(f"{name} is stale: run python -m device.wire", file=sys.stderr)
        else:
            (ROOT / name).write_text(made[name], encoding="utf-8")
            print(f"wrote {name}")
    return int(check and bool(stale))


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
