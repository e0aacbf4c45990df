"""Sessions on lines that are harmed at random: see `tests.device.harmed_line` for what is judged."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.device.harmed_line import KINDS, PIECES, WAYS, Harm, judge

HARMS = st.lists(
    st.builds(
        Harm,
        st.booleans(),
        st.integers(min_value=0, max_value=PIECES),
        st.sampled_from(KINDS),
        st.floats(min_value=0, max_value=1, exclude_max=True),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.hazard("H-09")
@pytest.mark.parametrize(("dialect", "host_loss"), WAYS)
@settings(max_examples=40)
@given(harms=HARMS)
@example(harms=[])
def test_no_level_above_what_was_asked_and_no_report_that_was_not_made(
    dialect: str, host_loss: str | None, harms: list[Harm]
) -> None:
    judge(dialect, host_loss, harms)
