"""The pages people read, held against the program: commands, links, tables, examples and words.

It cannot tell whether a page is clear; only whether it is still true.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import click
import pytest

import physioctl.events  # noqa: F401 - so that every kind of event is known
from device.clock import SystemClock
from device.events import Event
from device.wire.messages import Family
from physioctl.cli import call
from physioctl.cli.commands import cli
from physioctl.cli.exits import Exit
from physioctl.keys import BINDINGS
from physioctl.rehearsal.storm.judge import Rule
from physioctl.screening import day_of
from protocols import library
from simulator.faults import KINDS, FaultKind
from tests.cases import each
from tests.processes import journal_at
from tests.support import form_answered

ROOT = Path(__file__).parents[2]
PAGES = {
    str(page.relative_to(ROOT)): page.read_text(encoding="utf-8")
    for page in (
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
        *sorted((ROOT / "docs").rglob("*.md")),
    )
}
SAME = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
RUNNABLE = ("rehearse", "protocols", "demo")  # they need no unit, and take no time
NEEDS_MORE = ("# needs a unit", "# needs pytest")  # the latter run in test_pytest_plugin
FORBIDDEN = re.compile(
    r"""compl(?:y|ies|iant)\ with|FDA[- ](?:approved|cleared)|certified|clinically\ proven|guaranteed
    |pain[- ]free|state[- ]of[- ]the[- ]art|cutting[- ]edge|world[- ]class|best[- ]in[- ]class
    |revolutionary|seamless|effortless|blazing|robust|powerful|\bheals?\b|\bcures?\b""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page."""

    page: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A command as a page shows it, with the output printed under it."""

    page: str
    line: str
    output: str

    @property
    def arguments(self) -> list[str]:
        """What the program is given: the comment and the shell's own part left off."""
        words = shlex.split(self.line, comments=True)[1:]
        return words[: words.index(">")] if ">" in words else words

    @property
    def exit_code(self) -> int:
        """The exit code that the line's comment names, or 0."""
        named = re.search(r"# exit code (\d)", self.line)
        return int(named[1]) if named else 0


def blocks() -> Iterator[Block]:
    for page, text in PAGES.items():
        for language, body in re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            yield Block(page, language, body)


def shown_in_blocks() -> Iterator[Shown]:
    for block in blocks():
        if block.language == "console":
            for line, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE):
                if line.startswith("physioctl"):
                    yield Shown(block.page, line, output)


def named_in_sentences() -> Iterator[Shown]:
    for page, text in PAGES.items():
        for line in re.findall(r"`(physioctl [a-z]+(?: [^`]*)?)`", text):
            yield Shown(page, line, "")


IN_BLOCKS = tuple(shown_in_blocks())
IN_SENTENCES = tuple(named_in_sentences())
RUN_HERE = tuple(shown for shown in IN_BLOCKS if shown.arguments[0] in RUNNABLE)


def parse(command: click.Command, name: str, arguments: list[str], parent: click.Context | None) -> None:
    """Have click read ``arguments`` as the program does, and run nothing."""
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=name, parent=parent)
        if not arguments:
            return  # `physioctl protocols`, named in a sentence
        found, sub, rest = command.resolve_command(context, arguments)
        assert found is not None
        assert sub is not None
        parse(sub, found, rest, context)
    else:
        command.make_context(name, list(arguments), parent=parent)


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def rows_under(page: str, heading: str) -> list[str]:
    """The rows of the first table after a heading, without its two lines of header."""
    rest = PAGES[page].split(f"## {heading}\n", 1)[1]
    found = re.search(r"(?:^\|.*\n)+", rest, re.MULTILINE)
    assert found is not None
    return found[0].splitlines()[2:]


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def time_of(ms: int) -> str:
    return "–" if ms == 0 else f"{ms / 1000:g} s"


def fault_row(kind: FaultKind) -> str:
    usual = KINDS[kind]
    units = "both" if len(usual.families) > 1 else usual.families[0].name.lower()
    least_to_most = "–" if usual.least == usual.most else f"{usual.least:g} to {usual.most:g}"
    amount = "–" if usual.least == usual.most else f"{usual.amount:g}"
    return f"| `{kind}` | {units} | {time_of(usual.for_ms)} | {amount} | {least_to_most} | {usual.meaning} |"


def events() -> dict[str, set[str]]:
    return {
        re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower(): {f.name for f in fields(kind)} - {"at_ms"}
        for kind in Event.__subclasses__()
        if kind.__module__.split(".")[0] in ("device", "physioctl")
    }


@pytest.fixture
def beside_the_examples(tmp_path: Path) -> Iterator[Path]:
    """A folder with the files the pages show, for as long as a test works in it."""
    for block in blocks():
        name = re.match(r"# ([\w-]+\.(?:toml|yaml))\n", block.text)
        if name:
            (tmp_path / name[1]).write_text(block.text, encoding="utf-8")
    with contextlib.chdir(tmp_path):
        yield tmp_path


@each("shown", IN_BLOCKS)
def test_every_command_shown_is_one_the_program_knows(shown: Shown) -> None:
    parse(cli, "physioctl", shown.arguments, None)


def in_the_help(command: click.Command = cli) -> Iterator[Shown]:
    """The examples in the help of ``command`` and of those below it."""
    said = re.sub(r" \\\n *", " ", command.help or "")  # an example that is continued on the next line
    for line in re.findall(r"^ *(physioctl .*)$", said, re.MULTILINE):
        yield Shown("--help", line, "")
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from in_the_help(found)


def every_command(command: click.Command = cli, *path: str) -> Iterator[tuple[str, ...]]:
    """The words that lead to ``command`` and to those below it."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from every_command(found, *path, name)


def test_no_help_is_wider_than_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")

    for path in every_command():
        assert call([*path, "--help"]) == 0

        out = capsys.readouterr().out
        assert [line for line in out.splitlines() if len(line) > 60] == [], path
        assert "..." not in out.partition("Commands:")[2], path  # a sentence that was cut off


LATCHED = "sim://us111?fault=brown_out@0s%2B1ms"  # refuses a session when all else has been looked at


def test_every_example_in_the_help_is_one_the_program_knows() -> None:
    for shown in in_the_help():
        parse(cli, "physioctl", shown.arguments, None)


def test_every_session_in_the_help_names_all_that_it_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for shown in in_the_help():
        arguments = list(shown.arguments)
        if arguments[0] != "run":
            continue
        dialect = arguments[arguments.index("--dialect") + 1] if "--dialect" in arguments else "native"
        if "--port" not in arguments:  # the only unit there is
            arguments += ["--port", ""]
        arguments[arguments.index("--port") + 1] = f"{LATCHED}&dialect={dialect}"
        if "--answers" in arguments:
            form = form_answered(library.find(arguments[1]), day_of(SystemClock()), "P-017")
            (tmp_path / "answers.yaml").write_text(form, encoding="utf-8")

        with contextlib.chdir(tmp_path):
            code = call([*arguments, "--journal", str(journal_at(tmp_path / "j"))])

        assert code == 5, shown.line
        assert "error: the unit has latched SUPPLY" in capsys.readouterr().err


@pytest.mark.parametrize("shown", IN_SENTENCES, ids=lambda shown: f"{shown.page}: {shown.line}")
def test_every_command_named_in_a_sentence_is_one_the_program_knows(shown: Shown) -> None:
    with contextlib.suppress(click.MissingParameter):  # a sentence may name a command without all it needs
        parse(cli, "physioctl", shown.arguments, None)


@pytest.mark.parametrize("shown", RUN_HERE, ids=lambda shown: f"{shown.page}: {shown.line}")
def test_what_a_page_shows_is_what_happens(
    shown: Shown, beside_the_examples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = call(shown.arguments)

    assert code == shown.exit_code
    printed = capsys.readouterr().out
    if shown.output:
        assert doctest.OutputChecker().check_output(shown.output, printed, SAME), printed


@pytest.mark.parametrize(
    "block", [block for block in blocks() if block.language == "python"], ids=lambda block: block.page
)
def test_the_examples_in_python_run(block: Block, beside_the_examples: Path) -> None:
    tree = ast.parse(block.text)
    if block.text.startswith(NEEDS_MORE):
        tree.body = [node for node in tree.body if isinstance(node, ast.ImportFrom | ast.Import)]

    exec(compile(tree, block.page, "exec"), {"__name__": block.page})


@each("page", PAGES)
def test_links_between_pages_resolve(page: str) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        found = (ROOT / page).parent / path if path else ROOT / page
        text = found.read_text(encoding="utf-8") if found.is_file() else ""
        if not found.exists() or (anchor and anchor not in anchors(text)):
            broken.append(target)

    assert broken == []


@each("page", PAGES)
def test_no_page_praises_or_promises(page: str) -> None:
    assert FORBIDDEN.findall(PAGES[page]) == []


def test_every_test_that_a_page_names_exists() -> None:
    written = "".join(
        file.read_text(encoding="utf-8") for file in sorted((ROOT / "tests").rglob("test_*.py"))
    )
    files = {file.stem for file in (ROOT / "tests").rglob("test_*.py")}
    named = set(re.findall(r"`(test_\w+)`", PAGES["SECURITY.md"]))

    assert named
    assert [name for name in sorted(named - files) if f"def {name}(" not in written] == []


def test_the_first_screen_says_what_it_is_not_and_how_to_try_it() -> None:
    first_screen = "\n".join(PAGES["README.md"].splitlines()[:30])

    for said in ("not a medical device", "assumed", "simulated units only", "make demo", "make test"):
        assert said in first_screen


def test_the_layout_names_folders_that_exist() -> None:
    named = [cells(row)[0].strip("`") for row in rows_under("README.md", "Layout")]

    assert [name for name in named if not (ROOT / name).is_dir()] == []
    assert {f"{name}/" for name in ("protocols", "device", "physioctl", "simulator", "tests")} <= set(named)


def test_the_places_named_to_contributors_exist() -> None:
    named = re.findall(
        r"`([\w./-]+/[\w.-]*)`", "\n".join(rows_under("CONTRIBUTING.md", "Where does a thing go?"))
    )

    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_exit_codes_are_all_there() -> None:
    codes = [int(cells(row)[0]) for row in rows_under("README.md", "Exit codes")]

    assert codes == sorted(Exit)


def test_the_table_of_faults_is_fresh() -> None:
    assert rows_under("docs/simulator.md", "Faults") == [fault_row(kind) for kind in FaultKind]


def test_the_table_of_what_a_storm_may_never_see_is_fresh() -> None:
    assert rows_under("docs/simulator.md", "Storms") == [f"| {rule.name} | {rule.value} |" for rule in Rule]


def test_faults_of_one_family_are_named_after_it() -> None:
    assert {family.name.lower() for family in Family} == {"ultrasound", "percussion"}


def test_the_table_of_events_is_fresh() -> None:
    written = {}
    for row in rows_under("docs/integrators.md", "Events"):
        name, _, inside = cells(row)
        written[name.strip("`")] = set(re.findall(r"`(\w+)`", inside))

    assert written == events()


def test_the_table_of_keys_is_fresh() -> None:
    written = [tuple(cells(row)) for row in rows_under("docs/manual.md", "While it runs")]

    assert written == [(binding.shown, binding.at_length) for binding in BINDINGS]


def test_the_manual_installs_what_there_is_to_install() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    install = PAGES["docs/manual.md"].split("## Install\n")[1].split("\n## ")[0]
    needed = "Python " + project["requires-python"].removeprefix(">=")
    extras = set(re.findall(r"physioctl\[(\w+)\]", "".join(PAGES.values())))

    assert f"{needed} or newer" in " ".join(install.split())
    assert extras <= set(project["optional-dependencies"])
    assert "report" in extras


def test_a_decision_fits_on_a_page() -> None:
    too_long = [
        page
        for page, text in PAGES.items()
        if page.startswith("docs/decisions/") and len(text.splitlines()) > 40
    ]

    assert too_long == []


def test_the_files_that_the_page_on_architecture_names_are_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:protocols|device|physioctl|simulator)/[\w/.]*)`", page))

    assert len(named) > 15
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
