"""A clinic's codes file is read strictly, and each mistake in it is told with its line."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from physioctl.record.export.codes import SYSTEMS, read_codes, tables
from protocols.errors import ProtocolInvalid

WHOLE = """format = 1

[systems]
person = "urn:oid:2.999.1"
unit = "https://clinic.example/units"

[procedure.ultrasound]
system = "urn:example:procedures"
code = "US 1"
display = "Ultraschall, therapeutisch"

[body_site]
calf = { system = "urn:example:sites", code = "C", display = "Calf" }
"left_calf" = { system = "urn:example:sites", code = "CL", display = "Left calf" }
"""
CODE = "\n[device.ultrasound]\nsystem = {system}\ncode = {code}\ndisplay = {display}\n"


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "codes.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def problems(tmp_path: Path, text: str | bytes) -> list[str]:
    with pytest.raises(ProtocolInvalid) as raised:
        read_codes(written(tmp_path, text))
    return [str(problem).removeprefix(f"{tmp_path}/") for problem in raised.value.problems]


def code(system: str = '"urn:example:x"', code: str = '"1"', display: str = '"One"') -> str:
    return WHOLE + CODE.format(system=system, code=code, display=display)


def test_a_file_gives_the_codings_and_the_systems_of_identifiers(tmp_path: Path) -> None:
    codes = read_codes(written(tmp_path, WHOLE))

    assert codes.systems == {"person": "urn:oid:2.999.1", "unit": "https://clinic.example/units"}
    assert codes.coding("procedure", "ultrasound") == {
        "system": "urn:example:procedures", "code": "US 1", "display": "Ultraschall, therapeutisch"
    }  # fmt: skip
    assert codes.coding("body_site", "left_calf") is not None
    assert codes.coding("body_site", "thigh") is None


def test_every_body_site_can_have_a_code_of_its_own_for_each_side() -> None:
    assert {"calf", "left_calf", "right_calf"} < set(tables()["body_site"])


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ('format = 1\nformat = 1\n', "codes.toml:2:", "overwrite"),
        (WHOLE + '[procedure.ultrasound]\ncode = "2"\n', "codes.toml:15:", "twice"),
        ('format = 1\nx = [1,\n', "codes.toml:3:", ""),
        ('format = 2\n', "codes.toml:1:1: format", "1"),
        ('[systems]\nperson = "urn:oid:2.999"\n', "codes.toml:1:1: format", "missing"),
        (WHOLE.replace("procedure", "procedures"), "codes.toml:7:1: procedures", "no such key"),
        (WHOLE.replace("ultrasound", "ultrasonic"), "codes.toml:7:1: procedure.ultrasonic", "no such key"),
        (WHOLE.replace("left_calf", "leftcalf"), "codes.toml:14:1: body_site.leftcalf", "no such key"),
        (WHOLE.replace("display = \"U", "dispaly = \"U"), "codes.toml:10:1", "no such key"),
        (WHOLE.replace("person =", "persons ="), "codes.toml:4:1: systems.persons", "no such key"),
        (code(code="1"), "codes.toml:18:1: device.ultrasound.code", "found 1"),
        (code(code='""'), "codes.toml:18:1", "characters"),
        (code(code='" 1"'), "codes.toml:18:1", "space"),
        (code(code='"1  2"'), "codes.toml:18:1", "single spaces"),
        (code(display='"a\\u0000b"'), "codes.toml:19:1", "printed"),
        (code(display='"\\u001b[2J"'), "codes.toml:19:1", "printed"),
        (code(display='"\\u202eabc"'), "codes.toml:19:1", "printed"),
        (code(display=f'"{"x" * 2000}"'), "codes.toml:19:1", "1000 characters"),
        (b"\xff\xfe", "codes.toml: it is not UTF-8", ""),
        ("a = " + "[" * 20_000, "codes.toml", ""),
        ("format = " + "9" * 5000, "codes.toml", ""),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str | bytes, place: str, what: str) -> None:
    found = problems(tmp_path, text)

    assert any(each.startswith(place) and what in each for each in found), found
    assert all(each.isprintable() for each in found)


@pytest.mark.parametrize(
    "system",
    [
        "x", "SNOMED", "snomed.info/sct", "http://", "http:// x", "javascript:alert(1)", "urn:oid:2.999.01",
        "urn:oid:9.1", "urn:uuid:1", "urn:", "urn:x:", "file:///etc/passwd", "http://a b", "../x", "",
    ],
)  # fmt: skip
def test_a_system_that_is_no_absolute_uri_is_refused(tmp_path: Path, system: str) -> None:
    (found,) = problems(tmp_path, code(system=f'"{system}"'))

    assert found.startswith("codes.toml:17:1: device.ultrasound.system")


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = problems(tmp_path, code(system='"x"', code="1").replace("person =", "persons ="))

    assert [each.split(":")[1] for each in found] == ["4", "17", "18"]


def test_the_nearest_key_is_looked_for_only_as_long_as_it_is_printed(tmp_path: Path) -> None:
    text = "format = 1\n" + "proceduer = 0\n" + "".join(f"devic{number} = 0\n" for number in range(2000))

    with pytest.raises(ProtocolInvalid) as raised:
        read_codes(written(tmp_path, text))

    actions = [problem.action for problem in raised.value.problems]
    assert len(actions) == 2001
    assert actions[0] == "Did you mean procedure?"
    assert actions[-1].startswith("Choose from")


def test_a_line_of_nothing_but_spaces_is_read_at_once(tmp_path: Path) -> None:
    text = WHOLE + " " * 200_000 + "\n" + "# " + " " * 50_000 + "\n"

    assert read_codes(written(tmp_path, text)).coding("procedure", "ultrasound") is not None


def test_the_page_shows_a_whole_file_and_names_every_key() -> None:
    page = (Path(__file__).parents[2] / "docs" / "fhir.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    sites = set(tables()["body_site"])

    assert set(tomllib.loads(shown)) == {"format", "systems", *tables()}
    for table, keys in {"systems": SYSTEMS, **tables()}.items():
        for key in {table, *keys} - sites:
            assert f"`{key}`" in page, key


def test_the_file_that_the_page_shows_is_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "fhir.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)

    assert read_codes(written(tmp_path, shown)).coding("audit", "start") is not None
