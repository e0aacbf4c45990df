"""The full screen as it is drawn, held against pictures; and that nothing that reaches it does anything.

``python -m tests.physioctl.screen_pictures FOLDER`` draws them anew, and as SVG for whoever looks at them.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest
from textual.events import Paste

from physioctl.screens.tui.app import SessionScreen
from physioctl.screens.tui.view import ViewState
from tests.physioctl.screen_pictures import FOLDER, SIZES, pictures, text_of
from tests.physioctl.screen_states import EMITTING, SESSIONS, shown
from tools.pictures import drawn


@pytest.mark.parametrize("no_color", [False, True], ids=["color", "plain"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_screen_is_drawn_as_in_the_pictures(
    size: tuple[int, int], no_color: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    else:
        monkeypatch.delenv("NO_COLOR", raising=False)

    found = {name: text for name, text, _ in pictures(size)}

    assert len(found) == len(SESSIONS)
    assert found == {name: (FOLDER / f"{name}.txt").read_text(encoding="utf-8") for name in found}


def test_every_picture_is_of_a_state_that_is_drawn() -> None:
    names = {
        f"{name}-{size[0]}x{size[1]}-{look}"
        for name in SESSIONS
        for size in SIZES
        for look in ("color", "plain")
    }

    assert {path.stem for path in FOLDER.iterdir()} == names


def test_the_stop_is_on_every_picture() -> None:
    for path in FOLDER.iterdir():
        text = path.read_text(encoding="utf-8")

        assert "Ctrl-C" in text or text.startswith("[s] STOP")


async def _disturbed(state: ViewState) -> tuple[str, str]:
    """The screen before and after somebody has typed, clicked and pasted everywhere, and shrunk it."""
    app = SessionScreen(state)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        before = app.export_screenshot()
        for key in "space escape q s ctrl+c ctrl+q ctrl+p ctrl+z tab enter f1".split():  # noqa: SIM905
            await pilot.press(key)
        for row in range(0, 24, 4):
            await pilot.click(offset=(row * 3, row))
        app.post_message(Paste("s" * 1000))
        for size in ((20, 5), (1, 1), (300, 100), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
        await pilot.pause()
        assert app.is_running
        return before, app.export_screenshot()


def test_no_key_click_paste_or_size_does_anything_to_the_screen() -> None:
    before, after = asyncio.run(_disturbed(shown(EMITTING)))

    assert text_of(after, (80, 24)) == text_of(before, (80, 24))


@pytest.mark.parametrize("size", [(20, 5), (8, 2), (1, 1)])
def test_a_small_terminal_is_given_what_is_needed_most(size: tuple[int, int]) -> None:
    svg = asyncio.run(drawn({"fault": shown(SESSIONS["fault"])}, size))["fault"]

    assert text_of(svg, size).startswith("[s] STOP"[: size[0]])


def test_markup_is_shown_as_text() -> None:
    state = ViewState(
        title="[bold red]x[/]", instruction="[link=https://a]y[/link]", remark="[@click=app.quit]z[/]"
    )

    text = text_of(asyncio.run(drawn({"x": state}, (80, 24)))["x"], (80, 24))

    assert "[bold red]x[/]" in text
    assert "[link=https://a]y[/link]" in text
    assert "[@click=app.quit]z[/]" in text


IMPORTS = """
import sys
from physioctl.cli import call
for arguments in (["--help"], ["stop", "--help"], ["run", "--help"]):
    call(arguments)
import physioctl.cli.session
sys.exit("textual" in sys.modules)
"""


def test_only_the_drawing_process_imports_textual() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, env=os.environ, text=True)

    assert (done.returncode, done.stderr) == (0, "")
