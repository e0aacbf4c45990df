"""The judge can fail a session: a unit or a controller is made worse in one way, and its rule says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from device.controller import Controller
from device.dialect import Cleared, Intent, Renew, SetOutput
from device.events import Silence, Witness
from device.machine import State
from device.operator import Act
from device.wire import messages as wire
from physioctl.journal import SessionLog
from protocols.plan import Emit, Ultrasound, level
from simulator.faults import Fault, FaultKind
from simulator.firmware import Firmware
from simulator.record import Breach
from simulator.storm.campaign import shortest
from simulator.storm.hazards import LEASE_MS
from simulator.storm.host import Freeze
from simulator.storm.judge import Rule
from simulator.storm.play import Outcome, Parts, play
from simulator.storm.story import Story
from simulator.unit import SimulatedUnit

QUIET = Story(1, "us111", "storm-steady")
LEVELS = Story(1, "us111", "storm-levels")
DEATH = Story(1, "us111", "storm-steady", death_ms=5000)
PAUSED = Story(1, "us111", "storm-steady", acts=((5000, Act.PAUSE),))
STOPPED = Story(1, "us111", "storm-steady", acts=((5000, Act.STOP),))
DEAF = Story(1, "us111", "storm-steady", faults=(Fault(FaultKind.HALF_OPEN, 5000, 4000, 1.0),))
AT_THE_END = Story(1, "us111", "storm-steady", freezes=(Freeze(11_900, 2000),))


class Loud(SimulatedUnit):
    """Gives more than it was set to."""

    @property
    def output(self) -> float:
        return super().output * 1.3


class Undercounting(SimulatedUnit):
    """Has given more than anybody counts."""

    @property
    def delivered_ms(self) -> int:
        return super().delivered_ms + 2000


class Offended(SimulatedUnit):
    """Has been asked what it should not have been."""

    def __init__(self, model: str, **others: Any) -> None:
        super().__init__(model, **others)
        self.breaches.append(Breach(0, 10, "a level above the ceiling"))  # type: ignore[arg-type]  # any result


class Reworked(SimulatedUnit):
    """Runs another firmware."""

    firmware: type[Firmware] = Firmware

    def _boot(self, own_ms: int) -> None:
        super()._boot(own_ms)
        self._firmware.__class__ = self.firmware


class LeaselessFirmware(Firmware):
    """Goes on when its lease has run out."""

    lapsed = False

    def _lapse(self, own_ms: int) -> None:
        self.lapsed = True
        self.lease_until_ms = own_ms + 500

    def lease_is_live(self, own_ms: int) -> bool:
        return not self.lapsed and super().lease_is_live(own_ms)


class Leaseless(Reworked):
    firmware = LeaselessFirmware


class UndatedFirmware(Firmware):
    """Counts a lease from when it is asked, and not from what the host has heard."""

    def _age_ms(self, asked: wire.Set | wire.Renew, own_ms: int) -> int:
        return 0


class Undated(Reworked):
    firmware = UndatedFirmware


class UntimedFirmware(Firmware):
    """Does not end a step by its own timer."""

    def _step_out_ms(self) -> int:
        return super()._step_out_ms() + 5000

    def _ceiling_ms(self) -> int:
        return super()._ceiling_ms() + 5000


class Untimed(Reworked):
    firmware = UntimedFirmware


class Blind(Controller):
    """Renews whether or not it hears anything."""

    def _what_is_due(self) -> Intent:
        unit, report = self.unit, self.report
        if self.state in (State.EMITTING, State.HELD) and unit is not None and report is not None:
            return Renew(unit.identity.nonce, self.known.session, report.uptime_ms, unit.lease_ms)
        return super()._what_is_due()

    def _doubt_the_missing(self) -> None:
        """Hopes."""


class Eager(Controller):
    """Goes on after a pause, with nobody's word."""

    def turn(self, until_ms: int) -> None:
        super().turn(until_ms)
        self.resume()


class Greedy(Controller):
    """Starts every step at the plan's highest level."""

    def start(self, step: Emit, for_ms: int) -> None:
        assert self.known.plan is not None
        super().start(max(self.known.plan.emissions, key=lambda emission: level(emission.output)), for_ms)


class Bypassing(Controller):
    """Sends a start past the guard, at twice the level."""

    def say(self, intent: Intent) -> None:
        if not isinstance(intent, SetOutput):
            super().say(intent)
            return
        assert isinstance(intent.output, Ultrasound)
        output = Ultrasound(intent.output.intensity_mw_cm2 * 2, 50, 1000, 100)
        twice = replace(intent, output=output)
        self._send(self._conversation.ask(Cleared(twice), self._now()))


class Overlong(Controller):
    """Starts steps for twice their time, which the guard refuses."""

    def start(self, step: Emit, for_ms: int) -> None:
        super().start(step, for_ms * 2)


class Boastful(Controller):
    """Calls any silence proven."""

    def silence(self) -> Silence | None:
        return Silence.PROVEN


class Deaf(Controller):
    """Takes no notice of anybody."""

    def _act(self, act: Act) -> None:
        """Does not."""


class Clumsy(Controller):
    """Trips over a pause."""

    def pause(self) -> None:
        raise KeyError("pause")


class Endless(Controller):
    """Never knows that the output is off."""

    def settle(self) -> Silence:
        while True:
            self.turn(self._now() + 40)


class Spinning(Controller):
    """Never lets time pass."""

    def settle(self) -> Silence:
        while True:
            self.turn(self._now())


class Forging(Controller):
    """Changes the record when the session is over."""

    _log: SessionLog

    def testify_to(self, witness: Witness) -> None:
        assert isinstance(witness, SessionLog)
        self._log = witness
        super().testify_to(witness)

    def settle(self) -> Silence:
        connection = self._log._journal._connection
        connection.execute("DROP TRIGGER entries_never_change")
        connection.execute("UPDATE entries SET body = '{}' WHERE seq = 2")
        return super().settle()


@pytest.mark.parametrize(
    ("story", "parts", "rule"),
    [
        (QUIET, Parts(unit=Loud), Rule.LEVEL),
        (DEATH, Parts(unit=Leaseless), Rule.LEASE),
        (DEATH, Parts(unit=Leaseless), Rule.BELIEF),
        (DEATH, Parts(unit=Leaseless), Rule.SLOW),
        (DEATH, Parts(unit=Leaseless), Rule.STOP),
        (DEAF, Parts(Undated, Blind), Rule.BLIND),
        (DEAF, Parts(Undated, Blind), Rule.SLOW),
        (AT_THE_END, Parts(unit=Untimed), Rule.DOSE),
        (PAUSED, Parts(controller=Eager), Rule.RISE),
        (LEVELS, Parts(controller=Greedy), Rule.STEP),
        (STOPPED, Parts(controller=Boastful), Rule.PROOF),
        (STOPPED, Parts(controller=Deaf), Rule.SLOW),
        (QUIET, Parts(unit=Undercounting), Rule.RECORD),
        (QUIET, Parts(controller=Forging), Rule.CHAIN),
        (QUIET, Parts(unit=Offended), Rule.BREACH),
        (QUIET, Parts(controller=Bypassing), Rule.BREACH),
        (PAUSED, Parts(controller=Clumsy), Rule.ESCAPED),
        (QUIET, Parts(controller=Overlong), Rule.ESCAPED),
        (QUIET, Parts(controller=Endless), Rule.HUNG),
        (QUIET, Parts(controller=Spinning), Rule.HUNG),
    ],
    ids=lambda value: value.name.lower() if isinstance(value, Rule) else None,
)
def test_the_judge_catches_what_was_made_worse(story: Story, parts: Parts, rule: Rule) -> None:
    sound, worse = play(story), play(story, parts)

    assert sound.violations == ()
    assert rule in {violation.rule for violation in worse.violations}


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

    assert {rule for _, _, rule in mark.args[1]} == set(Rule)


def test_the_shortest_story_that_still_fails_is_the_one_that_is_told() -> None:
    parts = Parts(controller=Deaf)
    long = Story(
        1,
        "us111",
        "storm-steady",
        faults=(Fault(FaultKind.LIFT_OFF, 1000, 500, 0.02),),
        acts=((3000, Act.RESUME), (5000, Act.STOP)),
        freezes=(Freeze(2000, 60),),
    )

    def replay(story: Story) -> Outcome:
        return play(story, parts)

    assert shortest(replay(long), replay).story == STOPPED
