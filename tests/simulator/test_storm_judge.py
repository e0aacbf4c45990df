"""The judge can fail a session: a unit or a controller is made worse in one way, and its rule says so."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from device.operator import SessionAction
from physioctl.rehearsal.storm.campaign import shortest
from physioctl.rehearsal.storm.fences import permit_anything
from physioctl.rehearsal.storm.host import Freeze, SlowDisk
from physioctl.rehearsal.storm.judge import Rule
from physioctl.rehearsal.storm.play import Outcome, Parts, play
from physioctl.rehearsal.storm.scenario import Scenario
from physioctl.rehearsal.storm.second_program import OtherRequest
from physioctl.rehearsal.storm.time_to_safe import LEASE_MS
from simulator.faults import Fault, FaultKind
from tests.simulator.worse_parts import (
    Abrupt,
    Acknowledging,
    Blind,
    Boastful,
    Bypassing,
    Clumsy,
    Credulous,
    Deaf,
    Eager,
    Endless,
    Endlessly,
    Exclusive,
    Forgetful,
    Forging,
    FullDuty,
    Greedy,
    HalfCounting,
    Hasty,
    Hopeful,
    Hurried,
    Impatient,
    Interrupting,
    Keen,
    Leaseless,
    Loud,
    Offended,
    Overlong,
    Presuming,
    Rampless,
    Spinning,
    Sudden,
    Trusting,
    Unasked,
    Unbounded,
    UnboundedTimer,
    Uncounting,
    Undated,
    Undercounting,
    Undeterred,
    Unending,
    Unhurried,
    Unpausing,
    Unpermitted,
    Unstoppable,
    Untimed,
    Untimely,
    Untokened,
    Unwatchful,
    Waiting,
)

UNDISTURBED = Scenario(1, "us111", "storm-steady")
LEVELS = Scenario(1, "us111", "storm-levels")
DEATH = Scenario(1, "us111", "storm-steady", death_ms=5000)
PAUSED = Scenario(1, "us111", "storm-steady", actions=((5000, SessionAction.PAUSE),))
STOPPED = Scenario(1, "us111", "storm-steady", actions=((5000, SessionAction.STOP),))
STOPPED_UNSEEN = replace(STOPPED, faults=(Fault(FaultKind.LYING_SENSOR, 4900, 5000, 1.0),))
DEAF = Scenario(1, "us111", "storm-steady", faults=(Fault(FaultKind.HALF_OPEN, 5000, 4000, 1.0),))
SWAPPED = Scenario(1, "us111", "storm-steady", faults=(Fault(FaultKind.SWAPPED, 5000, 20_000),))
AT_THE_END = Scenario(1, "us111", "storm-steady", freezes=(Freeze(11_900, 2000),))
LIFTED = Scenario(1, "us111", "storm-steady", faults=(Fault(FaultKind.LIFT_OFF, 5000, 2000, 0.02),))
LIFTED_IN_A_RAMP = Scenario(1, "us111", "storm-levels", faults=(Fault(FaultKind.LIFT_OFF, 6700, 1000, 0.02),))
STUCK_AND_CUT = Scenario(
    1,
    "us111",
    "storm-steady",
    faults=(Fault(FaultKind.STUCK_OUTPUT, 5000, 20_000), Fault(FaultKind.CABLE_PULLED, 6200, 20_000)),
    actions=((6000, SessionAction.STOP),),
)
STUCK_SLOW_AND_CUT = replace(
    STUCK_AND_CUT, faults=(*STUCK_AND_CUT.faults, Fault(FaultKind.SLOW_CLOCK, 5500, 20_000, 0.15))
)
STUCK_IN_A_PAUSE = replace(STUCK_AND_CUT, actions=((4000, SessionAction.PAUSE),))
# The rest is over between the two, so that the stop hides that the pause was not heeded.
PAUSED_THEN_STOPPED = replace(LEVELS, actions=((6400, SessionAction.PAUSE), (6800, SessionAction.STOP)))


STARTED = replace(LEVELS, awaits_start=True, actions=((3000, SessionAction.START),))
UNWATCHED = Parts(controller=Unwatchful)
PULSED = Scenario(1, "us111", "storm-pulsed")


def at_fault(scenario: Scenario, kind: FaultKind, amount: float) -> Scenario:
    """The scenario of a unit that is at fault from five seconds on."""
    return replace(scenario, faults=(Fault(kind, 5000, 60_000, amount),))


def unmetered(scenario: Scenario) -> Scenario:
    """The same with a meter that counts nothing, so that no energy ceiling ends the output."""
    return replace(scenario, faults=(*scenario.faults, Fault(FaultKind.LYING_METER, 5000, 60_000, 0.0)))


def from_the_start(kind: FaultKind, amount: float) -> Scenario:
    """The scenario of a unit that says of itself what is not so."""
    return replace(UNDISTURBED, faults=(Fault(kind, 0, 60_000, amount),))


SUSPENDED_FOR_LONG = replace(
    UNDISTURBED,
    faults=(
        Fault(FaultKind.LIFT_OFF, 5000, 70_000, 0.02),
        Fault(FaultKind.ENDLESS_SUSPENSION, 1000, 300_000),
    ),
)


SLOW_DISK = replace(LEVELS, disk=SlowDisk(3000))
HELD_WHILE_THE_DISK_IS_STOPPED = replace(
    UNDISTURBED, faults=(Fault(FaultKind.LIFT_OFF, 5000, 35_000, 0.02),), disk=SlowDisk(1000, stops_ms=4000)
)


def stopped_elsewhere(at_ms: int) -> Scenario:
    """The scenario of a unit that a second program stops: in guidance, in a step of output, or in a rest."""
    return replace(LEVELS, elsewhere=(OtherRequest(at_ms, 40_000, stop=True),))


def while_off(*actions: SessionAction) -> Scenario:
    """Acts in the rest after the first step of three, half a second apart."""
    return replace(
        LEVELS, actions=tuple((5500 + 500 * index, action) for index, action in enumerate(actions))
    )


def in_the_handshake(*actions: SessionAction) -> Scenario:
    """Acts before the session has begun."""
    return replace(LEVELS, actions=tuple((5 + index, action) for index, action in enumerate(actions)))


@pytest.mark.parametrize(
    ("scenario", "parts", "rule"),
    [
        (UNDISTURBED, Parts(unit=Loud), Rule.LEVEL),
        (DEATH, Parts(unit=Leaseless), Rule.LEASE),
        (DEATH, Parts(unit=Leaseless), Rule.EXPECTED_OFF),
        (DEATH, Parts(unit=Leaseless), Rule.SLOW),
        (DEATH, Parts(unit=Leaseless), Rule.STOP),
        (DEAF, Parts(Undated, Blind), Rule.BLIND),
        (DEAF, Parts(Undated, Blind), Rule.SLOW),
        (AT_THE_END, Parts(unit=Untimed), Rule.DOSE),
        (LEVELS, Parts(Unending, Unwatchful), Rule.TIME),
        (UNDISTURBED, Parts(HalfCounting, Unwatchful), Rule.TIME),
        (UNDISTURBED, Parts(HalfCounting, Unwatchful), Rule.DOSE),
        (LEVELS, Parts(Hasty, Unwatchful), Rule.TIME),
        (PULSED, Parts(unit=FullDuty), Rule.AVERAGE),
        (at_fault(PULSED, FaultKind.WRONG_DUTY, 100), UNWATCHED, Rule.SLOW),
        (unmetered(at_fault(PULSED, FaultKind.WRONG_DUTY, 100)), UNWATCHED, Rule.DOSE),
        (at_fault(PULSED, FaultKind.LYING_DUTY, 100), UNWATCHED, Rule.SLOW),
        (at_fault(UNDISTURBED, FaultKind.LYING_METER, 0), UNWATCHED, Rule.RECORD),
        (at_fault(UNDISTURBED, FaultKind.LYING_METER, 3), UNWATCHED, Rule.RECORD),
        (at_fault(UNDISTURBED, FaultKind.LYING_SESSION, 7), UNWATCHED, Rule.SLOW),
        (at_fault(UNDISTURBED, FaultKind.LYING_SESSION, 7), UNWATCHED, Rule.RECORD),
        (unmetered(at_fault(UNDISTURBED, FaultKind.LYING_COUNT, 0.5)), UNWATCHED, Rule.TIME),
        (unmetered(at_fault(UNDISTURBED, FaultKind.ENDLESS_STEP, 0)), UNWATCHED, Rule.TIME),
        (at_fault(UNDISTURBED, FaultKind.ENDLESS_LEASE, 0), UNWATCHED, Rule.SLOW),
        (SUSPENDED_FOR_LONG, UNWATCHED, Rule.RISE),
        (from_the_start(FaultKind.MISSING_SENSOR, 2), Parts(controller=Trusting), Rule.ADMIT),
        (from_the_start(FaultKind.WILD_AREA, 65_535), Parts(controller=Trusting), Rule.ADMIT),
        (from_the_start(FaultKind.FUTURE_CALIBRATION, 65_535), Parts(controller=Trusting), Rule.ADMIT),
        (UNDISTURBED, Parts(unit=Rampless), Rule.RAMP),
        (UNDISTURBED, Parts(controller=partial(Sudden, guard=permit_anything)), Rule.RAMP),
        (LIFTED, Parts(unit=Abrupt), Rule.RAMP),
        (LIFTED_IN_A_RAMP, Parts(unit=Hurried), Rule.RAMP),
        (PAUSED, Parts(controller=Eager), Rule.RISE),
        (PAUSED, Parts(controller=Presuming), Rule.RISE),
        (while_off(SessionAction.STOP), Parts(controller=Unstoppable), Rule.RISE),
        (while_off(SessionAction.STOP, SessionAction.RESUME), Parts(controller=Unstoppable), Rule.RISE),
        (while_off(SessionAction.STOP), Parts(controller=Deaf), Rule.RISE),
        (while_off(SessionAction.PAUSE), Parts(controller=Unpausing), Rule.RISE),
        (while_off(SessionAction.PAUSE), Parts(controller=Deaf), Rule.RISE),
        (STARTED, Parts(controller=Unasked), Rule.UNSTARTED),
        (STARTED, Parts(controller=Unasked), Rule.RISE),
        (STARTED, Parts(controller=Keen), Rule.UNSTARTED),
        (STARTED, Parts(controller=Keen), Rule.RISE),
        (PAUSED_THEN_STOPPED, Parts(controller=Unpausing), Rule.RISE),
        (in_the_handshake(SessionAction.STOP), Parts(controller=Deaf), Rule.RISE),
        (in_the_handshake(SessionAction.PAUSE), Parts(controller=Unpausing), Rule.RISE),
        (replace(LIFTED, actions=((5500, SessionAction.PAUSE),)), Parts(controller=Waiting), Rule.RISE),
        (LEVELS, Parts(controller=partial(Greedy, guard=permit_anything)), Rule.STEP),
        (replace(UNDISTURBED, lower_ms=5000), Parts(controller=Forgetful), Rule.LOWER),
        (replace(LEVELS, lower_ms=6000), Parts(controller=Forgetful), Rule.STEP),
        (STOPPED, Parts(controller=Boastful), Rule.CONFIRMATION),
        (STOPPED_UNSEEN, Parts(controller=Boastful), Rule.CONFIRMATION),
        (STUCK_AND_CUT, Parts(controller=Hopeful), Rule.CONFIRMATION),
        (STUCK_SLOW_AND_CUT, Parts(controller=Hopeful), Rule.CONFIRMATION),
        (STUCK_IN_A_PAUSE, Parts(controller=Hopeful), Rule.CONFIRMATION),
        (SWAPPED, Parts(controller=Credulous), Rule.CONFIRMATION),
        (STOPPED, Parts(controller=Deaf), Rule.SLOW),
        (replace(LEVELS, actions=((6400, SessionAction.STOP),)), Parts(controller=Deaf), Rule.SLOW),
        (UNDISTURBED, Parts(unit=Undercounting), Rule.RECORD),
        (UNDISTURBED, Parts(driver=Forging), Rule.CHAIN),
        (UNDISTURBED, Parts(unit=Offended), Rule.BREACH),
        (UNDISTURBED, Parts(controller=Bypassing), Rule.BREACH),
        (PAUSED, Parts(controller=Clumsy), Rule.ESCAPED),
        (UNDISTURBED, Parts(controller=Overlong), Rule.ESCAPED),
        (stopped_elsewhere(500), Parts(controller=Undeterred), Rule.ELSEWHERE),
        (stopped_elsewhere(3000), Parts(controller=Undeterred), Rule.ELSEWHERE),
        (stopped_elsewhere(6000), Parts(controller=Undeterred), Rule.ELSEWHERE),
        (stopped_elsewhere(3000), Parts(unit=Exclusive), Rule.SLOW),
        (SLOW_DISK, Parts(disk=Acknowledging), Rule.UNRECORDED),
        (SLOW_DISK, Parts(controller=Impatient), Rule.UNRECORDED),
        (SLOW_DISK, Parts(driver=Untimely), Rule.UNRECORDED),
        (UNDISTURBED, Parts(controller=Unpermitted), Rule.UNRECORDED),
        (HELD_WHILE_THE_DISK_IS_STOPPED, Parts(controller=Unhurried), Rule.SLOW),
        (UNDISTURBED, Parts(controller=Endless), Rule.HUNG),
        (UNDISTURBED, Parts(controller=Spinning), Rule.HUNG),
    ],
    ids=lambda value: value.name.lower() if isinstance(value, Rule) else None,
)
def test_the_judge_catches_what_was_made_worse(scenario: Scenario, parts: Parts, rule: Rule) -> None:
    sound, worse = play(scenario), play(scenario, parts)

    assert sound.violations == ()
    assert rule in {violation.rule for violation in worse.violations}


def on_modbus(scenario: Scenario, host_loss: str) -> Scenario:
    """The same scenario of a Modbus unit."""
    return replace(scenario, dialect="modbus", host_loss=host_loss)


# Each answer comes late by one request, and the stop right after a start.
LATE_BY_ONE = replace(
    LEVELS, faults=(Fault(FaultKind.BYTES_LATE, 500, 4000, 130.0),), actions=((1240, SessionAction.STOP),)
)
DEATH_AT_THE_START = replace(UNDISTURBED, death_ms=200)
STOPPED_AMID_AN_ANSWER = replace(PULSED, actions=((514, SessionAction.STOP),))
CUT = replace(UNDISTURBED, faults=(Fault(FaultKind.CABLE_PULLED, 5000, 20_000),))
UNHEARD = replace(UNDISTURBED, faults=(Fault(FaultKind.HALF_OPEN, 5000, 60_000, 0.0),))
KINDS = ("lease", "timer", "none")


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize(
    ("scenario", "parts", "rule", "kinds"),
    [
        (CUT, Parts(controller=Boastful), Rule.CONFIRMATION, KINDS),
        (CUT, Parts(controller=Hopeful), Rule.CONFIRMATION, ("none",)),
        (UNHEARD, Parts(controller=Hopeful), Rule.CONFIRMATION, ("none",)),
        (UNDISTURBED, Parts(controller=Unbounded), Rule.ESCAPED, ("timer",)),
        (UNDISTURBED, Parts(controller=partial(Unbounded, guard=permit_anything)), Rule.BREACH, ("timer",)),
        (
            DEATH_AT_THE_START,
            Parts(UnboundedTimer, partial(Unbounded, guard=permit_anything)),
            Rule.SLOW,
            ("timer",),
        ),
        (LATE_BY_ONE, Parts(dialect=Untokened), Rule.CONFIRMATION, KINDS),
        (STOPPED_AMID_AN_ANSWER, Parts(controller=Interrupting), Rule.LINE, KINDS),
        (STOPPED, Parts(controller=Deaf), Rule.SLOW, KINDS),
        (at_fault(UNDISTURBED, FaultKind.AGEING, 0.5), UNWATCHED, Rule.SLOW, KINDS),
        (LEVELS, Parts(controller=partial(Greedy, guard=permit_anything)), Rule.STEP, KINDS),
        (DEATH, Parts(unit=Endlessly), Rule.STOP, ("timer",)),
        (unmetered(at_fault(UNDISTURBED, FaultKind.ENDLESS_STEP, 0)), UNWATCHED, Rule.TIME, ("timer",)),
        (UNDISTURBED, Parts(controller=Uncounting), Rule.RECORD, ("none",)),
    ],
    ids=lambda value: value.name.lower() if isinstance(value, Rule) else None,
)
def test_the_judge_catches_what_was_made_worse_on_modbus_units(
    scenario: Scenario, parts: Parts, rule: Rule, kinds: tuple[str, ...]
) -> None:
    for host_loss in kinds:
        sound, worse = play(on_modbus(scenario, host_loss)), play(on_modbus(scenario, host_loss), parts)

        assert sound.violations == (), host_loss
        assert rule in {violation.rule for violation in worse.violations}, host_loss


@pytest.mark.parametrize(
    "scenario",
    [
        while_off(SessionAction.PAUSE, SessionAction.RESUME),
        while_off(SessionAction.RESUME),
        in_the_handshake(SessionAction.PAUSE, SessionAction.RESUME),
        replace(LEVELS, actions=((5, SessionAction.PAUSE), (3000, SessionAction.RESUME))),
        replace(LEVELS, awaits_start=True, actions=((5, SessionAction.PAUSE), (3000, SessionAction.START))),
        replace(LEVELS, actions=((1500, SessionAction.SKIP), (5600, SessionAction.SKIP))),
        replace(while_off(SessionAction.PAUSE, SessionAction.RESUME), freezes=(Freeze(5400, 1500),)),
    ],
)
def test_who_wanted_output_off_and_then_on_again_has_it(scenario: Scenario) -> None:
    outcome = play(scenario)

    assert (outcome.ended, outcome.violations) == ("completed", ())


@pytest.mark.parametrize("stuck_ms", range(6000, 6013, 2))
def test_nobody_is_blamed_for_output_that_has_stuck_since_the_last_word_of_the_unit(stuck_ms: int) -> None:
    stuck = Fault(FaultKind.STUCK_OUTPUT, stuck_ms, 20_000)

    outcome = play(replace(UNDISTURBED, actions=((6000, SessionAction.STOP),), faults=(stuck,)))

    assert outcome.violations == ()


@pytest.mark.parametrize("stop_ms", range(1016, 1052))
def test_nobody_is_blamed_for_a_start_on_its_way_to_a_unit_that_somebody_else_stops(stop_ms: int) -> None:
    outcome = play(stopped_elsewhere(stop_ms))

    assert (outcome.ended, outcome.violations) == ("interrupted", ())


@pytest.mark.parametrize("pause_ms", range(2990, 3012, 2))
@pytest.mark.parametrize("freezes", [(), (Freeze(2960, 1500),)])
def test_nobody_is_blamed_for_a_stop_that_a_pause_of_ones_own_has_hidden(
    pause_ms: int, freezes: tuple[Freeze, ...]
) -> None:
    actions = ((pause_ms, SessionAction.PAUSE), (6000, SessionAction.RESUME))

    outcome = play(replace(stopped_elsewhere(3000), actions=actions, freezes=freezes))

    assert outcome.violations == ()


def test_nobody_is_blamed_for_output_that_has_stuck_behind_a_sensor_that_lies() -> None:
    lying = Fault(FaultKind.LYING_SENSOR, 4900, 20_000, 0.0)

    outcome = play(replace(STUCK_AND_CUT, faults=(lying, *STUCK_AND_CUT.faults)))

    assert outcome.violations == ()


@pytest.mark.hazard("H-05")
def test_a_host_that_renews_blind_gets_no_more_time_from_a_unit_that_dates_its_leases() -> None:
    outcome = play(DEAF, Parts(controller=Blind))

    assert outcome.violations == ()
    assert all(figure.took_ms <= LEASE_MS for figure in outcome.figures)


def test_every_rule_is_shown_to_catch_something() -> None:
    (mark,) = [
        mark
        for mark in test_the_judge_catches_what_was_made_worse.pytestmark  # type: ignore[attr-defined]  # pytest's
        if mark.name == "parametrize"
    ]

    on_modbus_units = {Rule.LINE}  # there is no half-duplex line but theirs
    assert {rule for _, _, rule in mark.args[1]} == set(Rule) - on_modbus_units


def test_the_shortest_scenario_that_still_fails_is_the_one_that_is_told() -> None:
    parts = Parts(controller=Deaf)
    long = Scenario(
        1,
        "us111",
        "storm-steady",
        faults=(Fault(FaultKind.LIFT_OFF, 1000, 500, 0.02),),
        actions=((3000, SessionAction.RESUME), (5000, SessionAction.STOP)),
        freezes=(Freeze(2000, 60),),
    )

    def replay(scenario: Scenario) -> Outcome:
        return play(scenario, parts)

    assert shortest(replay(long), replay).scenario == STOPPED
