"""What the host counts because a unit does not report it: never less than what was given."""

from __future__ import annotations

from dataclasses import replace

import pytest

from device.control.reckoning import Reckoner
from device.dialects.base import ALL_FIELDS, ReportField, Status, UnitState
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


@pytest.mark.hazard("H-02")
def test_output_that_was_on_before_a_later_start_counts_whole_whether_that_start_was_taken_or_not() -> None:
    second = replace(START, number=2, at_ms=1100)
    refused = replace(OFF, asked="SetOutput", refusal="stale")

    taken = reckoned((900, OFF), (1020, ON), (1120, ON), starts=(START, second))
    not_taken = reckoned((900, OFF), (1020, ON), (1120, refused), starts=(START, second))

    assert taken.delivered_ms == not_taken.delivered_ms == 120


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize(("asked", "refusal"), [("SetOutput", ""), ("LowerLevel", "stale")])
def test_a_start_counts_unless_the_report_refuses_that_very_start(asked: str, refusal: str) -> None:
    answer = replace(OFF, asked=asked, refusal=refusal)

    assert reckoned((900, OFF), (1020, answer), (1100, answer)).delivered_ms == 20


def test_nothing_counts_before_a_start_nor_when_the_first_report_comes_after_it() -> None:
    for filled in (reckoned((900, ON), (950, ON)), reckoned((1020, ON))):
        assert (filled.step_ms, filled.delivered_ms, filled.energy_mj) == (0, 0, 0)


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize(
    ("first", "second", "counted"), [(300, 300, 440), (500, 300, 500), (300, 500, 500), (1, 0, 440)]
)
def test_energy_counts_at_the_highest_level_of_the_start_and_of_the_two_reports(
    first: int, second: int, counted: int
) -> None:
    start_ms = START.at_ms
    one, other = (replace(OFF, measured_level=level) for level in (first, second))
    duty = replace(START, duty_pct=50)

    filled = reckoned((900, OFF), (start_ms, one), (start_ms + 1000, other), starts=(duty,))

    assert filled.energy_mj == counted * AREA_MM2 * 50 * 1000 // 10_000_000


@pytest.mark.parametrize(("until_ms", "energy_mj"), [(500, 440), (501, 441), (40_000_000, 35_200_000)])
def test_energy_is_rounded_up_to_whole_millijoules(until_ms: int, energy_mj: int) -> None:
    duty = replace(START, at_ms=0, duty_pct=50)

    filled = reckoned((0, OFF), (until_ms, ON), starts=(duty,))

    assert filled.energy_mj == energy_mj


def test_the_least_energy_there_is_counts_as_a_millijoule() -> None:
    reckoner = Reckoner(frozenset(), 1)
    start = replace(START, at_ms=0, level=1, duty_pct=1)
    emitting = replace(ON, measured_level=0)

    reckoner.fill(OFF, 0, SESSION, None)

    assert reckoner.fill(emitting, 1, SESSION, start).energy_mj == 1


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize(("state", "delivered_ms"), [(UnitState.EMITTING, 300), (UnitState.SUSPENDED, 20)])
def test_a_unit_that_says_it_emits_counts_as_on_though_it_measures_nothing(
    state: UnitState, delivered_ms: int
) -> None:
    status = replace(OFF, state=state)

    assert reckoned((900, OFF), (1020, status), (1300, status)).delivered_ms == delivered_ms


def test_percussion_has_no_energy() -> None:
    reckoner = Reckoner(frozenset(), None)

    reckoner.fill(OFF, 900, SESSION, None)

    assert reckoner.fill(ON, 2000, SESSION, START).energy_mj == 0


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize(("status", "delivered_ms"), [(OFF, 700), (ON, 20)])
def test_output_counts_until_a_report_that_waited_was_read_where_it_says_that_output_is_off(
    status: Status, delivered_ms: int
) -> None:
    reckoner = Reckoner(frozenset(), AREA_MM2)
    reckoner.fill(OFF, 900, SESSION, None)

    assert reckoner.fill(status, 1020, SESSION, START, read_ms=1700).delivered_ms == delivered_ms


@pytest.mark.parametrize(("to_ms", "delivered_ms"), [(19, 20), (20, 20), (500, 500)])
def test_the_count_can_be_raised_and_never_lowered(to_ms: int, delivered_ms: int) -> None:
    reckoner = Reckoner(frozenset(), AREA_MM2)
    reckoner.fill(OFF, 900, SESSION, None)
    reckoner.fill(ON, 1020, SESSION, START)

    reckoner.count_up_to(to_ms)

    assert reckoner.fill(OFF, 1020, SESSION, START).delivered_ms == delivered_ms


@pytest.mark.parametrize(("now_ms", "uptime_ms"), [(0xFFFF_FFFF, 0xFFFF_FFFF), (0x1_0000_0005, 5)])
def test_where_the_unit_tells_no_uptime_ours_stands_in_32_bits_long(now_ms: int, uptime_ms: int) -> None:
    assert reckoned((now_ms, OFF), starts=()).uptime_ms == uptime_ms


@pytest.mark.parametrize(
    ("field", "names"),
    [
        (ReportField.SESSION, ["session"]),
        (ReportField.TIME, ["step_ms", "delivered_ms"]),
        (ReportField.ENERGY, ["energy_mj"]),
        (ReportField.UPTIME, ["uptime_ms"]),
    ],
)
def test_what_the_unit_reports_is_not_reckoned(field: ReportField, names: list[str]) -> None:
    kept = ["session", "step_ms", "delivered_ms", "energy_mj", "uptime_ms"]
    reckoner = Reckoner(frozenset((field,)), AREA_MM2)

    filled = reckoner.fill(replace(ON, session=3), 1020, SESSION, None)

    assert [name for name in kept if getattr(filled, name) == getattr(replace(ON, session=3), name)] == names


def test_a_report_that_lacks_nothing_is_left_as_it_is() -> None:
    assert Reckoner(ALL_FIELDS, AREA_MM2).fill(ON, 1020, SESSION, START) is ON


SUSPENDED = replace(OFF, state=UnitState.SUSPENDED, level_set=440)


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize(
    ("after", "given_ms"),
    [((1400, SUSPENDED), 100), ((1401, SUSPENDED), 401), ((1390, OFF), 390), ((1390, ON), 390)],
)
def test_lost_contact_counts_where_output_may_have_come_back_between_two_reports(
    after: tuple[int, Status], given_ms: int
) -> None:
    filled = reckoned((900, OFF), (1020, ON), (1100, SUSPENDED), after)

    assert filled.delivered_ms == given_ms
