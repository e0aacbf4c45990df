"""Dialects by name: ours, another distribution's, and none that is not asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from device.address import AddressUnusable, UnitPort, unit_port
from device.dialects.modbus import Modbus
from device.dialects.native import Native
from device.dialects.registry import NAMES, UnknownDialect, dialect_named, make, names
from physioctl.ports import dialect_for, dialects_of
from tests.forked import ROOT
from tests.processes import LIMIT_S, finished

THEIRS = """
from device.dialects.native import Native

class Theirs(Native):
    name = "theirs"

    def __init__(self, address):
        super().__init__()
"""


def test_ours_are_found_by_their_names_and_native_is_the_first() -> None:
    made = [make(name) for name in NAMES]

    assert NAMES[0] == "native"
    assert isinstance(made[0], Native)
    assert isinstance(made[1], Modbus)
    assert [dialect.name for dialect in made] == list(NAMES)
    assert set(NAMES) <= set(names())


def test_each_making_is_a_dialect_of_its_own() -> None:
    assert make("modbus", 3) is not make("modbus", 3)


@pytest.mark.parametrize("name", ["morse", "", "Native"])
def test_a_name_that_is_unknown_lists_those_that_are_not(name: str) -> None:
    with pytest.raises(UnknownDialect) as unknown:
        make(name)

    assert repr(name) in unknown.value.what
    assert all(each in unknown.value.action for each in NAMES)


def test_an_address_is_for_a_dialect_that_has_units_on_a_line() -> None:
    modbus = make("modbus", 17)

    assert isinstance(modbus, Modbus)
    assert modbus.address == 17
    with pytest.raises(AddressUnusable, match="one unit on a line"):
        make("native", 17)


@pytest.mark.parametrize("address", [0, 248, 65_535])
def test_an_address_that_no_unit_has_is_a_usage_error(address: int) -> None:
    with pytest.raises(AddressUnusable, match="1 to 247"):
        make("modbus", address)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("/dev/ttyUSB0", UnitPort("/dev/ttyUSB0")),
        ("/dev/ttyUSB0#17", UnitPort("/dev/ttyUSB0", 17)),
        ("COM3#1", UnitPort("COM3", 1)),
        ("socket://host:4001#247", UnitPort("socket://host:4001", 247)),
        ("sim://us111?dialect=modbus&seed=3#9", UnitPort("sim://us111?dialect=modbus&seed=3", 9)),
    ],
)
def test_a_port_can_carry_a_units_address(name: str, found: UnitPort) -> None:
    assert unit_port(name) == found


@pytest.mark.parametrize(
    "name", ["/dev/ttyUSB0#", "/dev/ttyUSB0#x", "#3", "COM3#-1", "COM3#+1", "COM3#²", "a#1_0"]
)
def test_what_is_behind_a_port_and_no_address_is_a_usage_error(name: str) -> None:
    with pytest.raises(AddressUnusable, match="names no unit"):
        unit_port(name)


def test_a_dialect_is_made_for_the_address_of_its_port() -> None:
    modbus = dialect_for("/dev/ttyUSB0#17", "modbus")

    assert isinstance(modbus, Modbus)
    assert modbus.address == 17
    assert tuple(dialects_of("/dev/ttyUSB0", None)) == NAMES
    assert tuple(dialects_of("/dev/ttyUSB0#17", None)) == NAMES[1:]
    assert tuple(dialects_of("/dev/ttyUSB0#17", "native")) == ("native",)


# --- another distribution's ---------------------------------------------------------------------------


def install(folder: Path, source: str, entries: str) -> None:
    """Put a distribution with these entry points where Python finds it."""
    (folder / "their_dialect.py").write_text(source, encoding="utf-8")
    info = folder / "their_dialect-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: their-dialect\nVersion: 1.0\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text(f"[physioctl.dialects]\n{entries}\n", encoding="utf-8")


def asked(folder: Path, code: str) -> str:
    """What ``code`` prints in a Python that finds ``folder``."""
    found = "import sys, warnings; sys.path.append(sys.argv[1]); warnings.simplefilter('error')"
    done = finished(folder, folder, code=f"{found}\n{code}")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_another_distribution_adds_a_dialect_and_cannot_replace_one_of_ours(tmp_path: Path) -> None:
    install(tmp_path, THEIRS, "theirs = their_dialect:Theirs\nnative = their_dialect:Theirs")

    said = asked(
        tmp_path,
        "from device.dialects.registry import make, names\n"
        "print(names(), type(make('theirs', 3)).__name__, type(make('native')).__name__)",
    )

    assert said == f"{(*NAMES, 'theirs')} Theirs Native"


@pytest.mark.parametrize(
    ("source", "entries"),
    [
        ("raise RuntimeError('broken')", "theirs = their_dialect:Theirs"),
        ("Theirs = 3", "theirs = their_dialect:Theirs"),
    ],
)
def test_a_dialect_that_cannot_be_used_is_an_error_that_says_so(
    tmp_path: Path, source: str, entries: str
) -> None:
    install(tmp_path, source, entries)

    said = asked(
        tmp_path,
        "from device.dialects.registry import UnknownDialect, dialect_named\n"
        "try: dialect_named('theirs')\n"
        "except UnknownDialect as error: print(error.what)",
    )

    assert said.startswith("the dialect 'theirs'")


@pytest.mark.parametrize(
    ("address", "error"), [(3, "AddressUnusable"), (None, "UnknownDialect")], ids=["address", "anything"]
)
def test_what_a_dialect_raises_while_it_is_made_is_an_error_of_ours(
    tmp_path: Path, address: int | None, error: str
) -> None:
    source = "def made(address):\n    raise ValueError('no') if address else RuntimeError('broken')\n"
    install(tmp_path, source, "theirs = their_dialect:made")

    said = asked(
        tmp_path,
        "from device.dialects.registry import make\n"
        "from protocols.errors import PhysioctlError\n"
        f"try: make('theirs', {address})\n"
        "except PhysioctlError as error: print(type(error).__name__, error.what)",
    )

    assert said.startswith(f"{error} the dialect 'theirs'")


def test_what_is_asked_in_each_dialect_is_asked_in_an_added_one_as_well(tmp_path: Path) -> None:
    install(tmp_path, THEIRS, "theirs = their_dialect:Theirs")

    said = asked(
        tmp_path,
        "from physioctl.ports import dialects_of\n"
        "print(tuple(dialects_of('COM3', None)), tuple(dialects_of('COM3#3', None)))",
    )

    assert said == f"{(*NAMES, 'theirs')} {(*NAMES[1:], 'theirs')}"


@pytest.mark.parametrize("raises", ["say", "hear", "give_up", "__init__"])
def test_an_added_dialect_that_raises_hides_nothing_of_a_stop(tmp_path: Path, raises: str) -> None:
    source = f"{THEIRS}\n    def {raises}(self, *_):\n        raise RuntimeError('broken')\n"
    install(tmp_path, source, "theirs = their_dialect:Theirs")

    said = asked(
        tmp_path,
        "from physioctl.stopping import stopped_in_turn\n"
        "print(stopped_in_turn('sim://us111', ('theirs', 'native'), asked_for=False).output_off)",
    )

    assert said == "confirmed"


@pytest.mark.hazard("H-07")
@pytest.mark.parametrize(
    "source",
    [
        "raise SystemExit(3)",
        "import threading\nthreading.Event().wait()",
        "from device.dialects.native import Native\ndef Theirs(address):\n    raise SystemExit(3)",
    ],
    ids=["ends the program", "hangs", "ends the program when made"],
)
def test_an_added_dialect_that_never_comes_or_ends_the_program_hides_nothing_of_a_stop(
    tmp_path: Path, source: str
) -> None:
    install(tmp_path, source, "theirs = their_dialect:Theirs")

    said = asked(
        tmp_path,
        "from physioctl.stopping import stopped_in_turn\n"
        "from physioctl.ports import UnknownDialect, dialect_for\n"
        "print(stopped_in_turn('sim://us111', ('theirs', 'native'), asked_for=False).output_off)\n"
        "try: dialect_for('sim://us111', 'theirs', load_max_ms=100)\n"
        "except UnknownDialect as error: print(error.what)",
    )

    confirmed, what = said.splitlines()
    assert confirmed == "confirmed"
    assert what.startswith("the dialect 'theirs' ")


LIES = (
    "return None",
    "return Native",
    "return Native()",  # which calls itself native, and would be recorded so
    "made = Native(); made.name = 'theirs'; made.promises = None; return made",
    "made = Native(); made.name = 'theirs'; made.hear = None; return made",
    *(
        "from dataclasses import replace; made = Native(); made.name = 'theirs'; "
        f"made.promises = replace(made.promises, line=replace(made.promises.line, {lie})); return made"
        for lie in ("baud=0", "baud='fast'", "parity='X'", "stop_bits=0", "answer_max_ms=0", "drain_ms=-1")
    ),
)


@pytest.mark.parametrize("lie", LIES)
def test_what_is_made_and_is_no_dialect_is_an_error_that_says_so(tmp_path: Path, lie: str) -> None:
    source = f"from device.dialects.native import Native\ndef made(address):\n    {lie}\n"
    install(tmp_path, source, "theirs = their_dialect:made")

    said = asked(
        tmp_path,
        "from physioctl.ports import dialect_for\n"
        "from device.dialects.registry import UnknownDialect\n"
        "try: dialect_for('/dev/ttyUSB0', 'theirs')\n"
        "except UnknownDialect as error: print(error.what)",
    )

    assert said.startswith("the dialect 'theirs' is none: it")


# --- and nothing that is not asked for ----------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "import sys\nfrom physioctl.cli import main\nsys.argv[1:] = ['--help']\n"
        "try: main()\nexcept SystemExit: pass",
        "from physioctl.cli import run, stop, simulate, ports, clear",
        "from device.dialects.registry import make\nmake('native')",
        "from physioctl.rehearsal.rig import Rig\nRig()",
    ],
)
def test_pymodbus_is_imported_for_modbus_alone(code: str) -> None:
    shown = f"{code}\nimport sys\nprint([name for name in sys.modules if 'pymodbus' in name])"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}

    anew = [sys.executable, "-c", shown]  # a program forked from another has whatever that one has imported
    done = subprocess.run(
        anew, env=environment, stdout=subprocess.PIPE, text=True, timeout=LIMIT_S, check=True
    )

    assert done.stdout.splitlines()[-1] == "[]"


def test_what_makes_a_dialect_is_found_without_making_one() -> None:
    assert isinstance(dialect_named("modbus")(5), Modbus)


def test_what_a_dialect_prints_while_it_is_loaded_and_made_is_not_on_standard_output(tmp_path: Path) -> None:
    source = f"print('loaded')\n{THEIRS}\ndef made(address):\n    print('made')\n    return Theirs(address)\n"
    install(tmp_path, source, "theirs = their_dialect:made")

    said = asked(
        tmp_path, "from physioctl.ports import dialect_for\nprint(dialect_for('sim://us111', 'theirs').name)"
    )

    assert said == "theirs"


def test_a_damaged_distribution_hides_no_dialect_of_another(tmp_path: Path) -> None:
    install(tmp_path, THEIRS, "theirs = their_dialect:Theirs")
    info = tmp_path / "broken_thing-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-thing\nVersion: 1\n", "utf-8")
    (info / "entry_points.txt").write_bytes(b"\xff\xfe")

    said = asked(
        tmp_path,
        "from device.dialects.registry import UnknownDialect, make, names\n"
        "found = make('theirs').name\n"
        "try:\n"
        "    make('others')\n"
        "except UnknownDialect as error:\n"
        "    print(names(), found, error.what)",
    )

    assert said == (
        "('native', 'modbus', 'theirs') theirs "
        "no dialect is called 'others'; the entry points of broken-thing cannot be read"
    )


def test_dialects_that_cannot_be_listed_hide_nothing_of_a_stop(tmp_path: Path) -> None:
    install(tmp_path, THEIRS, "theirs = their_dialect:Theirs")
    next(tmp_path.rglob("entry_points.txt")).write_bytes(b"\xff\xfe")

    said = asked(
        tmp_path,
        "from physioctl.stopping import stopped_in_turn\n"
        "from physioctl.ports import dialects_of\n"
        "dialects = dialects_of('sim://us111#1', None)\n"
        "print(stopped_in_turn('sim://us111', dialects, asked_for=False).output_off)",
    )

    assert said == "unknown"
