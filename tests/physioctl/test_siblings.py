"""physioctl takes its three sibling packages from beside itself, whatever else bears their names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from physioctl.siblings import NAMES
from tests.forked import ROOT
from tests.processes import LIMIT_S

STOP = ("-m", "physioctl", "stop", "--port", "sim://us111")


def stray_packages(folder: Path, *, regular: bool = True) -> Path:
    """A folder with packages of the siblings' names; with no ``__init__.py`` unless ``regular``."""
    for name in NAMES:
        (folder / name).mkdir(parents=True)
        (folder / name / ("__init__.py" if regular else "notes.txt")).touch()
    return folder


def python(
    *arguments: str, path: tuple[Path, ...] = (), folder: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run Python with ``path`` in front of this project on its path."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (*path, ROOT)))}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("regular", [True, False])
def test_stray_folders_on_the_path_do_not_break_a_stop(tmp_path: Path, regular: bool) -> None:
    done = python(*STOP, path=(stray_packages(tmp_path, regular=regular),))

    assert (done.returncode, done.stderr) == (0, "")
    assert "output is off" in done.stdout


@pytest.mark.hazard("H-18")
def test_stray_folders_in_the_working_directory_do_not_break_a_stop(tmp_path: Path) -> None:
    done = python(*STOP, folder=stray_packages(tmp_path))

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.hazard("H-18")
def test_a_package_of_such_a_name_that_was_loaded_first_does_not_break_a_stop(tmp_path: Path) -> None:
    stray_packages(tmp_path)
    (tmp_path / "sitecustomize.py").write_text("import device, protocols, simulator\n")

    done = python(*STOP, path=(tmp_path,))

    assert (done.returncode, done.stderr) == (0, "")


def test_a_script_beside_packages_of_such_names_imports_physioctl(tmp_path: Path) -> None:
    script = stray_packages(tmp_path) / "script.py"
    script.write_text("import physioctl, device\nprint(physioctl.VirtualClock.__module__, device.__file__)\n")

    done = python(str(script))

    assert done.stderr == ""
    assert done.stdout.split() == ["device.clock", str(ROOT / "device" / "__init__.py")]


@pytest.mark.parametrize("use", ["physioctl.VirtualClock", "from physioctl.record.journal import Journal"])
def test_a_library_user_is_told_which_other_package_was_loaded_first(tmp_path: Path, use: str) -> None:
    stray_packages(tmp_path)

    done = python("-c", f"import device, physioctl\n{use}", path=(tmp_path,), folder=tmp_path)

    assert done.stderr.splitlines()[-1] == (
        f"ImportError: physioctl needs its own package 'device' from {ROOT}, but another one of that name is "
        f"already loaded, from {tmp_path / 'device' / '__init__.py'}. Import physioctl first, or rename the "
        "other package."
    )


def test_a_sibling_that_was_loaded_first_is_no_other_unit() -> None:
    done = python("-c", "import device.clock, physioctl; physioctl.VirtualClock()")

    assert (done.returncode, done.stderr) == (0, "")


def test_processes_that_are_spawned_take_the_same_siblings(tmp_path: Path) -> None:
    storm = "from physioctl.cli import call; raise SystemExit(call(['storm', '--count', '2', '--jobs', '2']))"

    done = python("-c", storm, path=(stray_packages(tmp_path),), folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")


def test_a_package_that_is_missing_beside_physioctl_is_not_taken_from_elsewhere(tmp_path: Path) -> None:
    installed, stray = tmp_path / "installed", stray_packages(tmp_path / "stray")
    shutil.copytree(ROOT / "physioctl", installed / "physioctl")

    done = python("-c", "import physioctl; physioctl.VirtualClock", path=(installed, stray), folder=tmp_path)

    assert "physioctl is not whole: there is no package device" in done.stderr
