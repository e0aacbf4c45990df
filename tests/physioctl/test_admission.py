"""Admission: what a session needs to begin, and that no two programs are given what is left for one."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from device.clock import SystemClock, VirtualClock
from device.events import Event, Progress
from device.link import Inbox
from device.operator import SessionAction
from physioctl.admission import Compiler
from physioctl.cli import call
from physioctl.errors import InvalidUsage, JournalUnusable
from physioctl.events import Outcome, SessionEnded
from physioctl.ports import open_link
from physioctl.record.entries import all_of
from physioctl.record.history import session, sessions
from physioctl.record.journal import Journal
from physioctl.record.verify import verify
from physioctl.rehearsal.rig import Rig
from physioctl.rehearsal.storm.fences import compile_anything
from physioctl.runner import Request, run_session
from physioctl.screening import day_of
from protocols.errors import ProtocolInvalid, Refused
from protocols.library import find
from protocols.limits import Bound, Layer, Quantity
from protocols.model import Protocol, Side
from protocols.steps import EmitStep
from tests.processes import LIMIT_S, begin, journal_at, waited_for
from tests.support import SECOND_MS, CountedLink, Ledger, form_answered, screened

CHECK = find("unit-check")
_CALF = find("calf-tightness-percussion")
_EMISSION = next(step for _, step in _CALF.flat_steps() if isinstance(step, EmitStep))
CALF = _CALF.model_copy(update={"steps": (_EMISSION.model_copy(update={"duration_ms": 20_000}),)})  # in short
NO = screened(CALF)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def calf(**other: Any) -> Request:
    asked: dict[str, Any] = {"side": "left", "person": "P-017", "answers": NO}
    return Request(CALF, **(asked | other))


def gun(clock: VirtualClock | None = None, *actions: tuple[int, SessionAction]) -> Rig:
    """A massage gun that counts as real, at the time of day of ``clock``."""
    own = None if clock is None else VirtualClock(clock.utc())
    return Rig("ultragun", clock=own, link=CountedLink, actions=actions)


def given(
    journal: Journal, request: Request | None = None, *actions: tuple[int, SessionAction]
) -> SessionEnded:
    return run_session(request or calf(), gun(None, *actions).driver, journal)


def sided(side: str) -> Protocol:
    return CALF.model_copy(update={"side": Side(side)})


# --- the side -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("protocol", "side"),
    [
        ("either", "banana"), ("either", "LEFT"), ("either", "Left "), ("either", ""), ("either", None),
        ("either", "either"), ("either", "none"), ("either", Side.EITHER), ("either", Side.NONE),
        ("left", "right"), ("left", "none"), ("none", "left"), ("right", Side.LEFT),
    ],
)  # fmt: skip
def test_a_side_that_the_protocol_is_not_for_is_a_usage_mistake(protocol: str, side: str | None) -> None:
    rig = gun()
    with Journal.in_memory(rig.clock) as journal:
        with pytest.raises(InvalidUsage, match="is for"):
            run_session(Request(sided(protocol), side, "P-017", NO), rig.driver, journal)

        assert sessions(journal) == ()
    assert rig.unit.changes == []


@pytest.mark.parametrize("wrong", ["banana", None, 5])
def test_a_copy_of_a_protocol_whose_side_is_none_at_all_is_a_usage_mistake(wrong: Any) -> None:
    rig = gun()
    copied = CALF.model_copy(update={"side": wrong})

    with Journal.in_memory(rig.clock) as journal, pytest.raises(InvalidUsage, match="is no side"):
        run_session(Request(copied, wrong, "P-017", NO), rig.driver, journal)

    assert rig.unit.changes == []


@pytest.mark.parametrize(
    ("protocol", "side", "recorded"),
    [
        ("left", None, "left"),
        ("left", Side.LEFT, "left"),
        ("either", "right", "right"),
        ("none", None, "none"),
    ],
)
def test_the_side_treated_stands_in_the_record(protocol: str, side: str | None, recorded: str) -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        given(journal, Request(sided(protocol), side, "P-017", NO))

        assert session(journal).summary.side == recorded


# --- the person -----------------------------------------------------------------------------------------


@pytest.mark.hazard("H-03")
def test_output_on_a_body_site_needs_a_persons_reference() -> None:
    rig = gun()
    with Journal.in_memory(rig.clock) as journal, pytest.raises(Refused, match="no person is named"):
        run_session(calf(person=None), rig.driver, journal)

    assert rig.unit.changes == []


def test_what_is_typed_without_a_person_is_exit_code_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = tmp_path / "answers.yaml"
    answers.write_text(form_answered(_CALF, day_of(SystemClock()), "p-017"), encoding="utf-8")
    command = ["run", CALF.id, "--side", "left", "--answers", str(answers), "--port", "sim://ultragun"]

    missing = call([*command, "--journal", str(journal_at(tmp_path / "j"))]), capsys.readouterr().err
    a_name = (
        call([*command, "--journal", str(journal_at(tmp_path / "j")), "--person", "Mary Smith"]),
        capsys.readouterr().err,
    )
    empty = (
        call([*command, "--journal", str(journal_at(tmp_path / "j")), "--person", ""]),
        capsys.readouterr().err,
    )

    assert (missing[0], a_name[0], empty[0]) == (4, 2, 2)
    assert "--person REF" in missing[1]
    assert "it has a space in it" in a_name[1]
    assert "it is empty" in empty[1]


def test_a_rehearsal_and_a_unit_on_the_bench_need_no_person() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        assert run_session(Request.on_nobody(CALF), Rig("ultragun").driver, journal).outcome == "completed"
        assert run_session(Request(CHECK), Rig(link=CountedLink).driver, journal).outcome == "completed"


def test_the_bench_is_no_body_site_and_has_no_day() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        for _ in range(3):
            checked = run_session(Request(CHECK, person="P-017"), Rig(link=CountedLink).driver, journal)
            assert checked.outcome is Outcome.COMPLETED


# --- simulated ------------------------------------------------------------------------------------------


@pytest.mark.hazard("H-03")
def test_sessions_on_simulated_units_are_marked_and_never_count() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        for _ in range(3):
            assert run_session(calf(), Rig("ultragun").driver, journal).outcome is Outcome.COMPLETED
        given(journal)

        assert [summary.simulated for summary in sessions(journal)] == [False, True, True, True]
        assert verify(journal).whole


@pytest.mark.hazard("H-03")
@pytest.mark.skipif(sys.platform == "win32", reason="ptys are a thing of POSIX")
def test_a_unit_behind_a_port_counts_and_one_of_sim_does_not() -> None:
    master, slave = os.openpty()
    inbox: Inbox = SimpleQueue()
    links = [open_link(port, inbox) for port in ("sim://us111", "SIM://us111", os.ttyname(slave))]
    for link in links:
        link.close()
    os.close(slave)
    os.close(master)

    assert [link.simulated for link in links] == [True, True, False]


def test_a_simulated_session_is_said_to_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Journal.open(tmp_path / "j", VirtualClock(NOON)) as journal:
        run_session(calf(), Rig("ultragun").driver, journal)

    call(["history", "--journal", str(tmp_path / "j")])
    listed = capsys.readouterr().out
    call(["show", "--journal", str(tmp_path / "j")])
    shown = capsys.readouterr().out

    assert "simulated" in listed
    assert "simulated: counts for nobody" in shown


class InTheMidst:
    """An observer that does something once, when the unit has delivered for five seconds."""

    def __init__(self, action: Any) -> None:
        self._action: Any = action

    def on_event(self, event: Event) -> None:
        if self._action is not None and isinstance(event, Progress) and event.delivered_ms >= 5 * SECOND_MS:
            action, self._action = self._action, None
            action()


def left_open(path: Path, rig: Rig, request: Request) -> str:
    """Let a session's program break off, so that it is open in the journal; its id."""
    journal = Journal.open(path, VirtualClock(NOON))
    with pytest.raises(JournalUnusable):
        run_session(request, rig.driver, journal, [InTheMidst(journal.close)])
    return session(path).summary.id


def test_an_open_session_on_a_simulated_unit_is_nothing_to_a_real_one(tmp_path: Path) -> None:
    id_ = left_open(tmp_path / "j", Rig("ultragun"), calf())

    with Journal.open(tmp_path / "j", VirtualClock(NOON + timedelta(minutes=10))) as journal:
        given(journal)

        assert session(journal, id_).summary.outcome is None
        with pytest.raises(Refused, match="may still be running"):
            given(journal, calf(rest_of=id_))


# --- the day --------------------------------------------------------------------------------------------


@pytest.mark.hazard("H-03")
def test_two_short_attempts_leave_the_site_and_their_rest() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        attempts = [given(journal, None, (4 * SECOND_MS, SessionAction.STOP)) for _ in range(2)]
        rest = given(journal, calf(rest_of=attempts[1].session))
        again = given(journal)

    assert [each.outcome for each in attempts] == [Outcome.STOPPED] * 2
    assert (rest.outcome, again.outcome) == (Outcome.COMPLETED, Outcome.COMPLETED)
    assert attempts[1].delivered_ms + rest.delivered_ms == attempts[1].planned_ms


@pytest.mark.hazard("H-03")
def test_the_rests_of_short_attempts_are_no_way_to_a_third_session() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        attempts = [given(journal, None, (9 * SECOND_MS, SessionAction.STOP)) for _ in range(2)]
        assert all(each.delivered_ms * 2 < each.planned_ms for each in attempts)
        given(journal)
        given(journal)

        for attempt in attempts:
            with pytest.raises(Refused, match="this site has had 2 percussion sessions"):
                given(journal, calf(rest_of=attempt.session))


@pytest.mark.hazard("H-03")
def test_an_open_session_counts_whole_until_it_is_settled(tmp_path: Path) -> None:
    first = gun()
    left_open(tmp_path / "j", first, calf())

    with Journal.open(tmp_path / "j", VirtualClock(NOON + timedelta(seconds=1))) as journal:
        assert given(journal).outcome is Outcome.COMPLETED
        with pytest.raises(Refused, match="24 hours") as refused:
            given(journal)

    assert "free again at" in refused.value.action


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize("damaged", [False, True])
def test_a_journal_that_continues_another_does_not_forget_the_day(tmp_path: Path, damaged: bool) -> None:
    old, begun = tmp_path / "old", NOON + timedelta(hours=5)
    with Journal.open(old, VirtualClock(NOON)) as journal:
        given(journal)
        with journal.reading() as connection:
            last = all_of(connection, "ORDER BY entries.seq DESC LIMIT 1")[0].utc
    if damaged:
        with closing(sqlite3.connect(old)) as connection:
            connection.execute("DELETE FROM sessions")
            connection.commit()
    with Journal.open(tmp_path / "new", VirtualClock(begun), new=True, continues=old) as journal:
        with pytest.raises(Refused, match="continues another") as refused:
            given(journal)
        run_session(Request(CHECK, person="P-017"), Rig(link=CountedLink).driver, journal)
        run_session(calf(), Rig("ultragun").driver, journal)

    free = (begun if damaged else last) + timedelta(days=1)
    assert f"may begin at {free.astimezone():%Y-%m-%d %H:%M}" in refused.value.action
    with Journal.open(tmp_path / "new", VirtualClock(free)) as journal:
        assert given(journal).outcome is Outcome.COMPLETED


@pytest.mark.hazard("H-03")
def test_a_journal_that_was_begun_under_a_wrong_clock_forgets_no_day_either(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "old", VirtualClock(NOON)) as journal:
        given(journal)
    wrong = VirtualClock(NOON.replace(year=2020))
    Journal.open(tmp_path / "new", wrong, new=True, continues=tmp_path / "old").close()

    right = VirtualClock(NOON + timedelta(hours=1))
    with (
        Journal.open(tmp_path / "new", right) as journal,
        pytest.raises(Refused, match="continues another"),
    ):
        given(journal)


def test_a_journal_that_continues_an_empty_one_has_nothing_to_wait_for(tmp_path: Path) -> None:
    Journal.open(tmp_path / "old", VirtualClock(NOON)).close()
    with Journal.open(tmp_path / "new", VirtualClock(NOON), new=True, continues=tmp_path / "old") as journal:
        assert given(journal).outcome is Outcome.COMPLETED


def test_a_site_is_free_again_when_the_refusal_says(tmp_path: Path) -> None:
    clock = VirtualClock(NOON)
    with Journal.in_memory(clock) as journal:
        given(journal)
        given(journal)
        with pytest.raises(Refused) as refused:
            given(journal)

    said = re.search(r"free again at (.*)\.$", refused.value.action)
    assert said is not None
    assert said[1] == f"{(NOON + timedelta(hours=24)).astimezone():%Y-%m-%d %H:%M}"


# As many programs as there are marks ask at once, each forked from one that has imported what it needs.
ASK = """
import os, sys
from pathlib import Path
from device.clock import SystemClock
from physioctl.record.journal import Journal
from physioctl.runner import run_session
from protocols.errors import Refused
from tests.physioctl.test_admission import calf, gun

path, rest_of = Path(sys.argv[1]), sys.argv[2] or None
marks = [Path(mark) for mark in sys.argv[3:]]
for ready, go in zip(marks[::2], marks[1::2]):
    if os.fork() == 0:
        break
else:
    sys.exit(any([os.wait()[1] for _ in marks[::2]]))
with Journal.open(path, SystemClock()) as journal:
    ready.touch()
    with go.open() as gate:
        gate.read()
    try:
        run_session(calf(rest_of=rest_of), gun().driver, journal)
    except Refused as refusal:
        print("refused:", refusal.what)
    else:
        print("admitted")
"""


def asked_at_once(folder: Path, path: Path, count: int, rest_of: str = "") -> list[str]:
    """What each of ``count`` programs is told that ask at once, each on a unit of its own."""
    ready = [folder / f"ready{number}" for number in range(count)]
    gates = [folder / f"gate{number}" for number in range(count)]
    for gate in gates:
        os.mkfifo(gate)
    program = begin(folder, path, rest_of, *chain(*zip(ready, gates, strict=True)), code=ASK)
    assert waited_for(lambda: all(mark.exists() for mark in ready))
    opened = [gate.open("w") for gate in gates]
    for each in opened:
        each.close()
    told, said = program.communicate(LIMIT_S)
    assert (program.returncode, said) == (0, "")
    return told.splitlines()


@pytest.mark.hazard("H-03")
@pytest.mark.skipif(sys.platform == "win32", reason="named pipes in folders are a thing of POSIX")
def test_of_four_programs_that_ask_at_once_two_are_admitted(tmp_path: Path) -> None:
    told = asked_at_once(tmp_path, tmp_path / "j", 4)

    assert sorted(line.split(":")[0] for line in told) == ["admitted", "admitted", "refused", "refused"]
    assert verify(tmp_path / "j").whole


@pytest.mark.hazard("H-03")
@pytest.mark.skipif(sys.platform == "win32", reason="named pipes in folders are a thing of POSIX")
def test_of_two_programs_that_ask_for_one_rest_one_is_admitted(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j", SystemClock()) as journal:
        broken = given(journal, None, (6 * SECOND_MS, SessionAction.STOP))

    told = asked_at_once(tmp_path, tmp_path / "j", 2, broken.session)

    assert sorted(line.split(":")[0] for line in told) == ["admitted", "refused"]


@pytest.mark.parametrize("id_", ["\ud800", "", "x" * 5000, "'; --", 5])
def test_the_rest_of_what_is_no_session_is_refused(id_: Any) -> None:
    with Journal.in_memory(VirtualClock()) as journal, pytest.raises(Refused, match="there is no session"):
        given(journal, calf(rest_of=id_))


@pytest.mark.parametrize("key", ["title", "id", "body_site"])
def test_a_protocol_with_half_a_character_is_not_valid(key: str) -> None:
    protocol = CALF.model_copy(update={key: "\ud800"})
    with (
        Journal.in_memory(VirtualClock()) as journal,
        pytest.raises(ProtocolInvalid, match="no protocol file can"),
    ):
        given(journal, Request(protocol, "left", "P-017", NO))


# --- ids and texts --------------------------------------------------------------------------------------


def test_the_journal_makes_ids_and_the_same_ones_from_the_same_seed() -> None:
    def ids(seed: int) -> list[str]:
        with Journal.in_memory(VirtualClock(), seed) as journal:
            return [run_session(Request(CHECK), Rig().driver, journal).session for _ in range(3)]

    assert ids(7) == ids(7)
    assert len(set(ids(7) + ids(8))) == 6
    assert all(re.fullmatch(r"20260101-000000-[0-9a-f]{6}", id_) for id_ in ids(7))


def test_a_second_session_of_one_id_is_refused_by_the_file_itself() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        ledger = Ledger()
        ended = run_session(Request(CHECK), Rig().driver, journal, [ledger])

        with pytest.raises(JournalUnusable):
            journal.append(ended.session, ledger.events[0])

        assert verify(journal).whole
        assert len(sessions(journal)) == 1


def test_the_id_of_a_session_is_in_its_start_and_in_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    call(["rehearse", "unit-check", "--unit", "us111", "--json"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert lines[0]["session"] == lines[-1]["session"]


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize("compiler", [None, compile_anything])
def test_the_days_time_is_bounded_without_the_plans_bounds_too(compiler: Compiler | None) -> None:
    # Each gives about nine seconds of its 20, which is too little to count as a session; the day has 50.
    longest = Bound(Quantity.DELIVERED_MS, Layer.OPERATOR, "the operator", at_most=25 * SECOND_MS)
    request = calf(operator=(longest,))
    with Journal.in_memory(VirtualClock()) as journal:
        given_ms = [
            run_session(request, gun(None, stop).driver, journal, compiler=compiler).delivered_ms
            for stop in [(9 * SECOND_MS, SessionAction.STOP)] * 4
        ]
        with pytest.raises(Refused, match="above 50 s"):
            run_session(request, gun().driver, journal, compiler=compiler)

    assert 8 * SECOND_MS < min(given_ms) <= max(given_ms) < 10 * SECOND_MS
