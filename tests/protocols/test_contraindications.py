"""The project's own questions: a second copy of what decides, written by hand, and what refuses the file."""

from __future__ import annotations

import tomllib

import pytest

from protocols.additions import unnamed
from protocols.contraindications import AgeBand
from protocols.errors import ProtocolInvalid
from protocols.library import bundled, find
from protocols.library import parse as protocol
from protocols.limits import Family
from protocols.shipped_questions import CATALOGUE
from tools.mutate_data import written
from tools.questions import PATH, parse
from tools.tables import TableInvalid

TEXT = PATH.read_text(encoding="utf-8")
B, C, N, NOT = "block", "ask_clinician", "note", None

# Code → the action for thermal ultrasound, for other ultrasound, for percussion; sites; lasting. Written by
# hand: a slip in the file has to differ from this.
GOLDEN: dict[str, tuple[tuple[str | None, str | None, str | None], set[str], bool]] = {
    "PREG_UTERUS": ((B, B, B), {"abdomen", "groin"}, False),
    "PREG_ANY": ((C, C, C), set(), False),
    "MALIGNANCY_SITE": ((B, B, B), set(), False),
    "MALIGNANCY_HISTORY": ((C, C, NOT), set(), False),
    "PACEMAKER_THORAX": ((B, B, NOT), {"chest", "shoulder"}, False),
    "NEUROSTIMULATOR_IMPLANT": ((B, B, NOT), set(), False),
    "IMPLANTED_ELECTRONIC_NEAR": ((NOT, NOT, B), set(), False),
    "EYE": ((B, B, B), {"head"}, False),
    "HEART": ((B, B, B), {"chest"}, False),
    "TESTES_GONADS": ((B, B, B), {"groin", "abdomen"}, False),
    "DVT_THROMBOPHLEBITIS": ((B, B, B), set(), False),
    "SEVERE_ATHEROSCLEROSIS": ((B, B, NOT), set(), False),
    "RADIOTHERAPY_SITE": ((B, B, NOT), set(), False),
    "STELLATE_CRANIUM_MAJOR_NERVE": ((B, B, B), {"head", "neck"}, False),
    "LAMINECTOMY_SPINE": ((B, B, NOT), {"neck", "chest"}, False),
    "ISCHAEMIA_PVD": ((B, B, NOT), set(), False),
    "EPIPHYSIS_CHILD": ((B, B, NOT), set(), True),
    "BLEEDING_DISORDER": ((B, B, B), set(), False),
    "ANAESTHETISED_AREA": ((B, B, NOT), set(), False),
    "IMPAIRED_SENSATION": ((B, C, C), set(), False),
    "CANNOT_COMMUNICATE": ((B, B, B), set(), False),
    "FEVER_ACUTE_DISEASE": ((B, B, NOT), set(), False),
    "INFECTION_SKIN": ((B, B, B), set(), False),
    "OPEN_WOUND": ((B, B, B), set(), False),
    "RECENT_SURGERY": ((B, B, C), set(), False),
    "HAEMORRHAGE_ACUTE": ((B, B, B), set(), False),
    "METAL_IMPLANT": ((C, C, NOT), set(), False),
    "CEMENTED_JOINT_SILICONE": ((C, C, NOT), {"knee", "shoulder", "wrist", "hand", "foot"}, False),
    "HEAD_NECK_FRONT": ((NOT, NOT, B), {"head", "neck", "shoulder"}, False),
    "BONY_PROMINENCE_JOINT": ((N, N, B), set(), False),
    "FRACTURE_ACUTE": ((NOT, NOT, B), set(), False),
    "OSTEOPOROSIS": ((NOT, NOT, C), set(), False),
    "ANTICOAGULANT": ((NOT, NOT, C), set(), False),
    "VARICOSE_VEINS": ((NOT, NOT, N), set(), False),
    "HYPERTENSION": ((NOT, NOT, N), set(), False),
    "SCOLIOSIS_SPINAL_DEFORMITY": ((NOT, NOT, N), {"neck", "chest"}, False),
    "MED_ALTERS_SENSATION": ((C, C, C), set(), False),
    "RECENT_INJURY": ((B, N, C), set(), False),
    "KIDNEY_LIVER_LUNG_ABDOMEN_VISCERA": ((B, B, B), {"abdomen", "chest"}, False),
    "RAYNAUD_COLD_URTICARIA": ((NOT, NOT, NOT), set(), False),
    "BURN_RISK_HEATPAD": ((NOT, NOT, NOT), set(), False),
}


@pytest.mark.hazard("H-16")
def test_what_each_question_leads_to_is_what_was_written_down_by_hand() -> None:
    found = {
        code: (
            (
                question.action.get("thermal", question.action.get("ultrasound")),
                question.action.get("ultrasound"),
                question.action.get("percussion"),
            ),
            set(question.sites),
            question.lasting,
        )
        for code, question in CATALOGUE.questions.items()
    }

    assert found == GOLDEN


@pytest.mark.hazard("H-16")
def test_no_family_is_used_on_a_child() -> None:
    both = frozenset((AgeBand.ADULT, AgeBand.OLDER))

    assert CATALOGUE.age_bands == {Family.ULTRASOUND: both, Family.PERCUSSION: both}


def test_what_a_person_weighs_is_a_sentence() -> None:
    weighed = [question.weigh for question in CATALOGUE.questions.values() if question.weigh]

    assert len(weighed) == 14
    assert all("weigh" in text.casefold() and text.endswith(".") for text in weighed)


WITHOUT = (
    '\n[age_bands.percussion]\nallowed = ["adult", "older"]\nsource = ["this project\'s own precaution"]\n'
)
UTERUS_SOURCE = 'source = ["Mettler Sonicator Plus 930 manual, p. 34"]\n\n[questions.PREG_ANY'
WEIGHED = next(line for line in TEXT.splitlines() if line.startswith("weigh = "))


@pytest.mark.hazard("H-16")
@pytest.mark.parametrize(
    ("was", "becomes", "named"),
    [
        ("\naction = {", "\nactoin = {", "questions.PREG_UTERUS.actoin"),
        ("\nsites = [", "\nsite = [", "questions.PREG_UTERUS.site"),
        ("\nlasting = ", "\nlastin = ", "questions.PREG_UTERUS.lasting"),
        ("\nlasting = false", "\nlasting = 0", "questions.PREG_UTERUS.lasting"),
        ("\nlasting = false", "", "questions.PREG_UTERUS.lasting"),
        ('"abdomen"', '"abdomn"', "abdomn: no body site"),
        ('["abdomen", "groin"]', "[]", "questions.PREG_UTERUS.sites"),
        ('"block"', '"blok"', "questions.PREG_UTERUS.action.ultrasound"),
        ('"block"', '"refer_now"', "questions.PREG_UTERUS.action.ultrasound"),
        ("{ ultrasound =", "{ ultrasond =", "questions.PREG_UTERUS.action.ultrasond"),
        (UTERUS_SOURCE, "source = []\n\n[questions.PREG_ANY", "questions.PREG_UTERUS.source"),
        ("\nsource = [", "\nsources = [", "age_bands.ultrasound.source"),
        (WEIGHED + "\n", "", "questions.PREG_ANY: Value error, `weigh`"),
        (WEIGHED, 'weigh = ""', "questions.PREG_ANY.weigh"),
        ("[questions.PREG_UTERUS]\ntitle", '[questions.PREG_UTERUS]\nweigh = "It."\ntitle', "`weigh` stands"),
        ('near the womb?"', 'near the womb."', "questions.PREG_UTERUS.ask"),
        ('title = "Pregnancy"', 'title = ""', "questions.PREG_ANY.title"),
        ("[questions.PREG_UTERUS]", "[questions.preg_uterus]", "preg_uterus"),
        ("[questions.PREG_UTERUS]", "[question.PREG_UTERUS]", "question: Extra"),
        ("[questions.PREG_UTERUS]", "[PREG_UTERUS]", "PREG_UTERUS: Extra"),
        ("[questions.PREG_UTERUS]", "[questions.PREG_ANY]", "contraindications.toml: "),
        ('thermal = "block", ultrasound =', 'thermal = "note", ultrasound =', "milder"),
        ('title = "Eye"', 'title = "Heart"', "Heart: here twice"),
        ("have osteoporosis or osteopenia?", "have a bleeding disorder such as haemophilia?", "twice"),
        (WITHOUT, "", "percussion: no age bands"),
        ('["adult", "older"]', "[]", "age_bands.ultrasound.allowed"),
        ('["adult", "older"]', '["adults"]', "age_bands.ultrasound.allowed"),
        ("[age_bands.percussion]", "[age_bands.laser]", "laser"),
        ("[age_bands.", "[age_bands", "contraindications.toml: "),
    ],
)  # fmt: skip
def test_a_problem_in_the_file_refuses_the_whole_of_it(was: str, becomes: str, named: str) -> None:
    start = TEXT.index("[age_bands.ultrasound]")  # behind the comments at its head
    assert was in TEXT[start:]

    with pytest.raises(TableInvalid) as caught:
        parse(TEXT[:start] + TEXT[start:].replace(was, becomes, 1))

    assert named in str(caught.value)


def test_a_file_without_questions_is_no_catalogue() -> None:
    with pytest.raises(match="questions"):
        parse(TEXT[: TEXT.index("[questions.")] + "[questions]\n")


# --- what a protocol may add ----------------------------------------------------------------------------

FILE = """\
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
- {{guide: Breathe., for: 1 min}}
"""
FLAG = "FLAG_A_SIGN_ECA862"


@pytest.mark.parametrize("id_", bundled())
def test_every_bundled_red_flag_has_a_code_that_a_person_can_read(id_: str) -> None:
    assert not list(unnamed(find(id_)))
    for flag in find(id_).red_flags:
        assert not flag.code.startswith("FLAG_")


def test_one_code_stands_for_one_sign_throughout_the_library() -> None:
    signs = {(flag.code, flag.sign) for id_ in bundled() for flag in find(id_).red_flags}

    assert len({code for code, _ in signs}) == len({sign for _, sign in signs}) == len(signs)


def test_a_red_flag_is_answered_by_the_code_that_its_file_gives_it() -> None:
    said = "red_flags: [{code: MY_SIGN, sign: A sign., action: refer_now}]"
    read = protocol(FILE.format(family="none", more=said).encode())

    (flag,) = read.red_flags
    assert flag.code == "MY_SIGN"
    assert protocol(read.canonical_text().encode()) == read


def test_a_red_flag_without_a_code_is_no_mistake_and_has_its_place_noted() -> None:
    said = "red_flags: [{sign: A sign., action: refer_now}]"

    (found,) = unnamed(protocol(FILE.format(family="none", more=said).encode()))

    assert str(found) == f"<memory>:9:13: red_flags.0: has no `code`: answers call it {FLAG}"


@pytest.mark.hazard("H-16")
@pytest.mark.parametrize(
    ("more", "place", "what", "action"),
    [
        (
            "red_flags: [{code: MALIGNANCY_SITE, sign: A sign., action: refer_now}]",
            "9:20",
            "MALIGNANCY_SITE is a question of the project's own",
            "`asks: [MALIGNANCY_SITE]`",
        ),
        (
            "red_flags: [{code: MINE, sign: One., action: refer_now}, "
            "{code: MINE, sign: Two., action: refer_now}]",
            "9:65",
            "MINE is here twice",
            "its own code",
        ),
        (
            'screening: [{code: MALIGNANCY_SITE, ask: "Is it raining?"}]',
            "9:20",
            "MALIGNANCY_SITE is a question of the project's own",
            "`asks: [MALIGNANCY_SITE]`",
        ),
        (
            'screening: [{code: RAYNAUD_COLD_URTICARIA, ask: "Is it raining?"}]',
            "9:20",
            "a question of the project's own",
            "another code",
        ),
        (
            'screening: [{code: MY_OWN, ask: "One?"}, {code: MY_OWN, ask: "Two?"}]',
            "9:49",
            "MY_OWN is here twice",
            "its own code",
        ),
        (
            "red_flags: [{sign: A sign., action: refer_now}]\n"
            f'screening: [{{code: {FLAG}, ask: "Is it raining?"}}]',
            "10:20",
            f"{FLAG} is here twice",
            "its own code",
        ),
        (
            "red_flags: [{sign: A sign., action: refer_now}, {sign: A sign, action: refer_soon}]",
            "9:56",
            "sign is here twice",
            "more urgent",
        ),
        ("asks: [MALIGNANCY_SIGHT]", "9:8", "no code of", "Did you mean MALIGNANCY_SITE?"),
        ("asks: [EYE, EYE]", "9:13", "EYE is here twice", "Keep one"),
        ("ages: []", "9:7", "names no age band", "take the key out"),
        ("ages: [adlt]", "9:8", "expected 'child', 'adult' or 'older'", "one of these"),
    ],
)  # fmt: skip
def test_a_protocol_adds_questions_and_replaces_none(more: str, place: str, what: str, action: str) -> None:
    with pytest.raises(ProtocolInvalid) as caught:
        protocol(FILE.format(family="none", more=more).encode(), "a.yaml")

    (problem,) = caught.value.problems
    assert f"a.yaml:{place}: " in str(problem)
    assert what in problem.what
    assert action in problem.action


def test_thousands_of_codes_that_are_none_are_told_and_few_looked_up() -> None:
    more = f"asks: [{', '.join(f'NONE_{number}' for number in range(4000))}]"

    with pytest.raises(ProtocolInvalid) as caught:
        protocol(FILE.format(family="none", more=more).encode(), "a.yaml")

    assert len(caught.value.problems) == 4000
    assert "contraindications.toml" in caught.value.problems[-1].what
    assert caught.value.problems[-1].action == "Look it up in that file."


def test_the_code_of_a_red_flag_is_made_of_its_sign() -> None:
    more = "red_flags: [{sign: A sign., action: refer_now}]"

    assert protocol(FILE.format(family="none", more=more).encode()).red_flags[0].code == FLAG


@pytest.mark.hazard("H-16")
@pytest.mark.parametrize("family", Family)
def test_the_ages_of_a_protocol_can_only_narrow(family: Family) -> None:
    emits = {
        Family.ULTRASOUND: "{emit: {intensity: 0.3 W/cm², duty: 100 %, carrier: 1 MHz}, for: 1 min}",
        Family.PERCUSSION: "{emit: {speed: 1800 /min}, for: 1 min}",
    }[family]
    text = FILE.replace("{{guide: Breathe., for: 1 min}}", emits.replace("{", "{{").replace("}", "}}"))

    with pytest.raises(ProtocolInvalid) as caught:
        protocol(text.format(family=family, more="ages: [adult, child]").encode(), "a.yaml")

    (problem,) = caught.value.problems
    assert str(problem) == f"a.yaml:9:15: ages.1: {family} is not used on the age band child"
    assert protocol(text.format(family=family, more="ages: [older]").encode()).ages == (AgeBand.OLDER,)


@pytest.mark.hazard("H-16")
def test_a_family_before_which_nothing_is_asked_is_refused() -> None:
    table = tomllib.loads(TEXT)
    for question in table["questions"].values():
        question["action"].pop("percussion", None)
        if not {N, C} & set(question["action"].values()):
            question.pop("weigh", None)

    with pytest.raises(TableInvalid, match="percussion: no question is asked before it"):
        parse(written(table))
