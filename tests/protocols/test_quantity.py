"""Quantities go in and come back exactly, and say what is wrong when they do not."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import InvalidValue
from protocols.quantity import (
    CARRIER,
    DIMENSIONS,
    DURATION,
    ENERGY,
    INTENSITY,
    PERCENT,
    PULSE,
    SPEED,
    Dimension,
    parse,
    show,
)


@pytest.mark.parametrize(
    ("written", "dimension", "whole"),
    [
        ("0.44 W/cm²", INTENSITY, 440),
        ("0.44 W/cm2", INTENSITY, 440),
        ("0.44W/cm^2", INTENSITY, 440),
        ("440 mW/cm²", INTENSITY, 440),
        (".5  W / cm²", INTENSITY, 500),
        ("5 min", DURATION, 300_000),
        ("1.5 h", DURATION, 5_400_000),
        ("90 s", DURATION, 90_000),
        ("1 ms", DURATION, 1),
        ("20 %", PERCENT, 20),
        ("100%", PERCENT, 100),
        ("1 MHz", CARRIER, 1_000),
        ("3.3 MHz", CARRIER, 3_300),
        ("750 kHz", CARRIER, 750),
        ("100 Hz", PULSE, 100),
        ("2100 /min", SPEED, 2_100),
        ("2100 per min", SPEED, 2_100),
        ("1.2 kJ", ENERGY, 1_200_000),
        ("500 J", ENERGY, 500_000),
        ("7 mJ", ENERGY, 7),
    ],
)
def test_every_way_to_write_a_unit_means_the_same_whole_number(
    written: str, dimension: Dimension, whole: int
) -> None:
    assert parse(written, dimension) == whole


@pytest.mark.parametrize(
    ("written", "dimension", "what", "action"),
    [
        ("0.5", INTENSITY, "0.5 is a number without a unit", "Write it as 0.5 W/cm²."),
        (Decimal("0.5"), INTENSITY, "0.5 is a number without a unit", "Write it as 0.5 W/cm²."),
        (5, DURATION, "5 is a number without a unit", "Write it as 5 s."),
        ("0.5 W", INTENSITY, "'W' is not a unit of intensity; W/cm² or mW/cm² belongs here", "0.44 W/cm²"),
        ("5 m", DURATION, "'m' is not a unit of time; h, min, s or ms belongs here", "5 min"),
        ("1 mhz", CARRIER, "'mhz' is not a unit of carrier frequency; MHz or kHz belongs here", "1 MHz"),
        ("100 rpm", SPEED, "'rpm' is not a unit of speed; /min belongs here", "2100 /min"),
        ("0.0005 W/cm²", INTENSITY, "finer than 1 mW/cm²", "Round it"),
        ("0.5 ms", DURATION, "finer than 1 ms", "Round it"),
        ("12.5 %", PERCENT, "finer than 1 %", "Round it"),
        ("0 W/cm²", INTENSITY, "is zero", "`rest`"),
        ("-0.5 W/cm²", INTENSITY, "is negative", "0.44 W/cm²"),
        (-3, DURATION, "is negative", "5 min"),
        ("nan W/cm²", INTENSITY, "is not a finite number", "0.44 W/cm²"),
        (Decimal("NaN"), INTENSITY, "is not a finite number", "0.44 W/cm²"),
        (Decimal("-Infinity"), INTENSITY, "is not a finite number", "0.44 W/cm²"),
        (".inf min", DURATION, "is not a finite number", "5 min"),
        ("0,5 W/cm²", INTENSITY, "has a comma", "Write 0.5 W/cm², with a point."),
        ("0,5", INTENSITY, "has a comma", "Write 0.5 W/cm², with a point."),
        ("1.000,5 min", DURATION, "has a comma", "Write 1000.5 min, with a point."),
        ("1,000.5 min", DURATION, "has a comma", "Write 1000.5 min, with a point."),
        ("1,000 /min", SPEED, "has a comma", "nothing between thousands"),  # a thousand, or one: nobody knows
        ("1,000,000 ms", DURATION, "has a comma", "nothing between thousands"),
        ("1 000 ms", DURATION, "has a space", "nothing between thousands"),
        ("1\u202f000 ms", DURATION, "has a space", "nothing between thousands"),
        ("1'000 ms", DURATION, "has an apostrophe", "nothing between thousands"),
        ("0,5 mW", INTENSITY, "has a comma", "point"),
        ("0·5 W/cm²", INTENSITY, "has a raised dot", "Write 0.5 W/cm², with a point."),
        ("０.５ W/cm²", INTENSITY, "has digits other than 0 to 9", "Write 0.5 W/cm²."),
        ("0" * 5000 + ",5 W/cm²", INTENSITY, "has a comma", "point"),
        ("1e3 W/cm²", INTENSITY, "'e3 W/cm²' is not a unit", "0.44 W/cm²"),
        ("9" * 30 + " s", DURATION, "more than 18 digits", "5 min"),
        ("W/cm²", INTENSITY, "is not an intensity", "0.44 W/cm²"),
        ("", INTENSITY, "is not an intensity", "0.44 W/cm²"),
        (None, INTENSITY, "nothing is not an intensity", "0.44 W/cm²"),
        (True, PERCENT, "true is not a percentage", "20 %"),
        ({}, SPEED, "a mapping is not a speed", "2100 /min"),
        ((), SPEED, "a list is not a speed", "2100 /min"),
        ("٣ min", DURATION, "has digits other than 0 to 9", "Write 3 min."),
    ],
)
def test_each_problem_has_its_own_text(written: object, dimension: Dimension, what: str, action: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        parse(written, dimension)

    (problem,) = refused.value.problems
    assert what in problem.what
    assert action in problem.action


@pytest.mark.parametrize(
    ("value", "dimension", "shown"),
    [
        (440, INTENSITY, "0.44 W/cm²"),
        (3_000, INTENSITY, "3 W/cm²"),
        (7, INTENSITY, "0.007 W/cm²"),
        (0, PULSE, "0 Hz"),
        (300_000, DURATION, "5 min"),
        (90_000, DURATION, "90 s"),
        (2_937, DURATION, "2.937 s"),
        (1_000, CARRIER, "1 MHz"),
        (100, PERCENT, "100 %"),
        (2_000_000, ENERGY, "2 kJ"),
        (979_620, ENERGY, "979.62 J"),
    ],
)
def test_a_value_is_shown_as_people_write_it(value: int, dimension: Dimension, shown: str) -> None:
    assert show(value, dimension) == shown


@given(st.sampled_from(DIMENSIONS), st.integers(1, 10**12))
def test_what_is_shown_reads_back_as_the_same_number(dimension: Dimension, value: int) -> None:
    assert parse(show(value, dimension), dimension) == value


@given(st.sampled_from(DIMENSIONS), st.integers(1, 10**9), st.data())
def test_every_unit_of_a_dimension_counts_exactly(
    dimension: Dimension, number: int, data: st.DataObject
) -> None:
    unit = data.draw(st.sampled_from(sorted(dimension.factors)))

    assert parse(f"{number} {unit}", dimension) == number * dimension.factors[unit]


def read(written: object, dimension: Dimension) -> int | InvalidValue:
    """What comes of reading, whichever it is."""
    try:
        return parse(written, dimension)
    except InvalidValue as error:
        return error


@given(st.text() | st.decimals() | st.none() | st.booleans(), st.sampled_from(DIMENSIONS))
def test_anything_is_a_whole_number_above_zero_or_not_a_quantity(
    written: object, dimension: Dimension
) -> None:
    came = read(written, dimension)

    if isinstance(came, InvalidValue):
        (problem,) = came.problems
        assert problem.action
        assert "\n" not in problem.what
    else:
        assert came > 0
