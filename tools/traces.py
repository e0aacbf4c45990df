"""The golden traces: the same bundled protocol on a US111 by each dialect and each kind of Modbus unit.

Each stands in ``tests/traces``, and says in comments what its bytes say.
"""

from __future__ import annotations

from collections.abc import Iterator

from physioctl.rehearsal.rehearse import rehearse
from physioctl.rehearsal.rig import Rig, speaking
from physioctl.trace.decoding import Decoding, Shown
from physioctl.trace.lines import Header, TraceLine
from physioctl.trace.recording import traced
from protocols.library import find

# Unit, dialect, and what ends its output without a host.
GOLDEN = {
    "native": ("native", None),
    "modbus-lease": ("modbus", "lease"),
    "modbus-timer": ("modbus", "timer"),
    "modbus-none": ("modbus", "none"),
}
SEED = 111
PROTOCOL = "unit-check"  # bundled, and the only one for ultrasound that each kind of unit may run


class Kept:
    """Keeps the lines of a trace, in memory."""

    def __init__(self) -> None:
        self.lines: list[Header | TraceLine] = []

    def add(self, line: Header | TraceLine) -> None:
        self.lines.append(line)

    def stop(self, why: str) -> None:
        raise AssertionError(why)


def files() -> dict[str, str]:
    """Every golden trace: its path from the project's root, and its text."""
    return {f"tests/traces/{name}.trace": _text(*spoken) for name, spoken in GOLDEN.items()}


def _text(dialect: str, host_loss: str | None) -> str:
    kept, spoken = Kept(), speaking(dialect, host_loss)
    rig = Rig("us111", seed=SEED, unit=spoken.unit, dialect=spoken.dialect, driver=traced(kept))
    rehearsal = rehearse(find(PROTOCOL), rig, seed=SEED, attended=host_loss == "none")
    if not rehearsal.agrees:
        raise AssertionError(f"{dialect} {host_loss}: the session of a golden trace went wrong")
    return "\n".join([*_commented(kept.lines), ""])


def _commented(lines: list[Header | TraceLine]) -> Iterator[str]:
    header, *body = lines
    assert isinstance(header, Header)
    yield header.text()
    yield "# Made by `python -m tools.generate`: do not edit. docs/trace.md says what the lines are."
    decoding = Decoding(header)
    for line in body:
        assert not isinstance(line, Header)
        for shown in decoding.show(line):
            yield _comment(shown)
        yield line.text()


def _comment(shown: Shown) -> str:
    said = shown.said
    number = "" if said.number is None else f" {said.number}"
    after = "" if shown.after_ms is None else f" after {shown.after_ms} ms"
    direction = f"{shown.direction}: " if shown.direction else ""
    return f"# {direction}{said.name}{number}{after} {said.text}".rstrip()
