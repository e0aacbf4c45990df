"""Runs benchmarks by name: ``python -m benchmarks [list | NAME...] [--count N] [--seed S]``.

A benchmark is a module of this folder with a ``main(count, seed)`` that prints its figures and returns 0,
or 1 when one of them is out of bounds. ``count`` is None when nobody has said.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

NAMES = tuple(sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py")))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument(
        "names", nargs="*", choices=[*NAMES, "list", []], metavar="NAME", help=", ".join(NAMES)
    )
    parser.add_argument("--count", type=int, help="how many; each benchmark has its own default")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    if "list" in wanted.names:
        for name in NAMES:
            about = importlib.import_module(f"benchmarks.{name}").__doc__ or ""
            print(f"{name:16} {about.splitlines()[0]}")
        return 0
    worst = 0
    for name in wanted.names or NAMES:
        print(f"--- {name}", flush=True)
        worst = max(worst, importlib.import_module(f"benchmarks.{name}").main(wanted.count, wanted.seed))
    return worst


if __name__ == "__main__":
    sys.exit(main())
