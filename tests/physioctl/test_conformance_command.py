"""``physioctl conform``, as it is typed: who may start it, how it ends, and its exit codes."""

from __future__ import annotations

import json
import signal
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from device.events import OffConfirmation
from physioctl.cli import call
from physioctl.cli.conform import exit_code
from physioctl.cli.exits import Exit
from physioctl.conformance.native.suite import CLAUSES
from physioctl.conformance.outcomes import Mark, Outcome
from tests.physioctl.conformance_bench import Bench
from tests.processes import LIMIT_S, begin, finished, line_from, served_unit

NOBODY = "--nobody-is-treated"


@pytest.mark.hazard("H-18")
def test_without_anybody_to_ask_it_is_refused_unless_it_is_said_that_nobody_is_treated(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = call(["conform", "--port", "sim://us111"])

    assert code == Exit.REFUSED
    assert f"Add {NOBODY}" in capsys.readouterr().err


def test_a_dialect_that_is_not_examined_is_refused_plainly(capsys: pytest.CaptureFixture[str]) -> None:
    code = call(["conform", "--port", "sim://us111", "--dialect", "another", NOBODY])

    assert code == Exit.USAGE
    assert "in the dialects native and modbus, and not in another" in capsys.readouterr().err


def test_a_page_that_is_there_already_is_not_replaced(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    there = tmp_path / "certificate.html"
    there.write_text("mine", encoding="utf-8")

    code = call(["conform", "--port", "sim://us111", NOBODY, "--html", str(there)])

    assert code == Exit.USAGE
    assert "Name another with --html, or add --force." in capsys.readouterr().err
    assert there.read_text(encoding="utf-8") == "mine"


def test_a_port_that_is_not_there_is_unusable(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["conform", "--port", "/dev/there-is-none", NOBODY]) == Exit.UNIT_UNUSABLE


@pytest.mark.parametrize(("model", "options"), [("us111", ("--tcp", "127.0.0.1:0")), ("ultragun", ())])
def test_our_own_unit_passes_over_tcp_and_over_a_pty(
    tmp_path: Path, model: str, options: tuple[str, ...]
) -> None:
    with served_unit(tmp_path, *options, model=model) as unit:
        page = tmp_path / "certificate.html"
        ended = finished(
            tmp_path, "conform", "--port", unit.port, NOBODY, "--json", "--seed", "5", "--html", page
        )
        assert not unit.gives_output()

    first, *clauses, last = map(json.loads, ended.stdout.splitlines())
    assert [each for each in clauses if each["mark"] == "fail"] == []
    assert ended.returncode == Exit.DONE
    assert (first["format"], first["seed"], len(clauses)) == (1, 5, len(CLAUSES))
    assert (last["output_off"], last["exit_code"]) == ("confirmed", 0)
    assert first["serial"] in page.read_text(encoding="utf-8")


def test_our_own_modbus_unit_of_each_kind_passes_over_a_pty_and_over_tcp(tmp_path: Path) -> None:
    with ExitStack() as stack:  # all six at once: they do nothing but wait
        begun = {}
        for kind in ("lease", "timer", "none"):
            for way, options in (("pty", ()), ("tcp", ("--tcp", "127.0.0.1:0"))):
                folder = tmp_path / f"{kind}-{way}"
                folder.mkdir()
                spoken = ("--dialect", "modbus", "--host-loss", kind, "--address", "17")
                unit = stack.enter_context(served_unit(folder, *spoken, *options))
                asked = ("--port", f"{unit.port}#17", "--dialect", "modbus", NOBODY, "--json")
                begun[kind, way] = unit, begin(folder, "conform", *asked)
        ended = {
            names: (unit, *process.communicate(timeout=5 * LIMIT_S), process.returncode)
            for names, (unit, process) in begun.items()
        }
        assert not any(unit.gives_output() for unit, _ in begun.values())

    for (kind, way), (_, out, _, code) in ended.items():
        rows = list(map(json.loads, out.splitlines()))
        assert [each for each in rows if each.get("mark") == "fail"] == [], (kind, way)
        assert code == Exit.DONE
        assert rows[-1]["output_off"] == "confirmed"
        assert (rows[-1]["not_applicable"] > 10) is (kind == "none")


def test_a_modbus_unit_that_breaks_a_promise_is_found_over_its_port(tmp_path: Path) -> None:
    spoken = ("--dialect", "modbus", "--host-loss", "none", "--breaks", "stop.output")
    with served_unit(tmp_path, *spoken) as unit:
        ended = finished(tmp_path, "conform", "--port", unit.port, "--dialect", "modbus", NOBODY, "--json")
        assert not unit.gives_output()

    rows = list(map(json.loads, ended.stdout.splitlines()))
    assert ended.returncode == Exit.FAULT
    assert [row["clause"] for row in rows if row.get("mark") == "fail"] == ["stop.output"]
    assert "switch" in rows[0]["host_loss"]
    assert "by nothing but its own switch" in ended.stderr


def test_a_unit_that_breaks_a_promise_is_found_over_its_port(tmp_path: Path) -> None:
    with served_unit(tmp_path, "--breaks", "step.timer") as unit:
        ended = finished(tmp_path, "conform", "--port", unit.port, NOBODY, "--json")
        assert not unit.gives_output()

    rows = list(map(json.loads, ended.stdout.splitlines()))
    assert ended.returncode == Exit.FAULT
    assert [row["clause"] for row in rows if row.get("mark") == "fail"] == ["step.timer"]


@pytest.mark.parametrize(("dialect", "promise"), [("native", "stop.plain"), ("modbus", "frames.direction")])
def test_a_promise_that_no_unit_breaks_is_refused(
    capsys: pytest.CaptureFixture[str], dialect: str, promise: str
) -> None:
    assert call(["simulate", "us111", "--dialect", dialect, "--breaks", promise]) == Exit.USAGE
    assert f"no unit that speaks {dialect} breaks '{promise}'" in capsys.readouterr().err


@pytest.mark.hazard("H-18")
def test_sigterm_ends_the_output_and_the_examination(tmp_path: Path) -> None:
    with served_unit(tmp_path) as unit:
        process = begin(tmp_path, "conform", "--port", unit.port, NOBODY, "--json")
        line = ""
        while "step.timer" not in line:
            line = line_from(process)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
        assert not unit.gives_output()

    assert process.returncode == Exit.STOPPED
    assert json.loads(out.splitlines()[-1])["output_off"] == "confirmed"


@pytest.mark.parametrize(
    ("changed", "failed", "code"),
    [
        ({}, False, Exit.DONE),
        ({}, True, Exit.FAULT),
        ({"interrupted": True}, False, Exit.STOPPED),
        ({"ended_early": "the unit has latched a fault"}, False, Exit.UNIT_UNUSABLE),
        ({"output_off": OffConfirmation.PRESUMED}, True, Exit.OUTPUT_NOT_CONFIRMED_OFF),
        ({"output_off": OffConfirmation.UNKNOWN}, False, Exit.OUTPUT_NOT_CONFIRMED_OFF),
    ],
)
def test_the_exit_code_is_the_highest_concern(changed: dict[str, object], failed: bool, code: Exit) -> None:
    bench = Bench()
    bench.examiner.meet()
    bench.examiner.end()
    mark = Mark.FAIL if failed else Mark.PASS
    found = replace(bench.examiner.certificate(), outcomes=(Outcome(CLAUSES[0], mark, ""),))

    assert exit_code(replace(found, **changed)) == code  # type: ignore[arg-type]  # by name
