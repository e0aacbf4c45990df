"""``physioctl report``: where the report goes, in which form, and that no half of one is ever left."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from device.clock import VirtualClock
from device.operator import Pain, SessionAction
from physioctl.cli import call
from physioctl.errors import InvalidUsage
from physioctl.record.account import account
from physioctl.record.history import session
from physioctl.record.journal import Journal
from physioctl.record.report.data import csv_text, readings_csv
from physioctl.record.report.files import write_whole
from physioctl.record.report.page import NO_PICTURE
from physioctl.record.report.session import session_report
from physioctl.record.report.thinning import thinned
from tests.physioctl.recorded_sessions import SHORT, record_session
from tests.physioctl.test_cli_record import ended, erased, progress, started, tell
from tests.physioctl.test_report import said
from tests.processes import PHYSIOCTL, finished

NO_LIBRARY = f"import sys; sys.modules['matplotlib'] = None; {PHYSIOCTL}"  # as where it is not installed


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("files") / "j"
    record_session(path)
    return path


def typed(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = call(["report", *map(str, arguments)])
    return code, *capsys.readouterr()


# --- where it goes -----------------------------------------------------------------------------------------


def test_it_is_named_for_the_session_and_says_where_it_is(
    journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.chdir(tmp_path):
        code, out, err = typed(capsys, "--journal", journal)

    (page,) = tmp_path.iterdir()
    assert (code, out) == (0, "")
    assert page.name == f"{session(journal).summary.id}.html"
    assert str(page) in err
    assert page.read_text(encoding="utf-8") == session_report(account(session(journal))).text
    if sys.platform != "win32":
        assert page.stat().st_mode & 0o077 == 0  # it holds data of a person


def test_it_goes_to_standard_output_for_a_dash(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = typed(capsys, "--journal", journal, "--output", "-")

    assert (code, err) == (0, "")
    assert said(out) == said(session_report(account(session(journal))).text)
    assert out.isascii()  # read as UTF-8, in whatever it is printed


def test_a_file_that_is_there_is_replaced_only_by_force(
    journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    page.write_text("somebody's own")

    refused, _, err = typed(capsys, "--journal", journal, "--output", page)
    kept = page.read_text()
    forced = typed(capsys, "--journal", journal, "--output", page, "--force")[0]

    assert (refused, forced, kept) == (2, 0, "somebody's own")
    assert "--force" in err
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert list(tmp_path.iterdir()) == [page]


@pytest.mark.parametrize("name", ["missing/page.html", ".", "n" * 300, "nul\0"])
def test_where_nothing_can_be_written_it_is_said_so_in_two_lines(
    journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    with contextlib.chdir(tmp_path):
        code, out, err = typed(capsys, "--journal", journal, "--output", name, "--format", "csv", "--force")

    assert (code, out) == (2, "")
    assert err.count("\n") == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="limits on files are a thing of POSIX")
def test_a_full_disk_leaves_no_half_page(journal: Path, tmp_path: Path) -> None:
    """A limit on how large a file may grow stands for the disk."""
    (tmp_path / "old.html").write_text("the old one")
    full = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (33_000, 33_000)); {PHYSIOCTL}"
    asked = ("report", "--journal", journal, "--format", "json", "--output")

    new = finished(tmp_path, *asked, tmp_path / "p.html", code=full)
    old = finished(tmp_path, *asked, tmp_path / "old.html", "--force", code=full)

    assert (new.returncode, old.returncode) == (2, 2)
    assert f"error: cannot write {tmp_path / 'p.html'}: File too large" in new.stderr
    assert "to do:" in new.stderr
    assert (tmp_path / "old.html").read_text() == "the old one"
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".html"] == ["old.html"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_nothing_is_left_where_writing_is_broken_off(tmp_path: Path) -> None:
    with pytest.raises(InvalidUsage, match="cannot write"):
        write_whole(tmp_path / "page", "half a character: \ud800")

    assert list(tmp_path.iterdir()) == []


_KILLED = """
import os, signal, sys
from pathlib import Path
from physioctl.record.report.files import write_whole

os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
write_whole(Path(sys.argv[1]), "a page", force=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="files without a name are a thing of Linux")
def test_a_program_killed_while_it_writes_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "old.html").write_text("the old one")

    for name in ("new.html", "old.html"):
        done = finished(tmp_path, tmp_path / name, code=_KILLED)
        assert done.returncode == -signal.SIGKILL

    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["old.html"]
    assert (tmp_path / "old.html").read_text() == "the old one"


def test_a_page_is_the_users_alone_and_takes_the_place_of_another(tmp_path: Path) -> None:
    page = tmp_path / "page"
    for text in ("one", "two"):
        write_whole(page, text, force=True)

        assert page.read_text() == text
        assert page.stat().st_mode & 0o777 == 0o600
        assert list(tmp_path.iterdir()) == [page]


def test_without_the_plotting_library_the_report_is_whole_and_says_so(journal: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"

    done = finished(tmp_path, "report", "--journal", journal, "--output", page, code=NO_LIBRARY)

    without = page.read_text(encoding="utf-8")
    pictured = session_report(account(session(journal))).text
    picture = pictured[pictured.index("<figure") : pictured.index("</figure>") + len("</figure>")]
    assert done.returncode == 0, done.stderr
    assert "pip install 'physioctl[report]'" in done.stderr
    assert "<svg" not in without
    assert said(without).replace(NO_PICTURE, "").split() == said(pictured.replace(picture, "")).split()


def test_a_session_that_was_erased_has_no_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tell(tmp_path / "j", "a-whole", started("a-whole"), progress(1000, 1000), ended())
    erased(tmp_path / "j", 1, 2, 3)

    code, _, err = typed(capsys, "a-whole", "--journal", tmp_path / "j", "--output", "-")

    assert code == 2
    assert "session a-whole has been erased" in err


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--site", "calf"], "--person"),
        (["--since", "2026-01-01"], "--person"),
        (["20260101", "--person", "P-017"], "Leave one of the two out"),
        (["--person", "P-404"], "there is no such session of p-404"),
        (["--person", "Mary Smith"], "is not a person's reference"),
        (["--person", "P-017", "--since", "2026-02-30"], "2026-02-30"),
        (["--format", "xml"], "xml"),
        (["nothing"], "no session begins with"),
    ],
)
def test_what_makes_no_report_is_a_usage_mistake_that_says_what(
    journal: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], what: str
) -> None:
    code, out, err = typed(capsys, *arguments, "--journal", journal, "--output", "-")

    assert (code, out) == (2, "")
    assert what in err


# --- the browser -------------------------------------------------------------------------------------------

_NO_SCREEN = (
    "import os; [os.environ.pop(name, None) for name in ('DISPLAY', 'WAYLAND_DISPLAY', 'BROWSER')]; "
    f"os.environ['PATH'] = '/nonexistent'; {NO_LIBRARY}"
)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a browser")
def test_where_there_is_no_browser_it_is_said_before_anything_is_written(
    journal: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"

    done = finished(tmp_path, "report", "--journal", journal, "--output", page, "--open", code=_NO_SCREEN)

    assert done.returncode == 2
    assert "there is no browser here" in done.stderr
    assert not page.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="the browser of this test is a shell script")
def test_the_page_is_opened_in_the_users_browser(journal: Path, tmp_path: Path) -> None:
    own, page = tmp_path / "browser", tmp_path / "page.html"
    own.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    own.chmod(0o700)
    code = f"import os; os.environ['BROWSER'] = '{own} %s'; {NO_LIBRARY}"

    done = finished(tmp_path, "report", "--journal", journal, "--output", page, "--open", code=code)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "opened").read_text().strip() == page.as_uri()


# --- data --------------------------------------------------------------------------------------------------


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_has_one_row_for_each_reading_in_whole_units(
    journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = typed(capsys, "--journal", journal, "--format", "csv", "--output", "-")

    told = account(session(journal))
    found = rows(out)
    assert code == 0
    assert len(found) == len(told.readings)
    assert {(row["session"], row["battery_pct"]) for row in found} == {(told.summary.id, "")}
    for row, reading in zip(found, told.readings, strict=True):
        assert int(row["at_ms"]) == reading.at_ms
        assert int(row["measured_level_mw_cm2"]) == reading.measured_level
        assert int(row["energy_mj"]) == reading.energy_mj
        assert row["state"] == reading.state
    assert found[0]["utc"] == "2026-01-01T00:00:00.024+00:00"


@pytest.mark.parametrize(
    "text",
    ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\tx", "\rx", "\nx", " =1", "\u00a0\u3000=1", "\ufeff=1",
     "\u200e+1", "\x00=1", "＝1", "＋1", "－1", "＠SUM(1)", "﹦1", "−1", " ＝1", "'=1", "'", '"=1"'],
)  # fmt: skip
def test_no_text_of_the_record_is_a_formula_in_a_spreadsheet(journal: Path, text: str) -> None:
    told = account(session(journal))
    hostile = replace(told, readings=(replace(told.readings[0], state=text, head_temp_ddeg_c=-5),))

    (row,) = rows(readings_csv(hostile))

    assert row["state"] == f"'{text}"
    assert row["state"].removeprefix("'") == text
    assert row["head_temp_ddeg_c"] == "-5"  # a number is none


@pytest.mark.parametrize("text", ["EMITTING", "a=1", "x '=1", "calf, left", "", "Ä", "2026-01-01T00:00:00"])
def test_what_is_no_formula_stands_in_csv_as_it_is(text: str) -> None:
    assert rows(csv_text(["a", "b"], [(text, 1)])) == [{"a": text, "b": "1"}]


def test_half_a_character_is_written_out_in_csv_and_keeps_no_file_from_being_written(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.csv", csv_text(["a"], [["=\ud800x\udc80"]]))

    assert rows((tmp_path / "a.csv").read_text("utf-8")) == [{"a": "'=\\ud800x\\udc80"}]


def test_a_cell_may_hold_what_separates_cells() -> None:
    text = csv_text(["a", "b"], [('x,"y"\r\nz', None)])

    assert rows(text) == [{"a": 'x,"y"\r\nz', "b": ""}]


def test_json_is_one_object_with_all_of_the_account(
    journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = typed(capsys, "--journal", journal, "--format", "json", "--output", "-")

    told, found = account(session(journal)), json.loads(out)
    assert code == 0
    assert found["format"] == 1
    assert found["summary"]["session"] == told.summary.id
    assert (found["operator"], found["unit"]["serial"]) == ("t-2", "SIM-US-0000")
    assert found["alarms"][0]["priority"] == "low"
    assert found["planned_steps"][1]["setting"]["duty_pct"] == 100
    assert len(found["readings"]) == len(told.readings)
    assert len(found["limits"]) == len(told.limits)
    assert found["dose_mj_cm2"] == told.dose_mj_cm2
    assert found["last_hash"] == told.last_hash


# --- a long session ----------------------------------------------------------------------------------------


def test_a_curve_of_eight_hours_keeps_its_extremes_and_is_drawn_with_few_points() -> None:
    points = [(float(at_s), 440.0 - at_s % 7) for at_s in range(28_800)]
    points[9_001] = (9_001.0, 900.0)
    points[20_002] = (20_002.0, 0.0)
    points[15_000:15_100] = [(float(at_s), float("nan")) for at_s in range(15_000, 15_100)]

    kept = thinned(points, 700)

    values = [value for _, value in kept if value == value]
    assert len(kept) <= 4 * 700 + 10
    assert (max(values), min(values)) == (900.0, 0.0)
    assert [at_s for at_s, _ in kept] == sorted(at_s for at_s, _ in kept)
    assert any(value != value and 15_000 <= at_s < 15_100 for at_s, value in kept)
    assert (kept[0], kept[-1]) == (points[0], points[-1])


def test_a_short_curve_is_left_as_it_is() -> None:
    points = [(0.0, 1.0), (1.0, 2.0)]

    assert list(thinned(points, 700)) == points
    assert list(thinned([], 700)) == []


# --- a course ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four sessions of a person, three days apart: the second was stopped, the third on a simulated unit."""
    emission = SHORT.steps[1].model_copy(update={"duration_ms": 20_000})
    protocol = SHORT.model_copy(update={"steps": (emission,)})
    path = tmp_path_factory.mktemp("course") / "j"
    start = (2_000, SessionAction.START)
    stop = (12_000, SessionAction.STOP)
    told: list[tuple[Any, ...]] = [
        ((1_000, Pain(7)), start, (40_000, Pain(5))),
        ((1_000, Pain(6)), start, stop),
        (start,),
        (start, (40_000, Pain(2))),
    ]
    for number, actions in enumerate(told):
        record_session(
            path, protocol, actions=actions, faults=(), simulated=number == 2,
            at=datetime(2026, 1, 3 + 3 * number, 12, tzinfo=UTC),
        )  # fmt: skip
    return path


def test_a_course_sets_the_sessions_of_a_person_one_beside_the_other(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = typed(capsys, "--person", "p-017", "--journal", course, "--output", "-")

    text = said(out)
    assert code == 0
    assert "Person p-017" in text
    assert "4 sessions" in text
    assert "SIMULATED: nobody was treated in 1 of these sessions. They are not in the picture." in text
    assert "dose" in out[out.index("<svg") :]
    assert "pain" in out[out.index("<svg") :]


def test_a_course_as_data_has_one_row_for_each_session(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said_so = ("--person", "P-017", "--journal", course, "--output", "-")
    found = rows(typed(capsys, *said_so, "--format", "csv")[1])
    as_json = json.loads(typed(capsys, *said_so, "--format", "json")[1])

    assert [(row["pain_before"], row["pain_after"]) for row in found] == [
        ("7", "5"), ("6", ""), ("", ""), ("", "2")
    ]  # fmt: skip
    assert [row["outcome"] for row in found] == ["completed", "stopped", "completed", "completed"]
    assert [row["simulated"] for row in found] == ["False", "False", "True", "False"]
    assert int(found[0]["dose_mj_cm2"]) > int(found[1]["dose_mj_cm2"])
    assert [row["session"] for row in found] == [each["session"] for each in as_json["sessions"]]
    assert (as_json["format"], as_json["person"]) == (1, "p-017")


@pytest.mark.parametrize(
    ("narrowed", "count"),
    [
        (["--since", "2026-01-06"], 3),
        (["--until", "2026-01-06"], 2),
        (["--since", "2026-01-06", "--until", "2026-01-06"], 1),
        (["--site", "Calf"], 4),
    ],
)
def test_a_course_is_narrowed_to_a_site_and_to_days(
    course: Path, capsys: pytest.CaptureFixture[str], narrowed: list[str], count: int
) -> None:
    _, out, _ = typed(
        capsys, "--person", "P-017", "--journal", course, "--output", "-", "--format", "csv", *narrowed
    )

    assert len(rows(out)) == count


def test_a_list_of_a_persons_sessions_is_written_as_the_same_page(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = ("--person", "P-017", "--site", "calf", "--since", "2026-01-06", "--journal", str(course))
    _, page, _ = typed(capsys, *chosen, "--output", "-")

    with contextlib.chdir(tmp_path):
        code = call(["history", *chosen, "--report"])
        again = call(["history", *chosen, "--report"])
        replaced = call(["history", *chosen, "--report", "--force", "--limit", "1"])

    assert (code, again, replaced) == (0, 2, 0)
    assert "there is p-017.html already" in capsys.readouterr().err
    newest = (tmp_path / "p-017.html").read_text(encoding="utf-8")
    assert "1 session" in said(newest)
    assert call(["history", *chosen, "--report", "--output", "-"]) == 0
    assert capsys.readouterr().out == page
    assert "calf · since 2026-01-06" in said(page)


def test_a_list_that_was_narrowed_by_words_says_so_on_its_page(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = "--person P-017 --side left --unit us111 --on 2026-01-06 stopped --report --output -"

    code = call(["history", *asked.split(), "--journal", str(course)])

    page = said(capsys.readouterr().out)
    assert code == 0
    assert "1 session" in page
    assert (
        "all body sites, left · on unit us111 · since 2026-01-06 · until 2026-01-06 "
        "· with the words: stopped" in page
    )


@pytest.mark.parametrize(
    ("arguments", "todo"),
    [
        ("--report", "Add --person REF."),
        ("--report --person P-017 --json", "Leave one of the two out."),
        ("--report --person P-404", "physioctl history --person p-404"),
        ("--person P-017 --output x.html", "Add --report, or leave them out."),
        ("--person P-017 --force", "Add --report, or leave them out."),
        ("--report --person P-017 --open --output -", "Leave --open out."),
    ],
)
def test_a_list_that_makes_no_report_says_what_to_do(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: str, todo: str
) -> None:
    with contextlib.chdir(tmp_path):
        code = call(["history", *arguments.split(), "--journal", str(course)])

    out, err = capsys.readouterr()
    assert (code, out, list(tmp_path.iterdir())) == (2, "", [])
    assert todo in err


def test_a_course_is_the_same_bytes_each_time(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    once, again = (typed(capsys, "--person", "P-017", "--journal", course, "--output", "-") for _ in range(2))

    assert once == again


def test_a_session_in_memory_has_a_report_as_one_on_the_disk() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        journal.begin("s").record(started("s"))

        assert "p-017" in session_report(account(session(journal))).text
