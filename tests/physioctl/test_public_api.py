"""What integrators import, and that all four packages come from one place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import device
import physioctl
import protocols
import simulator


@pytest.mark.parametrize("name", physioctl.__all__)
def test_every_public_name_is_there(name: str) -> None:
    found = getattr(physioctl, name)

    home = getattr(found, "__module__", None) or found.__name__
    assert home.split(".")[0] in {"physioctl", "device", "protocols"}


def test_importing_it_reads_no_names() -> None:
    script = "import sys, physioctl; sys.exit('ast' in sys.modules or 'device' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        physioctl.nothing  # type: ignore[attr-defined]  # noqa: B018 - looking it up is the test


def test_the_other_packages_are_loaded_from_beside_this_one() -> None:
    homes = {Path(str(package.__file__)).parents[1] for package in (device, physioctl, protocols, simulator)}

    assert len(homes) == 1


def test_help_pays_for_nothing_it_does_not_show() -> None:
    heavy = {"pydantic", "serial", "transitions", "rich", "ruamel", "sqlite3", "simulator"}
    script = (
        "import sys; from physioctl.cli import call; call(['--help']); "
        f"sys.exit(' '.join(sorted({heavy!r} & set(sys.modules))) or 0)"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
