"""For whom: the reference, the side, what the site has had, and a session that broke off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import click
import pytest

from device.clock import VirtualClock
from device.control.handshake import perform_handshake
from device.operator import SessionAction
from physioctl.guided.person import about, choose_person, choose_side, unfinished
from physioctl.guided.unit import Ready
from physioctl.record.history import sessions
from physioctl.record.journal import Journal
from physioctl.rehearsal.rig import Rig
from physioctl.runner import Request, run_session
from physioctl.screening import Answers, day_of
from protocols.library import find
from protocols.model import Side
from tests.support import SECOND_MS, CountedLink, screened
from tests.typist import Typist

CALF = find("calf-tightness-percussion")
GUIDANCE = find("night-calf-cramp-prevention")
CHECK = find("unit-check-percussion")
STOPPED_AFTER_MS = 100 * SECOND_MS  # more than half of its output has been given by then
UNASKED = Request(CALF, "left", "p-017", Answers())


def gun(minutes: int = 0, stopped_at_ms: int | None = None) -> Rig:
    """A massage gun that counts as real, some minutes after the clock's beginning."""
    clock = VirtualClock(VirtualClock().utc() + timedelta(minutes=minutes))
    actions = () if stopped_at_ms is None else ((stopped_at_ms, SessionAction.STOP),)
    return Rig("ultragun", clock=clock, link=CountedLink, actions=actions)


def given(journal: Journal, rig: Rig, request: Request = UNASKED) -> None:
    answers = screened(request.protocol, on=day_of(rig.clock), person=request.person)
    run_session(replace(request, answers=answers), rig.driver, journal)


def ready(simulated: bool = False) -> Ready:
    rig = gun()
    return Ready("a port", "native", rig.driver.run(perform_handshake(rig.controller)), simulated, ())


@pytest.fixture
def journal() -> Iterator[Journal]:
    """The journal of a computer whose clock says an hour after the first session."""
    with Journal.in_memory(VirtualClock(VirtualClock().utc() + timedelta(hours=1))) as made:
        yield made


# --- the side, and the reference ------------------------------------------------------------------------


@pytest.mark.parametrize(("typed", "side"), [("l", "left"), ("RIGHT", "right")])
def test_the_side_is_asked_where_the_protocol_leaves_it_open(typed: str, side: str) -> None:
    typist = Typist(["", "both", typed])

    assert choose_side(typist, CALF) == side
    assert typist.screen.count("Which side?") == 3


def test_the_side_is_not_asked_where_the_protocol_names_it() -> None:
    assert choose_side(Typist([]), CHECK) == Side.NONE
    assert choose_side(Typist([]), CALF.model_copy(update={"side": Side.LEFT})) == "left"


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize("wrong", ["", "Anna B", "P 017", "\x1b[2J", "‮", "p" * 10_000])
def test_a_reference_that_is_none_is_asked_for_again(journal: Journal, wrong: str) -> None:
    typist = Typist([wrong, "P-017", "y"])

    assert choose_person(typist, CALF, journal) == "p-017"
    assert "is not a person's reference" in typist.screen
    assert len(typist.screen) < 1500


@pytest.mark.hazard("H-02")
def test_a_reference_that_the_journal_does_not_have_is_confirmed(journal: Journal) -> None:
    given(journal, gun())
    typist = Typist(["P-071", "n", "P-017"])

    assert choose_person(typist, CALF, journal) == "p-017"
    assert typist.screen.count("is not in this journal. New?") == 1


def test_nobody_has_to_be_named_for_guidance_and_nobody_is_on_the_bench(journal: Journal) -> None:
    assert choose_person(Typist([""]), GUIDANCE, journal) is None
    assert choose_person(Typist(["P-017", "y"]), GUIDANCE, journal) == "p-017"
    assert choose_person(Typist([]), CHECK, journal) is None


# --- what is known --------------------------------------------------------------------------------------


def test_it_says_when_the_person_was_last_here_and_what_the_site_has_had(journal: Journal) -> None:
    given(journal, gun())

    last, had = about(journal, "p-017", CALF, "left")

    assert last.startswith("p-017 was last here on ")
    assert last.endswith(f"{CALF.title} (left calf), completed.")
    assert had.startswith(
        "left calf, percussion, in the last 24 h, by this journal alone: 1 session, 2:00 of output, "
        "the last at "
    )


def test_the_other_side_has_had_nothing(journal: Journal) -> None:
    given(journal, gun())

    assert list(about(journal, "p-017", CALF, "right"))[1:] == [
        "right calf, percussion, in the last 24 h, by this journal alone: nothing."
    ]


def test_of_a_person_who_was_never_here_nothing_is_known(journal: Journal) -> None:
    assert list(about(journal, "p-017", CALF, "left")) == [
        "left calf, percussion, in the last 24 h, by this journal alone: nothing."
    ]


# --- a session that broke off ---------------------------------------------------------------------------


@pytest.mark.parametrize(("typed", "rest"), [("r", True), ("rest", True), ("anew", False)])
def test_a_session_that_broke_off_is_offered(journal: Journal, typed: str, rest: bool) -> None:
    given(journal, gun(stopped_at_ms=STOPPED_AFTER_MS))
    (broken,) = sessions(journal)
    typist = Typist(["", typed])

    request = unfinished(typist, journal, ready(), UNASKED)

    assert request == replace(UNASKED, rest_of=broken.id if rest else None)
    assert "of 2:00 had been delivered. " not in typist.screen
    assert "broke off at" in typist.screen


@pytest.mark.parametrize("typed", ["nothing", "n"])
def test_nothing_can_be_chosen(journal: Journal, typed: str) -> None:
    given(journal, gun(stopped_at_ms=STOPPED_AFTER_MS))

    assert unfinished(Typist([typed]), journal, ready(), UNASKED) is None


def test_the_rest_of_another_protocol_at_this_site_is_offered_as_well(journal: Journal) -> None:
    given(journal, gun(stopped_at_ms=STOPPED_AFTER_MS))
    other = replace(UNASKED, protocol=find("night-calf-cramp-percussion"))

    request = unfinished(Typist(["r"]), journal, ready(), other)

    assert request is not None
    assert request.protocol == CALF


@pytest.mark.parametrize(
    "anew",
    [
        replace(UNASKED, side="right"),
        replace(UNASKED, person="p-018"),
        replace(UNASKED, person=None),
        replace(UNASKED, protocol=find("thigh-spasm-percussion")),
    ],
)
def test_what_broke_off_elsewhere_is_not_offered(journal: Journal, anew: Request) -> None:
    given(journal, gun(stopped_at_ms=STOPPED_AFTER_MS))

    assert unfinished(Typist([]), journal, ready(), anew) == anew


def test_a_session_that_ran_to_its_end_is_not_offered(journal: Journal) -> None:
    given(journal, gun())

    assert unfinished(Typist([]), journal, ready(), UNASKED) == UNASKED


def test_a_session_that_broke_off_on_a_simulated_unit_is_not_offered_on_a_real_one(journal: Journal) -> None:
    answers = screened(CALF, person="p-017")
    rig = Rig("ultragun", actions=((STOPPED_AFTER_MS, SessionAction.STOP),))
    run_session(replace(UNASKED, answers=answers), rig.driver, journal)

    assert unfinished(Typist([]), journal, ready(), UNASKED) == UNASKED


def test_a_rest_that_has_been_given_is_not_offered_again(journal: Journal) -> None:
    given(journal, gun(stopped_at_ms=STOPPED_AFTER_MS))
    (broken,) = sessions(journal)
    given(journal, gun(minutes=10), replace(UNASKED, rest_of=broken.id))

    assert unfinished(Typist([]), journal, ready(), UNASKED) == UNASKED


def test_a_terminal_that_closes_ends_the_program(journal: Journal) -> None:
    given(journal, gun(stopped_at_ms=STOPPED_AFTER_MS))

    with pytest.raises(click.Abort):
        unfinished(Typist([]), journal, ready(), UNASKED)
