"""A session on a simulated unit, and each of the scenarios."""

import pytest


def test_a_lift_off_costs_no_dose(physio_rig):
    physio_rig.inject("lift_off", for_ms=2000, on="step 1")
    assert physio_rig.run("unit-check").delivered_ms == 10_000


@pytest.mark.physio_scenarios("scenarios/*.yaml")
def test_a_scenario(physio_scenario):
    physio_scenario.play()
