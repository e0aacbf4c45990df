"""A family is one value, found by its name; who judges a plan has an account of its own, and both agree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.control import families as guards
from device.dialects.families import family_of
from device.wire import messages as wire
from physioctl.rehearsal.storm import families as judges
from protocols.families import definition
from protocols.families.percussion import Percussion
from protocols.families.ultrasound import Ultrasound
from protocols.library import parse
from protocols.limits import Family, Quantity
from protocols.plan import OFF_STEPS, Emit, Off, Setting
from protocols.quantity import dimension_of
from protocols.steps import KINDS, LEVELS
from tests.protocol_files import as_bytes

ROOT = Path(__file__).resolve().parents[2]
OUTPUTS: st.SearchStrategy[Setting] = st.one_of(
    st.builds(
        Ultrasound,
        intensity_mw_cm2=st.integers(1, 3000),
        duty_pct=st.integers(1, 100),
        carrier_khz=st.integers(500, 5000),
        pulse_hz=st.integers(0, 1000),
    ),
    st.builds(Percussion, speed_per_min=st.integers(1, 3300)),
)
TIMES_MS = st.integers(1, 900_000)

# Where a family may be told from another: what CONTRIBUTING.md lists, and who only hands its settings on.
SETTINGS_HANDED_ON = {"protocols/plan.py"}
NAMES = "|".join(Family)
TOLD_APART = re.compile(rf"\bFamily\.({NAMES.upper()})\b|\b({NAMES.title()})\b|[\"']({NAMES})[\"']")


def file_with(*steps: Mapping[str, object], family: str = "none") -> bytes:
    """A sound protocol with these steps."""
    head = {
        "format": 1,
        "id": "a-test",
        "title": "A test",
        "family": family,
        "body_site": "bench",
        "side": "none",
        "purpose": "For tests.",
        "evidence": {"grade": "none", "note": "None."},
    }
    return as_bytes(head | {"steps": list(steps)})


def listed() -> set[str]:
    """The places that CONTRIBUTING.md names for a family."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = page.split("### A family")[1].split("\n#")[0]
    named = set(re.findall(r"`([\w./-]+\.py)`", section))
    return named | {path.relative_to(ROOT).as_posix() for path in (ROOT / "protocols/families").glob("*.py")}


GENERATED = (
    "device/wire/messages.py",
    "protocols/shipped_limits.py",
    "protocols/shipped_questions.py",
)


def told_apart_in(path: Path) -> bool:
    """Whether the code of a module names a family; its docstrings and comments may."""
    return bool(TOLD_APART.search(re.sub(r'"""(?s:.*?)"""|#.*', "", path.read_text(encoding="utf-8"))))


def test_a_family_is_told_from_another_only_where_contributing_says() -> None:
    files = [
        path
        for package in ("protocols", "device", "physioctl", "simulator")
        for path in (ROOT / package).rglob("*.py")
        if path.relative_to(ROOT).as_posix() not in GENERATED
    ]

    named = {path.relative_to(ROOT).as_posix() for path in files if told_apart_in(path)}

    assert named - SETTINGS_HANDED_ON <= listed()
    assert {"device/control/families.py", "simulator/families.py"} <= named


@pytest.mark.parametrize("family", Family)
def test_a_definition_belongs_to_its_family(family: Family) -> None:
    said = definition(family)

    assert said.family is family
    assert {field.name for field in fields(said.setting)} == {key.field for key in said.keys}  # type: ignore[arg-type]
    assert set(said.listed) <= set(said.nameplate) <= set(said.ceilings)
    assert set(said.with_lower_end) <= set(said.ceilings)
    assert said.level in {key.quantity for key in said.keys}
    assert Quantity.ENERGY_MJ in said.ceilings or not said.has_head


def test_a_key_means_one_quantity_in_every_family() -> None:
    meant: dict[str, set[Quantity]] = {}
    for said in map(definition, Family):
        for key in (*said.keys, *said.limits):
            meant.setdefault(key.name, set()).add(key.quantity)

    assert {name: found for name, found in meant.items() if len(found) > 1} == {}


@given(OUTPUTS, TIMES_MS, st.integers(0, 60_000), st.integers(1, 1000))
def test_plan_guard_and_judge_reckon_the_same(
    setting: Setting, for_ms: int, ramp_ms: int, area_mm2: int
) -> None:
    ramp_ms = min(ramp_ms, for_ms)

    assert guards.values_of(setting) == dict(setting.quantities())
    assert guards.level_of(setting) == setting.level
    assert guards.at_level(setting, for_ms) == setting.at_level(for_ms)
    assert setting.at_level(for_ms).level == for_ms
    assert guards.level_quantity(setting.family) is definition(setting.family).level
    assert guards.energy_of(setting, for_ms, ramp_ms, area_mm2) == setting.energy_mj(
        for_ms, ramp_ms, area_mm2
    )
    assert judges.level_and_duty(setting) == (setting.level, setting.duty_pct)


@pytest.mark.parametrize("family", Family)
def test_guard_and_plan_bound_the_same_quantities(family: Family) -> None:
    times = {Quantity.STEP_MS, Quantity.DELIVERED_MS}

    assert guards.judged(family) == {*definition(family).nameplate, *times}
    assert {key.quantity for key in definition(family).limits} <= {
        quantity for quantity, _ in guards.OWN_LIMITS.values()
    }


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize(("family", "needs_end"), [(Family.ULTRASOUND, True), (Family.PERCUSSION, False)])
def test_ultrasound_alone_needs_something_other_than_the_host_to_end_it(
    family: Family, needs_end: bool
) -> None:
    assert guards.needs_end(family) is definition(family).needs_end is needs_end
    assert judges.reckoned(wire.Family[family.name]).needs_end is needs_end


@given(OUTPUTS, st.integers(0, 3300))
def test_a_setting_is_lowered_to_its_cap_and_never_raised(setting: Setting, cap: int) -> None:
    assert guards.capped(setting, cap) == setting.at_level(min(cap, setting.level))
    assert guards.capped(setting, None) == setting


def test_the_wires_families_and_ours_are_the_same() -> None:
    assert {family_of(said) for said in wire.Family} == set(Family)
    for said in wire.Family:
        assert family_of(said).name == said.name
        assert judges.reckoned(said).usual_ramp_ms == definition(family_of(said)).usual_ramp_ms


@pytest.mark.parametrize("family", Family)
def test_an_emission_in_a_file_is_the_setting_of_its_family(family: Family) -> None:
    needed = [key for key in definition(family).keys if key.needed]
    keys = {key.name: dimension_of(key.quantity.unit).examples[-1] for key in needed}

    protocol = parse(file_with({"emit": keys, "for": "10 s"}, family=family))

    ((_, step),) = protocol.flat_steps()
    planned = step.planned()
    assert isinstance(planned, Emit)
    assert planned.setting.family is family
    assert planned.ramp_ms == definition(family).usual_ramp_ms
    assert LEVELS[family].__doc__ == definition(family).setting.__doc__


@pytest.mark.parametrize("kind", OFF_STEPS)
def test_a_kind_of_step_without_output_is_read_as_it_is_planned(kind: type[Off]) -> None:
    written = {"duration_ms": "5 s", "say": "Breathe."}
    step = {key: written[name] for name, key in kind.keys.items()}

    ((_, read),) = parse(file_with(step)).flat_steps()

    assert kind.kind in KINDS
    assert read.planned() == kind(duration_ms=5_000, say="Breathe.")
