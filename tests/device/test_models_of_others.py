"""Nameplates that are not ours: what they may say, where they are found, and that no code of theirs runs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from device import models
from device.added_models import check_added
from device.control.ceilings import TableUnreadable, generic_ceilings
from device.errors import NameplateInvalid
from device.models import MODELS, generic_model, model, read_model
from device.nameplate_files import GENERIC, added, id_of
from protocols.limits import Family, Limits, Quantity
from tests.cases import each
from tests.forked import ROOT
from tests.processes import finished

SONO = (ROOT / "docs/example-unit/physioctl_sonomini/sonomini_50.toml").read_text(encoding="utf-8")
GUN = (Path(models.__file__).with_name("nameplates") / "ultragun.toml").read_text(encoding="utf-8")
OURS = [model(id_) for id_ in MODELS]


# --- what one may say -----------------------------------------------------------------------------------


def test_the_example_is_a_nameplate_and_says_that_its_numbers_are_not_assumed(tmp_path: Path) -> None:
    path = tmp_path / "sonomini_50.toml"
    path.write_text(SONO, encoding="utf-8")

    read = read_model(path)
    check_added(str(path), read, OURS)

    assert (read.name, read.assumed, read.is_generic) == ("SonoMini 50", False, False)
    assert Limits(read.bounds).at_most(Quantity.INTENSITY_MW_CM2) == 2000


@each(
    ("was", "now"),
    [
        ("at_most = 2000", "at_most = 3000"),
        ("at_most = 1000", "at_most = 3000"),
        ("at_most = 600_000", "at_most = 900_000"),
        ("one_of = [1000]", "one_of = [500, 5000]"),
        ("SonoMini 50", "SonoMini 50 1234"),
        ("[400, 500]", "[10, 500]"),
        ("warn_ddeg_c = 405", "warn_ddeg_c = 410"),
        ("425", "430"),
        ("[0, 30_000]", "[60_000, 60_000]"),
        ("[300, 1000]", "[1000, 1000]"),
        ("[10, 500]", "[10, 10]"),
    ],
)
def test_what_is_met_exactly_is_taken(was: str, now: str, tmp_path: Path) -> None:
    assert was in SONO
    text = SONO.replace(was, now)
    id_ = "sonomini_50_1234" if "1234" in now else "sonomini_50"
    path = tmp_path / f"{id_}.toml"
    path.write_text(text.replace('"sonomini_50"', f'"{id_}"'), encoding="utf-8")

    check_added(str(path), read_model(path), OURS)


@pytest.mark.hazard("H-04")
def test_a_head_is_at_most_what_the_familys_ceiling_on_energy_is_for(tmp_path: Path) -> None:
    def of_area(area_mm2: int) -> None:
        path = tmp_path / "sonomini_50.toml"
        text = SONO.replace("area_mm2 = 500", f"area_mm2 = {area_mm2}").replace(
            "[400, 500]", f"[10, {area_mm2}]"
        )
        path.write_text(text, encoding="utf-8")
        check_added(str(path), read_model(path), OURS)

    of_area(1000)
    with pytest.raises(NameplateInvalid, match="area_mm2 may be 10 to 1001, and 10 to 1000 is allowed"):
        of_area(1001)


def test_a_family_of_which_no_model_is_ours_cannot_be_added_to(tmp_path: Path) -> None:
    path = tmp_path / "sonomini_50.toml"
    path.write_text(SONO, encoding="utf-8")

    with pytest.raises(NameplateInvalid, match="no model of this program is of the family ultrasound"):
        check_added(str(path), read_model(path), [own for own in OURS if own.family is Family.PERCUSSION])


@pytest.mark.hazard("H-04")
@each(
    ("was", "now", "said"),
    [
        ("at_most = 2000", "at_most = 10_000", "intensity of 10 W/cm² is outside the family's bound"),
        ("at_most = 2000", "at_most = 3001", "intensity of 3.001 W/cm² is outside"),
        ("at_most = 1000", "at_most = 3001", "temporal-average intensity of 3.001 W/cm² is outside"),
        ("at_most = 2000", "at_most = nan", "at_most is nan, and not a whole number"),
        ("at_most = 2000", "at_most = inf", "at_most is inf, and not a whole number"),
        ("at_most = 2000", 'at_most = "2000"', "at_most is '2000', and not a whole number"),
        ("at_most = 2000", "at_most = 2000.0", "at_most is 2000.0, and not a whole number"),
        ("at_most = 2000", "at_most = -1", "at_most is -1, and not a whole number"),
        ("at_most = 2000", "at_most = 99_999_999_999", "at_most is larger than 4294967295"),
        ("at_most = 2000", "", "at_most is missing"),
        ("at_most = 600_000", "at_most = 900_001", "time of one emission of 900.001 s is outside"),
        (
            "at_most = 900_000",
            "at_most = 1_800_001",
            "delivered time of the session of 1800.001 s is outside",
        ),
        ("one_of = [1000]", "one_of = [1000, 6000]", "carrier frequency of 6 MHz is outside"),
        ("one_of = [20, 50, 100]", "one_of = [20, 101]", "duty cycle of 101 % is outside"),
        ("assumed = false", "", "assumed is missing"),
        ("assumed = false", 'assumed = "no"', "assumed is 'no', and neither true nor false"),
        ("assumed = false", "assumed = 0", "assumed is 0, and neither true nor false"),
        ('"SonoMini 50"', '"US111"', "the name 'US111' is taken by a model of this program"),
        ('"SonoMini 50"', '"us111"', "the name 'us111' is taken by a model of this program"),
        ('"SonoMini 50"', '"SonoMini 51"', "the id of the name 'SonoMini 51' is 'sonomini_51'"),
        ('"SonoMini 50"', '"Sonomini  ........50"', "its name is not of 1 to 16 ASCII characters"),
        ('"SonoMini 50"', '"SonoMini\\u001b50"', "name is not one line of at most 200 characters"),
        ('"nameplate of', '"\\u001b[2J', "source is not one line"),
        ('"nameplate of', f'"{"x" * 200}', "source is not one line"),
        ("area_mm2 = 500", "area_mm2 = 1001", "area_mm2 of 1001 is outside its own range"),
        ("[400, 500]", "[400, 501]", "a unit may declare a larger head than the nameplate's"),
        ("[400, 500]", "[0, 500]", "area_mm2 may be 0 to 500, and 10 to 1000 is allowed"),
        ("warn_ddeg_c = 405", "warn_ddeg_c = 415", "its head may warn at 415, and at most 410 is allowed"),
        ("425", "435", "its head may trip at 435, and at most 430 is allowed"),
        ("[0, 30_000]", "[0, 60_001]", "suspension_max_ms may be 0 to 60001, and 0 to 60000 is allowed"),
        ("[300, 1000]", "[300, 2560]", "lease_max_ms may be 300 to 2560, and 300 to 1000 is allowed"),
        ("[10, 500]", "[10, 1000]", "lease_min_ms may be 10 to 1000, and 10 to 500 is allowed"),
        (', "contact"]', "]", "it needs no contact sensor, and a unit of its family has to have one"),
        ('"head_temperature", ', "", "it needs no head temperature sensor"),
        ('["output", ', "[", "it needs no output sensor"),
        ('family = "ultrasound"', 'family = "laser"', "family is 'laser', and not one of"),
    ],
)
def test_a_nameplate_of_another_that_goes_too_far_is_refused(
    was: str, now: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "sonomini_50.toml"
    assert was in SONO
    path.write_text(SONO.replace(was, now), encoding="utf-8")

    with pytest.raises(NameplateInvalid) as refused:
        check_added(str(path), read_model(path), OURS)

    assert said in refused.value.what
    assert refused.value.what.startswith(str(path))
    assert refused.value.action == "Correct the nameplate."


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("at_most = 3000", "at_most = 3301", "speed of 3301 /min is outside the family's bound"),
        ("at_most = 300_000", "at_most = 300_001", "time of one emission"),
        ('"output", ', "", "it needs no output sensor"),
    ],
)
def test_a_massage_gun_of_another_keeps_to_its_family_too(
    was: str, now: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "their_gun.toml"
    text = GUN.replace('id = "ultragun"', 'id = "their_gun"').replace('"UltraGun"', '"Their Gun"')
    path.write_text(text, encoding="utf-8")
    check_added(str(path), read_model(path), OURS)
    path.write_text(text.replace(was, now), encoding="utf-8")

    with pytest.raises(NameplateInvalid, match=said):
        check_added(str(path), read_model(path), OURS)


@each(
    ("name", "id_"),
    [
        ("SonoMini 50", "sonomini_50"),
        ("UltraGun PRO", "ultragun_pro"),
        ("A--b..C", "a_b_c"),
        ("../../us999", "us999"),
        ("²", ""),
        ("", ""),
        ("x" * 33, ""),
    ],
)
def test_the_id_of_a_model_follows_from_its_name(name: str, id_: str) -> None:
    assert id_of(name) == id_


# --- the generic ones -----------------------------------------------------------------------------------


@pytest.mark.hazard("H-13")
@pytest.mark.parametrize("family", Family)
def test_a_generic_nameplate_is_no_higher_than_the_lowest_of_our_models(family: Family) -> None:
    read, alike = generic_model(family), [each_ for each_ in OURS if each_.family is family]
    bounds = Limits(read.bounds)

    assert set(GENERIC) == set(Family)
    assert (read.is_generic, read.assumed) == (True, True)
    for own in alike:
        for bound in own.bounds:
            if bound.at_most is not None:
                assert (bounds.at_most(bound.quantity) or 0) <= bound.at_most
            if bound.one_of is not None:
                (generic,) = bounds.of(bound.quantity)
                assert (generic.one_of or frozenset()) <= bound.one_of
        assert set(own.sensors) <= set(read.sensors)
        for range_, generic_range in zip(own.ranges, read.ranges, strict=True):
            assert range_.what == generic_range.what
            assert generic_range.high <= range_.high
            assert range_.what == "area_mm2" or generic_range.low >= range_.low
    assert {bound.quantity for bound in read.bounds} == {b.quantity for own in alike for b in own.bounds}


@pytest.mark.parametrize("family", Family)
def test_the_guard_reads_the_generic_nameplate_for_itself(family: Family, tmp_path: Path) -> None:
    def plain(bounds: object) -> set[object]:
        assert isinstance(bounds, tuple)
        return {(b.quantity, b.layer, b.at_least, b.at_most, b.one_of) for b in bounds}

    assert plain(generic_ceilings(family)) == plain(generic_model(family).bounds)
    with pytest.raises(TableUnreadable):
        generic_ceilings(family, tmp_path)


# --- where they are found -------------------------------------------------------------------------------

NEVER_RUN = (
    "import pathlib; pathlib.Path(__file__).with_name('it_was_run').touch()\nraise SystemExit(print('!'))"
)


def install(folder: Path, entries: str, plates: dict[str, str], name: str = "theirs") -> None:
    """Put a distribution where Python finds it; its package may not be imported."""
    package = folder / name
    package.mkdir()
    (package / "__init__.py").write_text(NEVER_RUN, encoding="utf-8")
    for file, text in plates.items():
        (package / file).write_text(text, encoding="utf-8")
    info = folder / f"{name}-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[physioctl.models]\n{entries}\n", encoding="utf-8")


def asked(folder: Path, code: str) -> str:
    """What ``code`` prints in a Python that finds ``folder``; nothing of the packages in it was imported."""
    found = "import sys, warnings; sys.path.append(sys.argv[1]); warnings.simplefilter('error')"
    done = finished(folder, folder, code=f"{found}\n{code}")
    assert done.returncode == 0, done.stderr
    assert list(folder.rglob("it_was_run")) == []
    return done.stdout.strip()


def refusal_of(folder: Path, name: str = "SonoMini 50") -> tuple[str, str, str]:
    """How a unit that calls itself so is refused, and how the guard refuses it."""
    told = asked(
        folder,
        "import json\n"
        "from device.control.ceilings import TableUnreadable, nameplate_ceilings\n"
        "from device.errors import WrongUnit, NameplateInvalid\n"
        "from device.models import model_named\n"
        "from protocols.limits import Family\n"
        f"try: model_named({name!r}); said = 'taken', ''\n"
        "except (WrongUnit, NameplateInvalid) as error:\n"
        "    said = f'{type(error).__name__}: {error.what}', error.action\n"
        f"try: nameplate_ceilings({name!r}, Family.ULTRASOUND); guard = 'taken'\n"
        "except TableUnreadable as error: guard = str(error)\n"
        "print(json.dumps([*said, guard]))",
    )
    what, action, guard = json.loads(told)
    return what, action, guard


FOUND = (
    "import json\n"
    "from device.control.ceilings import nameplate_ceilings\n"
    "from device.models import ids, model_named\n"
    "from protocols.limits import Family, Limits, Quantity\n"
    "read = model_named('SonoMini 50')\n"
    "guards = Limits(nameplate_ceilings('SonoMini 50', Family.ULTRASOUND))\n"
    "most = [limits.at_most(Quantity.INTENSITY_MW_CM2) for limits in (Limits(read.bounds), guards)]\n"
    "whose = [read.distribution, read.version, len(read.content_hash)]\n"
    "print(json.dumps([ids(), *whose, most, read.numbers_said]))"
)


def test_a_model_of_another_distribution_is_found_by_what_the_unit_calls_itself(tmp_path: Path) -> None:
    install(tmp_path, "sonomini_50 = theirs", {"sonomini_50.toml": SONO})

    assert json.loads(asked(tmp_path, FOUND)) == [
        [*MODELS, "sonomini_50"], "theirs", "1.5", 64, [2000, 2000], "its nameplate's, from theirs 1.5",
    ]  # fmt: skip


def test_a_nameplate_in_the_users_own_folder_is_found_as_well(tmp_path: Path) -> None:
    own = tmp_path / "physioctl" / "models"
    own.mkdir(parents=True)
    (own / "sonomini_50.toml").write_text(SONO.replace("assumed = false", "assumed = true"), encoding="utf-8")

    assert json.loads(asked(tmp_path, FOUND)) == [
        [*MODELS, "sonomini_50"], "", "", 64, [2000, 2000], "assumed, from a file here",
    ]  # fmt: skip


@pytest.mark.hazard("H-04")
def test_a_name_of_ours_is_ours_whoever_else_takes_it(tmp_path: Path) -> None:
    text = SONO.replace("sonomini_50", "us111").replace("SonoMini 50", "US111")
    install(tmp_path, "us111 = theirs\ngeneric_ultrasound = theirs", {"us111.toml": text})

    said = asked(
        tmp_path,
        "from device.models import ids, model, model_named\n"
        "print(ids(), model('us111').distribution, model_named('US111') is model('us111'))",
    )

    assert said == f"{MODELS} physioctl True"


@pytest.mark.hazard("H-13")
@pytest.mark.parametrize(
    ("entries", "text", "what", "guard"),
    [
        (
            "sonomini_50 = theirs",
            SONO.replace("= 2000", "= 10_000"),
            "10 W/cm² is outside",
            "above the ceiling",
        ),
        ("sonomini_50 = theirs", SONO.replace("[head]", "[haed]"), "head is missing", "taken"),
        ("sonomini_50 = theirs", "\x00", "cannot be read", "cannot be read"),
        ("sonomini_50 = theirs", "a = " + "[" * 5000, "cannot be read", "cannot be read"),
        ("sonomini_50 = theirs", "#" * 70_000, "larger than 65536 bytes", "larger than 65536 bytes"),
        ("sonomini_50 = theirs:plate", SONO, "which is no package", "which is no package"),
        ("sonomini_50 = ../theirs", SONO, "which is no package", "which is no package"),
        ("sonomini_50 = theirs.inner", SONO, "where no sonomini_50.toml is", "where no sonomini_50.toml is"),
        ("sonomini_50 = nowhere", SONO, "where no sonomini_50.toml is", "where no sonomini_50.toml is"),
    ],
    ids=["10 W", "malformed", "no TOML", "deep", "large", "attribute", "path", "not there", "no package"],
)
def test_a_nameplate_that_cannot_be_used_is_refused_and_no_generic_one_takes_its_place(
    tmp_path: Path, entries: str, text: str, what: str, guard: str
) -> None:
    install(tmp_path, entries, {"sonomini_50.toml": text})

    said, action, guards = refusal_of(tmp_path)

    assert said.startswith("NameplateInvalid: ")
    assert what in said
    assert action
    assert guard in guards


def test_two_nameplates_of_one_name_are_refused_with_where_both_are(tmp_path: Path) -> None:
    install(tmp_path, "sonomini_50 = theirs", {"sonomini_50.toml": SONO})
    install(tmp_path, "sonomini_50 = others", {"sonomini_50.toml": SONO}, name="others")

    said, action, _ = refusal_of(tmp_path)

    assert "2 nameplates are called 'sonomini_50'" in said
    assert "theirs/sonomini_50.toml" in said
    assert "others/sonomini_50.toml" in said
    assert action == "Leave one of them, and remove the others."


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_nameplate_that_is_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    own = tmp_path / "physioctl" / "models"
    own.mkdir(parents=True)
    os.mkfifo(own / "sonomini_50.toml")

    assert "it is a device or a pipe, not a file" in refusal_of(tmp_path)[0]


def test_a_damaged_distribution_is_an_error_for_a_model_that_is_not_found_and_for_no_other(
    tmp_path: Path,
) -> None:
    install(tmp_path, "sonomini_50 = theirs", {"sonomini_50.toml": SONO})
    next(tmp_path.rglob("entry_points.txt")).write_bytes(b"\xff\xfe")

    said, action, _ = refusal_of(tmp_path)
    ours, _, guards = refusal_of(tmp_path, "US111")

    assert "the model 'sonomini_50' is not found; the entry points of" in said  # no generic one is taken
    assert action
    assert (ours, guards) == ("taken", "taken")
    own = tmp_path / "physioctl" / "models"
    own.mkdir(parents=True)
    (own / "sonomini_50.toml").write_text(SONO, encoding="utf-8")
    assert refusal_of(tmp_path)[0] == "taken"


def test_no_model_is_added_here() -> None:
    assert added() == ()
