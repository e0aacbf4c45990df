"""The pictures of the README and the manual: ``python -m tools.pictures [FOLDER]`` draws them anew.

A session is rehearsed on virtual time. The full screen itself draws what its events show, and its record
becomes a report page by the program's own means. The same program and the same versions of the libraries that
draw give the same bytes; which versions these were stands beside the pictures, in ``versions.txt``.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape, unescape
from importlib.metadata import version
from pathlib import Path

from device.clock import VirtualClock
from device.events import Event, Progress
from device.operator import Lower, Note, OperatorAction, Pain, SessionAction
from physioctl.questions import questions_of
from physioctl.record.account import Account, account
from physioctl.record.history import session
from physioctl.record.journal import Journal
from physioctl.record.report.picture import picture
from physioctl.record.report.session import session_report
from physioctl.rehearsal.rig import Rig
from physioctl.runner import Request, run_session
from physioctl.screening import Answer, answered, day_of
from physioctl.screens.tui.app import SessionScreen
from physioctl.screens.tui.fold import Seen, after, view
from physioctl.screens.tui.view import ViewState
from protocols.contraindications import AgeBand
from protocols.library import find
from simulator.faults import parse

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
VERSIONS = "versions.txt"
DRAWN_BY = ("jinja2", "matplotlib", "rich", "textual")
WIDE, NARROW = (80, 24), (40, 12)  # columns and lines

_BEGAN = datetime(2026, 3, 2, 10, tzinfo=UTC)
_LIFTED_S, _LIFTED_FOR_S = 300, 8
_DONE: tuple[tuple[int, OperatorAction], ...] = (
    (5_000, Pain(6)),
    (20_000, SessionAction.START),
    (240_000, Note("Skin warm, no redness")),
    (420_000, SessionAction.PAUSE),
    (445_000, SessionAction.RESUME),
    (500_000, Lower(352)),
    (875_000, Pain(3)),
)
# As Rich writes a screen: cells of this width and height, in user units, and the runs of text in them.
CELL = (12.2, 24.4)
TEXT = re.compile(r'<text class="(terminal-\d+-(r\d+))" x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>')
_BASELINE = 18.5  # below the top of its cells
_WEB_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
# Block character → where in its cell it begins, its height, as parts of the cell's, and its opacity.
_BLOCKS = {
    "█": (0.0, 1.0, 1.0),
    "▀": (0.0, 0.5, 1.0),
    "▄": (0.5, 0.5, 1.0),
    "▒": (0.0, 1.0, 0.5),
    "░": (0.0, 1.0, 0.25),
}
_RUN = re.compile("|".join(f"{block}+" for block in _BLOCKS))


async def drawn(states: Mapping[str, ViewState], size: tuple[int, int]) -> dict[str, str]:
    """Each of ``states`` as SVG, drawn one after the other by one screen."""
    app, found = SessionScreen(), {}
    async with app.run_test(size=size) as pilot:
        for name, state in states.items():
            app.show(state)
            await pilot.pause()
            found[name] = app.export_screenshot()
    return found


def rehearsed() -> tuple[Sequence[Event], Account]:
    """A session on the simulated unit with a lift-off, a pause and a lowering: its events and its record."""
    clock = VirtualClock(_BEGAN)
    protocol = find("calf-tightness-ultrasound")
    answers = answered(
        protocol,
        {question.code: Answer.NO for question in questions_of(protocol)},
        on=day_of(clock),
        person="P-017",
        age_band=AgeBand.ADULT,
    )
    request = Request(
        protocol,
        "left",
        "P-017",
        answers,
        attended=True,
        awaits_start=True,
        asks_pain=lambda: True,
        treated_by="T-2",
    )
    lifted = parse(f"lift_off@{_LIFTED_S}s+{_LIFTED_FOR_S}s=0.0")
    rig = Rig("us111", clock=clock, actions=_DONE, faults=[lifted])
    seen = _Kept()
    with Journal.in_memory(clock, seed=1) as journal:
        run_session(request, rig.driver, journal, [seen])
        return seen.events, account(session(journal))


class _Kept:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def on_event(self, event: Event) -> None:
        self.events.append(event)


def _shown(events: Sequence[Event], state: str, at_s: int) -> ViewState:
    """What the screen shows of the session in ``state``, ``at_s`` after it began or as soon as it is so."""
    seen = Seen()
    for event in events:
        seen = after(seen, event)
        if isinstance(event, Progress) and event.state == state and event.at_ms >= at_s * 1000:
            return view(seen)
    raise LookupError(f"the session that is rehearsed was not {state} after {at_s} s")


def files() -> dict[str, str]:
    """Every picture: its name and its text."""
    events, record = rehearsed()
    wide = {
        "waiting": _shown(events, "awaiting_start", 10),
        "output-on": _shown(events, "emitting", 280),
        "contact-lost": _shown(events, "suspended", _LIFTED_S + 2),
    }
    screens = asyncio.run(drawn(wide, WIDE))
    screens |= {"narrow": asyncio.run(drawn({"": wide["output-on"]}, NARROW))[""]}
    plot = picture(record)
    assert plot is not None  # output was given
    found = {f"{name}.svg": _alone(svg) for name, svg in screens.items()}
    found |= {"report-plot.svg": plot, "report.html": session_report(record).text}
    return found | {VERSIONS: versions()}


def _alone(svg: str) -> str:
    """``svg`` without addresses that fonts would be fetched from, and alike in whatever font is there."""
    return TEXT.sub(_with_blocks_drawn, _WEB_FONT.sub("", svg))


def _with_blocks_drawn(run: re.Match[str]) -> str:
    """A run of text, its block characters drawn: a font leaves gaps between them."""
    look, _, x, y, said = run.groups()
    text, top = unescape(said), float(y) - _BASELINE
    blocks = []
    for found in _RUN.finditer(text):
        begins, height, opacity = _BLOCKS[found[0][0]]
        left = float(x) + found.start() * CELL[0]
        blocks.append(
            f'<rect class="{look}" x="{left:.1f}" y="{top + begins * CELL[1]:.1f}" '
            f'width="{len(found[0]) * CELL[0]:.1f}" height="{height * CELL[1]:.1f}" opacity="{opacity:g}" '
            'shape-rendering="crispEdges"/>'
        )
    if not blocks:
        return run[0]
    letters = "".join("\xa0" if char in _BLOCKS else char for char in text)
    rest = run[0].replace(f">{said}<", f">{escape(letters)}<") if letters.strip("\xa0\n") else ""
    return rest + "".join(blocks)


def versions() -> str:
    """The versions of what draws, one a line."""
    return "".join(f"{name} {version(name)}\n" for name in DRAWN_BY)


def main() -> None:
    """Draw them, the same wherever this computer is and whatever its terminal can."""
    os.environ.pop("NO_COLOR", None)
    os.environ["TZ"] = "UTC"
    if sys.platform != "win32":
        time.tzset()
    folder = Path(sys.argv[1]) if sys.argv[1:] else FOLDER
    for name, text in files().items():
        (folder / name).write_text(text, encoding="utf-8", newline="")


if __name__ == "__main__":
    main()
