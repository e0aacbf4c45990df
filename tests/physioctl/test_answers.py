"""The answers file: the form that is printed, and what is read back from it."""

from __future__ import annotations

import os
import re
import sys
from datetime import date
from pathlib import Path

import pytest

from physioctl.answers import blank_answers, read_answers
from physioctl.questions import AGE, questions_of
from physioctl.screening import Acknowledged, Answer, Answers, screen
from protocols import library
from protocols.contraindications import AgeBand
from protocols.errors import ProtocolInvalid, Refused
from protocols.model import Protocol

TODAY = date(2026, 11, 21)
CALF = library.find("calf-tightness-ultrasound")
FORM = blank_answers(CALF, TODAY, "p-017")
FILLED = re.sub(
    r"^([A-Z0-9_]+):", r"\1: no", FORM.replace("age_band:", "age_band: older", 1), flags=re.MULTILINE
)


def read(folder: Path, text: str, of: Protocol = CALF, operator: str | None = None) -> Answers:
    path = folder / "answers.yaml"
    path.write_text(text, encoding="utf-8")
    return read_answers(path, of, operator=operator)


def problems(folder: Path, text: str) -> list[tuple[str, str, str]]:
    """Place, what and how to correct it, of every mistake in what has to be a wrong file."""
    with pytest.raises(ProtocolInvalid) as caught:
        read(folder, text)
    found = caught.value.problems
    assert {problem.file for problem in found} == {str(folder / "answers.yaml")}
    return [(f"{problem.line}:{problem.column}", str(problem), problem.action) for problem in found]


def test_the_blank_form_is_read_back_as_nothing_answered(tmp_path: Path) -> None:
    found = read(tmp_path, FORM)

    assert {answer.code for answer in found.given} == {question.code for question in questions_of(CALF)}
    assert {answer.answer for answer in found.given} == {Answer.UNANSWERED}
    assert (found.person, found.acknowledged) == ("p-017", ())


def test_a_form_without_a_person_says_that_one_is_missing(tmp_path: Path) -> None:
    ((place, what, action),) = problems(tmp_path, blank_answers(CALF, TODAY))

    assert place == "4:1"
    assert "person: is left empty" in what
    assert '`person: "017"`' in action


@pytest.mark.parametrize("id_", library.bundled())
def test_every_form_filled_in_is_read_as_it_was_meant(tmp_path: Path, id_: str) -> None:
    protocol = library.find(id_)
    form = blank_answers(protocol, TODAY, "p-017").replace("age_band:", "age_band: older", 1)
    text = re.sub(r"^([A-Z0-9_]+):", r"\1: no", form, flags=re.MULTILINE)

    found = screen(protocol, read(tmp_path, text, protocol), person="P-017", today=TODAY)

    assert found.notes == ()
    assert found.age_band == (None if protocol.family is None or id_.startswith("unit") else AgeBand.OLDER)


def test_a_sign_that_would_break_the_form_is_written_out(tmp_path: Path) -> None:
    flag = CALF.red_flags[0].model_copy(update={"sign": "One\nDVT_THROMBOPHLEBITIS: no\n# two"})
    made = CALF.model_copy(update={"red_flags": (flag,), "title": "One\nperson: p-1"})

    found = read(tmp_path, blank_answers(made, TODAY, "p-017"), made)

    assert {answer.answer for answer in found.given} == {Answer.UNANSWERED}


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ("yes", Answer.YES),
        ("'no'", Answer.NO),
        ("No", Answer.NO),
        ("YES", Answer.YES),
        ("true", Answer.YES),
        ("false", Answer.NO),
        ("", Answer.UNANSWERED),
    ],
)
def test_an_answer_is_read_however_yaml_spells_it(tmp_path: Path, written: str, answer: Answer) -> None:
    found = read(tmp_path, FORM.replace("PREG_ANY:", f"PREG_ANY: {written}", 1))

    assert [each.answer for each in found.given if each.code == "PREG_ANY"] == [answer]


@pytest.mark.hazard("H-16")
def test_a_no_to_what_this_protocol_does_not_ask_is_allowed(tmp_path: Path) -> None:
    found = screen(CALF, read(tmp_path, f"{FILLED}PREG_UTERUS: no\n"), person="p-017", today=TODAY)

    assert found.notes == ()


@pytest.mark.hazard("H-16")
def test_a_yes_to_what_this_protocol_does_not_ask_is_acknowledged_in_the_file(tmp_path: Path) -> None:
    text = f"{FILLED}ANTICOAGULANT: yes\n"
    weighed = text.replace("acknowledged: []", "acknowledged: [ANTICOAGULANT]")

    with pytest.raises(Refused, match="ANTICOAGULANT"):
        screen(CALF, read(tmp_path, text), person="p-017", today=TODAY)
    found = screen(CALF, read(tmp_path, weighed), person="p-017", today=TODAY)

    assert [note.code for note in found.notes] == ["ANTICOAGULANT"]


@pytest.mark.hazard("H-16")
@pytest.mark.parametrize(
    ("was", "becomes", "place", "what", "action"),
    [
        ("PREG_ANY:", "PREGANT:", "", "'PREGANT' is no question's code", "Did you mean PREG_ANY?"),
        ("METAL_IMPLANT:", "METAL_IMPLANTS:", "", "'METAL_IMPLANTS' is no", "Did you mean METAL_IMPLANT?"),
        ("METAL_IMPLANT:", "metal_implant:", "", "'metal_implant' is no", "Did you mean METAL_IMPLANT?"),
        ("acknowledged:", "acknowledge:", "", "'acknowledge' is no question's code", "mean acknowledged?"),
        ("PREG_ANY: no", "PREG_ANY: maybe", "", "expected yes, no", "Write one of"),
        ("PREG_ANY: no", "PREG_ANY: 1", "", "expected yes, no", "Write one of"),
        ("PREG_ANY: no", "PREG_ANY: [yes]", "", "expected yes, no", "Write one of"),
        ("PREG_ANY: no", "PREG_ANY: no\nPREG_ANY: yes", "", "'PREG_ANY' is here twice", "Keep one"),
        ("age_band: older", "age_band: 42", "", "expected child, adult, older", "Write one of"),
        ("format: 1", "format: 2", "3:9", "expected 1", "Print the form anew"),
        ("format: 1", "format: 1.0", "3:9", "expected 1", "Print the form anew"),
        ("format: 1", "format: true", "3:9", "expected 1", "Print the form anew"),
        ("date: 2026-11-21", "date: 20261121", "5:7", "expected a day", "2026-11-21"),
        ("date: 2026-11-21", "date: 2026-13-21", "5:7", "expected a day", "2026-11-21"),
        ("date: 2026-11-21", "date: 2026-W47-6", "5:7", "expected a day", "2026-11-21"),
        ("date: 2026-11-21", "date:", "5:1", "expected a day", "2026-11-21"),
        ('person: "p-017"', "person: 017", "4:9", "expected a reference", "quotes"),
        ('person: "p-017"', "person: Mary Smith", "4:9", "space", "never a name"),
        ("acknowledged: []", "acknowledged: [PREGANT]", "", "'PREGANT' is no question's", "PREG_ANY?"),
        ("acknowledged: []", "acknowledged: [METAL_IMPLANT]", "", "nothing of METAL_IMPLANT stands", ""),
        ("acknowledged: []", "acknowledged: [EYE]", "", "nothing of EYE stands", "Take it out"),
        ("acknowledged: []", "acknowledged: PREG_ANY", "", "expected a list", "[PREG_ANY]"),
        ("acknowledged: []", "acknowledged: [[PREG_ANY]]", "", "is no question's code", ""),
        ("  PREG_ANY: ", "  PREGANT: ", "", "asked.PREGANT: 'PREGANT' is no question's", "PREG_ANY?"),
        ('  age_band: "', '  age_band: 1 # "', "", "expected a hash in quotes", "as it is printed"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_answers_file_is_told_with_its_place(
    tmp_path: Path, was: str, becomes: str, place: str, what: str, action: str
) -> None:
    assert was in FILLED
    if not place:  # where what is written now begins, by counting
        before = FILLED[: FILLED.index(was)] + becomes.split("\n", 1)[0]
        place = f"{before.count(chr(10)) + 1 + becomes.count(chr(10))}:"

    ((found, said, action),) = problems(tmp_path, FILLED.replace(was, becomes, 1))

    assert found.startswith(place)
    assert what in said
    assert action in action


@pytest.mark.parametrize(
    ("key", "action"), [("format", "`format: 1`"), ("person", "`person:`"), ("date", "`date:`")]
)
def test_a_line_that_is_missing_is_named(tmp_path: Path, key: str, action: str) -> None:
    text = "".join(line for line in FILLED.splitlines(keepends=True) if not line.startswith(f"{key}:"))

    ((place, what, action),) = problems(tmp_path, text)

    assert (place, key in what) == ("1:1", True)
    assert action in action


def test_all_mistakes_of_an_answers_file_are_told_at_once(tmp_path: Path) -> None:
    text = FILLED.replace("PREG_ANY: no", "PREG_ANY: perhaps").replace("format: 1\n", "") + "PREGANT: no\n"

    assert len(problems(tmp_path, text)) == 3


def test_thousands_of_codes_that_are_none_are_told_and_few_looked_up(tmp_path: Path) -> None:
    found = problems(tmp_path, FILLED + "".join(f"PREGANT_{number}: no\n" for number in range(2000)))

    assert len(found) == 2000
    assert "Did you mean" in found[0][2]
    assert "prints the codes" in found[-1][2]


@pytest.mark.parametrize(
    ("text", "action"),
    [("- no", "`format: 1`"), ("# nothing", "`format: 1`"), ("a: b\n---\nc: d", "one document")],
)
def test_what_is_no_form_at_all_speaks_of_the_form(tmp_path: Path, text: str, action: str) -> None:
    assert any(action in action for _, _, action in problems(tmp_path, text))


def test_a_key_that_would_move_the_cursor_is_told_written_out(tmp_path: Path) -> None:
    found = problems(tmp_path, FILLED + '  "\\e[2J": "x"\n"\\e[2J": 1\n')

    assert found
    assert all(told.isprintable() for problem in found for told in map(str, problem))


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "large"])
def test_a_file_that_cannot_be_read_is_not_called_a_protocol(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "answers.yaml"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        if sys.platform == "win32":
            pytest.skip("there are no named pipes in a folder")
        os.mkfifo(path)
    elif kind == "large":
        path.write_bytes(b"#" * 300_000)

    with pytest.raises(ProtocolInvalid) as caught:
        read_answers(path, CALF)

    assert "a protocol" not in f"{caught.value.what} {caught.value.action}"


# --- to which text --------------------------------------------------------------------------------------


@pytest.mark.hazard("H-16")
def test_a_file_that_does_not_say_which_texts_were_answered_answers_nothing(tmp_path: Path) -> None:
    found = read(tmp_path, FILLED[: FILLED.index("asked:")])

    with pytest.raises(Refused, match="its text is not the one that was answered") as caught:
        screen(CALF, found, person="p-017", today=TODAY)
    assert "--answers" in caught.value.action


@pytest.mark.hazard("H-16")
def test_a_question_whose_text_has_changed_since_the_form_was_printed_is_unanswered(tmp_path: Path) -> None:
    question = CALF.screening[0].model_copy(update={"ask": "Is either calf swollen?"})
    changed = CALF.model_copy(update={"screening": (question,)})

    found = read(tmp_path, FILLED, changed)

    with pytest.raises(Refused, match=r"1 question has no answer that counts: .*CALF_SWELLING, its text"):
        screen(changed, found, person="p-017", today=TODAY)


def test_what_is_acknowledged_in_a_file_is_acknowledged_by_the_operator(tmp_path: Path) -> None:
    text = FILLED.replace("METAL_IMPLANT: no", "METAL_IMPLANT: yes").replace(
        "acknowledged: []", "acknowledged: [METAL_IMPLANT]"
    )

    assert read(tmp_path, text).acknowledged == (Acknowledged("METAL_IMPLANT", "answers-file", TODAY),)
    assert read(tmp_path, text, operator="t-2").acknowledged[0].by == "t-2"


def test_the_form_shows_what_to_weigh_and_the_ages() -> None:
    metal = next(question for question in questions_of(CALF) if question.code == "METAL_IMPLANT")

    assert f"# {metal.ask}\n# {metal.weigh}\nMETAL_IMPLANT:" in FORM
    assert f"# {AGE.ask}\nage_band:  # child, adult, older\n" in FORM
