"""The C header made from the wire's table says the same as the Python messages."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from device.wire import messages
from tools import wire

ROOT = Path(__file__).resolve().parents[2]
TABLE = tomllib.loads(wire.TABLE.read_text(encoding="utf-8"))
WITH_FIELDS = [message["name"] for message in TABLE["message"] if message["fields"]]


def test_the_c_header_compiles_and_its_structs_are_as_long_as_pythons(tmp_path: Path) -> None:
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("no gcc here")
    claims = [f"PW_BODY_MAX == {messages.BODY_MAX}", "PW_LEASE_MS(0) == 10", "PW_LEASE_MS(255) == 2560"]
    for name in WITH_FIELDS:
        kind = getattr(messages, name)
        claims.append(f"sizeof(pw_{name.lower()}_t) == {kind._LAYOUT.size}")
        claims.append(f"PW_TYPE_{name.upper()} == {kind.TYPE.value}")
    for enum in (messages.Family, messages.Result, messages.Fault, messages.Sensor):
        claims += [f"PW_{enum.__name__.upper()}_{member.name} == {member.value}" for member in enum]
    claims += [f"PW_UNIT_STATE_{state.name} == {state.value}" for state in messages.UnitState]
    source = tmp_path / "claims.c"
    source.write_text(
        '#include "physioctl_wire.h"\n'
        + "".join(f'_Static_assert({claim}, "{claim}");\n' for claim in claims)
        + "int main(void) { return 0; }\n",
        encoding="utf-8",
    )

    run = subprocess.run(
        [gcc, "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", ROOT / "firmware", source],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.returncode, run.stderr) == (0, "")
