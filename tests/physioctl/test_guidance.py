"""Sessions of guidance alone: without a unit, timed, screened and recorded."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from device.clock import SystemClock, VirtualClock
from device.control.delivery import PAUSE_MAX_MS, START_MAX_MS
from device.events import (
    BACKLOG_MAX_MS,
    ActionRefused,
    Event,
    LowerRefused,
    Moment,
    NoteTaken,
    OffConfirmation,
    OperatorActed,
    PainAsked,
    PainScored,
    StartAwaited,
    StateChanged,
    StepEnded,
    StepStarted,
)
from device.link import Inbox
from device.operator import NOT_NOW, Lower, Note, OperatorAction, Pain, SessionAction
from physioctl.cli import call
from physioctl.errors import InvalidUsage
from physioctl.events import Outcome, SessionEnded, SessionStarted, SleepNotPrevented
from physioctl.guidance import run_guidance
from physioctl.guidance_steps import Loop, Walk
from physioctl.reconcile import TOLD_WITHIN
from physioctl.record.history import session, sessions
from physioctl.record.journal import Journal
from physioctl.record.verify import verify
from physioctl.rehearsal.rehearse import rehearse_guidance
from physioctl.rehearsal.rig import Person
from physioctl.runner import PAIN_ASKED_MS, Request
from physioctl.screening import day_of
from protocols.errors import Refused
from protocols.library import bundled, find
from protocols.plan import Guide, Rest
from tests.processes import journal_at
from tests.support import Ledger, form_answered

if sys.platform != "win32":
    from tests.terminals import Terminal

GUIDANCE = "hand-cramp-guidance"
SECOND_MS = 1000

Actions = Iterable[tuple[int, OperatorAction]]


def guided(
    actions: Actions = (), *, attended: bool = True, observers: Iterable[Any] = (), **asked: Any
) -> tuple[SessionEnded, list[Event]]:
    """A rehearsed session of guidance in which a person acts at these times."""
    clock, inbox, ledger = VirtualClock(), Inbox_(), Ledger()
    clock.add(Person(inbox, actions))
    with Journal.in_memory(clock) as journal:
        request = replace(Request.on_nobody(find(GUIDANCE), attended=attended), **asked)
        ended = run_guidance(request, Loop(clock, inbox), journal, [ledger, *observers], rehearsed=True)
        kept = session(journal, ended.session)
    assert [entry.name for entry in kept.entries] == [event.name for event in ledger.events]
    return ended, ledger.events


def Inbox_() -> Inbox:  # noqa: N802 - the type is an alias that makes nothing
    return SimpleQueue()


def of(events: Iterable[Event], kind: type[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


TOTAL_MS = sum(step.duration_ms for _, step in find(GUIDANCE).flat_steps())
STEPS = [step.planned() for _, step in find(GUIDANCE).flat_steps()]


@pytest.mark.parametrize("id_", [id_ for id_ in bundled() if find(id_).family is None])
def test_every_bundled_guidance_runs_without_a_unit_to_the_millisecond(id_: str) -> None:
    ledger = Ledger()
    steps = [step.planned() for _, step in find(id_).flat_steps()]

    ended = rehearse_guidance(find(id_), observers=[ledger])

    assert (ended.outcome, ended.output_off) == (Outcome.COMPLETED, OffConfirmation.CONFIRMED)
    assert (ended.delivered_ms, ended.energy_mj) == (0, 0)
    assert ended.duration_ms == sum(step.duration_ms for step in steps)
    assert [event.say for event in of(ledger.events, StepStarted)] == [step.say for step in steps]
    at_ms = [event.at_ms for event in of(ledger.events, StepStarted)]
    assert [later - earlier for earlier, later in pairwise(at_ms)] == [
        step.duration_ms for step in steps[:-1]
    ]


def test_the_record_says_that_there_was_no_unit() -> None:
    _, events = guided()

    (started,) = of(events, SessionStarted)
    assert (started.family, started.model, started.serial, started.dialect) == (None, "", "", "none")
    assert (started.planned_ms, started.total_ms) == (0, TOTAL_MS)


def test_a_pause_is_not_counted_and_only_a_person_ends_it() -> None:
    ended, _ = guided([(1000, SessionAction.PAUSE), (31_000, SessionAction.RESUME)])

    assert ended.outcome is Outcome.COMPLETED
    assert ended.duration_ms == TOTAL_MS + 30_000


def test_a_pause_that_nobody_ends_interrupts_the_session() -> None:
    ended, _ = guided([(1000, SessionAction.PAUSE)])

    assert (ended.outcome, ended.why) == (Outcome.INTERRUPTED, "nobody has resumed the session")
    assert ended.duration_ms == 1000 + PAUSE_MAX_MS


def test_a_pause_where_nobody_is_there_interrupts_the_session_at_once() -> None:
    ended, _ = guided([(1000, SessionAction.PAUSE)], attended=False)

    assert (ended.outcome, ended.duration_ms) == (Outcome.INTERRUPTED, 1000)


@pytest.mark.parametrize("before", [(), ((500, SessionAction.PAUSE),)])
def test_a_stop_ends_it_at_once_paused_or_not(before: Actions) -> None:
    ended, _ = guided([*before, (1500, SessionAction.STOP)])

    assert (ended.outcome, ended.duration_ms) == (Outcome.STOPPED, 1500)


def test_a_step_is_skipped_by_a_person_and_the_record_says_so() -> None:
    ended, events = guided([(1000, SessionAction.SKIP)])

    skipped = [event.step for event in of(events, StepEnded) if event.skipped]
    assert skipped == [1]
    assert ended.duration_ms == TOTAL_MS - STEPS[0].duration_ms + 1000


def test_a_rest_is_not_skipped_and_nothing_is_in_a_pause() -> None:
    assert [type(step) for step in STEPS[:3]] == [Guide, Guide, Rest]
    in_rest_ms = STEPS[0].duration_ms + STEPS[1].duration_ms + 1000
    acts = (SessionAction.SKIP, SessionAction.PAUSE, SessionAction.SKIP, SessionAction.RESUME)

    ended, events = guided([(in_rest_ms + 1000 * count, act) for count, act in enumerate(acts)])

    assert ended.duration_ms == TOTAL_MS + 2000
    assert [event.why for event in of(events, ActionRefused)] == [NOT_NOW[SessionAction.SKIP]] * 2
    may = [event.may for event in of(events, StepStarted)]
    assert may[1:3] == [("pause", "skip", "stop"), ("pause", "stop")]


def test_a_pause_that_is_asked_for_again_is_one_pause_and_a_resume_of_nothing_is_refused() -> None:
    actions = [(at_ms, SessionAction.PAUSE) for at_ms in range(1000, 2000, 25)]
    resumes = [(at_ms, SessionAction.RESUME) for at_ms in (500, 2000)]

    ended, events = guided([*actions, *resumes])

    assert ended.outcome is Outcome.COMPLETED
    assert [event.action for event in of(events, OperatorActed)] == ["pause", "resume"]
    assert [event.action for event in of(events, ActionRefused)] == ["resume"]


def test_notes_and_pain_are_recorded_and_a_lower_level_is_refused() -> None:
    _, events = guided([(1000, Note("warm hand")), (2000, Pain(4)), (3000, Lower()), (4000, Pain(11))])

    assert [event.text for event in of(events, NoteTaken)] == ["warm hand"]
    assert [event.score for event in of(events, PainScored)] == [4]
    assert [event.why for event in of(events, LowerRefused)] == ["there is no unit, and no output to lower"]
    assert [event.name for event in events].count("action_refused") == 1


def test_it_waits_for_a_persons_start_and_guides_from_then_on() -> None:
    ended, events = guided([(5000, SessionAction.START)], awaits_start=True)

    (first,) = [event for event in of(events, StepStarted) if event.step == 1]
    states = [(event.state, event.may) for event in of(events, StateChanged)]
    assert [event.at_ms for event in of(events, StartAwaited)] == [0]
    assert states[0] == ("awaiting_start", ("start", "stop"))
    assert states[1][0] == "guiding"
    assert first.at_ms == 5000
    assert (ended.outcome, ended.duration_ms) == (Outcome.COMPLETED, TOTAL_MS + 5000)


def test_a_start_that_nobody_gives_ends_it_without_a_step() -> None:
    ended, events = guided(awaits_start=True)

    assert (ended.outcome, ended.why) == (Outcome.INTERRUPTED, "nobody has started the session")
    assert ended.duration_ms == START_MAX_MS
    assert of(events, StepStarted) == []


@pytest.mark.parametrize("action", [SessionAction.PAUSE, SessionAction.RESUME, SessionAction.SKIP])
def test_nothing_but_the_start_begins_it_and_a_stop_ends_it_before(action: SessionAction) -> None:
    ended, events = guided([(1000, action), (2000, SessionAction.STOP)], awaits_start=True)

    assert [(event.action, event.why) for event in of(events, ActionRefused)] == [(action, NOT_NOW[action])]
    assert (ended.outcome, ended.duration_ms) == (Outcome.STOPPED, 2000)
    assert of(events, StepStarted) == []


def test_pain_is_scored_before_during_and_after_it() -> None:
    after_ms = TOTAL_MS + 2000
    actions: list[tuple[int, OperatorAction]] = [
        (1000, Pain(6)),
        (2000, SessionAction.START),
        (3000, Pain(5)),
        (after_ms + 1000, Pain(2)),
    ]

    ended, events = guided(actions, awaits_start=True, asks_pain=lambda: True)

    assert [(event.score, event.moment) for event in of(events, PainScored)] == [
        (6, Moment.BEFORE), (5, Moment.DURING), (2, Moment.AFTER)
    ]  # fmt: skip
    (asked,) = of(events, PainAsked)
    assert (asked.at_ms, asked.moment) == (after_ms, Moment.AFTER)
    assert (ended.outcome, ended.duration_ms) == (Outcome.COMPLETED, after_ms + 1000)


@pytest.mark.parametrize(
    ("action", "waited_ms"),
    [(SessionAction.SKIP, 1000), (SessionAction.STOP, 1000), (SessionAction.RESUME, PAIN_ASKED_MS)],
)
def test_a_score_is_declined_by_a_key_by_a_stop_or_by_nobody_who_answers(
    action: SessionAction, waited_ms: int
) -> None:
    ended, events = guided([(TOTAL_MS + 1000, action)], asks_pain=lambda: True)

    assert of(events, PainScored) == []
    assert (ended.outcome, ended.duration_ms) == (Outcome.COMPLETED, TOTAL_MS + waited_ms)


def test_a_session_that_was_stopped_asks_for_pain_and_stays_stopped() -> None:
    ended, events = guided([(1500, SessionAction.STOP), (2500, Pain(3))], asks_pain=lambda: True)

    assert [event.moment for event in of(events, PainScored)] == [Moment.AFTER]
    assert (ended.outcome, ended.duration_ms) == (Outcome.STOPPED, 2500)


def test_that_the_computer_may_fall_asleep_is_in_the_record() -> None:
    _, events = guided(sleep_not_prevented="no way is known")

    assert [event.why for event in of(events, SleepNotPrevented)] == ["no way is known"]


def test_a_screen_that_breaks_is_dropped_and_the_session_goes_on() -> None:
    class Broken:
        def on_event(self, event: Event) -> None:
            raise RuntimeError("no paper")

    ended, events = guided(observers=[Broken()])

    assert ended.outcome is Outcome.COMPLETED
    assert [event.name for event in events].count("observer_dropped") == 1


def test_a_protocol_that_gives_output_is_never_run_without_a_unit() -> None:
    with pytest.raises(InvalidUsage, match="needs a unit"):
        rehearse_guidance(find("unit-check"))


def test_an_emission_put_into_guidance_in_python_is_refused() -> None:
    emission = find("unit-check").steps
    changed = find(GUIDANCE).model_copy(update={"steps": emission})

    with pytest.raises(Exception, match="family"):
        rehearse_guidance(changed)


class Stalled(Ledger):
    """A recorder of which nothing more is on the disk from the third event on."""

    @property
    def written(self) -> int:
        return min(2, len(self.events))


@pytest.mark.parametrize("paused", [False, True])
def test_a_disk_that_falls_too_far_behind_ends_it_as_it_ends_a_session_on_a_unit(paused: bool) -> None:
    clock = VirtualClock()
    loop = Loop(clock, Inbox_())
    clock.add(Person(loop.inbox, [(500, SessionAction.PAUSE)] if paused else []))
    loop.publisher.recorder = stalled = Stalled()

    over = Walk(loop, [Guide("Breathe.", 10 * BACKLOG_MAX_MS)], attended=True).run()

    assert (over.outcome, over.why) == (Outcome.INTERRUPTED, loop.record_failure)
    assert "30 s ago is not on the disk yet" in over.why
    late_ms = clock.now_ms() - stalled.events[2].at_ms
    assert BACKLOG_MAX_MS <= late_ms <= BACKLOG_MAX_MS + 2 * SECOND_MS


def test_there_is_no_rest_of_guidance() -> None:
    clock = VirtualClock()
    with Journal.in_memory(clock) as journal, pytest.raises(Refused, match="no rest"):
        run_guidance(
            replace(Request.on_nobody(find(GUIDANCE)), rest_of="a"),
            Loop(clock, Inbox_()),
            journal,
            rehearsed=True,
        )


def test_its_questions_are_asked_and_a_yes_refuses_it(tmp_path: Path) -> None:
    protocol = find(GUIDANCE)
    asked = Request(protocol, side="left")
    clock = VirtualClock()

    with Journal.in_memory(clock) as journal:
        with pytest.raises(Refused):
            run_guidance(asked, Loop(clock, Inbox_()), journal)
        assert sessions(journal) == ()


def test_one_that_broke_off_is_ended_in_the_record_by_the_next(tmp_path: Path) -> None:
    class Killed:
        def on_event(self, event: Event) -> None:
            if isinstance(event, StepEnded):
                raise KeyboardInterrupt

    clock = VirtualClock()
    with Journal.in_memory(clock) as journal:
        request = Request.on_nobody(find(GUIDANCE))
        with pytest.raises(KeyboardInterrupt):
            run_guidance(request, Loop(clock, Inbox_()), journal, [Killed()], rehearsed=True)
        (broken,) = sessions(journal)
        assert broken.outcome is None
        clock.wait(SimpleQueue[None](), clock.now_ms() + TOLD_WITHIN // timedelta(milliseconds=1))

        run_guidance(request, Loop(clock, Inbox_()), journal, rehearsed=True)

        (_, first) = sessions(journal)
        assert (first.id, first.outcome) == (broken.id, Outcome.INTERRUPTED)


# --- as it is typed ---------------------------------------------------------------------------------------


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """A protocol of guidance that takes a moment."""
    path = tmp_path / "short.yaml"
    path.write_text(
        "format: 1\nid: short-guidance\ntitle: Short\nfamily: none\nbody_site: hand\nside: none\n"
        "purpose: For a test.\nevidence: {grade: none, note: Nothing.}\n"
        "steps:\n- {guide: Breathe., for: 100 ms}\n- {rest: 100 ms}\n",
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize("usual", [False, True])
def test_run_takes_no_port_for_guidance_and_opens_none(
    tmp_path: Path,
    short: Path,
    usual: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if usual:  # a usual port is for what needs one
        monkeypatch.setenv("PHYSIOCTL_PORT", str(tmp_path / "no port"))
    journal = tmp_path / "j"

    code = call(["run", str(short), "--journal", str(journal_at(journal)), "--json"])

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == 0
    assert lines[0]["event"] == "session_started"
    assert (lines[-1]["event"], lines[-1]["outcome"]) == ("session_ended", "completed")
    assert [line["kind"] for line in lines if line["event"] == "step_started"] == [Guide.kind, Rest.kind]
    assert verify(journal).whole
    assert [each.ending for each in sessions(journal)] == ["completed"]


def test_run_says_in_words_that_no_unit_was_used(
    tmp_path: Path, short: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = str(tmp_path / "j")

    assert call(["run", str(short), "--journal", journal, "--new", "--plain"]) == 0
    out = capsys.readouterr().out
    assert "without a unit" in out
    assert "Guidance alone: no unit was used, and nothing was output." in out
    assert "output is off" not in out

    call(["show", "--journal", journal])
    call(["history", "--journal", journal])
    assert "unit       none: guidance alone" in capsys.readouterr().out


def test_run_on_a_port_that_is_named_uses_the_unit(tmp_path: Path, short: Path) -> None:
    journal = tmp_path / "j"

    assert (
        call(["run", str(short), "--port", "sim://us111", "--journal", str(journal_at(journal)), "--json"])
        == 0
    )

    assert [each.model for each in sessions(journal)] == ["US111"]


def test_rehearse_takes_no_unit_for_guidance_and_names_those_that_fit_for_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call(["rehearse", GUIDANCE]) == 0
    assert "no unit was used" in capsys.readouterr().out

    assert call(["rehearse", "unit-check-percussion"]) == 2
    assert "Add --unit: ultragun, ultragun_pro." in capsys.readouterr().err

    assert call(["rehearse", GUIDANCE, "--fault", "lift_off@1s+1s"]) == 2


def test_answers_from_a_file_screen_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    protocol = find(GUIDANCE)
    form = tmp_path / "answers.yaml"
    no = form_answered(protocol, day_of(SystemClock()), "P-017")
    form.write_text(no.replace(": no", ": yes", 1), encoding="utf-8")
    options = [
        "--person",
        "P-017",
        "--side",
        "left",
        "--answers",
        str(form),
        "--journal",
        str(journal_at(tmp_path / "j")),
    ]

    code = call(["run", GUIDANCE, *options])

    assert code == 4
    assert "error:" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="ptys are a thing of POSIX")
def test_at_a_terminal_it_is_paused_resumed_and_stopped_by_keys(tmp_path: Path, short: Path) -> None:
    short.write_text(short.read_text(encoding="utf-8").replace("100 ms", "60 s"), encoding="utf-8")
    terminal = Terminal(tmp_path, "run", short, "--plain", "--journal", journal_at(tmp_path / "j"))
    try:
        assert terminal.starts()
        assert terminal.shows(lambda: b"Breathe." in terminal.screen)
        terminal.press(" ")
        assert terminal.shows(lambda: b"now paused" in terminal.screen)
        terminal.press("r")
        assert terminal.shows(lambda: b"operator: resume" in terminal.screen)
        terminal.press("s")
        assert terminal.ended() == 6
    finally:
        terminal.close()

    assert [each.ending for each in sessions(tmp_path / "j")] == ["stopped"]
    assert verify(tmp_path / "j").whole


@pytest.mark.skipif(sys.platform == "win32", reason="ptys are a thing of POSIX")
@pytest.mark.parametrize(("key", "asked"), [("q", True), ("\x03", False)])
def test_at_a_terminal_a_person_who_is_named_is_asked_for_pain_unless_it_ends_by_ctrl_c(
    tmp_path: Path, short: Path, key: str, asked: bool
) -> None:
    short.write_text(short.read_text(encoding="utf-8").replace("100 ms", "60 s"), encoding="utf-8")
    options = ("--person", "P-1", "--plain", "--journal", journal_at(tmp_path / "j"), "--yes")
    terminal = Terminal(tmp_path, "run", short, *options)
    try:
        assert terminal.shows(lambda: b"Breathe." in terminal.screen)
        terminal.press(key)
        if asked:
            assert terminal.shows(lambda: b"Pain after" in terminal.screen)
            terminal.press("4\n")
        assert terminal.ended() == 6
    finally:
        terminal.close()

    found = [entry for entry in session(tmp_path / "j").entries if entry.name == "pain_scored"]
    assert [entry.body["score"] for entry in found] == [4] * asked
    assert (b"Pain after" in terminal.screen) is asked
