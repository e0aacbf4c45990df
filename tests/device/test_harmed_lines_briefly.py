"""A harm of each kind and direction in each dialect, while steps are raised, lowered and ended."""

from __future__ import annotations

from random import Random

import pytest

from tests.cases import each
from tests.device.harmed_line import KINDS, PIECES, WAYS, Harm, judge

SEED = 20_261_122
SESSIONS = 3  # of each dialect and kind of unit, each with one harm of each kind in each direction


@pytest.mark.hazard("H-09")
@each(("dialect", "host_loss"), WAYS)
def test_no_level_above_what_was_asked_and_no_report_that_was_not_made(
    dialect: str, host_loss: str | None
) -> None:
    rng = Random(f"{SEED} {dialect} {host_loss}")
    for _ in range(SESSIONS):
        # Behind the handshake, so that there is a session.
        harms = [
            Harm(to_unit, rng.randrange(6, PIECES), kind, rng.random())
            for kind in KINDS
            for to_unit in (True, False)
        ]
        judge(dialect, host_loss, harms)
