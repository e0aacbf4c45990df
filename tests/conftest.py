"""How hypothesis runs here: the same examples every time, and no deadline that a busy machine could miss.

And a run of the whole suite fails when a hazard has no test that passed, be it skipped or left out.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import settings

from tools.hazards import hazards

pytest_plugins = ["pytester"]  # for the tests of our own plugin

settings.register_profile("project", derandomize=True, deadline=None)
settings.load_profile("project")

# Compiled modules are kept, whatever the environment says: the tests start more than a hundred processes, of
# which each would compile every module anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Journals are written through to the disk, for which the tests would wait thousands of times: where there is
# one in memory, with room, the folders of the tests are there.
_IN_MEMORY, _ROOM = Path("/dev/shm"), 1 << 30
if os.access(_IN_MEMORY, os.W_OK) and shutil.disk_usage(_IN_MEMORY).free > _ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_IN_MEMORY))

# Files of whole sessions, storms and processes in real time: more than half of what the suite takes. They are
# left out by `make test`, and not by `make test-all`, which CI runs.
LONG = frozenset(
    [
        "test_adverse_parts",
        "test_after_a_break",
        "test_aio",
        "test_api",
        "test_begin_journal",
        "test_boards",
        "test_cli_modbus",
        "test_cli_units",
        "test_conformance",
        "test_conformance_command",
        "test_controller_walk",
        "test_core_checked",
        "test_core_lockstep",
        "test_diff_properties",
        "test_doctor",
        "test_doctor_ports",
        "test_example_project",
        "test_example_unit",
        "test_full_disk",
        "test_guided_person",
        "test_harmed_lines",
        "test_holder",
        "test_host_loss",
        "test_left_block",
        "test_lists",
        "test_lockstep",
        "test_million_frames",
        "test_odd_circumstances",
        "test_pictures",
        "test_posix_board",
        "test_purge_deaths",
        "test_pytest_plugin",
        "test_real_deaths",
        "test_registry",
        "test_rehearse",
        "test_report",
        "test_report_files",
        "test_run_real_time",
        "test_schema_properties",
        "test_screen_pictures",
        "test_screen_process",
        "test_screen_session",
        "test_session_by_keys",
        "test_sessions_clean",
        "test_sessions_lying_units",
        "test_sessions_modbus",
        "test_siblings",
        "test_slow_disk",
        "test_start",
        "test_stop_everything",
        "test_storm",
        "test_storm_judge",
        "test_streams",
        "test_tampered",
        "test_trace",
        "test_two_programs",
        "test_unit_search",
        "test_wall_clock",
        "test_warming",
        "test_without_assertions",
        "test_writer",
    ]
)

# Nobody's own settings: neither the port nor the file.
os.environ.pop("PHYSIOCTL_PORT", None)
os.environ["XDG_CONFIG_HOME"] = "/nonexistent"

_shown: set[str] = set()  # hazards with a test that passed; with xdist, in the process that distributes


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no file whose tests are all left out: each worker would, for nothing."""
    return True if config.option.markexpr == "not long" and collection_path.stem in LONG else None


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Let each report carry the hazards its test is marked for, and mark what takes long."""
    for item in items:
        if item.path.stem in LONG:
            item.add_marker("long")
        item.user_properties += [("hazard", mark.args[0]) for mark in item.iter_markers("hazard")]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Take note of a test that passed."""
    if report.when == "call" and report.passed:
        _shown.update(str(value) for name, value in report.user_properties if name == "hazard")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hold what passed against the table."""
    if not _is_whole(session.config):
        return
    missing = [hazard.id for hazard in hazards() if hazard.id not in _shown]
    if missing and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        said = f"hazards without a test that passed: {', '.join(missing)}"
        session.config.get_terminal_writer().line(f"\n{said}")


def _is_whole(config: pytest.Config) -> bool:
    """Whether the whole suite was asked for, and this process hears of all of it."""
    asked = config.option
    narrowed = asked.keyword or asked.markexpr or asked.collectonly or getattr(asked, "lf", False)
    everything = config.args_source is pytest.Config.ArgsSource.TESTPATHS or config.args == ["tests"]
    return everything and not narrowed and not hasattr(config, "workerinput")
