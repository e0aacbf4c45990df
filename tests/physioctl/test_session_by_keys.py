"""A whole session at a pseudo-terminal, by keys alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from physioctl.record.entries import Entry
from physioctl.record.history import session
from tests.processes import ServedUnit, finished, journal_at, served_unit
from tests.terminals import Terminal

if sys.platform == "win32":
    pytest.skip("there are no ptys", allow_module_level=True)

PROTOCOL = """\
format: 1
id: by-keys
title: Guided and driven steps
family: ultrasound
body_site: bench
side: none
purpose: For a test. It treats nobody.
evidence: {grade: none, note: It treats nothing.}
limits: {intensity: 0.5 W/cm², duration: 60 s}
steps:
  - guide: Stretch the calf and hold.
    for: 41 s
  - emit: {intensity: 0.5 W/cm², duty: 100 %, carrier: 1 MHz}
    for: 60 s
    ramp: 100 ms
"""


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[ServedUnit]:
    with served_unit(tmp_path) as served:
        yield served


@pytest.fixture
def at_the_terminal(tmp_path: Path, unit: ServedUnit) -> Callable[..., Terminal]:
    path = tmp_path / "by-keys.yaml"
    path.write_text(PROTOCOL, encoding="utf-8")

    def run(*options: str) -> Terminal:
        journal = ("--journal", journal_at(tmp_path / "j"))
        return Terminal(tmp_path, "run", path, "--port", unit.port, *journal, *options)

    return run


def told(folder: Path, name: str) -> list[Entry]:
    return [entry for entry in session(folder / "j").entries if entry.name == name]


@pytest.mark.hazard("H-17")
def test_a_session_from_its_start_to_its_stop_by_keys(
    tmp_path: Path, unit: ServedUnit, at_the_terminal: Callable[..., Terminal]
) -> None:
    with closing(at_the_terminal("--plain")) as terminal:

        def sees(word: str, count: int = 1) -> bool:
            return terminal.shows(lambda: terminal.screen.count(word.encode()) >= count)

        assert sees("Space to start")
        terminal.press("p6\n")
        assert sees("pain 6 of 10, before the session")
        terminal.press(" ")
        assert sees("Stretch the calf and hold.")
        assert sees("this step: 0:40 left") or sees("n: next step")
        terminal.press("n")
        assert sees("step 1 was skipped")
        assert terminal.shows(unit.gives_output)
        terminal.press(" ")
        assert sees("now paused")
        assert terminal.shows(unit.is_off_again)
        terminal.press("r")
        assert sees("operator: resume")
        assert terminal.shows(unit.gives_output)
        terminal.press("-")
        assert sees("level lowered to 0.45 W/cm²")
        terminal.press("=0.4\n")
        assert sees("level lowered to 0.4 W/cm²")
        assert terminal.shows(lambda: unit.rest()[-1].output == 400)
        terminal.press("oskin reddened \x7f, no \x1b[A\x1b[200~pasted: s q\x1b[201~pain\n")
        assert sees("skin reddened, no pain")
        terminal.press("q")
        assert sees("stopped by the operator")
        code = terminal.ended()

    assert code == 6
    changes = unit.rest()
    assert [line.why for line in changes[:3]] == ["set", "stop", "set"]
    assert {line.why for line in changes[3:-1]} == {"lower"}  # one within the ramp changes no output
    assert (changes[-2].output, changes[-1].why) == (400, "stop")
    assert [entry.body["text"] for entry in told(tmp_path, "note_taken")] == ["skin reddened, no pain"]
    assert [entry.body["moment"] for entry in told(tmp_path, "pain_scored")] == ["before"]
    assert [entry.body["skipped"] for entry in told(tmp_path, "step_ended")] == [True]
    assert [entry.body["after"] for entry in told(tmp_path, "level_lowered")] == [450, 400]
    acts = [entry.body["action"] for entry in told(tmp_path, "operator_acted")]
    assert acts == ["start", "skip", "pause", "resume", "stop"]
    shown = finished(tmp_path, "show", "--journal", tmp_path / "j").stdout
    assert "skin reddened, no pain" in shown
    assert "score 6" in shown


@pytest.mark.hazard("H-17")
@pytest.mark.parametrize("keys", ["\n", "r", "-", "n", "   ", "year ", "\x1b[A", "\x1b[200~ \x1b[201~"])
def test_nothing_is_output_before_space_is_pressed_by_itself(
    unit: ServedUnit, at_the_terminal: Callable[..., Terminal], keys: str
) -> None:
    with closing(at_the_terminal("--plain")) as terminal:
        assert terminal.shows(lambda: b"Space to start" in terminal.screen)
        terminal.press(keys)
        terminal.press("p5\n")  # what is typed behind it has been taken once this is shown
        assert terminal.shows(lambda: b"pain 5 of 10, before" in terminal.screen)
        terminal.press("s")
        code = terminal.ended()

    assert code == 6
    assert unit.rest() == []
    assert b"step 1/" not in terminal.screen


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize(
    "key", ["s", "q", "\x1b", "\x03", "\x1c"], ids=["s", "q", "Esc", "Ctrl-C", "Ctrl-\\"]
)
def test_every_key_that_stops_ends_a_session_that_waits_for_its_start(
    unit: ServedUnit, at_the_terminal: Callable[..., Terminal], key: str
) -> None:
    with closing(at_the_terminal()) as terminal:
        assert terminal.shows(lambda: b"Space to start" in terminal.screen)
        terminal.press(key)
        code = terminal.ended()

    assert code == 6
    assert unit.rest() == []
