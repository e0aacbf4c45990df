"""What a session does on each kind of unit, written a second time by hand."""

from __future__ import annotations

import pytest

from device.control.policy import POLICIES, START_WITHIN_MS, STOP_WITHIN_MS, Policy
from device.dialects.base import HostLoss


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize(
    ("host_loss", "policy"),
    [
        (HostLoss.LEASE, Policy(True, True, None, 0, False, "")),
        (
            HostLoss.OWN_TIMER,
            Policy(
                False,
                True,
                10_000,
                0,
                False,
                "without this computer the unit's timer ends output, after up to 10 s",
            ),
        ),
        (
            HostLoss.NONE,
            Policy(
                False, False, None, 100, True, "without this computer only the unit's own switch ends output"
            ),
        ),
    ],
)
def test_what_follows_from_what_ends_output_when_the_host_is_lost(
    host_loss: HostLoss, policy: Policy
) -> None:
    assert POLICIES[host_loss] == policy


def test_every_way_of_losing_the_host_has_its_policy() -> None:
    assert set(POLICIES) == set(HostLoss)


def test_a_stop_is_carried_out_within_a_tenth_and_a_start_is_stale_after_half_a_second() -> None:
    assert (STOP_WITHIN_MS, START_WITHIN_MS) == (100, 500)
