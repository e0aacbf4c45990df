"""Units that say of themselves what none of their model may are refused before any output."""

from __future__ import annotations

from datetime import date

import pytest

from physioctl.cli import call
from physioctl.cli.exits import Exit
from physioctl.rehearsal.rehearse import rehearse
from physioctl.rehearsal.rig import Rig
from protocols.errors import PhysioctlError
from protocols.library import find
from simulator.faults import parse

MODELS = {"us111": "unit-check", "ultragun": "unit-check-percussion"}


@pytest.mark.hazard("H-13")
@pytest.mark.parametrize(
    ("model", "fault", "said"),
    [
        ("us111", "missing_sensor@0s=6", "no head temperature sensor; it declares no contact sensor"),
        ("us111", "missing_sensor@0s=1", "no output sensor"),
        ("us111", "wild_area@0s=65535", "area_mm2 is 65535, and not 320 to 400"),
        ("us111", "wild_area@0s=401", "area_mm2 is 401, and not 320 to 400"),
        ("ultragun", "missing_sensor@0s=1", "no output sensor"),
    ],
)
def test_a_unit_outside_its_nameplate_is_not_driven(
    model: str, fault: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = call(["rehearse", MODELS[model], "--unit", model, "--fault", fault])

    what, action = capsys.readouterr().err.splitlines()
    assert code == Exit.UNIT_UNUSABLE
    assert said in what
    assert "Do not use it" in action


@pytest.mark.hazard("H-01")
def test_a_lifted_head_whose_unit_has_neither_sensor_is_never_heated() -> None:
    rig = Rig("us111", faults=[parse("missing_sensor@0s+1h=6"), parse("lift_off@0s+1h")])

    with pytest.raises(PhysioctlError):
        rehearse(find("unit-check"), rig)

    assert rig.unit.changes == []


@pytest.mark.hazard("H-13")
@pytest.mark.parametrize("model", sorted(MODELS))
@pytest.mark.parametrize("days", [2400, 9999, 65_535])
def test_a_calibration_that_is_yet_to_come_is_none(
    model: str, days: int, capsys: pytest.CaptureFixture[str]
) -> None:
    code = call(["rehearse", MODELS[model], "--unit", model, "--fault", f"future_calibration@0s={days}"])

    what, action = capsys.readouterr().err.splitlines()
    assert code == Exit.REFUSED
    assert "yet to come" in what
    assert "date" in action


@pytest.mark.parametrize(("days_ahead", "code"), [(0, Exit.DONE), (1, Exit.DONE), (2, Exit.REFUSED)])
def test_a_calibration_may_be_a_day_ahead_elsewhere(
    days_ahead: int, code: Exit, capsys: pytest.CaptureFixture[str]
) -> None:
    today = (Rig().clock.utc().date() - date(2020, 1, 1)).days
    said = call(
        [
            "rehearse",
            "unit-check",
            "--unit",
            "us111",
            "--fault",
            f"future_calibration@0s={today + days_ahead}",
        ]
    )

    assert said == code
    capsys.readouterr()
