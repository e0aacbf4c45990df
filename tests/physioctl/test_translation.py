"""Texts in another language: what is shown, what an answer is bound to, and what their file may not say."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from device.events import AlarmRaised, Event, Priority, StartAwaited
from device.monitor.alarms import BY_CODE
from physioctl.answers import blank_answers, read_answers
from physioctl.cli import call
from physioctl.cli.showing import View, shown
from physioctl.guided.screening import ask
from physioctl.questions import questions_of
from physioctl.screening import Answer, Answered, Answers, answered, judge, screen
from physioctl.settings import settings_path
from physioctl.translation import ENGLISH, TEXT_MAX, Translated, Translation, read_translation
from protocols import library
from protocols.contraindications import AgeBand
from protocols.errors import ProtocolInvalid, Refused
from protocols.families import definition
from protocols.limits import Family
from tests.processes import journal_at
from tests.support import Ledger
from tests.typist import Typist

OURS = Path(__file__).with_name("texts-for-tests.toml")
GERMAN = read_translation(OURS)
TODAY = date(2026, 11, 21)
CALF = library.find("calf-tightness-ultrasound")
ASKED = questions_of(CALF)
NOES = {question.code: Answer.NO for question in ASKED}
CHANGED = "Ist sie schwanger?"


def noes(translation: Translation) -> Answers:
    """Every question answered no, as it is shown in ``translation``."""
    return answered(CALF, NOES, on=TODAY, person="P-017", age_band=AgeBand.ADULT, translation=translation)


def alarm(code: str, what: str | None = None) -> AlarmRaised:
    rule = BY_CODE[code]
    return AlarmRaised(
        at_ms=1, code=code, priority=Priority.HIGH, what=what or rule.what, action=rule.action, status=None
    )


def as_shown(event: Event, translation: Translation = GERMAN) -> Event:
    ledger = Ledger()
    Translated(ledger, translation).on_event(event)
    return ledger.events[0]


# --- what is shown --------------------------------------------------------------------------------------


def test_a_question_is_shown_in_its_own_words_and_every_other_in_english() -> None:
    typist = Typist(["adult", *["no"] * len(ASKED)])

    found = ask(CALF, typist, person="p-017", operator=None, today=TODAY, translation=GERMAN)

    english = [question.ask for question in ASKED if question.code != "PREG_ANY"]
    assert "Wie alt? [child, adult, older, b, w]" in typist.screen
    assert "Besteht eine Schwangerschaft? [yes, no, b, w]" in typist.screen
    assert all(text in typist.screen for text in english)
    assert screen(CALF, found, person="P-017", today=TODAY).age_band is AgeBand.ADULT


def test_what_is_weighed_is_shown_in_its_own_words() -> None:
    yes = answered(CALF, {**NOES, "PREG_ANY": Answer.YES}, on=TODAY, translation=GERMAN)

    (standing,) = judge(CALF, yes, TODAY).standing

    assert (standing.title, standing.weigh) == ("Schwangerschaft", "Mit der Klinik abwägen.")


def test_an_alarm_and_a_start_are_shown_in_their_own_words_and_keep_their_codes() -> None:
    start = StartAwaited(at_ms=1, instruction=definition(Family.ULTRASOUND).before_start)
    gun = replace(start, instruction=definition(Family.PERCUSSION).before_start)

    assert as_shown(alarm("OUTPUT_HIGH")) == replace(
        alarm("OUTPUT_HIGH"), what="die Abgabe liegt mehr als 20 % zu hoch"
    )
    assert as_shown(alarm("HEAD_OVERTEMP")) == replace(alarm("HEAD_OVERTEMP"), action="Kopf abheben.")
    assert as_shown(start) == replace(start, instruction="Gel auf die Haut")
    for same in (gun, alarm("COMM_LOST"), alarm("OUTPUT_HIGH", "of this moment")):
        assert as_shown(same) == same
    assert as_shown(start, ENGLISH) == start


def test_people_are_shown_the_users_texts_and_programs_ours(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own.write_text(f"texts = '{OURS}'\n", encoding="utf-8")

    told = {}
    for view in (View.LINES, View.JSON):
        with shown(view, None, attended=False, sounds=False) as showing:  # type: ignore[arg-type]
            showing.screen.on_event(alarm("HEAD_OVERTEMP"))
        told[view] = capsys.readouterr().out

    assert "Kopf abheben." in told[View.LINES]
    assert "Lift the head off" in told[View.JSON]


# --- what an answer is bound to -------------------------------------------------------------------------


@pytest.mark.hazard("H-16")
def test_a_no_to_a_translated_question_is_a_no_to_no_other_text() -> None:
    another = replace(GERMAN, questions={**GERMAN.questions, "PREG_ANY": {"ask": CHANGED}})
    shown_as = (ENGLISH, GERMAN, another)

    for given in shown_as:
        for now in shown_as:
            found = judge(CALF, replace(noes(given), translation=now), TODAY)

            unanswered = {each.question.code for each in found.replies if each.answer is Answer.UNANSWERED}
            assert unanswered == (set() if given is now else {"PREG_ANY"})
            assert (found.age is None) == ((given is ENGLISH) != (now is ENGLISH))


@pytest.mark.hazard("H-16")
def test_a_no_does_not_hold_once_the_text_that_was_translated_has_changed() -> None:
    (question,) = [each for each in questions_of(CALF, GERMAN) if each.code == "PREG_ANY"]

    assert question.text_hash != replace(question, ask="Another one?").text_hash
    assert question.text_hash != replace(question, ask=question.translated, translated="").text_hash


@pytest.mark.hazard("H-16")
def test_a_yes_is_a_yes_in_every_language() -> None:
    yes = answered(CALF, {**NOES, "PREG_ANY": Answer.YES}, on=TODAY, translation=GERMAN)

    assert [each.code for each in judge(CALF, replace(yes, translation=ENGLISH), TODAY).standing] == [
        "PREG_ANY"
    ]


def test_the_record_keeps_the_code_and_the_hash_of_what_was_shown() -> None:
    told = screen(CALF, noes(GERMAN), person="P-017", today=TODAY).told(0).answers

    shown_ = {each.code: each.text_hash for each in questions_of(CALF, GERMAN)}
    assert {code: each["question"] for code, each in told.items()} == shown_
    assert shown_["PREG_ANY"] != {each.code: each.text_hash for each in ASKED}["PREG_ANY"]


@pytest.mark.hazard("H-16")
def test_a_form_holds_in_the_language_in_which_it_was_printed(tmp_path: Path) -> None:
    form = blank_answers(CALF, TODAY, "p-017", GERMAN)
    assert "# Besteht eine Schwangerschaft?" in form
    for question in ASKED:
        form = form.replace(f"\n{question.code}:", f"\n{question.code}: no")
    path = tmp_path / "answers.yaml"
    path.write_text(form.replace("age_band:  #", "age_band: adult  #"), encoding="utf-8")

    german = read_answers(path, CALF, translation=GERMAN)

    assert screen(CALF, german, person="p-017", today=TODAY).age_band is AgeBand.ADULT
    with pytest.raises(Refused, match="its text is not the one that was answered"):
        screen(CALF, read_answers(path, CALF), person="p-017", today=TODAY)


@pytest.mark.hazard("H-16")
def test_what_was_answered_earlier_to_another_text_is_asked_anew() -> None:
    lasting = next(question for question in ASKED if question.lasting)
    texts = replace(GERMAN, questions={lasting.code: {"ask": "Anders?"}})
    earlier = Answered(lasting.code, Answer.NO, lasting.text_hash, date(2026, 11, 3))
    typist = Typist(["adult", *["no"] * len(ASKED)])

    ask(CALF, typist, person="p-017", operator=None, today=TODAY, earlier=(earlier,), translation=texts)

    assert "As on" not in typist.screen
    assert "Anders?" in typist.screen


# --- the file -------------------------------------------------------------------------------------------

MISTAKES = {
    ("format = 1", "format = 2"): (2, "format: expected 1"),
    ('"de"', '"German"'): (3, "language: expected a language"),
    ("[questions.PREG_ANY]", "[questions.PREG_ALL]"): (5, "questions.PREG_ALL: is no code that is known"),
    ("[alarms.OUTPUT_HIGH]", "[alarms.OUTPUT_HI]"): (13, "alarms.OUTPUT_HI: is no code that is known"),
    ("[instructions.ultrasound]", "[instructions.laser]"): (19, "instructions.laser: is no code"),
    ("[alarms.HEAD", "[alarm.HEAD"): (16, "alarm: is not known"),
    ('title = "Schw', 'titel = "Schw'): (6, "questions.PREG_ANY.titel: is not known"),
    ("{output_tolerance_pct}", "{output_tolerance}"): (14, "names other figures in braces than ours"),
    ("{output_tolerance_pct}", "20"): (14, "which names {output_tolerance_pct}"),
    ("Kopf abheben.", "Kopf {0.__class__} abheben."): (17, "names other figures"),
    ("Kopf abheben.", "Kopf } abheben."): (17, "names other figures"),
    ("Kopf abheben.", "Kopf \\u001b[2Jabheben."): (17, "holds U+001B"),
    ("Kopf abheben.", "Kopf \\u202eabheben."): (17, "holds U+202E"),
    ("Kopf abheben.", "Kopf\\nabheben."): (17, "holds U+000A"),
    ("Kopf abheben.", ""): (17, "expected a text, and not an empty one"),
    ("Kopf abheben.", " Kopf abheben."): (17, "begins or ends with a space"),
    ("Kopf abheben.", "x" * (TEXT_MAX + 1)): (17, f"is longer than {TEXT_MAX}"),
    ('"Kopf abheben."', "1"): (17, "expected a text"),
    ('"Kopf abheben."', '"Kopf'): (17, "is not TOML"),
}


@pytest.mark.parametrize(("change", "told"), MISTAKES.items())
def test_a_mistake_in_the_file_refuses_it_with_its_line(
    tmp_path: Path, change: tuple[str, str], told: tuple[int, str]
) -> None:
    text = OURS.read_text(encoding="utf-8")
    assert change[0] in text
    path = tmp_path / "texts.toml"
    path.write_text(text.replace(*change), encoding="utf-8")

    with pytest.raises(ProtocolInvalid) as refused:
        read_translation(path)

    lines = str(refused.value)
    assert f"{path}:{told[0]}:" in lines
    assert told[1] in lines


def test_the_file_in_the_manual_is_one(tmp_path: Path) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "manual.md").read_text(encoding="utf-8")
    path = tmp_path / "texts.toml"
    path.write_text(manual.split("```toml\n")[2].split("```")[0], encoding="utf-8")

    assert read_translation(path).alarms["OUTPUT_HIGH"]["what"] == "… 20 % …"


def test_what_is_missing_is_shown_in_english(tmp_path: Path) -> None:
    path = tmp_path / "texts.toml"
    path.write_text('format = 1\nlanguage = "pt-BR"\n', encoding="utf-8")

    assert questions_of(CALF, read_translation(path)) == ASKED


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which this test's user has their settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = settings_path()
    path.parent.mkdir(parents=True)
    return path


@pytest.mark.parametrize("view", ["--plain", "--json"])
def test_a_mistake_in_the_file_means_no_session_and_every_stop(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], view: str
) -> None:
    own.write_text(f"texts = '{tmp_path / 'none.toml'}'\n", encoding="utf-8")
    journal = ("--journal", str(journal_at(tmp_path / "j")))

    assert call(["run", "unit-check", "--port", "sim://us111", "--yes", view, *journal]) == 3
    assert "none.toml" in capsys.readouterr().err
    assert call(["stop", "--port", "sim://us111"]) == 0
