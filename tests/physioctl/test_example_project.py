"""The example project under docs/, with the built wheel in a virtual environment of its own.

No network is needed: what physioctl depends on is taken from the environment that these tests run in.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.forked import ROOT

EXAMPLE = ROOT / "docs" / "example-project"
LIMIT_S = 240.0


def done(*words: object, folder: Path, environment: dict[str, str] | None = None) -> str:
    """What a command says, which has to end with exit code 0."""
    finished = subprocess.run(
        [*map(str, words)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    return finished.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a shell in a fresh virtual environment with the built wheel in it."""
    tmp_path = tmp_path_factory.mktemp("installed")
    built, fresh = tmp_path / "built", tmp_path / "fresh"
    done(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", built, folder=ROOT)
    (wheel,) = built.glob("*.whl")
    venv.create(fresh, symlinks=True)
    python = fresh / "bin" / "python"
    purelib = done(
        python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", folder=tmp_path
    ).strip()
    Path(purelib, "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "-q"]
    done(*install, "--disable-pip-version-check", "--ignore-installed", wheel, folder=tmp_path)
    own = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PYTEST"))}
    return own | {"PATH": f"{fresh / 'bin'}{os.pathsep}{own['PATH']}", "XDG_DATA_HOME": str(tmp_path)}


@pytest.mark.skipif(os.name != "posix", reason="its CI is a shell script")
def test_the_example_project_passes_its_ci_with_the_built_wheel(
    environment: dict[str, str], tmp_path: Path
) -> None:
    project = tmp_path / "project"
    shutil.copytree(EXAMPLE, project)
    install, *rest = map(shlex.split, (project / "ci.sh").read_text(encoding="utf-8").splitlines())
    assert install == ["python", "-m", "pip", "install", "."]  # what the fixture has done without a network

    tested, rehearsed = (
        done(
            shutil.which(words[0], path=environment["PATH"]),
            *words[1:],
            folder=project,
            environment=environment,
        )
        for words in rest
    )
    where = done(
        shutil.which("python", path=environment["PATH"]),
        "-c",
        "import sys, pytest_physioctl; print(pytest_physioctl.__file__.startswith(sys.prefix))",
        folder=project,
        environment=environment,
    )

    assert "2 passed" in tested
    assert "NOT HELD" not in rehearsed
    assert rehearsed.count("held:") == 9
    assert where.strip() == "True"


@pytest.mark.skipif(os.name != "posix", reason="its CI is a shell script")
def test_the_plugin_is_left_out_by_its_name(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text(
        "import sys\ndef test_own(request):\n"
        "    assert not request.config.pluginmanager.has_plugin('pytest_physioctl')\n"
        "    assert 'pytest_physioctl' not in sys.modules\n",
        encoding="utf-8",
    )
    python = shutil.which("python", path=environment["PATH"])

    said = done(
        python, "-m", "pytest", "-p", "no:physioctl", "test_own.py", folder=tmp_path, environment=environment
    )

    assert "1 passed" in said
