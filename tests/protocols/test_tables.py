"""The safety tables: their numbers a second time, and that nothing in them can be misspelt or left out."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from protocols.ceilings import body_sites, family_layer, site_layer
from protocols.limits import Bound, Family, Layer
from tests.cases import each
from tools import tables
from tools.mutate_data import written
from tools.tables import TableInvalid

ROOT = Path(__file__).resolve().parents[2]
FAMILIES = (ROOT / "protocols/families.toml").read_text(encoding="utf-8")
SITES = (ROOT / "protocols/sites.toml").read_text(encoding="utf-8")
U, P = Family.ULTRASOUND, Family.PERCUSSION

# Every number of both tables, written a second time by hand: (at_least, at_most).
FAMILY_NUMBERS = {
    U: {
        "INTENSITY_MW_CM2": (None, 3000),
        "SATA_MW_CM2": (None, 3000),
        "DUTY_PCT": (1, 100),
        "CARRIER_KHZ": (500, 5000),
        "PULSE_HZ": (None, 1000),
        "STEP_MS": (None, 900_000),
        "DELIVERED_MS": (None, 1_800_000),
        "ENERGY_MJ": (None, 54_000_000),
    },
    P: {
        "SPEED_PER_MIN": (None, 3300),
        "STEP_MS": (None, 300_000),
        "DELIVERED_MS": (None, 900_000),
    },
}
MINUTE_MS = 60_000
SITE_NUMBERS: dict[str, tuple[str, dict[str, int] | None, dict[str, int] | None]] = {  # None: blocked
    "calf": ("calf", {"DELIVERED_MS": 15 * MINUTE_MS}, {"DELIVERED_MS": 5 * MINUTE_MS}),
    "thigh": ("thigh", {"DELIVERED_MS": 15 * MINUTE_MS}, {"DELIVERED_MS": 5 * MINUTE_MS}),
    "upper_arm": ("upper arm", {"DELIVERED_MS": 10 * MINUTE_MS}, {"DELIVERED_MS": 2 * MINUTE_MS}),
    "forearm": ("forearm", {"DELIVERED_MS": 10 * MINUTE_MS}, {"DELIVERED_MS": 2 * MINUTE_MS}),
    "foot": (
        "sole of the foot",
        {"SATA_MW_CM2": 300, "DELIVERED_MS": 10 * MINUTE_MS},
        {"DELIVERED_MS": 2 * MINUTE_MS},
    ),
    "hand": ("hand", {"SATA_MW_CM2": 300, "DELIVERED_MS": 10 * MINUTE_MS}, None),
    "wrist": ("palm side of the wrist", {"SATA_MW_CM2": 300, "DELIVERED_MS": 15 * MINUTE_MS}, None),
    "knee": ("muscle around the knee", {"SATA_MW_CM2": 530, "DELIVERED_MS": 10 * MINUTE_MS}, None),
    "shoulder": ("muscle around the shoulder", {"SATA_MW_CM2": 530, "DELIVERED_MS": 10 * MINUTE_MS}, None),
    "abdomen": ("abdomen", None, None),
    "chest": ("chest", None, None),
    "neck": ("neck", None, None),
    "head": ("head", None, None),
    "groin": ("groin", None, None),
    "none": ("no site", None, None),
    "bench": ("bench, nobody on the unit", {"DELIVERED_MS": MINUTE_MS}, {"DELIVERED_MS": MINUTE_MS}),
}


def clauses(bounds: tuple[Bound, ...]) -> dict[str, tuple[int | None, int | None]]:
    """The bounds as the numbers above have them."""
    assert all(bound.one_of is None for bound in bounds)
    return {bound.quantity.name: (bound.at_least, bound.at_most) for bound in bounds}


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize("family", Family)
def test_a_family_has_these_ceilings_and_no_others(family: Family) -> None:
    bounds = family_layer(family)

    assert clauses(bounds) == FAMILY_NUMBERS[family]
    assert {bound.layer for bound in bounds} == {Layer.FAMILY}
    assert all(bound.source.startswith("families.toml: ") for bound in bounds)


@pytest.mark.hazard("H-04")
@pytest.mark.hazard("H-14")
@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("site", SITE_NUMBERS)
def test_a_site_has_these_bounds_or_this_block_and_no_others(site: str, family: Family) -> None:
    _, of_ultrasound, of_percussion = SITE_NUMBERS[site]
    numbers = of_ultrasound if family is U else of_percussion
    bounds, blocks = site_layer(site, family)

    assert bool(blocks) is (numbers is None)
    assert clauses(bounds) == {name: (None, at_most) for name, at_most in (numbers or {}).items()}
    assert {bound.layer for bound in bounds} <= {Layer.SITE}
    assert all(bound.source.startswith(f"sites.toml, {site}: ") for bound in bounds)
    assert all((block.layer, block.family) == (Layer.SITE, family) for block in blocks)
    assert not any("nothing is said" in block.reason for block in blocks)  # each block has its own reason


def test_these_are_the_body_sites_and_what_people_call_them() -> None:
    assert body_sites() == {site: title for site, (title, _, _) in SITE_NUMBERS.items()}


# --- what is refused when a table is loaded ---------------------------------------------------------


def loaded(families: str = FAMILIES, sites: str = SITES) -> tables.Tables:
    """Both tables from these texts."""
    return tables.read(families, sites)


def refused(families: str = FAMILIES, sites: str = SITES) -> str:
    """What is said of texts that have to be refused."""
    with pytest.raises(TableInvalid) as invalid:
        loaded(families, sites)
    return str(invalid.value)


def changed(text: str, path: str, **values: object) -> str:
    """The table with these keys of one of its tables set; None takes a key out."""
    data = tomllib.loads(text)
    table: Any = data
    for part in path.split(".") if path else ():
        table = table[part]
    for key, value in values.items():
        if value is None:
            del table[key]
        else:
            table[key] = value
    return written(data)


def leaves(data: Mapping[str, Any], *path: str) -> Iterator[tuple[str, ...]]:
    """The way to every value that is not a table."""
    for key, value in data.items():
        if isinstance(value, dict):
            yield from leaves(value, *path, key)
        else:
            yield (*path, key)


def test_the_tables_that_ship_are_sound() -> None:
    assert loaded(written(tomllib.loads(FAMILIES)), written(tomllib.loads(SITES))) == loaded()


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize("path", list(leaves(tomllib.loads(FAMILIES))), ids=".".join)
def test_no_key_of_a_family_can_be_misspelt_or_left_out(path: tuple[str, ...]) -> None:
    *table, key = path
    value = tomllib.loads(FAMILIES)[table[0]][table[1]][key]

    gone = changed(FAMILIES, ".".join(table), **{key: None})

    assert f"families.toml: {'.'.join(path)}: is missing" in refused(gone)
    misspelt = refused(changed(gone, ".".join(table), **{f"{key}s": value}))
    assert f"families.toml: {'.'.join(path)}s: there is no such key" in misspelt


@pytest.mark.hazard("H-04")
@each("path", leaves(tomllib.loads(SITES)))
def test_no_key_of_a_site_can_be_misspelt_or_left_out(path: tuple[str, ...]) -> None:
    *table, key = path
    value: Any = tomllib.loads(SITES)
    for part in path:
        value = value[part]

    gone = changed(SITES, ".".join(table), **{key: None})

    assert "sites.toml: " + ".".join(table) in refused(sites=gone)
    misspelt = refused(sites=changed(gone, ".".join(table), **{f"{key}s": value}))
    assert f"sites.toml: {'.'.join(path)}s: there is no such key" in misspelt


@pytest.mark.parametrize(
    ("path", "values", "what"),
    [
        ("ultrasound", {"energy_mj": None}, "ultrasound.energy_mj: is missing"),
        ("percussion", {"speed_per_min": None}, "percussion.speed_per_min: is missing"),
        ("", {"percussion": None}, "percussion: is missing"),
        ("", {"laser": {}}, "laser: there is no such key"),
        ("percussion", {"duty_pct": {"at_most": 1, "source": "x"}}, "percussion.duty_pct: there is no such"),
        ("ultrasound", {"speed_per_min": {"at_most": 1, "source": "x"}}, "ultrasound.speed_per_min: there"),
        ("ultrasound.duty_pct", {"at_least": 101}, "ultrasound.duty_pct: "),
        ("ultrasound.step_ms", {"source": " "}, "ultrasound.step_ms.source: is empty"),
        ("ultrasound.step_ms", {"at_most": 0}, "ultrasound.step_ms.at_most: "),
        ("ultrasound.step_ms", {"at_most": -1}, "ultrasound.step_ms.at_most: "),
        ("ultrasound.step_ms", {"at_most": 1.5}, "ultrasound.step_ms.at_most: "),
        ("ultrasound.step_ms", {"at_most": float("nan")}, "ultrasound.step_ms.at_most: "),
        ("ultrasound.step_ms", {"at_most": float("inf")}, "ultrasound.step_ms.at_most: "),
        ("ultrasound.step_ms", {"at_most": True}, "ultrasound.step_ms.at_most: "),
        ("ultrasound.step_ms", {"at_most": "900000"}, "ultrasound.step_ms.at_most: "),
        ("ultrasound.step_ms", {"source": 5}, "ultrasound.step_ms.source: "),
    ],
)
def test_a_family_that_cannot_be_relied_on_is_refused(path: str, values: dict[str, Any], what: str) -> None:
    assert f"families.toml: {what}" in refused(changed(FAMILIES, path, **values))


FIVE_MINUTES = {"at_most": 300_000, "source": "x"}


@pytest.mark.parametrize(
    ("path", "values", "what"),
    [
        ("calf.ultrasound", {"delivered_ms": None}, "calf.ultrasound: says neither"),
        ("foot.ultrasound", {"delivered_ms": None}, "foot.ultrasound: has no bound on delivered_ms"),
        ("hand.percussion", {"delivered_ms": FIVE_MINUTES}, "hand.percussion: is blocked and has bounds"),
        ("hand.percussion", {"blocked": " "}, "hand.percussion.blocked: is empty"),
        ("hand.percussion", {"blocked": False}, "hand.percussion.blocked: "),
        ("calf", {"title": ""}, "calf.title: is empty"),
        ("calf.percussion", {"sata_mw_cm2": FIVE_MINUTES}, "calf.percussion.sata_mw_cm2: there is no such"),
        ("calf.ultrasound", {"speed_per_min": FIVE_MINUTES}, "calf.ultrasound.speed_per_min: there is no"),
        ("calf.ultrasound", {"delivered_ms": {}}, "calf.ultrasound.delivered_ms.at_most: is missing"),
        ("calf.ultrasound.delivered_ms", {"at_least": 1}, "calf.ultrasound.delivered_ms.at_least: there is"),
        ("foot.ultrasound.sata_mw_cm2", {"at_most": 3001}, "foot.ultrasound.sata_mw_cm2: is looser than"),
        ("calf.percussion.delivered_ms", {"at_most": 900_001}, "calf.percussion.delivered_ms: is looser"),
        ("calf", {"laser": {}}, "calf.laser: there is no such key"),
        ("", {"calf": 5}, "calf: "),
    ],
)
def test_a_site_that_cannot_be_relied_on_is_refused(path: str, values: dict[str, Any], what: str) -> None:
    assert f"sites.toml: {what}" in refused(sites=changed(SITES, path, **values))


def test_everything_wrong_with_a_table_is_said_at_once() -> None:
    wrong = changed(changed(SITES, "calf", title=""), "hand", title="")

    assert refused(sites=wrong).splitlines() == [
        "sites.toml: calf.title: is empty",
        "sites.toml: hand.title: is empty",
    ]


@pytest.mark.parametrize("text", ["", "[calf", "\x00"])
def test_a_table_that_is_no_table_is_refused(text: str) -> None:
    assert refused(text).startswith("families.toml: ")
    assert refused(sites=text).startswith("sites.toml: ")


@pytest.mark.hazard("H-14")
@pytest.mark.parametrize("family", Family)
def test_a_family_a_site_has_no_word_on_is_blocked_there(family: Family) -> None:
    without_entry = changed(SITES, "calf", **{family.value: None})

    site = loaded(sites=without_entry).sites["calf"]

    assert site.bounds[family] == ()
    assert [block.reason for block in site.blocks[family]] == [f"nothing is said of {family} at this site"]


@pytest.mark.hazard("H-14")
@pytest.mark.parametrize("family", Family)
def test_a_site_nobody_knows_is_blocked(family: Family) -> None:
    bounds, blocks = site_layer("elbow", family)

    assert bounds == ()
    assert [block.reason for block in blocks] == ["'elbow' is not a body site that is known here"]


# --- a damaged installation, as a person meets it -----------------------------------------------------

_RUN = "import sys; from physioctl.cli import call; sys.exit(call(sys.argv[1:]))"


def typed(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What comes of ``physioctl arguments`` from the packages in ``folder``."""
    code = [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(folder)!r}); {_RUN}"]
    return subprocess.run([*code, *arguments], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.hazard("H-04")
def test_a_table_damaged_after_it_was_installed_lets_nothing_out_and_never_stops_a_stop(
    tmp_path: Path,
) -> None:
    for package in ("protocols", "device", "physioctl", "simulator"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    text = changed(SITES, "foot.ultrasound.sata_mw_cm2", at_most=None, at_msot=300)
    (tmp_path / "protocols/sites.toml").write_text(text, encoding="utf-8")

    rehearsed = typed(tmp_path, "rehearse", "foot-cramp-ultrasound", "--unit", "us111")
    stopped = typed(tmp_path, "stop", "--port", str(tmp_path / "no-such-port"))

    assert rehearsed.returncode == 4
    assert "sites.toml, foot: sata_mw_cm2 has a key that is not known" in rehearsed.stderr
    assert "to do: Reinstall physioctl" in rehearsed.stderr
    assert rehearsed.stdout == ""
    assert stopped.returncode == 5
    assert "sites.toml" not in stopped.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["stop", "--help"], ["stop", "--port", "/nowhere"]])
def test_help_and_stop_do_without_pydantic(arguments: list[str]) -> None:
    code = (
        "import sys; from physioctl.cli import call; call(sys.argv[1:]);"
        "sys.exit(bool({'pydantic', 'ruamel.yaml'} & set(sys.modules)))"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, check=False, capture_output=True
    )

    assert ended.returncode == 0
