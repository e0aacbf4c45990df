"""What is known of the output being off, at every moment that decides it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from device.control.output_off import OutputOff
from device.dialects.base import Status, UnitState
from device.events import OffConfirmation
from tests.device.parts import EMITTING, NONCE, STATUS

LEASE_MS = 500
BOUND_MS = 550  # a lease, and the tenth that a unit's clock may be slow
STUBBORN_MS = 2000
OUTPUT_OFF = STATUS


def stopped(output_off: OutputOff, at_ms: int) -> None:
    output_off.hear(OUTPUT_OFF, at_ms)


# --- what the unit says ---------------------------------------------------------------------------


@pytest.mark.parametrize("state", UnitState)
@pytest.mark.parametrize("output", [0, 1])
def test_a_unit_is_off_with_no_output_and_none_to_come(state: UnitState, output: int) -> None:
    output_off = OutputOff()

    output_off.hear(replace(STATUS, state=state, measured_level=output), 10)

    is_off = output == 0 and state not in (UnitState.EMITTING, UnitState.SUSPENDED)
    assert output_off.confirmed_off is is_off
    assert (output_off.known(11, reachable=True) is OffConfirmation.CONFIRMED) is is_off


def test_nothing_is_confirmed_before_the_unit_has_spoken() -> None:
    output_off = OutputOff()

    assert not output_off.confirmed_off
    assert output_off.asked_ms is None
    assert not output_off.stopping
    assert output_off.known(0, reachable=True) is None


def test_a_permission_undoes_what_was_confirmed() -> None:
    output_off = OutputOff()
    stopped(output_off, 0)

    output_off.allow(1, LEASE_MS, NONCE)

    assert not output_off.confirmed_off
    assert output_off.known(1, reachable=True) is None


def test_the_units_latest_report_counts() -> None:
    output_off = OutputOff()
    stopped(output_off, 0)

    output_off.hear(EMITTING, 1)

    assert not output_off.confirmed_off


# --- asking ---------------------------------------------------------------------------------------


def test_a_stop_stands_until_output_off_is_confirmed() -> None:
    output_off = OutputOff()

    output_off.ask(10, reachable=True)
    standing = output_off.stopping
    stopped(output_off, 20)

    assert standing
    assert not output_off.stopping


def test_a_stop_asked_again_is_counted_from_the_first() -> None:
    output_off = OutputOff()
    output_off.ask(10, reachable=True)

    output_off.ask(50, reachable=True)

    assert output_off.asked_ms == 10


def test_a_stop_after_a_confirmed_one_is_counted_afresh_and_has_to_be_confirmed_again() -> None:
    output_off = OutputOff()
    output_off.ask(10, reachable=True)
    stopped(output_off, 20)

    output_off.ask(5000, reachable=True)

    assert output_off.asked_ms == 5000
    assert output_off.stopping


def test_what_was_confirmed_stays_so_when_there_is_nobody_to_ask() -> None:
    output_off = OutputOff()
    stopped(output_off, 0)

    output_off.ask(10, reachable=False)

    assert output_off.confirmed_off
    assert output_off.asked_ms == 10


def test_a_stop_that_has_done_its_work_stands_no_more() -> None:
    output_off = OutputOff()
    output_off.ask(10, reachable=True)

    output_off.rest()

    assert output_off.asked_ms is None
    assert not output_off.stopping


# --- what is known, by the clock ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now_ms", "reachable", "known"),
    [
        (100, True, None),
        (100 + STUBBORN_MS, True, None),
        (101 + STUBBORN_MS, True, OffConfirmation.UNKNOWN),
        (100, False, OffConfirmation.UNKNOWN),
    ],
)
def test_a_unit_we_never_allowed_anything_and_that_says_nothing_is_not_known(
    now_ms: int, reachable: bool, known: OffConfirmation | None
) -> None:
    output_off = OutputOff()
    output_off.ask(100, reachable=True)

    assert output_off.known(now_ms, reachable=reachable) is known


@pytest.mark.parametrize(
    ("now_ms", "reachable", "known"),
    [
        (1000 + BOUND_MS - 1, False, None),  # the lease may still be running
        (1000 + BOUND_MS, False, OffConfirmation.PRESUMED),
        (1000 + BOUND_MS, True, None),  # a stop may still be answered
        (1100 + BOUND_MS, True, None),
        (1101 + BOUND_MS, True, OffConfirmation.PRESUMED),
    ],
)
def test_output_off_is_presumed_once_the_last_lease_has_run_out(
    now_ms: int, reachable: bool, known: OffConfirmation | None
) -> None:
    output_off = OutputOff()
    output_off.allow(1000, LEASE_MS, NONCE)
    output_off.hear(EMITTING, 1050)
    output_off.ask(1100, reachable=True)

    assert output_off.known(now_ms, reachable=reachable) is known


@pytest.mark.hazard("H-07")
def test_nothing_is_presumed_where_no_stop_was_asked() -> None:
    output_off = OutputOff()
    output_off.allow(1000, LEASE_MS, NONCE)

    assert output_off.known(100_000, reachable=True) is None


@pytest.mark.parametrize(
    ("lease_ms", "bound_ms"), [(100, 110), (500, 550), (10, 11), (1000, 1100), (2560, 2816)]
)
def test_a_units_clock_may_be_a_tenth_slow(lease_ms: int, bound_ms: int) -> None:
    output_off = OutputOff()
    output_off.allow(0, lease_ms, NONCE)
    output_off.ask(0, reachable=False)

    assert output_off.known(bound_ms - 1, reachable=False) is None
    assert output_off.known(bound_ms, reachable=False) is OffConfirmation.PRESUMED


@pytest.mark.hazard("H-07")
@pytest.mark.parametrize(
    ("denied_ms", "now_ms", "reachable", "known"),
    [
        # The lease ran out at that very moment.
        (1000 + BOUND_MS, 1000 + BOUND_MS, False, OffConfirmation.PRESUMED),
        (1001 + BOUND_MS, 1001 + BOUND_MS, False, OffConfirmation.UNKNOWN),
        (1001 + BOUND_MS, 1100 + BOUND_MS + STUBBORN_MS, True, None),  # asked again and again meanwhile
        (1001 + BOUND_MS, 1101 + BOUND_MS + STUBBORN_MS, True, OffConfirmation.UNKNOWN),
    ],
)
def test_a_unit_that_says_it_has_output_beyond_its_lease_is_believed(
    denied_ms: int, now_ms: int, reachable: bool, known: OffConfirmation | None
) -> None:
    output_off = OutputOff()
    output_off.allow(1000, LEASE_MS, NONCE)
    output_off.ask(1100, reachable=True)
    output_off.hear(EMITTING, denied_ms)

    assert output_off.known(now_ms, reachable=reachable) is known


@pytest.mark.parametrize("last_word", [OUTPUT_OFF, EMITTING])
def test_a_later_permission_makes_what_was_said_before_it_old(last_word: Status) -> None:
    output_off = OutputOff()
    output_off.allow(0, LEASE_MS, NONCE)
    output_off.hear(last_word, 900)
    output_off.allow(1000, LEASE_MS, NONCE)
    output_off.ask(1000, reachable=False)

    assert output_off.known(1000 + BOUND_MS, reachable=False) is OffConfirmation.PRESUMED


@pytest.mark.parametrize(
    ("since_denied_ms", "reachable", "known"),
    [
        (BOUND_MS - 1, True, None),
        (BOUND_MS, True, OffConfirmation.PRESUMED),
        (BOUND_MS - 1, False, OffConfirmation.PRESUMED),
    ],
)
def test_a_unit_that_said_otherwise_just_before_its_lease_ran_out_is_waited_for(
    since_denied_ms: int, reachable: bool, known: OffConfirmation | None
) -> None:
    denied_ms = 1000 + BOUND_MS
    output_off = OutputOff()
    output_off.allow(1000, LEASE_MS, NONCE)
    output_off.ask(1001, reachable=True)
    output_off.hear(EMITTING, denied_ms)

    assert output_off.known(denied_ms + since_denied_ms, reachable=reachable) is known


@pytest.mark.hazard("H-07")
@pytest.mark.parametrize(
    ("state", "output", "known"),
    [
        (UnitState.IDLE, 1, OffConfirmation.UNKNOWN),
        (UnitState.READY, 440, OffConfirmation.UNKNOWN),
        (UnitState.SUSPENDED, 1, OffConfirmation.UNKNOWN),
        (UnitState.FAULT, 2, OffConfirmation.UNKNOWN),
        (UnitState.SUSPENDED, 0, OffConfirmation.PRESUMED),  # off, and may go on under its lease
        (UnitState.EMITTING, 440, OffConfirmation.PRESUMED),
    ],
)
def test_no_lease_is_believed_of_a_unit_that_has_output_it_knows_should_be_off(
    state: UnitState, output: int, known: OffConfirmation
) -> None:
    output_off = OutputOff()
    output_off.allow(1000, LEASE_MS, NONCE)
    output_off.hear(replace(STATUS, state=state, measured_level=output), 1050)
    output_off.hear(EMITTING, 1060)
    output_off.ask(1100, reachable=False)

    assert output_off.known(1000 + BOUND_MS, reachable=False) is known


@pytest.mark.hazard("H-05")
def test_nothing_is_presumed_from_a_lease_that_was_seen_not_to_run() -> None:
    output_off = OutputOff()
    output_off.allow(1000, 500, NONCE)
    output_off.ask(1100, reachable=False)
    trusted = output_off.known(1550, reachable=False)

    output_off.distrust_lease()
    distrusted = output_off.known(1550, reachable=False)
    output_off.allow(2000, 500, NONCE)  # nor from another, of the same unit
    later = output_off.known(2550, reachable=False)
    output_off.hear(OUTPUT_OFF, 2600)

    assert (trusted, distrusted, later) == (
        OffConfirmation.PRESUMED,
        OffConfirmation.UNKNOWN,
        OffConfirmation.UNKNOWN,
    )
    assert output_off.known(2600, reachable=False) is OffConfirmation.CONFIRMED


def test_a_unit_that_obeys_again_is_believed_again() -> None:
    output_off = OutputOff()
    output_off.allow(1000, LEASE_MS, NONCE)
    output_off.hear(replace(STATUS, measured_level=440), 1050)
    stopped(output_off, 1060)
    output_off.hear(EMITTING, 1070)
    output_off.ask(1100, reachable=False)

    assert output_off.known(1000 + BOUND_MS, reachable=False) is OffConfirmation.PRESUMED


def test_a_unit_that_said_it_was_off_has_denied_nothing() -> None:
    output_off = OutputOff()
    output_off.allow(0, LEASE_MS, NONCE)
    stopped(output_off, 600)
    output_off.ask(700, reachable=True)

    assert output_off.known(700 + BOUND_MS, reachable=True) is None
    assert output_off.known(701 + BOUND_MS, reachable=True) is OffConfirmation.PRESUMED
