"""``physioctl start`` at a terminal, by keys alone, from nothing to a session. POSIX only."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from device.clock import VirtualClock
from device.operator import SessionAction
from physioctl.cli import call
from physioctl.questions import questions_of
from physioctl.record.entries import all_of
from physioctl.record.history import session, sessions
from physioctl.record.journal import Journal
from physioctl.record.verify import verify
from physioctl.rehearsal.rig import Rig
from physioctl.runner import Request, run_session
from physioctl.screening import day_of
from protocols.library import find
from protocols.model import Protocol
from simulator.nameplate import calibration_days
from simulator.unit import SimulatedUnit
from tests.processes import journal_at, served_unit, waited_for
from tests.support import CountedLink, screened
from tests.terminals import Terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ptys are a thing of POSIX")

ULTRASOUND, GUN = find("calf-tightness-ultrasound"), find("calf-tightness-percussion")
WORDS, WHICH, SIDE, WHOM = "What hurts, and where", "Which one?", "Which side?", "For whom?"
NEW, AGE, SESSION = "is not in this journal. New?", "1 of 29", "What will happen:"
GO_ON = "Go on to the session?"
HOSTILE = ("x" * 10_000, "[bold red]x[/]", "‮ ", "\x1b]0;x\x07\x1b[2J", "%s {} \\n", "\x00\xff")


class Walk:
    """Somebody at the keys, who waits for each question and counts the keys that are not answers."""

    def __init__(self, folder: Path, *arguments: object) -> None:
        journal = folder / "j" if "--new" in arguments else journal_at(folder / "j")
        self._terminal = Terminal(folder, "start", "--journal", journal, *arguments)
        self._seen = 0
        self.keys = 0

    @property
    def screen(self) -> str:
        return self._terminal.screen.decode(errors="replace").replace("\r\n", "\n")

    def shows(self, text: str) -> None:
        """Wait for ``text`` behind what was waited for before; where lines are broken makes no difference."""
        wanted = re.compile(r"\s+".join(map(re.escape, text.split())))
        assert self._terminal.shows(lambda: wanted.search(self.screen, self._seen) is not None), (
            text,
            self.screen[self._seen :],
        )
        found = wanted.search(self.screen, self._seen)
        assert found is not None
        self._seen = found.end()

    def answer(self, question: str, typed: str, *, counted: bool = True) -> None:
        self.shows(question)
        self.press(f"{typed}\n", counted=counted)

    def press(self, keys: str, *, counted: bool = True) -> None:
        self.keys += len(keys) * counted
        self._terminal.press(keys)

    def screening(self, protocol: Protocol, typed: str = "n") -> None:
        """Say that an adult is asked, and the same to every question."""
        count = len(questions_of(protocol)) + 1
        self.answer(f"1 of {count} ", "a", counted=False)
        for number in range(2, count + 1):
            self.answer(f"{number} of {count} ", typed, counted=False)

    def ended(self) -> int:
        return self._terminal.ended()

    def close(self) -> None:
        self._terminal.close()


def plain(screen: str) -> list[str]:
    """The lines of a screen without their colours."""
    return re.sub(r"\x1b\[\d*m", "", screen).split("\n")


@contextmanager
def walking(folder: Path, *arguments: object) -> Iterator[Walk]:
    """A walk; what it leaves on the screen holds no traceback."""
    walk = Walk(folder, *arguments)
    try:
        yield walk
        assert "Traceback" not in walk.screen
    finally:
        walk.close()


def given_before(
    folder: Path, protocol: Protocol, *, hours: int, times: int = 1, stopped_at_ms: int | None = None
) -> None:
    """Sessions of ``protocol`` for P-017, some hours ago, whole or stopped."""
    actions = () if stopped_at_ms is None else ((stopped_at_ms, SessionAction.STOP),)
    clock = VirtualClock(datetime.now(UTC) - timedelta(hours=hours))
    with Journal.open(folder / "j", clock) as journal:
        for _ in range(times):
            model = "us111" if protocol is ULTRASOUND else "ultragun"
            unit = partial(SimulatedUnit, calibrated=calibration_days(clock.utc().date()))
            rig = Rig(model, clock=VirtualClock(clock.utc()), link=CountedLink, unit=unit, actions=actions)
            answers = screened(protocol, on=day_of(clock))
            run_session(Request(protocol, "left", "P-017", answers), rig.driver, journal)


# --- whole walks ----------------------------------------------------------------------------------------


def test_from_nothing_to_a_session_in_fewer_than_twenty_keys_besides_the_answers(tmp_path: Path) -> None:
    with walking(tmp_path) as walk:
        walk.answer("a simulated US111", "3")
        walk.answer(WORDS, "calf")
        walk.answer(WHICH, "1")
        walk.answer(SIDE, "l")
        walk.answer(WHOM, "P1")
        walk.answer(NEW, "y")
        walk.screening(ULTRASOUND)
        walk.shows(SESSION)
        walk.answer(GO_ON, "")
        walk.press(" ")
        counted = walk.keys
        walk.press("\x03")
        code = walk.ended()

    assert counted < 20
    assert code == 6
    assert "SIMULATED" in walk.screen


def test_a_whole_walk_on_a_unit_at_a_port_with_a_step_back(tmp_path: Path) -> None:
    with ExitStack() as stack:
        unit = stack.enter_context(served_unit(tmp_path))
        walk = stack.enter_context(
            walking(tmp_path, "--port", unit.port, "tight", "calf", "--operator", "T-2", "--plain")
        )
        walk.answer(WHICH, "1")
        walk.answer(SIDE, "left")
        walk.answer(WHOM, "P-017")
        walk.answer(NEW, "y")
        walk.answer("1 of 29", "a")
        walk.answer("2 of 29", "w")
        walk.answer("source: calf-tightness-ultrasound, red flags", "n")
        walk.answer("3 of 29", "b")
        for number in range(2, 30):
            pregnant = "pregnant" in questions_of(ULTRASOUND)[number - 2].ask
            walk.answer(f"{number} of 29", "y" if pregnant else "n")
        walk.answer("Do you acknowledge it?", "y")
        walk.shows("limit delivered time of the session 10:00 of at most 10:00")
        walk.answer(GO_ON, "")
        walk.shows("] on US111")  # the session's first line
        walk.press("\x03")
        code = walk.ended()

    assert code == 6
    assert unit.rest() == []
    recorded = session(tmp_path / "j").entries
    (told,) = [entry for entry in recorded if entry.name == "screened"]
    assert told.body["acknowledged"] == {"PREG_ANY": "t-2"}
    assert recorded[0].body["operator"] == "t-2"


def test_the_page_is_read_before_the_session_begins_and_may_be_the_end_of_it(tmp_path: Path) -> None:
    with ExitStack() as stack:
        unit = stack.enter_context(served_unit(tmp_path))
        walk = stack.enter_context(walking(tmp_path, "--port", unit.port, "unit-check"))
        walk.shows(SESSION)
        walk.answer(GO_ON, "y")
        walk.answer(GO_ON, "n")
        code = walk.ended()

        assert unit.rest() == []
    assert code == 6
    assert "Nothing was output." in walk.screen
    assert sessions(tmp_path / "j") == ()


def test_a_unit_that_is_gone_after_the_questions_is_looked_for_again_and_nothing_is_asked_twice(
    tmp_path: Path,
) -> None:
    (tmp_path / "again").mkdir()
    with ExitStack() as stack:
        walk: Walk
        with served_unit(tmp_path, "--tcp", "127.0.0.1:0", "--serial", "US-7") as unit:
            address = unit.port.removeprefix("socket://")
            walk = stack.enter_context(walking(tmp_path, "--port", unit.port, "unit-check", "--plain"))
            walk.shows(SESSION)
        walk.answer(GO_ON, "")
        walk.shows("error: ")
        walk.answer("Look for the unit again?", "")
        walk.shows("does not answer on")
        unit = stack.enter_context(served_unit(tmp_path / "again", "--tcp", address, "--serial", "US-7"))
        walk.answer("Look for the unit again?", "")
        walk.shows("Space to start")
        walk.press("\x03")
        code = walk.ended()

        assert unit.rest() == []
    assert code == 6
    assert walk.screen.count(GO_ON) == 1


def test_nothing_is_output_before_space_which_begins_the_session(tmp_path: Path) -> None:
    with ExitStack() as stack:
        unit = stack.enter_context(served_unit(tmp_path))
        walk = stack.enter_context(walking(tmp_path, "--port", unit.port, "unit-check", "--plain"))
        walk.answer(GO_ON, "")
        walk.shows("Space")
        before = list(unit.rest())
        walk.press(" ")
        assert waited_for(unit.gives_output)
        walk.press("\x03")
        code = walk.ended()

        assert waited_for(unit.is_off_again)
    assert before == []
    assert code == 6


def test_a_journal_is_begun_that_continues_another(tmp_path: Path) -> None:
    given_before(tmp_path, ULTRASOUND, hours=3)
    (tmp_path / "j").rename(tmp_path / "old")
    with walking(
        tmp_path, "--port", "sim://us111", "--new", "--continues", tmp_path / "old", "unit-check"
    ) as walk:
        walk.answer(GO_ON, "n")
        assert walk.ended() == 6

    with Journal.open(tmp_path / "j", VirtualClock()) as journal, journal.reading() as connection:
        (begun,) = all_of(connection, "")
    assert begun.body["continues"] == verify(tmp_path / "old").head


def test_guidance_alone_needs_no_unit(tmp_path: Path) -> None:
    guidance = find("night-calf-cramp-prevention")
    with walking(tmp_path, "--plain") as walk:
        walk.answer("Guidance alone (stretching, exercise) needs no unit", "g")
        walk.answer(WORDS, "night calf")
        walk.answer(WHICH, "1")
        walk.answer(SIDE, "r")
        walk.answer(WHOM, "")
        count = len(questions_of(guidance))
        for number in range(1, count + 1):
            walk.answer(f"{number} of {count}", "n")
        walk.answer(GO_ON, "")
        walk.shows("Space to start")
        walk.press(" ")
        walk.shows("step 1/")
        walk.press("\x03")
        assert walk.ended() == 6

    (summary,) = sessions(tmp_path / "j")
    assert (summary.protocol, summary.side, summary.person) == (guidance.id, "right", None)


def test_guidance_makes_no_sound_where_none_is_wanted(tmp_path: Path) -> None:
    with walking(tmp_path, "--port", "sim://us111", "--quiet", "--plain") as walk:
        walk.answer(WORDS, "night-calf-cramp-prevention")
        walk.answer(SIDE, "l")
        walk.answer(WHOM, "")
        for number in range(1, 6):
            walk.answer(f"{number} of 5 ", "n")
        walk.answer(GO_ON, "")
        walk.shows("Space to start")
        walk.press(" ")
        walk.shows("step 1/9")
        walk.press("n")
        walk.shows("step 2/9")
        walk.press("q")
        assert walk.ended() == 6

    assert "\a" not in walk.screen


@pytest.mark.parametrize("columns", [40, 60, 120])
def test_no_line_is_wider_than_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    with walking(tmp_path, "--port", "sim://us111") as walk:
        walk.answer(WORDS, "tight calf")
        walk.answer(WHICH, "?1")
        walk.answer(WHICH, "1")
        walk.answer(SIDE, "l")
        walk.answer(WHOM, "P 1")
        walk.answer(WHOM, "P1")
        walk.answer(NEW, "y")
        walk.answer("1 of 29", "a")
        walk.answer("2 of 29", "y")  # a red flag: the refusal is shown as well
        assert walk.ended() == 4

    shown = [re.sub(": (tight calf|\\?1|[1lay]|P ?1)$", ":", line) for line in plain(walk.screen)]
    assert [line for line in shown if len(line) > columns and len(line.split()) > 1] == []


# --- refused before anybody is asked --------------------------------------------------------------------


@pytest.mark.hazard("H-02")
def test_a_day_that_is_full_is_refused_before_the_questions(tmp_path: Path) -> None:
    given_before(tmp_path, GUN, hours=3, times=2)
    with ExitStack() as stack:
        unit = stack.enter_context(served_unit(tmp_path, model="ultragun"))
        walk = stack.enter_context(walking(tmp_path, "--port", unit.port, "tight", "calf"))
        walk.answer(WHICH, "1")
        walk.answer(SIDE, "l")
        walk.answer(WHOM, "P-017")
        code = walk.ended()

    assert code == 4
    assert "P-017 was last here on".lower() in walk.screen.lower()
    assert "The site is free again at" in " ".join(walk.screen.split())
    assert "1 of" not in walk.screen


@pytest.mark.parametrize(
    ("port", "code", "said"),
    [
        ("sim://us111?fault=brown_out@0s", 5, "the unit has latched"),
        ("sim://us111?fault=future_calibration@0s=20000", 4, "which is yet to come"),
        ("sim://us111?fault=half_open@0s%2B1h=1", 5, "nobody answers on"),
        ("/nowhere/tty", 5, "there is no port /nowhere/tty"),
    ],
)
def test_a_unit_that_cannot_be_used_is_refused_before_anything_is_asked(
    tmp_path: Path, port: str, code: int, said: str
) -> None:
    with walking(tmp_path, "--port", port) as walk:
        assert walk.ended() == code

    assert said in " ".join(walk.screen.split())
    assert WORDS not in walk.screen


@pytest.mark.hazard("H-13")
def test_a_unit_that_is_exchanged_while_a_person_thinks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with ExitStack() as stack:
        first = stack.enter_context(ExitStack())
        unit = first.enter_context(served_unit(tmp_path, "--tcp", "127.0.0.1:0"))
        walk = stack.enter_context(walking(tmp_path, "--port", unit.port))
        walk.answer(WORDS, "tight calf")
        walk.answer(WHICH, "1")
        walk.answer(SIDE, "l")
        walk.answer(WHOM, "P-017")
        walk.answer(NEW, "y")
        walk.shows("1 of 29")
        first.close()
        address = unit.port.removeprefix("socket://")
        other = stack.enter_context(served_unit(tmp_path / "other", "--tcp", address))
        walk.press("a\n")
        for number in range(2, 30):
            walk.answer(f"{number} of 29", "n")
        walk.answer(GO_ON, "")
        walk.answer("Look for the unit again?", "n")
        code = walk.ended()

        assert (other.rest(), other.port) == ([], unit.port)
    assert code == 5
    assert "it was " in walk.screen
    assert sessions(tmp_path / "j") == ()


# --- whoever has been here before -----------------------------------------------------------------------


@pytest.mark.hazard("H-16")
def test_a_person_who_was_here_before_confirms_what_lasts_and_is_asked_the_rest_anew(tmp_path: Path) -> None:
    given_before(tmp_path, ULTRASOUND, hours=72)
    asked = questions_of(ULTRASOUND)
    lasting = [question for question in asked if question.lasting]
    count = len(asked) - len(lasting) + 2
    with ExitStack() as stack:
        unit = stack.enter_context(served_unit(tmp_path))
        walk = stack.enter_context(walking(tmp_path, "--port", unit.port, "tight", "calf"))
        walk.answer(WHICH, "1")
        walk.answer(SIDE, "l")
        walk.answer(WHOM, "p-017")
        walk.answer(f"1 of {count}", "a")
        walk.answer(f"no: {lasting[0].title}. Is that still so?", "y")
        for number in range(3, count + 1):
            walk.answer(f"{number} of {count}", "n")
        walk.shows(SESSION)
        walk.press("\x03")
        assert walk.ended() == 6

    assert lasting[0].ask not in " ".join(walk.screen.split())


@pytest.mark.parametrize(
    ("typed", "rest"),
    [("r", "the rest of "), ("a", "(calf-tightness-percussion, "), ("n", "Nothing was output")],
)
def test_a_session_that_broke_off_is_offered_as_the_rest_anew_or_nothing(
    tmp_path: Path, typed: str, rest: str
) -> None:
    given_before(tmp_path, GUN, hours=3, stopped_at_ms=100_000)
    with ExitStack() as stack:
        unit = stack.enter_context(served_unit(tmp_path, model="ultragun"))
        walk = stack.enter_context(walking(tmp_path, "--port", unit.port, "tight", "calf"))
        walk.answer(WHICH, "1")
        walk.answer(SIDE, "l")
        walk.answer(WHOM, "P-017")
        walk.answer("begin anew, or give nothing?", typed)
        if typed != "n":
            walk.screening(GUN)
        walk.shows(rest)
        walk.press("\x03")
        assert walk.ended() == 6

    assert "had been delivered" in " ".join(walk.screen.split())


# --- ended at any moment, and whatever is typed ---------------------------------------------------------

QUESTIONS = ("Which? [Enter, g, 1, 2, 3]", WORDS, WHICH, SIDE, WHOM, NEW, "1 of 29", "2 of 29")
TYPED = ("3", "tight calf", "1", "l", "P1", "y", "a")


@pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["Ctrl-C", "end of input"])
@pytest.mark.parametrize("place", range(len(QUESTIONS)))
def test_ctrl_c_and_the_end_of_input_end_it_at_every_question(tmp_path: Path, place: int, key: str) -> None:
    named = ("--port", "sim://us111") if place else ()  # for all but the first: to search takes its time
    with walking(tmp_path, *named) as walk:
        for question, typed in zip(QUESTIONS[1:place], TYPED[1:place], strict=True):
            walk.answer(question, typed)
        walk.shows(QUESTIONS[place])
        walk.press(key)
        code = walk.ended()

    assert code == 6
    assert walk.screen.rstrip().endswith("stopped.")
    assert not (tmp_path / "j").exists() or sessions(tmp_path / "j") == ()


@pytest.mark.hazard("H-23")
def test_whatever_is_typed_is_asked_for_again(tmp_path: Path) -> None:
    with walking(tmp_path) as walk:
        for question, typed in zip(QUESTIONS, (*TYPED, "\x04"), strict=True):
            for hostile in HOSTILE:
                walk.answer(question, hostile)
            walk.answer(question, typed) if typed != "\x04" else walk.shows(question)
        walk.press("\x04")
        code = walk.ended()

    assert code == 6
    assert not re.search("\x1b\\]|\x07\x1b|\x1b\\[2J", walk.screen)


def test_without_a_terminal_it_says_what_to_use_instead(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["start", "--port", "sim://us111"]) == 2

    said = capsys.readouterr().err
    assert "no terminal" in said
    assert "physioctl run PROTOCOL --port PORT" in said
