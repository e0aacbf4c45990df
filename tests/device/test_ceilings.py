"""The guard's own reading of the tables: the compiler's bounds by another way, and no mistake passed over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from device.control.ceilings import TableUnreadable, family_ceilings, nameplate_ceilings, site_ceilings
from device.models import MODELS, model
from protocols import ceilings
from protocols.limits import Bound, Family

TABLES = Path(str(ceilings.__file__)).parent
PLATES = Path(__file__).parents[2] / "device/nameplates"


def plain(bounds: tuple[Bound, ...]) -> set[object]:
    return {(b.quantity, b.layer, b.at_least, b.at_most, b.one_of) for b in bounds}


@pytest.mark.parametrize("family", Family)
def test_the_guard_and_the_compiler_read_the_same_ceilings(family: Family) -> None:
    assert plain(family_ceilings(family)) == plain(ceilings.family_layer(family))
    for site in ceilings.body_sites():
        bounds, blocks = ceilings.site_layer(site, family)
        assert plain(site_ceilings(site, family)[0]) == plain(bounds)
        assert bool(site_ceilings(site, family)[1]) is bool(blocks)


@pytest.mark.parametrize("id_", MODELS)
def test_the_guard_and_the_handshake_read_the_same_nameplate(id_: str) -> None:
    known = model(id_)

    assert plain(nameplate_ceilings(known.name, known.family)) == plain(known.bounds)


def test_a_unit_of_no_nameplate_or_of_another_family_has_no_ceilings() -> None:
    for name, family in (("US999", Family.ULTRASOUND), ("US111", Family.PERCUSSION)):
        with pytest.raises(TableUnreadable):
            nameplate_ceilings(name, family)


def test_a_site_that_is_in_no_table_or_says_nothing_of_the_family_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "sites.toml").write_text('[ear]\ntitle = "ear"\n', encoding="utf-8")

    with pytest.raises(TableUnreadable):
        site_ceilings("nowhere", Family.ULTRASOUND)
    assert site_ceilings("ear", Family.ULTRASOUND, tmp_path) == ((), "nothing is said of it there")


def of_families(folder: Path) -> object:
    return [family_ceilings(family, folder) for family in Family]


def of_calf(folder: Path) -> object:
    return site_ceilings("calf", Family.ULTRASOUND, folder)


def of_foot(folder: Path) -> object:
    return site_ceilings("foot", Family.ULTRASOUND, folder)


def of_hand(folder: Path) -> object:
    return site_ceilings("hand", Family.PERCUSSION, folder)


def of_us111(folder: Path) -> object:
    return nameplate_ceilings("US111", Family.ULTRASOUND, folder)


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize(
    ("file", "read", "sound", "spoilt"),
    [
        ("families.toml", of_families, "[percussion.speed_per_min]", "[percussion.sped_per_min]"),
        ("families.toml", of_families, "[percussion.speed_per_min]", "[percussion.duty_pct]"),
        ("families.toml", of_families, "at_most = 3300", "at_mots = 3300"),
        ("families.toml", of_families, "at_most = 3300", "at_least = 3300"),
        ("families.toml", of_families, "at_most = 3300", ""),
        ("families.toml", of_families, "at_most = 3300", "at_most = 3300.0"),
        ("families.toml", of_families, "at_most = 3300", "at_most = true"),
        ("families.toml", of_families, "at_most = 3300", "at_most = -1"),
        ("families.toml", of_families, "at_most = 3300", 'at_most = "3300"'),
        ("families.toml", of_families, "at_most = 3300", "at_most = nan"),
        ("families.toml", of_families, "at_most = 3300", "one_of = []"),
        ("families.toml", of_families, "at_most = 3300", "one_of = 3300"),
        ("families.toml", of_families, "at_most = 3300", "at_most ="),
        ("families.toml", of_families, "at_most = 3300", "at_most = 3300\nat_least = 3301"),
        ("families.toml", of_families, "at_most = 3300", "at_most = 3300\nat_must = 3000"),
        ("families.toml", of_families, "at_most = 54_000_000\n", ""),
        (
            "families.toml",
            of_families,
            "[percussion.speed_per_min]",
            "[percussion]\nspeed_per_min = 1\n[percussion.x]",
        ),
        ("families.toml", of_families, "percussion", "concussion"),
        ("sites.toml", of_calf, "[calf.ultrasound.delivered_ms]", "[calf.ultrasound.step_ms]"),
        ("sites.toml", of_calf, "[calf.ultrasound.delivered_ms]", "[calf.ultrasnd.delivered_ms]"),
        ("sites.toml", of_calf, "[calf]", "[claf]"),
        ("sites.toml", of_foot, "at_most = 300\n", "at_most = 300\nat_least = 301\n"),
        ("sites.toml", of_hand, "[hand.percussion]\nblocked", "[hand.percussion]\nblokced"),
        ("sites.toml", of_hand, '[hand.percussion]\nblocked = "', '[hand.percussion]\nblocked = ""\n#'),
        ("sites.toml", of_hand, "[hand.percussion]\n", "[hand.percussion]\nat_most = 3\n"),
        ("us111.toml", of_us111, "[bounds.sata_mw_cm2]\nat_most = 530\n", ""),
        ("us111.toml", of_us111, "[bounds.sata_mw_cm2]", "[bounds.stat_mw_cm2]"),
        ("us111.toml", of_us111, 'name = "US111"', 'name = "US112"'),
        ("us111.toml", of_us111, 'family = "ultrasound"', 'family = "percussion"'),
        ("us111.toml", of_us111, "one_of = [1000]", "one_of = [1000, true]"),
    ],
)
def test_a_table_with_a_mistake_in_it_gives_nothing(
    tmp_path: Path, file: str, read: Callable[[Path], object], sound: str, spoilt: str
) -> None:
    home = PLATES if file == "us111.toml" else TABLES
    text = (home / file).read_text(encoding="utf-8")
    assert sound in text
    (tmp_path / "whole").mkdir()
    (tmp_path / "whole" / file).write_text(text, encoding="utf-8")
    (tmp_path / file).write_text(text.replace(sound, spoilt), encoding="utf-8")

    assert read(tmp_path / "whole")
    with pytest.raises(TableUnreadable):
        read(tmp_path)


def test_a_table_that_is_not_there_or_no_text_gives_nothing(tmp_path: Path) -> None:
    with pytest.raises(TableUnreadable):
        family_ceilings(Family.ULTRASOUND, tmp_path)
    (tmp_path / "families.toml").write_bytes(b"\xff")
    with pytest.raises(TableUnreadable):
        family_ceilings(Family.PERCUSSION, tmp_path)
