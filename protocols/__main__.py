"""Make what the model makes: ``python -m protocols`` writes it, ``--check`` only says what is stale."""

from __future__ import annotations

import argparse
import sys

from protocols import schema


def main() -> int:
    """Return 1 when ``--check`` found it stale."""
    parser = argparse.ArgumentParser(prog="python -m protocols", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the schema is stale")
    check = parser.parse_args().check
    made = schema.text()
    if schema.PATH.is_file() and schema.PATH.read_text(encoding="utf-8") == made:
        return 0
    if check:
        sys.stderr.write(f"protocols/{schema.PATH.name} is stale: run python -m protocols\n")
        return 1
    schema.PATH.write_text(made, encoding="utf-8")
    sys.stdout.write(f"wrote protocols/{schema.PATH.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
