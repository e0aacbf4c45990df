"""The pytest plugin: its fixtures, what they check on their way out, and what it leaves alone.

Each test runs pytest on a small project of its own.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from physioctl.errors import InvalidUsage
from physioctl.testing.rig import PhysioRig
from pytest_physioctl.port import NoPty, PhysioPort
from tests.forked import ROOT
from tests.processes import LIMIT_S, short_protocol

HOSTILE = "device", "protocols", "simulator"
SCENARIO = """\
format: 1
protocol: unit-check
unit: us111
faults:
  - {kind: lift_off, at: 4 s, for: 2 s}
expect: {outcome: completed, alarms: [CONTACT_LOST]}
"""
WITH_BREACH = """
from device.wire.messages import Result
from simulator.record import Breach

def test_it(physio_rig):
    physio_rig.run("unit-check")
    physio_rig.unit.breaches.append(Breach(1, Result.STALE, "for this test"))
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project in which the plugin is there, whether or not it is installed here."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return pytester


def run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    """Run the project's tests in this process."""
    return project.runpytest_inprocess("-p", "pytest_physioctl", "-p", "no:cacheprovider", *options)


def run_apart(
    project: pytest.Pytester, *options: str, plugins: tuple[str, ...] = ("pytest_physioctl",)
) -> subprocess.CompletedProcess[str]:
    """Run the project's tests in a process of their own, begun in the project's folder."""
    loaded = [word for name in plugins for word in ("-p", name)]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *loaded, *options],
        cwd=project.path,
        env={"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=2 * LIMIT_S,
        check=False,
    )


def test_a_session_is_steered_and_looked_at_while_it_runs(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        def test_a_fault_on_a_step(physio_rig):
            physio_rig.inject("lift_off", for_ms=2000, on="step 1")
            ended = physio_rig.run("unit-check")
            assert (ended.outcome, ended.delivered_ms) == ("completed", 10_000)
            assert "alarm_raised" in [event.name for event in physio_rig.events]

        def test_a_fault_now(physio_rig):
            physio_rig.start("unit-check")
            assert physio_rig.run_until(lambda: physio_rig.unit.delivered_ms >= 3000)
            at_ms = physio_rig.clock.now_ms()
            physio_rig.inject("lift_off", for_ms=2000)
            assert physio_rig.run_until(lambda: physio_rig.unit.output == 0)
            assert physio_rig.clock.now_ms() - at_ms <= 1000
            assert physio_rig.run().outcome == "completed"

        def test_an_operator(physio_rig):
            physio_rig.pause(at_ms=4000)
            physio_rig.start("unit-check")
            assert physio_rig.run_until(lambda: physio_rig.rig.controller.state.name == "PAUSED")
            assert (physio_rig.unit.output, physio_rig.ended) == (0, None)
            physio_rig.resume()
            physio_rig.stop(at_ms=8000)
            assert physio_rig.run().outcome == "stopped"

        def test_what_never_comes(physio_rig):
            physio_rig.start("unit-check")
            assert not physio_rig.run_until(lambda: physio_rig.unit.output > 290)
            assert physio_rig.ended.outcome == "completed"
        """
    )

    run(project).assert_outcomes(passed=4)


def test_the_examples_of_the_manual_pass(project: pytest.Pytester) -> None:
    page = (ROOT / "docs" / "integrators.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```python\n(# needs pytest\n.*?)^```", page, re.DOTALL | re.MULTILINE)
    folder = project.mkdir("scenarios")
    (folder / "lift-off.yaml").write_text(SCENARIO, encoding="utf-8")
    project.makepyfile(**{f"test_{number}": text for number, text in enumerate(examples)})

    run(project, "--strict-markers").assert_outcomes(passed=4)


def test_the_markers_choose_the_unit_and_the_journal(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest
        from physioctl.record.verify import verify

        @pytest.mark.physio(model="ultragun", seed=3, faults=["stall@3s+1s"], journal="file")
        def test_a_massage_gun(physio_rig, physio_journal, tmp_path):
            physio_rig.run("unit-check-percussion")
            assert physio_rig.unit.plate.model == "ultragun"
            found = verify(physio_journal)
            assert found.whole and found.entries > 10
            assert (tmp_path / "journal.sqlite").is_file()

        @pytest.mark.physio(dialect="modbus", host_loss="timer")
        def test_a_modbus_unit(physio_rig, physio_journal):
            assert physio_rig.run("unit-check").outcome == "completed"
            assert verify(physio_journal).entries > 10
        """
    )

    run(project, "--strict-markers").assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (WITH_BREACH, "was asked what it should not have been"),
        (
            """
            class Failing:
                def on_event(self, event):
                    if event.name == "session_ended":
                        raise LookupError("lost")
            def test_it(physio_rig):
                physio_rig.run("unit-check", observers=[Failing()])
            """,
            "an observer failed: Failing: LookupError: lost",
        ),
        (
            """
            class Failing:
                def on_event(self, event):
                    raise LookupError("lost")
            def test_it(physio_rig):
                physio_rig.run("unit-check", observers=[Failing()])
            """,
            "an observer failed: Failing: LookupError: lost",
        ),
        (
            """
            def test_it(physio_rig):
                physio_rig.unit._firmware.output_stage = __import__(
                    "simulator.output_stage").output_stage.OutputStage(290, 100, 0)
            """,
            "gives output: 290",
        ),
        (
            """
            def test_it(physio_rig):
                physio_rig.run("unit-check")
                physio_rig.inject("stuck_output")
                physio_rig.rig.wait(1)
            """,
            "output off was confirmed, and the unit gives 290",
        ),
        (
            """
            def test_it(physio_rig):
                physio_rig.inject("restart", on="step 9")
                physio_rig.run("unit-check")
            """,
            "what was to happen on step 9 has not: it never began",
        ),
    ],
    ids=["breach", "observer at the end", "observer", "output", "confirmed", "step"],
)
def test_what_should_not_be_is_an_error_on_the_way_out(
    project: pytest.Pytester, body: str, says: str
) -> None:
    project.makepyfile(body)

    result = run(project)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([f"*{says}*"])


def test_a_test_that_forgets_everything_leaves_a_unit_that_is_off(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import threading
        left = []

        def test_that_forgets(physio_rig):
            left.append(physio_rig)
            physio_rig.start("unit-check")
            assert physio_rig.run_until(lambda: physio_rig.unit.output > 0)

        def test_that_fails(physio_rig):
            left.append(physio_rig)
            physio_rig.start("unit-check")
            physio_rig.run_until(lambda: 1 / 0)

        def test_that_never_began(physio_rig):
            pass

        def test_that_is_refused(physio_rig):
            left.append(physio_rig)
            physio_rig.run("calf-tightness-percussion")

        def test_after_them():
            assert [rig.unit.output for rig in left] == [0, 0, 0]
            assert [rig.ended and rig.ended.outcome for rig in left] == ["stopped", "stopped", None]
            assert not [each for each in threading.enumerate() if each.name == "session of a test"]
        """
    )

    result = run(project)

    result.assert_outcomes(passed=3, failed=2)
    result.stdout.fnmatch_lines(["*ZeroDivisionError*"])


def test_each_scenario_file_is_a_test_of_its_own(project: pytest.Pytester) -> None:
    folder = project.mkdir("scenarios")
    (folder / "b.yaml").write_text(SCENARIO, encoding="utf-8")
    (folder / "a.yaml").write_text(SCENARIO.replace("completed", "stopped"), encoding="utf-8")
    (folder / "c.yaml").write_text(SCENARIO.replace("lift_off", "lift"), encoding="utf-8")
    project.makepyfile(
        """
        import pytest

        @pytest.mark.physio_scenarios("scenarios/*.yaml")
        def test_a_scenario(physio_scenario):
            physio_scenario.play()
        """
    )

    result = run(project, "-v")

    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*c.yaml:5:12: faults.0.kind: no fault is called 'lift'*",
            "*NOT HELD: outcome stopped (found: completed)*",
        ]
    )


def test_a_pattern_without_a_file_is_a_mistake(project: pytest.Pytester) -> None:
    project.makepyfile("def test_a_scenario(physio_scenario): pass")

    result = run(project)

    assert result.ret != 0
    result.stdout.fnmatch_lines(["*no scenario file is there; write @pytest.mark.physio_scenarios*"])


def test_the_plugin_imports_nothing_of_ours_before_a_fixture_is_used() -> None:
    heavy = ["physioctl", "device", "protocols", "simulator", "pydantic", "serial", "sqlite3", "click"]
    script = (
        "import sys, pytest; before, finders = set(sys.modules), [*sys.meta_path]; import pytest_physioctl; "
        f"loaded = sorted((set(sys.modules) - before) & {set(heavy)!r}); "
        "sys.exit(' '.join(loaded) or sys.meta_path != finders)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False, timeout=LIMIT_S
    )

    assert (done.returncode, done.stderr) == (0, "")


def with_packages_of_our_names(project: pytest.Pytester) -> None:
    for name in HOSTILE:
        package = project.mkpydir(name)
        (package / "__init__.py").write_text(f"OWN = {name!r}\n", encoding="utf-8")
    project.makepyfile(
        test_own="""
        import device, protocols, simulator

        def test_own():
            assert (device.OWN, protocols.OWN, simulator.OWN) == ("device", "protocols", "simulator")
        """
    )


def test_a_project_with_a_package_of_our_names_has_its_own(project: pytest.Pytester) -> None:
    with_packages_of_our_names(project)

    done = run_apart(project)

    assert done.returncode == 0, done.stdout


def test_a_project_with_a_package_of_our_names_is_told_what_to_do(project: pytest.Pytester) -> None:
    with_packages_of_our_names(project)
    project.makepyfile(
        test_a="def test_a_rig(physio_rig): pass",
        test_b="""
        from pathlib import Path

        def test_a_port(physio_port):
            assert Path(physio_port.port).exists()
        """,
    )

    done = run_apart(project, "-rA")

    assert "test_own.py::test_own" in done.stdout
    assert "1 error" in done.stdout
    assert "2 passed" in done.stdout
    assert (
        "physio_rig needs physioctl's own package 'device' in this process, and there is another"
        in done.stdout
    )


def test_without_the_plugin_nothing_of_it_is_there(project: pytest.Pytester) -> None:
    project.makepyfile("def test_it(physio_rig): pass")

    done = run_apart(project, "-p", "no:pytest_physioctl", plugins=())

    assert "fixture 'physio_rig' not found" in done.stdout


def test_two_workers_agree_with_one_process(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("count", range(6))
        def test_the_same(physio_rig, count):
            physio_rig.inject("bytes_struck", on="step 1", amount=0.01)
            physio_rig.run("unit-check")
            assert (len(physio_rig.events), physio_rig.clock.now_ms()) == EXPECTED
        """
    )
    path = project.path / "test_two_workers_agree_with_one_process.py"
    with PhysioRig() as rig:
        rig.inject("bytes_struck", on="step 1", amount=0.01)
        rig.run("unit-check")
        expected = (len(rig.events), rig.clock.now_ms())
    path.write_text(f"EXPECTED = {expected}\n" + path.read_text(encoding="utf-8"), encoding="utf-8")

    done = run_apart(project, "-n", "2", "--dist", "load", plugins=("pytest_physioctl", "xdist"))

    assert "6 passed" in done.stdout, done.stdout


def test_a_unit_on_a_port_is_stopped_or_said_to_give_output(project: pytest.Pytester) -> None:
    short_protocol(project.path, 1)
    project.makepyfile(
        """
        import subprocess, sys
        import pytest

        def physioctl(*words):
            return subprocess.run([sys.executable, "-m", "physioctl", *words], stdin=subprocess.DEVNULL)

        def test_a_session(physio_port, tmp_path):
            journal = str(tmp_path / "j")
            port = physio_port.port
            done = physioctl("run", "short-1.yaml", "--port", port, "--journal", journal, "--new")
            assert done.returncode == 0
            assert physio_port.wait_until(lambda: len(physio_port.changes) >= 2)
            assert physio_port.output == 0

        @pytest.mark.physio(faults=["stuck_output@0s+1h"])
        def test_output_that_sticks(physio_port):
            assert physio_port.wait_until(lambda: physio_port.output > 0)
        """
    )

    done = run_apart(project)

    assert "2 passed, 1 error" in done.stdout, done.stdout
    assert "it gives output: 290" in done.stdout


def test_a_system_without_ptys_skips_with_a_word() -> None:
    with pytest.raises(NoPty, match="only POSIX systems have"):
        PhysioPort(has_pty=False)


def test_a_unit_that_cannot_be_switched_on_says_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="us112"):
        PhysioPort("us112")


# --- the rig that the fixture hands out -----------------------------------------------------------------


def test_ctrl_c_while_a_test_waits_leaves_a_unit_that_is_off() -> None:
    sent: list[int] = []

    def interrupting() -> bool:
        if not sent:
            sent.append(rig.clock.now_ms())
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return False

    with PhysioRig() as rig:
        rig.start("calf-tightness-ultrasound")
        rig.run_until(lambda: rig.unit.output > 0)
        with pytest.raises(KeyboardInterrupt):
            rig.run_until(interrupting)

    assert rig.ended is not None
    assert rig.unit.output == 0


def test_a_rig_says_how_it_is_used() -> None:
    with PhysioRig() as rig:
        with pytest.raises(InvalidUsage, match="no session has been started"):
            rig.run_until(lambda: True)
        for wrong in ({"at_ms": 1, "on": "step 1"}, {"on": "one"}, {"at_ms": -1}, {"amount": 2.0}):
            with pytest.raises(ValueError):
                rig.inject("lift_off", **wrong)
        with pytest.raises(ValueError, match="Did you mean lift_off"):
            rig.inject("lift_of")
        with pytest.raises(ValueError, match="cannot happen to a unit of ultrasound"):
            rig.inject("stall", on="step 1")
        rig.run("unit-check")
        with pytest.raises(InvalidUsage, match="has had its session"):
            rig.run("unit-check")
