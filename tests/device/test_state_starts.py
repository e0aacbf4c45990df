"""What the controller knows of a start: whether the unit has heard it, and what ends it without the host."""

from __future__ import annotations

from dataclasses import replace

import pytest

from device.control.state import SessionState
from device.dialects.base import (
    ALL_FIELDS,
    Arm,
    GetStatus,
    HostLoss,
    Intent,
    ReportField,
    SetOutput,
    Status,
    UnitState,
)
from device.events import OffConfirmation
from device.unit import Unit
from protocols.plan import Emit
from tests.device.parts import ALLOWED, EMITTING, LOW, NONCE, PLAN, SESSION, STATUS, UNIT

START = SetOutput(NONCE, SESSION, LOW, 5000, 3000, unit_uptime_ms=50_000, lease_ms=0)
ARM = Arm(NONCE, SESSION, 500, 90_000, 100_000, 50_000)


def unit_of(host_loss: HostLoss, *missing: ReportField) -> Unit:
    declared = replace(UNIT.declared, host_loss=host_loss, reports=ALL_FIELDS - set(missing))
    return replace(UNIT, declared=declared)


def started(unit: Unit) -> SessionState:
    """A start has been sent, of which nothing has been heard yet."""
    known = SessionState(unit=unit)
    known.load(PLAN, SESSION, ALLOWED)
    known.hear(STATUS, 1000)
    known.begin(Emit(LOW, 60_000, 3000), 5000)
    known.allow(START, 1000, 1010)
    return known


@pytest.mark.parametrize(
    ("intent", "changes", "armed"),
    [
        (GetStatus(), {}, False),
        (ARM, {}, True),
        (ARM, {"refusal": "BUSY"}, False),
        (GetStatus(), {"refusal": "BUSY"}, False),
        (None, {"state": UnitState.EMITTING}, False),
    ],
)
def test_after_a_start_that_nobody_has_heard_of_a_unit_is_ready_once_it_has_been_armed_again(
    intent: Intent | None, changes: dict[str, object], armed: bool
) -> None:
    known = started(UNIT)
    ready_before = SessionState(unit=UNIT, session=SESSION, status=STATUS).is_armed()

    status: Status = replace(STATUS, **changes)  # type: ignore[arg-type]  # by name
    known.hear(status, 1100, intent)

    assert ready_before
    assert known.is_armed() is armed


def test_a_start_that_has_been_carried_out_cannot_come_upon_a_unit_later() -> None:
    known = started(UNIT)
    known.hear(EMITTING, 1100)

    known.hear(STATUS, 1200)

    assert known.is_armed()


# The unit takes a start for 500 ms, and its timer may be a tenth slow: (5000 + 500) × 1.1 = 6050 ms.
@pytest.mark.hazard("H-05")
def test_a_unit_that_its_timer_ends_has_no_lease_and_is_off_once_a_late_start_would_be_over() -> None:
    known = started(unit_of(HostLoss.OWN_TIMER))

    assert known.grant is None
    assert known.output_off.known(1000 + 6049, reachable=False) is None
    assert known.output_off.known(1000 + 6050, reachable=False) is OffConfirmation.PRESUMED


@pytest.mark.hazard("H-05")
def test_a_unit_that_nothing_ends_is_never_presumed_off() -> None:
    known = started(unit_of(HostLoss.NONE))

    assert known.grant is None
    assert known.output_off.known(1010, reachable=False) is OffConfirmation.UNKNOWN
    assert known.output_off.known(3_600_000, reachable=False) is OffConfirmation.UNKNOWN


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize(("host_loss", "delivered_ms"), [(HostLoss.OWN_TIMER, 123), (HostLoss.NONE, 90)])
def test_whoever_ends_the_steps_counts_their_time(host_loss: HostLoss, delivered_ms: int) -> None:
    known = started(unit_of(host_loss))

    known.hear(replace(EMITTING, delivered_ms=123), 1100)

    assert known.delivered_ms == delivered_ms


def test_what_a_unit_cannot_tell_is_dated_by_when_its_report_came() -> None:
    known = started(unit_of(HostLoss.NONE, ReportField.UPTIME))

    known.hear(EMITTING, 1100)
    at_once = known.status
    known.hear(EMITTING, 1300, came_ms=1250)
    late = known.status

    assert at_once is not None
    assert late is not None
    assert (at_once.uptime_ms, late.uptime_ms) == (1100, 1250)


@pytest.mark.hazard("H-02")
def test_a_step_that_the_host_has_ended_counts_whole_and_so_it_stays() -> None:
    known = started(unit_of(HostLoss.NONE))
    known.hear(EMITTING, 1100)

    known.count_step_whole()
    counted_ms = known.delivered_ms
    known.hear(STATUS, 1200)

    assert counted_ms == known.step_end_ms
    assert known.delivered_ms >= known.step_end_ms


def test_where_nothing_of_the_session_was_reported_nothing_is_counted_whole() -> None:
    unheard, another = SessionState(), SessionState(unit=unit_of(HostLoss.NONE))
    another.load(PLAN, SESSION, ALLOWED)
    another.hear(replace(STATUS, session=SESSION + 1), 1000)

    unheard.count_step_whole()
    another.count_step_whole()

    assert (unheard.delivered_ms, another.delivered_ms) == (0, 0)
