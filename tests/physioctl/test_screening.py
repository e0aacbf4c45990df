"""Screening: what is in scope, what refuses, and the form that is filled in."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physioctl import screening
from physioctl.screening import (
    Action,
    AgeBand,
    Answer,
    Answers,
    Question,
    blank_answers,
    is_thermal,
    questions,
    questions_of,
    read_answers,
    screen,
)
from protocols import library
from protocols.ceilings import body_sites
from protocols.errors import ProtocolInvalid, Refused
from protocols.limits import Family
from protocols.model import Protocol

DATA = Path(screening.__file__).with_name("contraindications.toml")
CATALOGUE: dict[str, dict[str, Any]] = tomllib.loads(DATA.read_text(encoding="utf-8"))
CALF = questions(Family.ULTRASOUND, "calf", thermal=True)


def codes(asked: tuple[Question, ...]) -> set[str]:
    return {question.code for question in asked}


def answers(asked: tuple[Question, ...], **other: Answer) -> Answers:
    return Answers({question.code: Answer.NO for question in asked} | other)


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_question_is_one_that_can_be_asked(code: str) -> None:
    data = CATALOGUE[code]

    assert re.fullmatch("[A-Z][A-Z0-9]*(_[A-Z0-9]+)*", code)
    assert data["ask"].endswith("?")
    assert data["source"]
    assert set(data.get("sites", ())) <= set(body_sites())
    assert set(data["action"]) <= {"thermal", *Family}
    assert {Action(action) for action in data["action"].values()} <= {
        Action.BLOCK, Action.ASK_CLINICIAN, Action.NOTE,
    }  # fmt: skip


def test_a_question_of_a_site_is_asked_there_alone() -> None:
    assert "PACEMAKER_THORAX" in codes(questions(Family.ULTRASOUND, "shoulder", thermal=False))
    assert "PACEMAKER_THORAX" not in codes(CALF)


def test_a_question_of_a_family_is_asked_of_it_alone() -> None:
    percussion = codes(questions(Family.PERCUSSION, "calf", thermal=False))

    assert "ANTICOAGULANT" in percussion - codes(CALF)
    assert "METAL_IMPLANT" in codes(CALF) - percussion


@pytest.mark.parametrize(("thermal", "action"), [(True, Action.BLOCK), (False, Action.ASK_CLINICIAN)])
def test_impaired_sensation_blocks_ultrasound_that_heats(thermal: bool, action: Action) -> None:
    asked = questions(Family.ULTRASOUND, "calf", thermal=thermal)

    assert next(question.action for question in asked if question.code == "IMPAIRED_SENSATION") is action


@pytest.mark.parametrize("family", Family)
def test_nobody_is_screened_on_the_bench(family: Family) -> None:
    assert questions(family, "bench", thermal=True) == ()


@pytest.mark.parametrize("id_", library.bundled())
def test_every_bundled_protocol_can_be_screened_and_answered_with_no(id_: str) -> None:
    asked = questions_of(library.find(id_))

    found = screen(asked, answers(asked))

    assert len(codes(asked)) == len(asked)
    assert found.notes == ()
    assert set(found.answers) == codes(asked)


def protocol(steps: str, family: str = "ultrasound", more: str = "") -> Protocol:
    return library.parse(
        f"""
format: 1
id: tried
title: Tried
family: {family}
body_site: calf
side: left
purpose: For a test.
evidence: {{grade: none, note: Nothing.}}
{more}
steps:
{steps}
""".encode()
    )


def emit(intensity: str, duty: str) -> str:
    return f"- {{emit: {{intensity: {intensity}, duty: {duty}, carrier: 1 MHz, pulse: 100 Hz}}, for: 1 min}}"


@pytest.mark.parametrize(
    ("intensity", "duty", "thermal"),
    [
        ("0.3 W/cm²", "49 %", False),
        ("0.3 W/cm²", "50 %", True),
        ("0.3 W/cm²", "51 %", True),
        ("2499 mW/cm²", "20 %", False),
        ("2500 mW/cm²", "20 %", False),
        ("2501 mW/cm²", "20 %", True),
    ],
)
def test_ultrasound_heats_from_half_duty_or_above_half_a_watt_on_average(
    intensity: str, duty: str, thermal: bool
) -> None:
    assert is_thermal(protocol(emit(intensity, duty))) is thermal


def test_what_a_protocol_adds_blocks_even_where_ours_would_not() -> None:
    added = 'screening: [{code: METAL_IMPLANT, ask: "Any metal?"}, {code: OWN_ONE, ask: "Own?"}]'

    asked = questions_of(protocol(emit("0.3 W/cm²", "20 %"), more=added))

    found = {question.code: (question.ask, question.action) for question in asked}
    assert found["METAL_IMPLANT"] == ("Any metal?", Action.BLOCK)
    assert found["OWN_ONE"] == ("Own?", Action.BLOCK)


FLAGS = 'red_flags: [{sign: "दर्द.", action: refer_now}, {sign: "सूजन", action: refer_soon}]'


def test_guidance_alone_asks_for_red_flags_in_whatever_script() -> None:
    asked = questions_of(protocol("- {guide: Breathe., for: 1 min}", "none", FLAGS))

    assert [question.action for question in asked] == [Action.REFER_NOW, Action.REFER_SOON]
    assert len(codes(asked)) == 2
    assert asked[0].ask == "Red flag: दर्द?"


@pytest.mark.hazard("H-16")
@pytest.mark.parametrize(("flag", "to_do"), [(0, "Refer the person now"), (1, "Refer the person:")])
def test_a_red_flag_refers(flag: int, to_do: str) -> None:
    asked = questions_of(protocol("- {guide: Breathe., for: 1 min}", "none", FLAGS))

    with pytest.raises(Refused) as caught:
        screen(asked, answers(asked, **{asked[flag].code: Answer.YES}))

    assert caught.value.to_do.startswith(to_do)


def test_with_no_answers_every_absolute_question_is_counted_and_the_form_is_pointed_to() -> None:
    with pytest.raises(Refused) as caught:
        screen(CALF, Answers())

    absolute = [question.code for question in CALF if question.absolute]
    assert f" {len(absolute)} questions have no answer: " in caught.value.what
    assert re.findall(r"\((\w+)\)", caught.value.what) == absolute[:3]
    assert caught.value.what.endswith(f"and {len(absolute) - 3} more")
    assert "--answers" in caught.value.to_do
    assert "\n" not in str(caught.value.what)


@pytest.mark.hazard("H-16")
def test_one_absolute_yes_refuses_however_much_else_is_no() -> None:
    with pytest.raises(Refused, match=r"DVT_THROMBOPHLEBITIS") as caught:
        screen(CALF, answers(CALF, DVT_THROMBOPHLEBITIS=Answer.YES))

    assert caught.value.what.count("(") == 1
    assert "clinician" in caught.value.to_do


def test_a_relative_yes_is_shown_and_recorded() -> None:
    found = screen(CALF, answers(CALF, METAL_IMPLANT=Answer.YES))

    event = found.told(at_ms=7)
    assert [question.code for question in found.notes] == ["METAL_IMPLANT"]
    assert event.notes == ("METAL_IMPLANT",)
    assert event.as_json()["answers"]["METAL_IMPLANT"] == "yes"


@pytest.mark.hazard("H-16")
@given(st.dictionaries(st.sampled_from([question.code for question in CALF]), st.sampled_from(Answer)))
def test_output_is_allowed_exactly_when_every_absolute_question_is_answered_no(
    said: dict[str, Answer],
) -> None:
    clear = all(said.get(question.code) is Answer.NO for question in CALF if question.absolute)

    try:
        screen(CALF, Answers(said))
    except Refused:
        assert not clear
    else:
        assert clear


def test_the_blank_form_is_read_back_as_nothing_answered(tmp_path: Path) -> None:
    form = tmp_path / "answers.yaml"
    form.write_text(blank_answers(CALF), encoding="utf-8")

    read = read_answers(form)

    assert set(read.said) == codes(CALF)
    assert set(read.said.values()) == {Answer.UNANSWERED}
    assert read.age_band is None


def test_the_form_filled_in_is_read_as_it_was_meant(tmp_path: Path) -> None:
    form = tmp_path / "answers.yaml"
    text = re.sub(r"^([A-Z_]+):", r"\1: no", blank_answers(CALF), flags=re.MULTILINE)
    form.write_text(text.replace("age_band:", "age_band: older"), encoding="utf-8")

    read = read_answers(form)

    assert screen(CALF, read).notes == ()
    assert read.age_band is AgeBand.OLDER


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ("yes", Answer.YES),
        ("'no'", Answer.NO),
        ("true", Answer.YES),
        ("false", Answer.NO),
        ("", Answer.UNANSWERED),
    ],
)
def test_an_answer_is_read_however_yaml_spells_it(tmp_path: Path, written: str, answer: Answer) -> None:
    (tmp_path / "a").write_text(f"PREG_ANY: {written}\n")

    assert read_answers(tmp_path / "a").said == {"PREG_ANY": answer}


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("PREG_ANY: maybe", "1:11", "expected yes, no"),
        ("PREG_ANY: 1", "1:11", "expected yes, no"),
        ("PREG_ANY: 0", "1:11", "expected yes, no"),
        ("PREG_ANY: [yes]", "1:11", "expected yes, no"),
        ("age_band: 42", "1:11", "expected child, adult, older"),
        ("A: no\nA: yes", "2:1", "twice"),
        ("- no", "1:1", "no keys"),
    ],
)
def test_a_mistake_in_an_answers_file_is_told_with_its_place(
    tmp_path: Path, text: str, place: str, what: str
) -> None:
    (tmp_path / "a").write_text(text)

    with pytest.raises(ProtocolInvalid, match=what) as caught:
        read_answers(tmp_path / "a")

    assert f"{tmp_path / 'a'}:{place}: " in str(caught.value.mistakes[0])


def test_all_mistakes_of_an_answers_file_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("A: perhaps\nB: no\nC: {}\n")

    with pytest.raises(ProtocolInvalid) as caught:
        read_answers(tmp_path / "a")

    assert [mistake.field for mistake in caught.value.mistakes] == ["A", "C"]
