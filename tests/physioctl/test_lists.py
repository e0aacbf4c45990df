"""Lists and tables: what is shown of them at which width, and what a program and a pager get."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from physioctl.cli import call
from physioctl.cli.tables import Column, chosen_widths, print_list, table_lines
from physioctl.events import Outcome
from tests.physioctl.test_cli_record import ended, started, tell
from tests.terminals import TO_A_PIPE, Terminal

Capture = pytest.CaptureFixture[str]
BOLD = re.compile("\x1b\\[[01]m")
NAMES = (Column("id", 1), Column("title", 2, least=8), Column("site", 3, least=6), Column("minutes", 4))


def with_pager(pager: str) -> dict[str, str]:
    """An environment that says nothing of the terminal's size: the terminal does."""
    return {"PAGER": pager, "COLUMNS": "", "LINES": ""}


def shown(folder: Path, columns: int, *arguments: object, lines: int = 100, pager: str = "cat") -> list[str]:
    """What stands on a terminal of so many columns and lines."""
    with closing(Terminal(folder, *arguments, size=(columns, lines), set_to=with_pager(pager))) as terminal:
        assert terminal.ended() == 0
        return BOLD.sub("", terminal.screen.decode()).splitlines()


@pytest.mark.parametrize(
    ("columns", "heading"),
    [
        (20, ["ID"]),
        (40, ["ID"]),
        (60, ["ID", "TITLE", "MINUTES"]),
        (80, ["ID", "TITLE", "SITE", "MINUTES"]),
        (200, ["ID", "TITLE", "FAMILY", "SITE", "MINUTES", "EVIDENCE"]),
    ],
)
def test_at_a_terminal_a_protocol_is_one_line_and_its_id_stands_first(
    tmp_path: Path, columns: int, heading: list[str]
) -> None:
    head, *rows = shown(tmp_path, columns, "protocols", "list")

    assert head.split() == heading
    assert len(rows) == 24
    assert max(map(cell_len, (head, *rows))) <= columns
    assert columns < 40 or any(row.startswith("calf-cramp-aftercare-percussion") for row in rows)


def test_at_a_terminal_the_session_and_its_outcome_are_the_last_to_be_left_out(tmp_path: Path) -> None:
    id_ = "20260301-120000-abcdef"
    tell(tmp_path / "j", id_, started(id_), ended())
    wide, narrow = (shown(tmp_path, columns, "history", "--journal", tmp_path / "j") for columns in (200, 40))

    assert wide[0].split() == [
        "SESSION", "BEGAN", "PERSON", "SITE", "PROTOCOL", "OUTCOME", "DELIVERED", "ENERGY", "UNIT",
    ]  # fmt: skip
    assert narrow[:2] == ["SESSION                 OUTCOME", f"{id_}  completed"]
    assert wide[-1] == narrow[-1] == "1 session"


def test_where_no_terminal_is_a_list_is_whole_and_tab_separated(tmp_path: Path, capsys: Capture) -> None:
    site = "s" * 300
    tell(tmp_path / "j", "s", started("s", person="p-1", body_site=site), ended(Outcome.STOPPED, 1000))

    code = call(["history", "--journal", str(tmp_path / "j")])

    out, err = capsys.readouterr()
    (row,) = (line.split("\t") for line in out.splitlines())
    assert (code, err) == (0, "1 session\n")
    assert (row[0], row[2], row[3], row[4]) == ("s", "p-1", f"left {site}", "calf-tightness-ultrasound")


def test_a_tab_or_an_escape_in_a_value_adds_no_column(capsys: Capture) -> None:
    print_list(NAMES, [("a\tb", "\x1b[2J", "\n", "‮")])

    assert capsys.readouterr().out == "a\\tb\t\\x1b[2J\t\\n\t\\u202e\n"


cells = st.text(st.sampled_from("ab 膝é\u0301️ｱ-"), max_size=30)


@given(st.lists(st.tuples(cells, cells, cells, cells), min_size=1, max_size=4), st.integers(20, 200))
def test_widths_never_exceed_the_terminal_and_the_first_column_is_always_there(
    rows: Sequence[Sequence[str]], room: int
) -> None:
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]

    chosen = chosen_widths(NAMES, widths, room)

    assert 0 in chosen
    assert sum(chosen.values()) + 2 * (len(chosen) - 1) <= room
    assert all(width <= widths[number] for number, width in chosen.items())
    if sum(widths) + 2 * 3 <= room:
        assert list(chosen.values()) == widths


@pytest.mark.parametrize("columns", [20, 33, 47, 80, 200])
def test_wide_characters_and_combining_marks_are_cut_to_the_width_and_stay_aligned(
    tmp_path: Path, columns: int
) -> None:
    titles = {"a": "膝の痛み" * 20, "b": "é" * 70, "c": "e\u0301" * 70, "d": "plain " * 12}
    for id_, title in titles.items():
        tell(tmp_path / "j", id_, started(id_, protocol=title, person=f"p-{id_}"), ended(session=id_))

    lines = shown(tmp_path, columns, "history", "--journal", tmp_path / "j")[:-1]

    assert len(lines) == 5
    assert max(map(cell_len, lines)) <= columns
    starts = {cell_len(line[: line.index("p-")]) for line in lines[1:] if "p-" in line}
    assert len(starts) <= 1


def test_a_table_in_a_file_is_aligned_and_each_row_is_one_line() -> None:
    lines = list(table_lines(("at", "what", "details"), [("0:00", "膝", "x " * 300), ("10:00", "ended", "")]))

    assert [line[:14].rstrip() for line in BOLD.sub("", "\n".join(lines)).split("\n")] == [
        "AT     WHAT", "0:00   膝     x", "10:00  ended",
    ]  # fmt: skip


@pytest.mark.parametrize("columns", [20, 40, 80, 120])
def test_show_leaves_nothing_out_at_any_width(tmp_path: Path, columns: int) -> None:
    tell(tmp_path / "j", "s", started("s", title="膝 " * 30), ended(Outcome.STOPPED))

    whole = "".join("".join(shown(tmp_path, 200, "show", "--journal", tmp_path / "j")).split())
    lines = shown(tmp_path, columns, "show", "--journal", tmp_path / "j")

    assert {char: "".join(lines).count(char) for char in "膝"} == {"膝": 30}
    assert "sessionended" in "".join("".join(lines).split())
    assert "sessionended" in whole


# --- the pager ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pager", "lines"),
    [
        ("head -n 3", 3),  # it takes no more than that, and ends
        ("cat", 25),
        ("", 25),
        ("FOLDER/none", 25),
        ("FOLDER/text", 25),  # it may be run, says its mode, and is no program
        ("'of which the quotation does not end", 25),
    ],
)
def test_what_is_longer_than_the_screen_goes_to_the_pager_that_there_is(
    tmp_path: Path, pager: str, lines: int
) -> None:
    (tmp_path / "text").write_text("no program\n", encoding="utf-8")
    (tmp_path / "text").chmod(0o700)

    screen = shown(tmp_path, 80, "protocols", "list", lines=10, pager=pager.replace("FOLDER", str(tmp_path)))

    assert len(screen) == lines
    assert screen[0].startswith("ID")


def test_what_fits_the_screen_needs_no_pager(tmp_path: Path) -> None:
    assert shown(tmp_path, 80, "protocols", "list", lines=26, pager="false")[0].startswith("ID")


def test_a_pager_that_is_left_early_leaves_the_exit_code_and_the_terminal(tmp_path: Path) -> None:
    setting = with_pager("sh -c 'head -n 1; exit 3'")
    with closing(Terminal(tmp_path, "protocols", "list", size=(80, 10), set_to=setting)) as terminal:
        before = terminal.mode()

        assert terminal.ended() == 0
        assert terminal.mode() == before


def test_no_pager_is_started_where_the_output_is_no_terminal(tmp_path: Path) -> None:

    with closing(
        Terminal(tmp_path, "protocols", "list", typed=TO_A_PIPE, size=(80, 10), set_to=with_pager("false"))
    ) as terminal:
        assert terminal.ended() == 0
        assert len(terminal.piped.splitlines()) == 24
