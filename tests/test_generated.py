"""What is generated is fresh."""

from __future__ import annotations

from pathlib import Path

from tests.processes import finished
from tools import generate

CHECK = "import sys; from tools.generate import main; sys.exit(main())"


def _on_disk(name: str) -> str:
    return (generate.ROOT / name).read_text(encoding="utf-8")


def test_what_is_generated_is_fresh() -> None:
    stale = [name for name, text in generate.files().items() if _on_disk(name) != text]

    assert stale == [], "run python -m tools.generate"


def test_nothing_is_found_stale_from_the_command_line(tmp_path: Path) -> None:
    run = finished(tmp_path, "--check", code=CHECK)

    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
