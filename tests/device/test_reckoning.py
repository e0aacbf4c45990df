"""What the host counts because a unit does not report it: never less than what was given."""

from __future__ import annotations

from dataclasses import replace

import pytest

from device.control.reckoning import Reckoner
from device.dialects.base import Status, UnitState
from device.monitor.view import Start
from tests.device.parts import EMITTING, SESSION, STATUS

AREA_MM2 = 400
OFF = replace(STATUS, state=UnitState.READY, measured_level=0, level_set=0, asked="GetStatus", refusal="")
ON = replace(EMITTING, measured_level=440, asked="GetStatus", refusal="")
START = Start(number=1, at_ms=1000, for_ms=5000, ramp_ms=0, level=440, duty_pct=100, base_ms=0)


def reckoned(*reports: tuple[int, Status], starts: tuple[Start, ...] = (START,)) -> Status:
    """The last of ``reports``, filled in; a start has left when its time has come."""
    reckoner = Reckoner(frozenset(), AREA_MM2)
    filled = OFF
    for now_ms, status in reports:
        start = next((start for start in reversed(starts) if start.at_ms <= now_ms), None)
        filled = reckoner.fill(status, now_ms, SESSION, start)
    return filled


def test_output_counts_from_when_its_start_was_sent_until_it_is_heard_to_be_off() -> None:
    filled = reckoned((900, OFF), (1020, ON), (1500, ON), (1600, OFF), (1700, OFF))

    assert (filled.step_ms, filled.delivered_ms) == (600, 600)
    assert filled.energy_mj == 440 * AREA_MM2 * 600 // 100_000
    assert filled.session == SESSION


@pytest.mark.hazard("H-02")
def test_a_start_that_may_have_been_carried_out_unheard_counts_until_the_next_report() -> None:
    filled = reckoned((900, OFF), (1450, OFF), (1600, OFF))

    assert filled.delivered_ms == 450


def test_a_start_that_was_refused_counts_for_nothing() -> None:
    refused = replace(OFF, asked="SetOutput", refusal="stale")

    assert reckoned((900, OFF), (1020, refused), (1100, OFF)).delivered_ms == 0


def test_a_later_start_counts_from_when_it_was_sent() -> None:
    second = replace(START, number=2, at_ms=3000)

    filled = reckoned((900, OFF), (1020, ON), (1100, OFF), (3020, ON), starts=(START, second))

    assert (filled.step_ms, filled.delivered_ms) == (20, 120)
