"""What changed from one protocol to another, in clinical terms."""

from __future__ import annotations

import doctest

import pytest

from protocols import diff as diff_module
from protocols.diff import Change, Kind, diff
from protocols.library import bundled, find, parse
from protocols.model import Protocol
from tests.cases import each

WAS = """\
format: 1
id: calf-test
title: A test
family: ultrasound
body_site: calf
side: left
purpose: For tests.
evidence: {grade: rct_positive, note: Read., sources: [Author 2001]}
limits: {intensity: 0.5 W/cm²}
screening:
  - {code: MY_OWN, ask: Is it so?}
red_flags:
  - {code: A_SIGN, sign: A sign., action: refer_soon}
steps:
  - {guide: Sit., for: 30 s}
  - {emit: {intensity: 0.44 W/cm², duty: 50 %, carrier: 1 MHz, pulse: 100 Hz}, for: 5 min}
  - repeat: 2
    steps:
      - {guide: Stretch., for: 20 s}
      - rest: 10 s
"""


def protocol(text: str) -> Protocol:
    return parse(text.encode(), "a.yaml")


def said(changes: list[Change]) -> list[str]:
    return [str(change) for change in changes]


@each(
    ("was", "now", "what"),
    [
        ("for: 5 min", "for: 6 min", "step 2: 1 min longer: 5 → 6 min"),
        ("for: 5 min", "for: 6 min", "delivered time: +20 %, 5 → 6 min"),
        ("for: 5 min", "for: 90 s", "step 2: 210 s shorter: 5 min → 90 s"),
        ("{intensity: 0.5 W", "{intensity: 0.4 W", "limit on intensity: lower: 0.5 → 0.4 W/cm²"),
        ("{intensity: 0.5 W", "{intensity: 0.6 W", "limit on intensity: higher: 0.5 → 0.6 W/cm²"),
        ("limits: {intensity: 0.5 W/cm²}\n", "", "limit on intensity: taken out: was 0.5 W/cm²"),
        ("0.5 W/cm²}", "0.5 W/cm², step: 6 min}", "limit on time of one emission: added: 6 min"),
        ("0.44 W/cm²", "0.4 W/cm²", "step 2: intensity lower: 0.44 → 0.4 W/cm²"),
        ("0.44 W/cm²", "0.4 W/cm²", "dose: -9 %, 65.67 → 59.7 J per cm² of the head"),
        ("for: 5 min}", "for: 5 min, ramp: 10 s}", "step 2: ramp longer: 3 → 10 s"),
        ("for: 5 min}", "for: 5 min, say: Move.}", "step 2: reworded: “” → “Move.”"),
        ("repeat: 2", "repeat: 3", "step 3: 3 times instead of 2"),
        ("rest: 10 s", "rest: 15 s", "step 3.2: 5 s longer: 10 → 15 s"),
        ("  - {guide: Sit., for: 30 s}\n", "", "step 1: taken out: 30 s guide: Sit."),
        ("steps:\n  - {g", "steps:\n  - rest: 5 s\n  - {g", "new step 1: added: 5 s rest"),
        ("code: MY_OWN", "code: ANOTHER", "question ANOTHER: added: “Is it so?”"),
        ("code: MY_OWN", "code: ANOTHER", "question MY_OWN: taken out: “Is it so?”"),
        ("Is it so?", "Is it?", "question MY_OWN: reworded: “Is it so?” → “Is it?”"),
        ("refer_soon", "refer_now", "red flag A_SIGN: more urgent: refer_soon → refer_now"),
        ("rct_positive", "conflicting", "evidence grade: rct_positive → conflicting"),
        ("Author 2001", "Author 2002", "source: added: Author 2002"),
        ("side: left", "side: right", "side: left → right"),
        ("body_site: calf", "body_site: thigh", "body site: calf → thigh"),
        ("side: left", "side: left\nages: [adult]", "ages: those of the family → adult"),
        ("For tests.", "For another.", "purpose: reworded: “For tests.” → “For another.”"),
    ],
)
def test_a_change_is_said_in_clinical_terms(was: str, now: str, what: str) -> None:
    changes = diff(protocol(WAS), protocol(WAS.replace(was, now, 1)))

    assert what in said(changes)
    assert all(change.clinical for change in changes)


def test_a_step_that_stands_elsewhere_is_said_to_be_there() -> None:
    lines = WAS.splitlines(keepends=True)
    lines[14], lines[15] = lines[15], lines[14]

    assert said(diff(protocol(WAS), protocol("".join(lines)))) == [
        "step 1: order changed, now step 2: 30 s guide: Sit."
    ]


@each(
    ("was", "now", "kind"),
    [
        ("id: calf-test", "id: calf-other", Kind.NAME),
        ("title: A test", "title: Another test", Kind.NAME),
        ("for: 5 min}", "for: 300 s, ramp: 3000 ms}", Kind.WRITING),  # the ramp that it has without it
        (
            "  - repeat: 2\n    steps:\n      - {guide: Stretch., for: 20 s}\n      - rest: 10 s\n",
            "  - {guide: Stretch., for: 20 s}\n  - rest: 10 s\n" * 2,
            Kind.WRITING,
        ),
    ],
)
def test_a_name_and_a_way_of_writing_are_no_clinical_difference(was: str, now: str, kind: Kind) -> None:
    changes = diff(protocol(WAS), protocol(WAS.replace(was, now, 1)))

    assert [(change.kind, change.clinical) for change in changes] == [(kind, False)]


def test_what_is_the_same_in_other_units_has_no_difference() -> None:
    assert diff(protocol(WAS), protocol(WAS.replace("5 min", "300 s").replace("0.44 W", "440 mW"))) == []


def test_a_dose_that_changes_a_little_never_changes_by_nothing() -> None:
    long = WAS.replace("5 min", "600000 ms")

    changes = said(diff(protocol(long), protocol(long.replace("600000 ms", "600001 ms"))))

    assert [line for line in changes if line.startswith("delivered")] == [
        "delivered time: more by under 0.1 %, 10 min → 600.001 s"
    ]


def test_the_longest_protocols_that_there_can_be_are_compared() -> None:
    steps = [f"  - rest: {number + 1} s\n" for number in range(150)]
    both = [
        protocol(WAS[: WAS.index("family")] + NONE + "".join(order)) for order in (steps, reversed(steps))
    ]

    changes = diff(*both)

    assert len(changes) >= 75


NONE = """family: none
body_site: calf
side: left
purpose: For tests.
evidence: {grade: none, note: Nothing.}
steps:
"""


@pytest.mark.parametrize("id_", bundled())
def test_nothing_is_changed_from_a_protocol_to_itself(id_: str) -> None:
    assert diff(find(id_), find(id_)) == []


def test_any_two_protocols_that_ship_differ_clinically_in_both_directions() -> None:
    shipped = [find(id_) for id_ in bundled()]

    for was in shipped:
        for now in shipped:
            assert any(change.clinical for change in diff(was, now)) is (was.id != now.id)


def test_what_its_documentation_shows_is_what_happens() -> None:
    assert doctest.testmod(diff_module) == (0, 5)
