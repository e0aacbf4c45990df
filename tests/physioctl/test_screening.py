"""Screening: what is in scope, which answers count, what refuses, and what a person acknowledges."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physioctl.errors import InvalidUsage
from physioctl.questions import AGE, Question, ages_of, is_thermal, questions, questions_of
from physioctl.record.codec import to_json
from physioctl.screening import Acknowledged, Answer, Answered, Answers, Screening, answered, screen
from protocols import library
from protocols.contraindications import Action, AgeBand
from protocols.errors import Refused
from protocols.limits import Family
from protocols.model import Protocol
from protocols.model import Question as Added
from protocols.shipped_questions import CATALOGUE
from tests.cases import each
from tests.support import screened

TODAY = date(2026, 11, 21)
A_DAY = timedelta(days=1)
PERSON = "P-017"


def emit(intensity: str = "0.3 W/cm²", duty: str = "20 %") -> str:
    return f"- {{emit: {{intensity: {intensity}, duty: {duty}, carrier: 1 MHz, pulse: 100 Hz}}, for: 1 min}}"


def protocol(steps: str = emit(), family: str = "ultrasound", more: str = "", site: str = "calf") -> Protocol:
    return library.parse(
        f"""
format: 1
id: tried
title: Tried
family: {family}
body_site: {site}
side: left
purpose: For a test.
evidence: {{grade: none, note: Nothing.}}
{more}
steps:
{steps}
""".encode()
    )


CALF = protocol()
GUIDE = "- {guide: Breathe., for: 1 min}"
FLAGS = 'red_flags: [{sign: "दर्द.", action: refer_now}, {sign: "सूजन", action: refer_soon}]'
FLAGGED = protocol(GUIDE, "none", FLAGS)


def codes(asked: tuple[Question, ...]) -> set[str]:
    return {question.code for question in asked}


def no_to_all(of: Protocol = CALF, /, **other: Answer) -> Answers:
    return screened(of, other, on=TODAY, person=PERSON)


def screening(answers: Answers, of: Protocol = CALF, person: str | None = PERSON) -> Screening:
    return screen(of, answers, person=person, today=TODAY)


def acknowledging(answers: Answers, *codes: str, on: date = TODAY) -> Answers:
    return replace(answers, acknowledged=tuple(Acknowledged(code, "p-9", on) for code in codes))


# --- what is asked --------------------------------------------------------------------------------------


def test_a_question_of_a_site_is_asked_there_alone() -> None:
    assert "PACEMAKER_THORAX" in codes(questions(Family.ULTRASOUND, "shoulder", thermal=False))
    assert "PACEMAKER_THORAX" not in codes(questions_of(CALF))


def test_a_question_of_a_family_is_asked_of_it_alone() -> None:
    percussion = codes(questions(Family.PERCUSSION, "calf", thermal=False))
    ultrasound = codes(questions_of(CALF))

    assert "ANTICOAGULANT" in percussion - ultrasound
    assert "METAL_IMPLANT" in ultrasound - percussion


@pytest.mark.parametrize(("thermal", "action"), [(True, Action.BLOCK), (False, Action.ASK_CLINICIAN)])
def test_impaired_sensation_blocks_ultrasound_that_heats(thermal: bool, action: Action) -> None:
    asked = questions(Family.ULTRASOUND, "calf", thermal=thermal)

    assert next(question.action for question in asked if question.code == "IMPAIRED_SENSATION") is action


@pytest.mark.parametrize("family", Family)
def test_nobody_is_screened_on_the_bench(family: Family) -> None:
    assert questions(family, "bench", thermal=True) == ()


@pytest.mark.parametrize("id_", library.bundled())
def test_every_bundled_protocol_can_be_screened_and_answered_with_no(id_: str) -> None:
    found = library.find(id_)
    asked = questions_of(found)

    allowed = screening(no_to_all(found), found)

    assert len(codes(asked)) == len(asked)
    assert allowed.notes == ()
    assert {reply.question for reply in allowed.replies} == set(asked)


@pytest.mark.hazard("H-16")
@pytest.mark.parametrize("id_", [id_ for id_ in library.bundled() if library.find(id_).family])
def test_no_bundled_protocol_takes_one_of_our_questions_away_or_softens_it(id_: str) -> None:
    found = library.find(id_)
    assert found.family is not None
    ours = questions(found.family, found.body_site, thermal=is_thermal(found))

    asked = {question.code: question for question in questions_of(found)}

    for question in ours:
        assert asked[question.code].ask == question.ask
        assert asked[question.code].absolute or not question.absolute


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


@pytest.mark.hazard("H-16")
def test_one_of_our_questions_that_a_protocol_names_refuses_in_our_words() -> None:
    asks = "asks: [METAL_IMPLANT, RAYNAUD_COLD_URTICARIA]"
    named = protocol(more=f"{asks}\nscreening: [{{code: OWN, ask: 'Own?'}}]")

    asked = questions_of(named)

    found = {question.code: question for question in asked}
    assert len(found) == len(asked)
    for code in ("METAL_IMPLANT", "RAYNAUD_COLD_URTICARIA"):
        assert (found[code].ask, found[code].action) == (CATALOGUE.questions[code].ask, Action.BLOCK)
    assert (found["OWN"].ask, found["OWN"].action) == ("Own?", Action.BLOCK)


@pytest.mark.hazard("H-16")
def test_a_protocol_made_in_python_that_reuses_our_code_takes_nothing_away() -> None:
    made = CALF.model_copy(update={"screening": (Added(code="MALIGNANCY_SITE", ask="Is it raining?"),)})

    asked = [question.ask for question in questions_of(made) if question.code == "MALIGNANCY_SITE"]

    assert asked == [CATALOGUE.questions["MALIGNANCY_SITE"].ask, "Is it raining?"]
    with pytest.raises(Refused, match="MALIGNANCY_SITE"):
        screening(no_to_all(made), made)


def test_a_text_is_known_by_the_first_twelve_digits_of_its_sha_256() -> None:
    assert AGE.text_hash == "0b6ce2e4e424"  # printf '…' | sha256sum


@pytest.mark.hazard("H-16")
@pytest.mark.parametrize("id_", library.bundled())
def test_no_answer_to_what_a_protocol_adds_is_lasting(id_: str) -> None:
    asked = questions_of(library.find(id_))

    assert {question.code for question in asked if question.lasting} <= {"EPIPHYSIS_CHILD"}


def test_guidance_alone_asks_for_red_flags_in_whatever_script_and_for_no_age() -> None:
    asked = questions_of(FLAGGED)

    assert [question.action for question in asked] == [Action.REFER_NOW, Action.REFER_SOON]
    assert len(codes(asked)) == 2
    assert asked[0].ask == "Red flag: दर्द?"
    assert ages_of(FLAGGED) is None


# --- what refuses ---------------------------------------------------------------------------------------


@pytest.mark.hazard("H-16")
@pytest.mark.parametrize(("flag", "action"), [(0, "Refer the person now"), (1, "Refer the person:")])
def test_a_red_flag_refers(flag: int, action: str) -> None:
    code = questions_of(FLAGGED)[flag].code

    with pytest.raises(Refused) as caught:
        screening(no_to_all(FLAGGED, **{code: Answer.YES}), FLAGGED)

    assert caught.value.action.startswith(action)


@pytest.mark.hazard("H-16")
def test_with_no_answers_every_absolute_question_and_the_age_are_counted() -> None:
    with pytest.raises(Refused) as caught:
        screening(Answers())

    absolute = [question.code for question in questions_of(CALF) if question.absolute]
    assert f" {len(absolute) + 1} questions have no answer that counts: " in caught.value.what
    assert re.findall(r"\((\w+)\)", caught.value.what) == absolute[:3]
    assert caught.value.what.endswith(f"and {len(absolute) - 2} more")
    assert "--answers" in caught.value.action
    assert "\n" not in str(caught.value.what)


@pytest.mark.hazard("H-16")
def test_one_absolute_yes_refuses_however_much_else_is_no() -> None:
    with pytest.raises(Refused, match=r"DVT_THROMBOPHLEBITIS") as caught:
        screening(no_to_all(DVT_THROMBOPHLEBITIS=Answer.YES))

    assert caught.value.what.count("(") == 1
    assert "clinician" in caught.value.action


@pytest.mark.hazard("H-16")
def test_of_two_answers_to_one_question_the_yes_counts() -> None:
    for order in (1, -1):
        no = no_to_all()
        yes = no_to_all(DVT_THROMBOPHLEBITIS=Answer.YES)

        with pytest.raises(Refused, match="DVT_THROMBOPHLEBITIS"):
            screening(replace(no, given=(no.given + yes.given)[::order]))


@pytest.mark.hazard("H-16")
def test_a_yes_of_today_counts_to_whatever_text_it_was_given() -> None:
    yes = Answered("DVT_THROMBOPHLEBITIS", Answer.YES, "0" * 12, TODAY)

    with pytest.raises(Refused, match="DVT_THROMBOPHLEBITIS"):
        screening(replace(no_to_all(), given=(*no_to_all().given, yes)))


@pytest.mark.hazard("H-16")
def test_a_relative_yes_refuses_until_it_is_acknowledged() -> None:
    answers = no_to_all(METAL_IMPLANT=Answer.YES, PREG_ANY=Answer.UNANSWERED)

    with pytest.raises(Refused) as caught:
        screening(acknowledging(answers, "METAL_IMPLANT"))

    weigh = CATALOGUE.questions["PREG_ANY"].weigh
    assert caught.value.what.splitlines()[1:] == [f"Pregnancy (PREG_ANY): {weigh}"]
    assert "`acknowledged: [PREG_ANY]`" in caught.value.action


@pytest.mark.hazard("H-16")
def test_what_was_acknowledged_and_by_whom_stands_in_the_record() -> None:
    found = screening(acknowledging(no_to_all(METAL_IMPLANT=Answer.YES), "METAL_IMPLANT"))

    event = found.told(at_ms=7)
    assert event.notes == ("METAL_IMPLANT",)
    assert to_json(event)["acknowledged"] == {"METAL_IMPLANT": "p-9"}
    assert to_json(event)["age_band"] == "adult"
    assert to_json(event)["answers"]["METAL_IMPLANT"] == {
        "answer": "yes",
        "question": next(q.text_hash for q in questions_of(CALF) if q.code == "METAL_IMPLANT"),
        "title": "Metal or plastic implant",
        "date": "2026-11-21",
    }


@pytest.mark.hazard("H-16")
def test_an_acknowledgement_of_another_day_is_none() -> None:
    answers = no_to_all(METAL_IMPLANT=Answer.YES)

    with pytest.raises(Refused, match="METAL_IMPLANT"):
        screening(acknowledging(answers, "METAL_IMPLANT", on=TODAY - A_DAY))


@pytest.mark.hazard("H-16")
@pytest.mark.parametrize("by", ["", None, 5, "Mary Smith", "x\n\x1b[2J"])
def test_whoever_acknowledges_is_named_by_a_reference(by: Any) -> None:
    answers = no_to_all(METAL_IMPLANT=Answer.YES)

    with pytest.raises(InvalidUsage, match="reference"):
        screening(replace(answers, acknowledged=(Acknowledged("METAL_IMPLANT", by, TODAY),)))


def test_the_reference_of_whoever_acknowledges_has_one_form() -> None:
    answers = no_to_all(METAL_IMPLANT=Answer.YES)

    found = screening(replace(answers, acknowledged=(Acknowledged("METAL_IMPLANT", "T-2", TODAY),)))

    assert found.acknowledged == {"METAL_IMPLANT": "t-2"}


@pytest.mark.parametrize("code", ["METAL_IMPLANT", "DVT_THROMBOPHLEBITIS", "ANTICOAGULANT"])
def test_what_does_not_stand_cannot_be_acknowledged(code: str) -> None:
    with pytest.raises(InvalidUsage, match=code):
        screening(acknowledging(no_to_all(), code))


@pytest.mark.hazard("H-16")
@each("of", [CALF, library.find("calf-tightness-percussion")])
@each("code", CATALOGUE.questions)
def test_a_yes_to_any_question_of_ours_refuses_or_is_weighed_and_recorded(of: Protocol, code: str) -> None:
    answers = no_to_all(of, **{code: Answer.YES})
    asked = {question.code: question for question in questions_of(of)}

    with pytest.raises(Refused, match=code) as caught:
        screening(answers, of)
    if code in asked and asked[code].absolute:
        return
    found = screening(acknowledging(answers, code), of).told(0)

    assert CATALOGUE.questions[code].weigh in caught.value.what or code not in asked
    assert found.notes == (code,)
    assert found.acknowledged == {code: "p-9"}
    assert found.answers[code]["answer"] == "yes"
    assert found.answers[code]["date"] == "2026-11-21"


@pytest.mark.parametrize(("code", "near"), [("PREGANT", "PREG_ANY"), ("METAL_IMPLANTS", "METAL_IMPLANT")])
def test_a_code_that_is_no_questions_is_a_mistake_with_the_nearest(code: str, near: str) -> None:
    with pytest.raises(InvalidUsage, match=code) as caught:
        screening(no_to_all(**{code: Answer.NO}))

    assert near in caught.value.action


# --- the age --------------------------------------------------------------------------------------------


def of_age(band: AgeBand | None, of: Protocol = CALF) -> Answers:
    said = {question.code: Answer.NO for question in questions_of(of)}
    return answered(of, said, on=TODAY, person=PERSON, age_band=band)


@pytest.mark.hazard("H-16")
@pytest.mark.parametrize("id_", [id_ for id_ in library.bundled() if library.find(id_).body_site != "bench"])
def test_a_child_is_refused_wherever_anything_is_emitted(id_: str) -> None:
    found = library.find(id_)

    if found.family is None:
        assert screening(of_age(AgeBand.CHILD, found), found).notes == ()
    else:
        with pytest.raises(Refused, match=r"for the age bands adult, older, and not for child"):
            screening(of_age(AgeBand.CHILD, found), found)


@pytest.mark.hazard("H-16")
def test_an_age_that_is_not_said_refuses() -> None:
    with pytest.raises(Refused, match=r"1 question has no answer that counts: Age \(age_band\)"):
        screening(of_age(None))


@pytest.mark.hazard("H-16")
@pytest.mark.parametrize(
    ("on", "text_hash", "why"),
    [
        (TODAY - A_DAY, AGE.text_hash, "answered on 2026-11-20"),
        (TODAY, "0" * 12, "its text is not the one that was answered"),
    ],
)
def test_an_age_counts_on_its_day_and_to_its_question(on: date, text_hash: str, why: str) -> None:
    age = Answered(AGE.code, AgeBand.ADULT, text_hash, on)

    with pytest.raises(Refused, match=why):
        screening(Answers(PERSON, (*of_age(None).given, age)))


@pytest.mark.parametrize("on", [datetime(2026, 11, 21, tzinfo=UTC), "2026-11-21", None])
def test_what_is_no_day_dates_no_answer(on: Any) -> None:
    with pytest.raises(InvalidUsage, match="is not a day"):
        answered(CALF, {"PREG_ANY": Answer.NO}, on=on)
    with pytest.raises(InvalidUsage, match="is not a day"):
        Acknowledged("PREG_ANY", "p-9", on)


@pytest.mark.parametrize("answers", [{"PREG_ANY": "no"}, [], "no", None])
def test_answers_that_are_none_of_ours_are_a_mistake_in_use(answers: Any) -> None:
    with pytest.raises(InvalidUsage, match="answers are given as"):
        screening(answers)


def test_two_ages_are_none() -> None:
    both = (*of_age(AgeBand.ADULT).given, *of_age(AgeBand.OLDER).given)

    with pytest.raises(Refused, match="age_band"):
        screening(Answers(PERSON, both))


def test_a_protocol_may_narrow_the_ages() -> None:
    older = protocol(more="ages: [older]")

    assert screening(of_age(AgeBand.OLDER, older), older).age_band is AgeBand.OLDER
    with pytest.raises(Refused, match="older, and not for adult"):
        screening(of_age(AgeBand.ADULT, older), older)


# --- whose, when, and to what ---------------------------------------------------------------------------


@pytest.mark.hazard("H-16")
@pytest.mark.parametrize(
    ("theirs", "whose", "what"),
    [
        ("P-1", "P-2", "of P-1, and the session is for P-2"),
        ("P-1", None, "of P-1, and the session is for nobody named"),
        (None, "P-2", "of nobody named, and the session is for P-2"),
        ("P-1", "P-1.", "of P-1, and the session is for P-1."),
    ],
)
def test_another_persons_answers_are_refused(theirs: str | None, whose: str | None, what: str) -> None:
    with pytest.raises(Refused) as caught:
        screening(replace(no_to_all(), person=theirs), person=whose)

    assert caught.value.what == f"the answers are {what}"


def test_a_reference_written_in_another_way_is_the_same_person() -> None:
    assert screening(replace(no_to_all(), person="p-017"), person="P-017").notes == ()


@pytest.mark.hazard("H-16")
def test_answers_of_the_future_are_refused() -> None:
    with pytest.raises(Refused, match="dated 2026-11-22, and today is 2026-11-21"):
        screening(screened(CALF, on=TODAY + A_DAY, person=PERSON))


@pytest.mark.hazard("H-16")
def test_answers_of_yesterday_are_to_be_asked_anew() -> None:
    with pytest.raises(Refused, match="answered on 2026-11-20") as caught:
        screening(screened(CALF, on=TODAY - A_DAY, person=PERSON))

    asked_anew = [question for question in questions_of(CALF) if question.absolute and not question.lasting]
    assert f" {len(asked_anew) + 1} questions have no answer that counts" in caught.value.what  # and the age
    assert "anew" in caught.value.action


def test_of_several_answers_that_do_not_count_the_latest_is_named() -> None:
    of_each = [screened(CALF, on=TODAY - days * A_DAY, person=PERSON).given for days in (2, 1, 3)]

    with pytest.raises(Refused, match="answered on 2026-11-20"):
        screening(Answers(PERSON, sum(of_each, ())))


def test_on_the_bench_nobodys_answers_matter() -> None:
    bench = library.find("unit-check")

    assert screen(bench, no_to_all(), person=None, today=TODAY) == Screening((), (), {}, None)


@pytest.mark.hazard("H-16")
def test_what_is_lasting_needs_no_asking_on_a_later_day() -> None:
    old = screened(CALF, on=TODAY - 100 * A_DAY, person=PERSON)
    lasting = tuple(a for a in old.given if a.code == "EPIPHYSIS_CHILD")
    rest = tuple(a for a in no_to_all().given if a.code != "EPIPHYSIS_CHILD")

    found = screening(Answers(PERSON, lasting + rest))

    assert found.told(0).answers["EPIPHYSIS_CHILD"]["date"] == "2026-08-13"


@pytest.mark.hazard("H-16")
@pytest.mark.parametrize("text_hash", ["", "0" * 12])
def test_an_answer_to_another_text_is_none(text_hash: str) -> None:
    answers = no_to_all()
    other = tuple(replace(a, text_hash=text_hash) if a.code == "OPEN_WOUND" else a for a in answers.given)

    with pytest.raises(Refused, match=r"OPEN_WOUND, its text is not the one that was answered"):
        screening(replace(answers, given=other))


ASKED = {question.code: question for question in questions_of(CALF)}
ELSEWHERE = "PACEMAKER_THORAX"
HASHES = {code: question.text_hash for code, question in ASKED.items()} | {AGE.code: AGE.text_hash}
GIVEN = st.builds(
    Answered,
    code=st.just(""),  # filled in below
    answer=st.sampled_from([Answer.NO, Answer.NO, Answer.YES, Answer.UNANSWERED, *AgeBand]),
    text_hash=st.sampled_from(["right", "right", "0" * 12]),
    date=st.sampled_from([TODAY, TODAY, TODAY - A_DAY, TODAY + A_DAY]),
)


def bound(code: str, answer: Answered) -> Answered:
    """The answer to ``code``, with the hash of its text where it says that it is right."""
    right = HASHES.get(code, "") if answer.text_hash == "right" else answer.text_hash
    return replace(answer, code=code, text_hash=right)


def says_no(question: Question, given_: list[Answered]) -> bool:
    """Whether a question is answered no, by this test's own reading."""
    to_it = [a for a in given_ if a.code == question.code]
    if any(a.answer is Answer.YES and (a.date == TODAY or question.lasting) for a in to_it):
        return False
    counting = [
        a
        for a in to_it
        if a.text_hash == question.text_hash and (a.date == TODAY or (question.lasting and a.date < TODAY))
    ]
    return bool(counting) and all(a.answer is Answer.NO for a in counting)


@pytest.mark.hazard("H-16")
@given(
    changed=st.dictionaries(
        st.sampled_from([*ASKED, *ASKED, ELSEWHERE, AGE.code]), st.lists(GIVEN, max_size=2), max_size=3
    ),
    acknowledges=st.sampled_from(["what stands", "what stands", "nothing", "one more"]),
    person=st.sampled_from([PERSON, PERSON, PERSON, PERSON, "P-018", None]),
)
@settings(max_examples=500)
def test_there_is_a_screening_exactly_when_every_answer_counts_and_every_note_is_acknowledged(
    changed: dict[str, list[Answered]], acknowledges: str, person: str | None
) -> None:
    given_ = [a for a in no_to_all().given if a.code not in changed]
    given_ += [bound(code, a) for code, answers in changed.items() for a in answers]
    relative = {code for code, q in ASKED.items() if not q.absolute and not says_no(q, given_)}
    if any(a.code == ELSEWHERE and a.answer is Answer.YES for a in given_):
        relative.add(ELSEWHERE)
    acknowledged = {"nothing": set[str](), "one more": relative | {"MALIGNANCY_HISTORY"}}.get(
        acknowledges, relative
    )
    answers = acknowledging(Answers(PERSON, tuple(given_)), *acknowledged)

    ages = [a for a in given_ if a.code == AGE.code and a.date == TODAY and a.answer in list(AgeBand)]
    bands = {a.answer for a in ages} if any(a.text_hash == AGE.text_hash for a in ages) else set()
    clear = (
        person == PERSON
        and all(a.date <= TODAY for a in given_)
        and all(says_no(q, given_) for q in ASKED.values() if q.absolute)
        and bands in ({AgeBand.ADULT}, {AgeBand.OLDER})
        and acknowledged == relative
    )
    try:
        found = screening(answers, person=person)
    except (Refused, InvalidUsage):
        assert not clear
    else:
        assert clear
        assert {question.code for question in found.notes} == set(found.acknowledged) == relative
