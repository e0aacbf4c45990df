"""Whatever a file holds, it is read into a protocol or into mistakes that say where and what to do."""

from __future__ import annotations

import os
import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import reading
from protocols.errors import Problem, ProtocolInvalid
from protocols.library import load, parse
from protocols.reading import DEPTH_MAX, NODES_MAX, SIZE_MAX, Node, read_nodes

SOUND = """\
format: 1
id: calf-test
title: A test
family: ultrasound
body_site: calf
side: either
purpose: For tests.
evidence: {grade: none, note: None.}
steps:
  - emit: {intensity: 0.44 W/cm², duty: 100 %, carrier: 1 MHz}
    for: 5 min
"""


def wrong(data: bytes | str) -> tuple[Problem, ...]:
    """The mistakes in what has to be a wrong file."""
    with pytest.raises(ProtocolInvalid) as invalid:
        parse(data.encode() if isinstance(data, str) else data, "a.yaml")
    return invalid.value.problems


def wrong_file(path: Path) -> Problem:
    """The one mistake of a file that cannot be read at all."""
    with pytest.raises(ProtocolInvalid) as invalid:
        load(path)
    (problem,) = invalid.value.problems
    return problem


def read(text: str) -> Node:
    """The nodes of a text without a mistake."""
    root, problems = read_nodes(text.encode(), "a.yaml")
    assert not problems
    return root


def test_the_sound_file_these_tests_spoil_is_sound() -> None:
    assert parse(SOUND.encode(), "a.yaml").id == "calf-test"


HOSTILE = '"\\e[2J\\x9b' + "word" * 2000 + '"'


@pytest.mark.parametrize(
    "spoilt",
    [
        SOUND.replace("title", HOSTILE),
        SOUND.replace("A test", HOSTILE),
        SOUND.replace("duty", HOSTILE),
        SOUND.replace("5 min", HOSTILE),
        SOUND + f"{HOSTILE}: 1\n{HOSTILE}: 2\n",
        SOUND.replace("format: 1", f"format: *{'word' * 2000}"),
        SOUND.replace("format: 1", f"format: !{'word' * 2000} 1"),
        SOUND.replace("format: 1", f'format: "\\{"word" * 2000}"'),
    ],
    ids=["key", "text", "key of a step", "quantity", "key twice", "alias", "tag", "escape"],
)
def test_what_a_file_says_is_told_clipped_and_moves_no_cursor(spoilt: str) -> None:
    for problem in wrong(spoilt):
        for told in (problem.field, problem.what, problem.action):
            assert told.isprintable() or not told
            assert "word" * 60 not in told


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "place", "what", "action"),
    [
        ("", "1:1", "is empty", "`format: 1`"),
        ("# only a comment\n", "1:1", "is empty", "`format: 1`"),
        ("---\n", "2:1", "no keys at the top", "`format: 1`"),
        ("- a\n- b\n", "1:1", "no keys at the top", "`format: 1`"),
        ("just words", "1:1", "no keys at the top", "`format: 1`"),
        (SOUND + "---\n" + SOUND, "12:1", "a second document", "one document"),
        (SOUND + "limits: !!python/object:os.system {}\n", "12:9", "the tag", "Take the tag out"),
        (SOUND + "limits: *nothing\n", "12:9", "names nothing", "Write the values out"),
        (SOUND + "limits: &a [*a]\n", "12:13", "stands inside what it names", "Write the values out"),
        (SOUND + "limits: &a {b: *a}\n", "12:16", "stands inside what it names", "Write the values out"),
        (SOUND + "\tside: left\n", "12:1", "\\t", "spaces"),
        (SOUND + "title: Another\n", "12:1", "here twice, first in line 3", "Keep one"),
        (SOUND + "limits: {: 1}\n? [a]\n: 2\n", "13:3", "not a plain word", "plain words"),
        (SOUND + "limits: {duration: 5 min\n", "13:1", "expected ',' or '}'", "quotes"),
        (SOUND + "limits: 'open\n", "13:1", "quoted scalar", "quotes"),
        (SOUND + 'purpose2: "\\UFFFFFFFF"\n', None, "", ""),
        (SOUND + "limits: @at\n", "12:9", "cannot start any token", "quotes"),
        (BOMB, None, f"more than {NODES_MAX} values", "repeat"),
        ("a: " + "[" * 5_000 + "]" * 5_000, f"1:{3 + DEPTH_MAX}", f"more than {DEPTH_MAX} levels", "Flatten"),
        ("a: " + "{b: " * 5_000, None, f"more than {DEPTH_MAX} levels", "Flatten"),
        ("- " * 5_000, None, f"more than {DEPTH_MAX} levels", "Flatten"),
        ("? " * 5_000, None, "", ""),
        ("a: [" + "x, " * (NODES_MAX + 1) + "]", None, f"more than {NODES_MAX} values", "repeat"),
        ("a: b\x07c\n", "1:5", "unprintable character U+0007", "Take it out"),
        ("%YAML 1.①\n---\na: 1\n", None, "", ""),
        ("%YAML 3.0\n---\na: 1\n", None, "", ""),
    ],
)
def test_a_spoilt_text_is_a_mistake_with_its_place(
    text: str, place: str | None, what: str, action: str
) -> None:
    problems = wrong(text)

    fitting = [problem for problem in problems if what in problem.what and action in problem.action]
    assert fitting, problems
    assert place is None or f"a.yaml:{place}:" in str(fitting[0])
    assert all("\n" not in str(problem) and problem.action for problem in problems)


@pytest.mark.parametrize(
    ("data", "place", "what"),
    [
        (b"\x7fELF\x00\x01", "", "binary"),
        (SOUND.encode("utf-16"), "", "binary"),
        (b"a: 1\ntitle: caf\xe9\n", ":2:11", "the byte 0xE9 is not UTF-8"),
        (b"\xff\xfe", ":1:1", "0xFF is not UTF-8"),
    ],
)
def test_what_is_not_text_is_a_mistake(data: bytes, place: str, what: str) -> None:
    (problem,) = wrong(data)

    assert what in problem.what
    assert str(problem).startswith(f"a.yaml{place}: ")


def test_a_byte_order_mark_is_no_mistake() -> None:
    assert parse(b"\xef\xbb\xbf" + SOUND.encode()).id == "calf-test"


@pytest.mark.hazard("H-22")
def test_a_file_of_200_mb_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(200 * 1024 * 1024)

    problem = wrong_file(path)

    assert f"is 209715200 bytes; at most {SIZE_MAX} are read" in problem.what


def test_the_size_is_exact_at_its_edge(tmp_path: Path) -> None:
    path = tmp_path / "edge.yaml"
    padding = SIZE_MAX - len(SOUND.encode())
    path.write_text(SOUND + "#" * padding, encoding="utf-8")
    assert load(path).id == "calf-test"

    path.write_text(SOUND + "#" * (padding + 1), encoding="utf-8")

    assert "bytes" in wrong_file(path).what


def test_a_folder_is_not_read(tmp_path: Path) -> None:
    assert "is a folder" in wrong_file(tmp_path).what


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="only POSIX has named pipes")
def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "pipe.yaml"
    os.mkfifo(path)

    assert "is a device or a pipe" in wrong_file(path).what


@pytest.mark.hazard("H-22")
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="only POSIX has named pipes")
def test_a_pipe_put_there_after_the_look_is_refused_without_waiting(tmp_path: Path) -> None:
    path = tmp_path / "pipe.yaml"
    os.mkfifo(path)

    with pytest.raises(ProtocolInvalid, match="is a device or a pipe"):
        reading._read_regular(path)


@pytest.mark.hazard("H-22")
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux has /proc")
@pytest.mark.parametrize("target", ["/proc/kmsg", "/proc/self/status"])
def test_a_link_to_a_file_the_kernel_makes_up_is_refused_unread(tmp_path: Path, target: str) -> None:
    path = tmp_path / "link.yaml"
    path.symlink_to(target)

    assert re.search("is empty|may not be read", wrong_file(path).what)


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").touch()

    assert "is empty" in wrong_file(tmp_path / "empty.yaml").what


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="only POSIX has /dev/zero")
def test_a_device_without_end_is_refused() -> None:
    assert "is a device or a pipe" in wrong_file(Path("/dev/zero")).what


@pytest.mark.parametrize("name", ["missing.yaml", "a\0b.yaml", "x" * 5_000 + ".yaml", "\udcff.yaml"])
def test_a_name_that_leads_nowhere_is_a_mistake_safe_to_print(tmp_path: Path, name: str) -> None:
    problem = wrong_file(tmp_path / name)

    assert problem.action
    assert str(problem).encode()
    assert problem.file.isprintable()


def test_all_of_a_files_mistakes_are_said_at_once_in_the_files_order() -> None:
    text = (
        SOUND.replace("calf\n", "calff\n")
        .replace("0.44 W/cm²", "0.44")
        .replace("for: 5 min", "fro: 5 min")
        .replace("side: either", "side: both\nside: left")
    )

    problems = wrong(text)

    assert [(problem.line, problem.field) for problem in problems] == [
        (5, "body_site"),
        (6, "side"),
        (7, "side"),
        (11, "steps.0.for"),
        (11, "steps.0.emit.intensity"),
        (12, "steps.0.fro"),
    ]


def test_a_thousand_mistakes_do_not_flood_the_screen() -> None:
    with pytest.raises(ProtocolInvalid) as invalid:
        parse(("{" + "a, " * 1_000 + "}").encode(), "a.yaml")

    assert len(invalid.value.problems) > 1_000
    assert invalid.value.what.endswith("more")
    assert len(invalid.value.what.splitlines()) == 51


LONG = "x" * 20_000


@pytest.mark.hazard("H-22")
@pytest.mark.parametrize(
    "text",
    [
        SOUND + f"limits: !{LONG} {{}}\n",
        SOUND + f"limits: !!{LONG} {{}}\n",
        SOUND + f"limits: !<{LONG}> {{}}\n",
        SOUND + f"limits: !{LONG}!a {{}}\n",
        SOUND + f"limits: *{LONG}\n",
        SOUND + f"limits: &{LONG} [*{LONG}]\n",
        SOUND + f"{LONG}: 1\n",
        SOUND + f"? {LONG}\n: 1\n",
        SOUND + f"limits: {{? {LONG} : 1, ? {LONG} : 1}}\n",
        SOUND + f"? '{LONG}'\n: {{{{\n",
        f"%{LONG} 1\n---\na: 1\n",
        f"%TAG !{LONG}! tag:\n%TAG !{LONG}! tag:\n---\na: 1\n",
        f"%YAML {'9' * 200_000}.1\n---\na: 1\n",
        f"{LONG}\n",
        f"- {LONG}\n",
        SOUND.replace("calf-test", LONG),
        SOUND.replace("body_site: calf", f"body_site: {LONG}"),
        SOUND.replace("A test", LONG),
        SOUND.replace("format: 1", f"format: {LONG}"),
        SOUND.replace("format: 1", f"format: {'1' * 200_000}"),
        SOUND.replace("either", LONG),
        SOUND.replace("family: ultrasound", f"family: {LONG}"),
        SOUND.replace("grade: none", f"grade: {LONG}"),
        SOUND.replace("0.44 W/cm²", LONG),
        SOUND.replace("0.44 W/cm²", "0." + "4" * 200_000 + " W/cm²"),
        SOUND.replace("0.44 W/cm²", f"0.44 {LONG}"),
        SOUND.replace("5 min", f"[{LONG}]"),
        SOUND.replace("5 min", f"{{? {LONG} : 1}}"),
        SOUND.replace("emit:", f"? {LONG}\n    : 1\n    emit:"),
        SOUND.replace("- emit:", f"- ? {LONG}\n    :"),
        SOUND + f"screening: [{{code: {LONG}, ask: x}}]\n",
        SOUND + f"red_flags: [{{sign: x, action: {LONG}}}]\n",
        SOUND + f"red_flags: {LONG}\n",
        "\n".join(f"{LONG}{n}: 1" for n in range(3)),
    ],
    ids=lambda text: text.replace(SOUND, "").replace(LONG, "X")[:40],
)
def test_nothing_a_file_holds_is_echoed_whole(text: str) -> None:
    for problem in wrong(text):
        assert len(str(problem)) < 600
        assert len(problem.action) < 400


def test_yaml_1_2_knows_no_yes_and_no_octal() -> None:
    values = read("a: [yes, on, 0x1F, 1.10, 7, ~, true, '7', 1_000, 12:30, 2020-01-01]").plain()

    assert values == {
        "a": ("yes", "on", "0x1F", Decimal("1.10"), 7, None, True, "7", "1_000", "12:30", "2020-01-01")
    }


def test_an_alias_within_bounds_is_what_it_names() -> None:
    assert read("a: &x {b: 1}\nc: *x\n").plain() == {"a": {"b": 1}, "c": {"b": 1}}


def test_nesting_is_exact_at_its_edge() -> None:
    inner = DEPTH_MAX - 1

    assert read("a: " + "[" * inner + "]" * inner).height == DEPTH_MAX
    with pytest.raises(ProtocolInvalid):
        read("a: " + "[" * (inner + 1) + "]" * (inner + 1))


@pytest.mark.hazard("H-22")
def test_aliases_cannot_nest_deeper_than_lists_can() -> None:
    chain = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 40))

    (problem,) = wrong(chain)

    assert "levels deep" in problem.what


PIECES = [
    *("format: 1", "id", "steps:", "emit:", "for: 5 min", "repeat: 3", "0.5 W/cm²", ".nan", "<<", "~"),
    *("\n", "  ", "- ", ": ", ", ", "? ", "{", "}", "[", "]", "&a ", "*a", "!!str ", "'", '"', "|", ">"),
    *("#", "%", "@", "---", "...", "%YAML 1.1", "%TAG ! a", "\t", "\r", "\\", "\\x", "\\U", "\u2028", "\x85"),
]
yamlish = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


@pytest.mark.hazard("H-22")
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_no_bytes_whatever_do_anything_but_make_a_mistake(data: bytes) -> None:
    assert wrong(data)


@given(yamlish)
def test_no_yaml_whatever_does_anything_but_make_a_mistake(text: str) -> None:
    for problem in wrong(text):
        assert problem.action
        assert re.match(r"a\.yaml(:\d+:\d+)?: ", str(problem))


@given(st.data())
def test_a_sound_file_spoilt_anywhere_is_read_or_is_a_mistake(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(SOUND)))
    cut = data.draw(st.integers(0, 30))
    spoilt = SOUND[:at] + data.draw(yamlish) + SOUND[at + cut :]

    try:
        protocol = parse(spoilt.encode(), "a.yaml")
    except ProtocolInvalid:
        return

    assert protocol.steps
