"""What is known of the output being off, at every moment that decides it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from device.control.output_off import Quiet
from device.dialects.base import Report, UnitState
from device.events import Silence
from tests.device.parts import EMITTING, NONCE, REPORT

LEASE_MS = 500
BOUND_MS = 550  # a lease, and the tenth that a unit's clock may be slow
STUBBORN_MS = 2000
SILENT = REPORT


def silenced(quiet: Quiet, at_ms: int) -> None:
    quiet.hear(SILENT, at_ms)


# --- what the unit says ---------------------------------------------------------------------------


@pytest.mark.parametrize("state", UnitState)
@pytest.mark.parametrize("output", [0, 1])
def test_a_unit_is_silent_with_no_output_and_none_to_come(state: UnitState, output: int) -> None:
    quiet = Quiet()

    quiet.hear(replace(REPORT, state=state, output=output), 10)

    silent = output == 0 and state not in (UnitState.EMITTING, UnitState.HELD)
    assert quiet.proven is silent
    assert (quiet.known(11, reachable=True) is Silence.PROVEN) is silent


def test_nothing_is_proven_before_the_unit_has_spoken() -> None:
    quiet = Quiet()

    assert not quiet.proven
    assert quiet.asked_ms is None
    assert not quiet.stopping
    assert quiet.known(0, reachable=True) is None


def test_a_permission_undoes_what_was_proven() -> None:
    quiet = Quiet()
    silenced(quiet, 0)

    quiet.allow(1, LEASE_MS, NONCE)

    assert not quiet.proven
    assert quiet.known(1, reachable=True) is None


def test_the_units_latest_word_counts() -> None:
    quiet = Quiet()
    silenced(quiet, 0)

    quiet.hear(EMITTING, 1)

    assert not quiet.proven


# --- asking ---------------------------------------------------------------------------------------


def test_a_stop_stands_until_silence_is_proven() -> None:
    quiet = Quiet()

    quiet.ask(10, reachable=True)
    standing = quiet.stopping
    silenced(quiet, 20)

    assert standing
    assert not quiet.stopping


def test_a_stop_asked_again_is_counted_from_the_first() -> None:
    quiet = Quiet()
    quiet.ask(10, reachable=True)

    quiet.ask(50, reachable=True)

    assert quiet.asked_ms == 10


def test_a_stop_after_a_proven_one_is_counted_afresh_and_has_to_be_proven_anew() -> None:
    quiet = Quiet()
    quiet.ask(10, reachable=True)
    silenced(quiet, 20)

    quiet.ask(5000, reachable=True)

    assert quiet.asked_ms == 5000
    assert quiet.stopping


def test_what_was_proven_stays_so_when_there_is_nobody_to_ask() -> None:
    quiet = Quiet()
    silenced(quiet, 0)

    quiet.ask(10, reachable=False)

    assert quiet.proven
    assert quiet.asked_ms == 10


def test_a_stop_that_has_done_its_work_stands_no_more() -> None:
    quiet = Quiet()
    quiet.ask(10, reachable=True)

    quiet.rest()

    assert quiet.asked_ms is None
    assert not quiet.stopping


# --- what is known, by the clock ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now_ms", "reachable", "known"),
    [
        (100, True, None),
        (100 + STUBBORN_MS, True, None),
        (101 + STUBBORN_MS, True, Silence.UNKNOWN),
        (100, False, Silence.UNKNOWN),
    ],
)
def test_a_unit_we_never_allowed_anything_and_that_says_nothing_is_not_known(
    now_ms: int, reachable: bool, known: Silence | None
) -> None:
    quiet = Quiet()
    quiet.ask(100, reachable=True)

    assert quiet.known(now_ms, reachable=reachable) is known


@pytest.mark.parametrize(
    ("now_ms", "reachable", "known"),
    [
        (1000 + BOUND_MS - 1, False, None),  # the lease may still be running
        (1000 + BOUND_MS, False, Silence.INFERRED),
        (1000 + BOUND_MS, True, None),  # a stop may still be answered
        (1100 + BOUND_MS, True, None),
        (1101 + BOUND_MS, True, Silence.INFERRED),
    ],
)
def test_silence_is_inferred_once_the_last_lease_has_run_out(
    now_ms: int, reachable: bool, known: Silence | None
) -> None:
    quiet = Quiet()
    quiet.allow(1000, LEASE_MS, NONCE)
    quiet.hear(EMITTING, 1050)
    quiet.ask(1100, reachable=True)

    assert quiet.known(now_ms, reachable=reachable) is known


@pytest.mark.hazard("H-07")
def test_nothing_is_inferred_where_no_stop_was_asked() -> None:
    quiet = Quiet()
    quiet.allow(1000, LEASE_MS, NONCE)

    assert quiet.known(100_000, reachable=True) is None


@pytest.mark.parametrize(
    ("lease_ms", "bound_ms"), [(100, 110), (500, 550), (10, 11), (1000, 1100), (2560, 2816)]
)
def test_a_units_clock_may_be_a_tenth_slow(lease_ms: int, bound_ms: int) -> None:
    quiet = Quiet()
    quiet.allow(0, lease_ms, NONCE)
    quiet.ask(0, reachable=False)

    assert quiet.known(bound_ms - 1, reachable=False) is None
    assert quiet.known(bound_ms, reachable=False) is Silence.INFERRED


@pytest.mark.hazard("H-07")
@pytest.mark.parametrize(
    ("denied_ms", "now_ms", "reachable", "known"),
    [
        (1000 + BOUND_MS, 1000 + BOUND_MS, False, Silence.INFERRED),  # the lease ran out at that very moment
        (1001 + BOUND_MS, 1001 + BOUND_MS, False, Silence.UNKNOWN),
        (1001 + BOUND_MS, 1100 + BOUND_MS + STUBBORN_MS, True, None),  # asked again and again meanwhile
        (1001 + BOUND_MS, 1101 + BOUND_MS + STUBBORN_MS, True, Silence.UNKNOWN),
    ],
)
def test_a_unit_that_says_it_has_output_beyond_its_lease_is_believed(
    denied_ms: int, now_ms: int, reachable: bool, known: Silence | None
) -> None:
    quiet = Quiet()
    quiet.allow(1000, LEASE_MS, NONCE)
    quiet.ask(1100, reachable=True)
    quiet.hear(EMITTING, denied_ms)

    assert quiet.known(now_ms, reachable=reachable) is known


@pytest.mark.parametrize("last_word", [SILENT, EMITTING])
def test_a_later_permission_makes_what_was_said_before_it_old(last_word: Report) -> None:
    quiet = Quiet()
    quiet.allow(0, LEASE_MS, NONCE)
    quiet.hear(last_word, 900)
    quiet.allow(1000, LEASE_MS, NONCE)
    quiet.ask(1000, reachable=False)

    assert quiet.known(1000 + BOUND_MS, reachable=False) is Silence.INFERRED


@pytest.mark.parametrize(
    ("since_denied_ms", "reachable", "known"),
    [(BOUND_MS - 1, True, None), (BOUND_MS, True, Silence.INFERRED), (BOUND_MS - 1, False, Silence.INFERRED)],
)
def test_a_unit_that_said_otherwise_just_before_its_lease_ran_out_is_waited_for(
    since_denied_ms: int, reachable: bool, known: Silence | None
) -> None:
    denied_ms = 1000 + BOUND_MS
    quiet = Quiet()
    quiet.allow(1000, LEASE_MS, NONCE)
    quiet.ask(1001, reachable=True)
    quiet.hear(EMITTING, denied_ms)

    assert quiet.known(denied_ms + since_denied_ms, reachable=reachable) is known


@pytest.mark.hazard("H-07")
@pytest.mark.parametrize(
    ("state", "output", "known"),
    [
        (UnitState.IDLE, 1, Silence.UNKNOWN),
        (UnitState.READY, 440, Silence.UNKNOWN),
        (UnitState.HELD, 1, Silence.UNKNOWN),
        (UnitState.FAULT, 2, Silence.UNKNOWN),
        (UnitState.HELD, 0, Silence.INFERRED),  # off, and may go on under its lease
        (UnitState.EMITTING, 440, Silence.INFERRED),
    ],
)
def test_no_lease_is_believed_of_a_unit_that_has_output_it_knows_should_be_off(
    state: UnitState, output: int, known: Silence
) -> None:
    quiet = Quiet()
    quiet.allow(1000, LEASE_MS, NONCE)
    quiet.hear(replace(REPORT, state=state, output=output), 1050)
    quiet.hear(EMITTING, 1060)
    quiet.ask(1100, reachable=False)

    assert quiet.known(1000 + BOUND_MS, reachable=False) is known


@pytest.mark.hazard("H-05")
def test_nothing_is_inferred_from_a_lease_that_was_seen_not_to_run() -> None:
    quiet = Quiet()
    quiet.allow(1000, 500, NONCE)
    quiet.ask(1100, reachable=False)
    trusted = quiet.known(1550, reachable=False)

    quiet.distrust_lease()
    distrusted = quiet.known(1550, reachable=False)
    quiet.allow(2000, 500, NONCE)  # nor from another, of the same unit
    later = quiet.known(2550, reachable=False)
    quiet.hear(SILENT, 2600)

    assert (trusted, distrusted, later) == (Silence.INFERRED, Silence.UNKNOWN, Silence.UNKNOWN)
    assert quiet.known(2600, reachable=False) is Silence.PROVEN


def test_a_unit_that_obeys_again_is_believed_again() -> None:
    quiet = Quiet()
    quiet.allow(1000, LEASE_MS, NONCE)
    quiet.hear(replace(REPORT, output=440), 1050)
    silenced(quiet, 1060)
    quiet.hear(EMITTING, 1070)
    quiet.ask(1100, reachable=False)

    assert quiet.known(1000 + BOUND_MS, reachable=False) is Silence.INFERRED


def test_a_unit_that_said_it_was_silent_has_denied_nothing() -> None:
    quiet = Quiet()
    quiet.allow(0, LEASE_MS, NONCE)
    silenced(quiet, 600)
    quiet.ask(700, reachable=True)

    assert quiet.known(700 + BOUND_MS, reachable=True) is None
    assert quiet.known(701 + BOUND_MS, reachable=True) is Silence.INFERRED
