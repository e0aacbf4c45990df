"""Names as people and screens write them, and what is said of one that is mistyped."""

from __future__ import annotations

import pytest

from device.models import MODELS, model
from physioctl.cli import call
from protocols.ceilings import body_sites

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize("id_", MODELS)
def test_a_model_is_taken_as_the_screens_write_it(capsys: Capture, id_: str) -> None:
    protocol = "unit-check" if id_ == "us111" else "unit-check-percussion"
    for written in (model(id_).name, id_.upper(), id_.replace("_", "-"), id_.replace("_", " ")):
        assert call(["protocols", "plan", protocol, "--unit", written]) == 0

        assert f"on {model(id_).name}\n" in capsys.readouterr().out


@pytest.mark.parametrize("site", sorted(body_sites()))
def test_a_body_site_is_taken_as_the_screens_write_it(capsys: Capture, site: str) -> None:
    listed = set()
    for written in (site, site.upper(), site.replace("_", " "), site.replace("_", "-"), body_sites()[site]):
        assert call(["protocols", "list", "--site", written]) == 0

        listed.add(capsys.readouterr().out)
    assert len(listed) == 1


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (("rnu",), "Did you mean 'run'?"),
        (("protocols", "lst"), "Did you mean 'list'?"),
        (("protocols", "plan", "unit-check", "--unit", "us11"), "Did you mean us111?"),
        (("rehearse", "unit-check", "--unit", "ultragn"), "Did you mean ultragun?"),
        (("simulate", "US112"), "'US112' is no model. Did you mean us111?"),
        (("protocols", "list", "--site", "calv"), "'calv' is no body site. Did you mean calf?"),
        (("protocols", "list", "--family", "ultrasond"), "Did you mean ultrasound?"),
        (("protocols", "show", "calf-tightnes-ultrasound"), "Did you mean calf-tightness-ultrasound?"),
        (("protocols", "show", "Calf Tightness Ultrasound"), "Did you mean calf-tightness-ultrasound?"),
        (("rehearse", "unit-check", "--unit", "us111", "--dialect", "modbuss"), "Did you mean modbus?"),
        (("run", "unit-chek", "--port", "sim://us111"), "Did you mean unit-check?"),
        (("run", "unit-check", "--port", "sim://us111", "--dialect", "modbuss"), "Did you mean modbus?"),
        (("storm", "--scenario", "x"), "it is neither a seed nor whole JSON"),
    ],
)
def test_what_comes_nearest_to_a_mistyped_name_is_suggested(
    capsys: Capture, typed: tuple[str, ...], meant: str
) -> None:
    assert call(list(typed)) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert meant in err
    assert len(err.splitlines()) == 2


def test_a_name_that_is_near_nothing_lists_what_there_is(capsys: Capture) -> None:
    assert call(["rehearse", "unit-check", "--unit", "x" * 10_000]) == 2

    assert "Choose from ultragun, ultragun_pro, us111." in capsys.readouterr().err


@pytest.mark.parametrize("group", [(), ("protocols",)])
def test_a_group_without_a_command_prints_its_help_and_nothing_else(
    capsys: Capture, group: tuple[str, ...]
) -> None:
    assert call(list(group)) == 2  # nothing was done: a command is missing, as for git

    out, err = capsys.readouterr()
    assert out.startswith("Usage: physioctl")
    assert err == ""
