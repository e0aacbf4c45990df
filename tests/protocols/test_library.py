"""Every protocol that ships runs on the units it is for, says what it rests on, and can be found."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from protocols import library, schema
from protocols.compile import check, compile_plan
from protocols.errors import ProtocolInvalid
from protocols.library import UnknownProtocol, bundled, find
from protocols.limits import Bound, Family, Layer, Limits, Quantity
from protocols.model import Action, Grade
from protocols.plan import Ultrasound

ROOT = Path(library.__file__).resolve().parents[1]
FOLDER = ROOT / "protocols" / "library"


def bound(quantity: Quantity, low: int | None = None, high: int | None = None, *among: int) -> Bound:
    """One line of a nameplate."""
    return Bound(quantity, Layer.MODEL, "assumed nameplate", low, high, frozenset(among) or None)


US111 = Limits(
    [
        bound(Quantity.INTENSITY_MW_CM2, 290, 1_060),
        bound(Quantity.SATA_MW_CM2, None, 530),
        bound(Quantity.DUTY_PCT, None, None, 20, 50, 100),
        bound(Quantity.CARRIER_KHZ, None, None, 1_000),
        bound(Quantity.PULSE_HZ, None, None, 0, 100),
        bound(Quantity.STEP_MS, None, 900_000),
        bound(Quantity.DELIVERED_MS, None, 900_000),
    ]
)
BOTH_GUNS = Limits(
    [
        bound(Quantity.SPEED_PER_MIN, 1_800, 2_400),
        bound(Quantity.STEP_MS, None, 300_000),
        bound(Quantity.DELIVERED_MS, None, 300_000),
    ]
)
NAMEPLATES = {Family.ULTRASOUND: US111, Family.PERCUSSION: BOTH_GUNS}


@pytest.mark.parametrize("id_", bundled())
def test_every_bundled_protocol_compiles_for_the_units_it_is_for(id_: str) -> None:
    protocol = find(id_)

    check(protocol)

    for family in [protocol.family] if protocol.family else list(Family):
        plan = compile_plan(
            protocol, model="nameplate", family=family, area_mm2=400, limits=NAMEPLATES[family]
        )
        assert bool(plan.emissions) is bool(protocol.family)


@pytest.mark.parametrize("id_", bundled())
def test_every_bundled_protocol_is_named_as_its_file_and_names_its_schema(id_: str) -> None:
    first = (FOLDER / f"{id_}.yaml").read_text(encoding="utf-8").splitlines()[0]

    assert find(id_).id == id_
    assert first == f"# yaml-language-server: $schema=../{schema.PATH.name}"


@pytest.mark.parametrize("id_", [id_ for id_ in bundled() if not id_.startswith("unit-check")])
def test_every_bundled_protocol_says_when_to_refer_and_how_little_is_known(id_: str) -> None:
    protocol = find(id_)

    assert any(flag.action is Action.REFER_NOW for flag in protocol.red_flags)
    assert protocol.evidence.grade is not Grade.RCT_POSITIVE
    assert not re.search(r"\b(cures?|heals?|relieves?|guarantee[sd]?)\b", protocol.evidence.note)


@pytest.mark.parametrize("id_", [id_ for id_ in bundled() if find(id_).body_site in {"calf", "thigh"}])
def test_a_leg_is_never_treated_without_asking_for_a_thrombosis(id_: str) -> None:
    protocol = find(id_)

    flags = [flag for flag in protocol.red_flags if "thrombosis" in flag.sign]
    assert [flag.action for flag in flags] == [Action.REFER_NOW]
    assert protocol.family is None or any("swollen" in question.ask for question in protocol.screening)


def test_the_library_is_wide_enough_and_partly_needs_no_unit() -> None:
    families = [find(id_).family for id_ in bundled()]

    assert len(families) >= 16
    assert families.count(None) >= 2


@pytest.mark.parametrize("id_", ["unit-check", "unit-check-percussion"])
def test_a_unit_check_treats_nobody_for_ten_seconds_at_the_lowest_level(id_: str) -> None:
    protocol = find(id_)
    family = protocol.family
    assert family is not None

    plan = compile_plan(protocol, model="nameplate", family=family, area_mm2=400, limits=NAMEPLATES[family])

    assert (protocol.body_site, protocol.screening, plan.delivered_ms) == ("bench", (), 10_000)
    output = plan.emissions[0].setting
    lowest = output.intensity_mw_cm2 if isinstance(output, Ultrasound) else output.speed_per_min
    assert lowest == (290 if isinstance(output, Ultrasound) else 1_800)


def test_carpal_tunnel_is_planned_as_in_its_trial() -> None:
    plan = compile_plan(
        find("carpal-tunnel-ultrasound"), model="us111", family=Family.ULTRASOUND, area_mm2=400, limits=US111
    )

    (emit,) = plan.emissions
    assert (emit.setting, emit.duration_ms) == (Ultrasound(1_000, 20, 1_000, 100), 900_000)


@pytest.mark.parametrize(
    "name", ["calf", "../errors", "../library/unit-check", "unit_check", "", "\0", "x" * 9_999]
)
def test_a_name_there_is_none_of_says_what_there_is(name: str) -> None:
    with pytest.raises((UnknownProtocol, ProtocolInvalid)) as unknown:
        find(name)

    assert unknown.value.action


def test_a_mistyped_id_is_asked_about() -> None:
    with pytest.raises(UnknownProtocol) as unknown:
        find("unit-chek")

    assert unknown.value.action == "Did you mean unit-check? List them with physioctl protocols list."


def test_a_file_is_found_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes((FOLDER / "unit-check.yaml").read_bytes())

    assert find(path).content_hash == find("unit-check").content_hash
    assert find(str(path)).origin.file == str(path)


def test_the_manuals_example_is_sound() -> None:
    manual = (ROOT / "docs" / "protocol-files.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", manual, re.DOTALL)

    protocol = library.parse(example.encode(), "example.yaml")

    check(protocol)
    assert schema.PATH.name in example


def test_the_manual_names_every_key_and_every_step() -> None:
    manual = (ROOT / "docs" / "protocol-files.md").read_text(encoding="utf-8")
    made = schema.schema()

    keys = {key for part in [made, *made["$defs"].values()] for key in part.get("properties", ())}
    assert [key for key in sorted(keys) if not re.search(rf"\b{key}\b", manual)] == []


def test_the_schema_that_ships_is_fresh() -> None:
    assert schema.PATH.read_text(encoding="utf-8") == schema.text()


def test_limits_and_plans_are_loaded_without_the_libraries_that_read_files() -> None:
    code = (
        "import sys, protocols.limits, protocols.plan, protocols.ceilings;"
        "sys.exit(bool({'pydantic', 'ruamel.yaml'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
