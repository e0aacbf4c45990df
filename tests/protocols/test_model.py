"""What an author may write, and what a file says when its parts do not agree."""

from __future__ import annotations

import pytest

from protocols.errors import Problem, ProtocolInvalid
from protocols.library import parse
from protocols.limits import Family, Layer, Quantity
from protocols.model import Grade, Side
from protocols.steps import EmitStep

SOUND = """\
format: 1
id: calf-test
title: A test
family: ultrasound
body_site: calf
side: left
purpose: For tests.
evidence: {grade: rct_positive, note: Read., sources: [Author 2001]}
limits:
  intensity: 0.5 W/cm²
  duration: 10 min
screening:
  - {code: MY_OWN, ask: Is it so?}
red_flags:
  - {sign: A sign., action: refer_now}
steps:
  - guide: Sit.
    for: 30 s
  - emit: {intensity: 0.44 W/cm², duty: 50 %, carrier: 1 MHz, pulse: 100 Hz}
    for: 5 min
    ramp: 4 s
    say: Move.
  - repeat: 2
    steps:
      - rest: 10 s
        say: Wait.
"""


def wrong(text: str) -> tuple[Problem, ...]:
    """The mistakes in what has to be a wrong file."""
    with pytest.raises(ProtocolInvalid) as invalid:
        parse(text.encode(), "a.yaml")
    return invalid.value.problems


def test_a_sound_file_is_whole_numbers_and_enums() -> None:
    protocol = parse(SOUND.encode(), "a.yaml")

    assert (protocol.family, protocol.side, protocol.evidence.grade) == (
        Family.ULTRASOUND,
        Side.LEFT,
        Grade.RCT_POSITIVE,
    )
    step = protocol.steps[1]
    assert isinstance(step, EmitStep)
    assert (step.duration_ms, step.ramp_ms) == (300_000, 4_000)
    assert len(list(protocol.flat_steps())) == 4


def test_own_limits_are_a_layer_that_remembers_its_lines() -> None:
    bounds = parse(SOUND.encode(), "a.yaml").own_bounds()

    assert [(bound.quantity, bound.at_most, bound.source) for bound in bounds] == [
        (Quantity.INTENSITY_MW_CM2, 500, "a.yaml:10"),
        (Quantity.DELIVERED_MS, 600_000, "a.yaml:11"),
    ]
    assert {bound.layer for bound in bounds} == {Layer.PROTOCOL}


@pytest.mark.parametrize(
    ("was", "becomes", "place", "field", "what", "action"),
    [
        ("format: 1", "format: 2", "1:9", "format", "format 2 is not known here", "newer physioctl"),
        ("format: 1", "format: true", "1:9", "format", "found true; expected a whole number", "`format: 1`"),
        ("format: 1", "format: 1.0", "1:9", "format", "found 1.0; expected a whole number", "`format: 1`"),
        ("format: 1", "format: false", "1:9", "format", "found false; expected a whole", "`format: 1`"),
        ("format: 1", "format: one", "1:9", "format", "found 'one'; expected 1", "one of these"),
        ("format: 1\n", "", "1:1", "format", "is missing", "Add `format:`"),
        ("id: calf-test", "id: Calf Test", "2:5", "id", "found 'Calf Test'", "calf-tightness-ultrasound"),
        ("id: calf-test", "id: ../secrets", "2:5", "id", "found '../secrets'", "name such as"),
        ("title: A test", "title: 5", "3:8", "title", "found 5; expected text", "quote it"),
        ("title: A test", "title:", "3:1", "title", "found nothing; expected text", "quote it"),
        ("title: A test", "title: ' '", "3:8", "title", "says nothing", "Write a line"),
        ("title: A test", "title: " + "x" * 401, "3:8", "title", "401 characters", "shorter"),
        ("title: A test", 'title: "\\e[2J"', "3:8", "title", "control character", "plain text"),
        ("title: A test", 'title: "\\u202Etxt"', "3:8", "title", "control character", "plain text"),
        (
            "family: ultrasound",
            "family: laser",
            "4:9",
            "family",
            "found 'laser'; expected 'ultrasound',",
            "one",
        ),
        (
            "body_site: calf",
            "body_site: claf",
            "5:12",
            "body_site",
            "'claf' is not a body site",
            "Did you mean calf?",
        ),
        ("side: left", "side: both", "6:7", "side", "found 'both'", "one of these"),
        ("purpose: For", "purpos: For", "7:1", "purpos", "no such key", "Did you mean purpose?"),
        ("note: Read.", "nte: Read.", "8:33", "evidence.nte", "no such key", "Did you mean note?"),
        (", sources: [Author 2001]", "", "8:11", "evidence", "rests on a source", "Add `sources:`"),
        ("[Author 2001]", "Author 2001", "8:55", "evidence.sources", "expected a list", "dash"),
        ("0.5 W/cm²", "0.5", "10:14", "limits.intensity", "number without a unit", "0.5 W/cm²"),
        ("0.5 W/cm²", "", "10:3", "limits.intensity", "is left empty", "take the key out"),
        ("0.5 W/cm²", "5 min", "10:14", "limits.intensity", "'min' is not a unit", "0.44 W/cm²"),
        ("0.5 W/cm²", "3.001 W/cm²", "10:14", "limits.intensity", "at most 3 W/cm²", "Stay within"),
        ("duration: 10 min", "energy: 5000 kJ", "11:11", "limits.energy", "at most 54 kJ", "Stay within"),
        ("duration: 10 min", "duration: 31 min", "11:13", "limits.duration", "at most 30 min", "Stay within"),
        ("duration: 10 min", "step: 16 min", "11:9", "limits.step", "at most 15 min", "Stay within"),
        (
            "duration: 10 min",
            "speed: 1800 /min",
            "11:10",
            "limits.speed",
            "ultrasound has no speed",
            "Take it",
        ),
        ("duration: 10 min", "step: 9999999999999 h", "11:9", "limits.step", "more than any number", "5 min"),
        ("MY_OWN", "my own", "13:12", "screening.0.code", "found 'my own'", "DVT_THROMBOPHLEBITIS"),
        ("refer_now", "refer", "15:29", "red_flags.0.action", "expected 'refer_now' or 'refer_soon'", "one"),
        ("guide: Sit.", "gide: Sit.", "17:5", "steps.0", "none of emit, rest, guide, repeat", "mean guide?"),
        (
            "- guide: Sit.",
            "- guide: Sit.\n    emit: {}",
            "17:5",
            "steps.0",
            "has emit and guide",
            "two steps",
        ),
        ("for: 30 s", "for: 30", "18:10", "steps.0.for", "30 is a number without a unit", "30 s"),
        ("for: 30 s", "for: 5 h", "17:3", "steps", "at most 240 min", "Shorten"),
        ("0.44 W/cm²", "3.5 W/cm²", "19:23", "steps.1.emit.intensity", "at most 3 W/cm²", "Stay within"),
        ("0.44 W/cm²", ".nan", "19:23", "steps.1.emit.intensity", "NaN is not a finite number", "0.44 W/cm²"),
        ("0.44 W/cm²", ".inf", "19:23", "steps.1.emit.intensity", "Infinity is not a finite", "0.44 W/cm²"),
        ("0.44 W/cm²", "-1 W/cm²", "19:23", "steps.1.emit.intensity", "is negative", "0.44 W/cm²"),
        ("duty: 50 %", "duty: 101 %", "19:41", "steps.1.emit.duty", "at most 100 %", "Stay within"),
        ("carrier: 1 MHz", "carrier: 1 GHz", "19:56", "steps.1.emit.carrier", "'GHz' is not a unit", "1 MHz"),
        ("carrier: 1 MHz", "carrier: 9 MHz", "19:56", "steps.1.emit.carrier", "at most 5 MHz", "Stay within"),
        (", pulse: 100 Hz", "", "19:11", "steps.1.emit", "`pulse` is missing", "Add `pulse: 100 Hz`"),
        (
            "duty: 50 %",
            "duty: 100 %",
            "19:71",
            "steps.1.emit.pulse",
            "has no pulse repetition",
            "Take `pulse` out",
        ),
        ("ramp: 4 s", "ramp: 301 s", "21:11", "steps.1.ramp", "longer than 1 min", "Shorten it"),
        (
            "family: ultrasound",
            "family: none",
            "19:11",
            "steps.1.emit",
            "gives ultrasound",
            "`family: ultrasound`",
        ),
        (
            "family: ultrasound",
            "family: percussion",
            "19:11",
            "steps.1.emit",
            "gives ultrasound",
            "take the step",
        ),
        ("duty: 50 %", "speed: 1800 /min", "19:35", "steps.1.emit.speed", "no such key", "intensity"),
        ("repeat: 2", "repeat: 51", "23:13", "steps.2.repeat", "less than or equal to 50", "expected"),
        ("repeat: 2", "repeat: 0", "23:13", "steps.2.repeat", "greater than or equal to 1", "expected"),
        ("repeat: 2", "repeat: true", "23:13", "steps.2.repeat", "found true; expected a whole number", "3"),
        ("repeat: 2", "repeat: 2.0", "23:13", "steps.2.repeat", "found 2.0; expected a whole number", "3"),
        ("repeat: 2", "repeat: 2.5", "23:13", "steps.2.repeat", "found 2.5; expected a whole number", "3"),
        ("repeat: 2", "repeat: yes", "23:13", "steps.2.repeat", "found 'yes'; expected a whole number", "3"),
        ("- rest: 10 s\n        say: Wait.", "[]", "25:7", "steps.2.steps", "there is no step", "Add one"),
        (
            "- rest: 10 s\n        say: Wait.",
            "- rest",
            "25:9",
            "steps.2.steps.0",
            "expected a step",
            "Begin it",
        ),
    ],
)
def test_each_problem_says_where_what_and_how_to_correct_it(
    was: str, becomes: str, place: str, field: str, what: str, action: str
) -> None:
    assert was in SOUND

    problems = wrong(SOUND.replace(was, becomes, 1))

    (problem,) = [problem for problem in problems if problem.field == field]
    assert what in problem.what
    assert action in problem.action
    assert str(problem).startswith(f"a.yaml:{place}: {field}: ")


@pytest.mark.parametrize(
    ("limit", "what"),
    [
        ("energy: 5000 kJ", "a plan for percussion has no energy of the session to hold this against"),
        ("energy: 1 J", "a plan for percussion has no energy of the session to hold this against"),
        ("intensity: 0.5 W/cm²", "a plan for percussion has no intensity to hold this against"),
        ("sata: 0.5 W/cm²", "a plan for percussion has no temporal-average intensity to hold this against"),
    ],
)
def test_a_percussion_protocol_cannot_limit_what_percussion_does_not_plan(limit: str, what: str) -> None:
    start, end = SOUND.index("  - guide:"), SOUND.index("  - repeat:")
    text = SOUND[:start] + "  - emit: {speed: 1800 /min}\n    for: 60 s\n" + SOUND[end:]
    text = text.replace("family: ultrasound", "family: percussion").replace("intensity: 0.5 W/cm²", limit)

    (problem,) = wrong(text)

    assert (problem.field, problem.what) == (f"limits.{limit.split(':')[0]}", what)
    assert problem.action == "Take it out. What can be limited: speed, step, duration."


def test_a_family_without_an_emission_says_it_is_guidance() -> None:
    start = SOUND.index("  - emit:")
    (problem,) = wrong(SOUND[:start])

    assert problem.field == "family"
    assert "`family: none`" in problem.action


@pytest.mark.parametrize(("times", "counts"), [((10, 50), True), ((11, 50), False), ((50,) * 10, False)])
def test_repeats_in_repeats_are_counted_before_they_are_written_out(
    times: tuple[int, ...], counts: bool
) -> None:
    text = SOUND[: SOUND.index("  - guide:")].replace("family: ultrasound", "family: none")
    for depth, number in enumerate(times):
        pad = "  " * (2 * depth + 1)
        text += f"{pad}- repeat: {number}\n{pad}  steps:\n"
    text += "  " * (2 * len(times) + 1) + "- rest: 1 s\n"

    if counts:
        assert len(list(parse(text.encode()).flat_steps())) == 500
    else:
        assert any("at most 500 are run" in problem.what for problem in wrong(text))


@pytest.mark.parametrize(
    ("was", "longest"),
    [("ramp: 4 s", "ramp: 60 s"), ("for: 5 min\n    ramp: 4 s", "for: 4 s\n    ramp: 4 s")],
)
def test_a_ramp_may_be_as_long_as_its_step_and_a_minute(was: str, longest: str) -> None:
    assert was in SOUND

    assert len(parse(SOUND.replace(was, longest).encode()).steps) == 3


def test_four_hours_are_run_and_not_a_millisecond_more() -> None:
    rest_ms = 4 * 3_600_000 - 300_000 - 20_000

    assert len(parse(SOUND.replace("for: 30 s", f"for: {rest_ms} ms").encode()).steps) == 3
    assert wrong(SOUND.replace("for: 30 s", f"for: {rest_ms + 1} ms"))
