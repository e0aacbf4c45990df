"""Traces: what is kept of a session, that a replay of it is the same to the byte, and where it is not."""

from __future__ import annotations

import dataclasses
import json
import re
import threading
import typing
from contextlib import suppress
from pathlib import Path

import pytest

from device.operator import Lower, Note, OperatorAction, Pain, SessionAction
from physioctl.cli import call
from physioctl.record.journal import Journal
from physioctl.rehearsal.disk import SimulatedDisk
from physioctl.rehearsal.rehearse import rehearse
from physioctl.rehearsal.rig import Rig, speaking
from physioctl.runner import Request, run_session
from physioctl.trace.decoding import DAMAGED, Decoding, Shown
from physioctl.trace.lines import Header, Loaded, Received, Sent, TraceLine, Wake
from physioctl.trace.reading import LINE_MAX, LINES_MAX, SIZE_MAX, Trace, parse_trace, read_trace
from physioctl.trace.recording import traced
from physioctl.trace.replay import replay
from physioctl.trace.writing import DRAIN_S, QUEUE_MAX, TraceWriter, writing
from protocols.errors import PhysioctlError
from protocols.library import bundled, find
from protocols.library import parse as parse_protocol
from protocols.limits import Bound, Layer, Quantity
from simulator.faults import parse
from tests.cases import each
from tests.processes import journal_at
from tools.traces import GOLDEN, Kept
from tools.traces import PROTOCOL as BUNDLED

GOLDEN_FOLDER = Path(__file__).parents[1] / "traces"
WAYS = tuple(GOLDEN.values())
PROTOCOL = """format: 1
id: one-second
title: "One second at the lowest level, on nobody"
family: ultrasound
body_site: bench
side: none
purpose: For tests of traces.
evidence: {grade: none, note: It treats nothing.}
steps:
  - emit: {intensity: 0.29 W/cm², duty: 100 %, carrier: 1 MHz}
    for: 1 s
    ramp: 200 ms
"""
THREE_SECONDS = parse_protocol(PROTOCOL.replace("for: 1 s", "for: 3 s").encode())


class Counting:
    """A sink that keeps what is written."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)


class Full(Counting):
    """A disk with room for ``room`` bytes."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room = room

    def write(self, data: bytes) -> int:
        if len(self.data) + len(data) > self._room:
            raise OSError(28, "No space left on device")
        return super().write(data)


class Hanging(Counting):
    """A disk that writes nothing until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = threading.Event()

    def write(self, data: bytes) -> int:
        self.let.wait(30)
        return super().write(data)


def of(kept: Kept) -> Trace:
    """What a file with the lines of ``kept`` is read as."""
    return parse_trace("".join(f"{line.text()}\n" for line in kept.lines).encode(), "kept")


def session(
    dialect: str = "native",
    host_loss: str | None = None,
    *,
    faults: tuple[str, ...] = (),
    actions: tuple[tuple[int, OperatorAction], ...] = (),
    operator: tuple[Bound, ...] = (),
    commit_ms: int | None = None,
) -> Trace:
    """A session of three seconds that keeps a trace, however it ends."""
    kept, spoken = Kept(), speaking(dialect, host_loss)
    rig = Rig(
        "us111",
        seed=5,
        faults=list(map(parse, faults)),
        actions=actions,
        unit=spoken.unit,
        dialect=spoken.dialect,
        driver=traced(kept),
    )
    request = Request.on_nobody(THREE_SECONDS, attended=True)
    request = dataclasses.replace(request, asks_pain=lambda: bool(actions), operator=operator)
    recorder = None
    if commit_ms is not None:
        recorder = lambda log: SimulatedDisk(log, rig.clock, rig.inbox, commit_ms)  # noqa: E731
    with Journal.in_memory(rig.clock, 5) as journal, suppress(PhysioctlError):
        run_session(request, rig.driver, journal, recorder=recorder)
    return of(kept)


@each(("dialect", "host_loss"), WAYS)
@each(
    "faults",
    [
        (),
        ("lift_off@500ms+500ms",),
        ("cable_pulled@1s",),
        ("bytes_struck@500ms+1s",),
        ("bytes_late@1s+500ms",),
    ],
)
def test_a_replay_sends_what_the_session_sent(
    dialect: str, host_loss: str | None, faults: tuple[str, ...]
) -> None:
    trace = session(dialect, host_loss, faults=faults)

    replayed = replay(trace)

    assert replayed.difference is None
    sent = [entry.line.bytes for entry in trace.entries if isinstance(entry.line, Sent)]
    assert [data.hex() for _, data in replayed.sent] == sent
    assert len(sent) > 10


@each(("dialect", "host_loss"), WAYS)
def test_what_a_person_did_is_replayed_at_its_time(dialect: str, host_loss: str | None) -> None:
    trace = session(
        dialect,
        host_loss,
        actions=(
            (300, Note("left knee of Anna")),
            (600, SessionAction.PAUSE),
            (1200, SessionAction.RESUME),
            (1500, Lower()),
            (2000, SessionAction.STOP),
            (2800, Pain(7)),
        ),
    )

    assert replay(trace).difference is None
    shown = [row.said.name for entry in trace.entries for row in Decoding(trace.header).show(entry.line)]
    assert [name for name in shown if name.startswith("person")] == [
        "person: note",
        "person: pause",
        "person: resume",
        "person: lower",
        "person: stop",
        "person: pain",
    ]


def test_a_slow_journal_and_limits_of_the_operators_are_replayed() -> None:
    bound = Bound(Quantity.DELIVERED_MS, Layer.OPERATOR, "limit of Dr Who for P-017", at_most=10_000)

    trace = session(commit_ms=150, operator=(bound,))

    assert replay(trace).difference is None
    assert "Who" not in "".join(entry.line.text() for entry in trace.entries)


def test_nothing_is_kept_of_what_is_said_of_a_person() -> None:
    trace = session(actions=((1000, Note("left knee of Anna")), (2000, SessionAction.STOP), (3000, Pain(7))))

    text = "".join(entry.line.text() for entry in trace.entries)

    assert "Anna" not in text
    assert "score" not in text
    assert '"pain"' in text


@each(("dialect", "host_loss"), WAYS)
def test_a_byte_that_differs_is_found_and_said_where(dialect: str, host_loss: str | None) -> None:
    trace = session(dialect, host_loss)
    at = [n for n, entry in enumerate(trace.entries) if isinstance(entry.line, Sent)][10]
    entry = trace.entries[at]
    assert isinstance(entry.line, Sent)
    other = entry.line.bytes[:-4] + f"{int(entry.line.bytes[-4:-2], 16) ^ 1:02x}" + entry.line.bytes[-2:]
    changed = dataclasses.replace(entry, line=entry.line.model_copy(update={"bytes": other}))

    replayed = replay(
        dataclasses.replace(trace, entries=(*trace.entries[:at], changed, *trace.entries[at + 1 :]))
    )

    assert replayed.sendings == 10
    assert replayed.difference is not None
    assert replayed.difference.number == entry.number
    assert replayed.difference.expected == bytes.fromhex(other)
    assert replayed.difference.sent == bytes.fromhex(entry.line.bytes)


def test_a_report_that_is_left_out_is_noticed_by_what_is_not_sent() -> None:
    trace = session()
    at = [n for n, entry in enumerate(trace.entries) if isinstance(entry.line, Received)][20]

    replayed = replay(dataclasses.replace(trace, entries=trace.entries[:at] + trace.entries[at + 1 :]))

    assert replayed.difference is not None


def test_a_trace_that_was_cut_off_is_replayed_as_far_as_it_goes() -> None:
    trace = session()

    for length in (1, 5, 30, 100):
        replayed = replay(dataclasses.replace(trace, entries=trace.entries[:length]))
        assert replayed.difference is None


@each("name", list(GOLDEN))
def test_the_golden_traces_replay_to_the_byte(name: str) -> None:
    trace = read_trace(GOLDEN_FOLDER / f"{name}.trace")

    replayed = replay(trace)

    assert replayed.difference is None
    assert replayed.sendings > 10
    assert trace.header.dialect == GOLDEN[name][0]


def test_the_golden_traces_are_of_one_bundled_protocol_and_say_what_their_bytes_say() -> None:
    for name in GOLDEN:
        path = GOLDEN_FOLDER / f"{name}.trace"
        said = [entry.line.protocol for entry in read_trace(path).entries if isinstance(entry.line, Loaded)]
        lines = path.read_text(encoding="utf-8").splitlines()

        assert [json.loads(protocol or "")["id"] for protocol in said] == [BUNDLED]
        assert BUNDLED in bundled()
        frames = [at for at, line in enumerate(lines) if '"kind": "sent"' in line or '"received"' in line]
        assert len(frames) > 100
        assert all(lines[at - 1].startswith(("# to unit: ", "# from unit: ")) for at in frames)


def test_what_arrives_damaged_is_shown_as_such_and_an_answer_with_its_time() -> None:
    for dialect, host_loss in WAYS:
        trace = session(dialect, host_loss, faults=("bytes_struck@500ms+1s",))
        decoding = Decoding(trace.header)
        rows: list[Shown] = [row for entry in trace.entries for row in decoding.show(entry.line)]

        assert any(row.said.name == DAMAGED for row in rows)
        arm = next(row for row in rows if row.said.name == "Arm")
        answer = next(
            row for row in rows if row.direction == "from unit" and row.said.number == arm.said.number
        )
        assert "session=" in arm.said.text
        assert answer.after_ms == answer.ms - arm.ms
        assert 0 < answer.after_ms < 80


# --- writing ---------------------------------------------------------------------------------------


def header() -> Header:
    return Header(ms=0, format=1, physioctl="0.1.0", dialect="native", port="rehearsal")


def test_a_full_disk_ends_the_trace_at_a_whole_line_and_nothing_else() -> None:
    full = Full(500)
    writer = TraceWriter(full, in_thread=False)

    for ms in range(100):
        writer.add(header() if ms == 0 else Wake(ms=ms))
    writer.close()

    assert "No space left" in writer.stopped
    assert full.data.endswith(b"}\n")
    assert parse_trace(full.data, "full").end is None


def test_a_disk_that_hangs_is_waited_for_by_nobody() -> None:
    hanging = Hanging()
    writer = TraceWriter(hanging, in_thread=True, queue_max=10)

    writer.add(header())
    for ms in range(1000):
        writer.add(Wake(ms=ms))

    assert writer.stopped == "the disk is too slow"
    hanging.let.set()
    writer.close()
    trace = parse_trace(hanging.data, "hanging")
    assert trace.end is not None
    assert trace.end.why == "the disk is too slow"


def test_a_session_is_the_same_with_a_trace_and_with_one_whose_disk_hangs() -> None:
    hanging = Hanging()
    writer = TraceWriter(hanging, in_thread=True, queue_max=10)

    plain = rehearse(find("unit-check"), Rig("us111", seed=5), seed=5)
    kept = rehearse(find("unit-check"), Rig("us111", seed=5, driver=traced(Kept())), seed=5)
    hung = rehearse(find("unit-check"), Rig("us111", seed=5, driver=traced(writer)), seed=5)

    assert plain == kept == hung
    assert writer.stopped == "the disk is too slow"
    hanging.let.set()
    writer.close()


def test_what_has_no_line_ends_the_trace_and_not_the_session() -> None:
    full = Counting()
    writer = TraceWriter(full, in_thread=False)
    rig = Rig("us111", seed=5, actions=[(2000, Lower(1 << 60))], driver=traced(writer))

    rehearsal = rehearse(find("unit-check"), rig, seed=5)
    writer.close()

    assert rehearsal.ended.outcome == "completed"
    assert "no line for" in writer.stopped


def test_a_trace_has_a_largest_size_and_says_so_in_its_last_line() -> None:
    sink = Counting()
    writer = TraceWriter(sink, in_thread=False, size_max=2000)

    for ms in range(1000):
        writer.add(header() if ms == 0 else Wake(ms=ms))
    writer.close()

    trace = parse_trace(sink.data, "large")
    assert len(sink.data) <= 2000
    assert trace.end is not None
    assert "as large as a trace may be" in trace.end.why


def test_a_trace_is_its_users_alone_and_replaces_nothing_unasked(tmp_path: Path) -> None:
    path = tmp_path / "a.trace"
    told: list[str] = []
    with writing(path, replace=False, in_thread=False, tell=told.append) as writer:
        writer.add(header())

    with (
        pytest.raises(PhysioctlError, match="already"),
        writing(path, replace=False, in_thread=False, tell=told.append),
    ):
        pass
    path.chmod(0o644)
    with writing(path, replace=True, in_thread=True, tell=told.append) as writer:
        writer.add(header())

    assert path.stat().st_mode & 0o777 == 0o600
    assert read_trace(path).entries[-1].line.kind == "end"
    assert told == []


# --- the command line --------------------------------------------------------------------------------


def test_a_rehearsals_trace_is_shown_and_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "a.trace")
    assert call(["rehearse", "unit-check", "--unit", "us111", "--trace", path]) == 0
    assert call(["rehearse", "unit-check", "--unit", "us111", "--trace", path]) == 2
    assert call(["rehearse", "unit-check", "--unit", "us111", "--trace", path, "--replace-trace"]) == 0
    assert call(["rehearse", "hand-cramp-guidance", "--trace", path]) == 2
    capsys.readouterr()

    assert call(["trace", "show", path]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert ["0.000", "to unit", "Identify", "1", "", ""] in rows
    assert call(["trace", "replay", path]) == 0
    assert "byte for byte" in capsys.readouterr().out


def test_a_replay_that_differs_says_both_and_ends_with_7(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.trace"
    golden = (GOLDEN_FOLDER / "native.trace").read_text(encoding="utf-8").splitlines(keepends=True)
    at = next(n for n, line in enumerate(golden) if '"session"' in line)
    loaded = json.loads(golden[at])
    golden[at] = json.dumps(loaded | {"number": loaded["number"] ^ 2}) + "\n"
    path.write_text("".join(golden), encoding="utf-8")

    assert call(["trace", "replay", str(path)]) == 7

    said = capsys.readouterr().out
    assert f"{path}:" in said
    assert said.count("Arm 4 nonce=") == 2
    assert f"session={loaded['number']}" in said
    assert f"session={loaded['number'] ^ 2}" in said


def test_a_session_in_real_time_leaves_a_trace_that_replays(tmp_path: Path) -> None:
    protocol, path = tmp_path / "short.yaml", tmp_path / "a.trace"
    protocol.write_text(PROTOCOL, encoding="utf-8")
    journal = journal_at(tmp_path / "j.sqlite")

    arguments = ["--port", "sim://us111", "--journal", str(journal), "--yes", "--json", "--trace", str(path)]

    code = call(["run", str(protocol), *arguments])

    trace = read_trace(path)
    replayed = replay(trace)
    assert code == 0
    assert trace.end is not None
    assert trace.end.why == ""
    assert trace.header.port == "simulated"
    assert replayed.difference is None
    assert replayed.sendings > 10


def test_the_page_names_every_kind_of_line_with_its_fields() -> None:
    page = (GOLDEN_FOLDER.parents[1] / "docs" / "trace.md").read_text(encoding="utf-8")
    rows = [row.split("|")[1:3] for row in re.findall(r"^\| `\w+` \|.*$", page, re.MULTILINE)]
    named = {kind.strip(" `"): re.findall(r"`(\w+)`", listed) for kind, listed in rows}
    kinds = (Header, *typing.get_args(typing.get_args(TraceLine)[0]))

    assert named == {
        kind.model_fields["kind"].default: [name for name in kind.model_fields if name not in ("ms", "kind")]
        for kind in kinds
    }


def test_the_page_states_the_bounds_of_a_trace() -> None:
    page = (GOLDEN_FOLDER.parents[1] / "docs" / "trace.md").read_text(encoding="utf-8")

    assert f"{SIZE_MAX >> 20} MB or {LINES_MAX:,} lines" in page
    assert f"a queue of {QUEUE_MAX}" in page
    assert f"waits {DRAIN_S:.0f} s at most" in page
    assert f"than {LINE_MAX >> 20} MB" in " ".join(page.split())
