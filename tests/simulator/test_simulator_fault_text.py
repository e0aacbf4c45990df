"""Faults as text, and as a draw."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.wire.messages import Family
from simulator.faults import KINDS, Fault, FaultKind, draw, parse


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("lift_off@30s+2s=0.5", Fault(FaultKind.LIFT_OFF, 30_000, 2000, 0.5)),
        ("lift_off@30s+2s", Fault(FaultKind.LIFT_OFF, 30_000, 2000, 0.02)),
        (" restart@1.5min ", Fault(FaultKind.RESTART, 90_000, 500)),
        ("ageing@0s=-0.3", Fault(FaultKind.AGEING, 0, 600_000, -0.3)),
        ("half_open@500ms+1h=1", Fault(FaultKind.HALF_OPEN, 500, 3_600_000, 1)),
    ],
)
def test_a_fault_is_read_as_it_is_written(text: str, fault: Fault) -> None:
    assert parse(text) == fault


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "write kind@when"),
        ("lift_off", "write kind@when"),
        ("lift_of@1s", "no fault is called 'lift_of'; choose one of"),
        ("lift_off@30", "'30' is no time; write a number with ms, s, min or h"),
        ("lift_off@1s+2", "'2' is no time"),
        ("lift_off@1s=half", "'half' is no number; the amount of lift_off is: coupling"),
        ("lift_off@1s=2", "outside 0 to 1"),
        ("lift_off@1s=nan", "outside 0 to 1"),
    ],
)
def test_a_fault_that_cannot_be_read_says_what_to_write(text: str, says: str) -> None:
    with pytest.raises(ValueError, match="(?s)" + says.replace("(", r"\(")):
        parse(text)


@given(st.text(max_size=40))
def test_no_text_ends_in_anything_but_a_fault_or_a_value_error(text: str) -> None:
    try:
        fault = parse(text)
    except ValueError:
        return
    assert fault.kind in KINDS


@given(st.integers(), st.sampled_from(Family), st.integers(0, 20))
def test_a_draw_is_the_same_every_time_and_fits_the_family(seed: int, family: Family, count: int) -> None:
    drawn = draw(Random(seed), 60_000, count, family)

    assert drawn == draw(Random(seed), 60_000, count, family)
    assert len(drawn) == count
    assert all(family in KINDS[fault.kind].families and 0 <= fault.at_ms < 60_000 for fault in drawn)
