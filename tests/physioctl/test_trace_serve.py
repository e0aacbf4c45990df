"""What stands in for the unit of a trace: it answers as the unit did, and nothing once bytes differ."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from queue import SimpleQueue

import pytest

from device.clock import SystemClock, VirtualClock
from device.control.driver import Driver
from device.control.handshake import perform_handshake
from device.dialects.native import Native
from device.link import Inbox, SerialLink
from device.wire.frame import Frame, encode
from device.wire.messages import Type
from physioctl.rehearsal.rehearse import rehearse
from physioctl.rehearsal.rig import CableLink, Rig, speaking
from physioctl.trace.lines import Sent
from physioctl.trace.reading import read_trace
from physioctl.trace.renumbering import session_number
from physioctl.trace.standing_in import LINGER_MS, StandIn
from protocols.library import find
from simulator.cable import Cable
from simulator.serve import serve_pty
from tests.cases import each
from tools.traces import GOLDEN, PROTOCOL, SEED

GOLDEN_FOLDER = Path(__file__).parents[1] / "traces"


class LineTo(CableLink):
    """A line on which a stand-in answers in the unit's place; the cable is not used."""

    def __init__(self, unit: StandIn, cable: Cable, clock: VirtualClock, inbox: Inbox) -> None:
        super().__init__(cable, clock, inbox)
        self.unit = unit
        unit.on_arrival = inbox.put
        clock.add(unit)

    def send(self, data: bytes) -> bool:
        for piece in (data[:9], data[9:]):  # as a port may give it
            self.unit.send(piece, self._clock.now_ms())
        return True


@each(("name", "seed"), [(name, seed) for name in GOLDEN for seed in (SEED, SEED + 1)])
def test_a_program_that_sends_the_same_is_answered_to_the_end(name: str, seed: int) -> None:
    """Another seed makes another number of the session, as every session has."""
    unit = StandIn(read_trace(GOLDEN_FOLDER / f"{name}.trace"))
    dialect, host_loss = GOLDEN[name]
    rig = Rig(
        "us111",
        link=lambda cable, clock, inbox: LineTo(unit, cable, clock, inbox),
        dialect=speaking(dialect, host_loss).dialect,
    )

    rehearsal = rehearse(find(PROTOCOL), rig, seed=seed, attended=host_loss == "none")

    assert rehearsal.ended.outcome == "completed"
    assert unit.differed is None
    assert unit.over


def test_a_byte_that_differs_is_answered_by_nothing_more() -> None:
    trace = read_trace(GOLDEN_FOLDER / "native.trace")
    unit = StandIn(trace)
    came: list[bytes] = []
    unit.on_arrival = came.append
    first = bytes.fromhex(next(entry.line.bytes for entry in trace.entries if isinstance(entry.line, Sent)))

    unit.send(first[:4], 0)
    unit.move_to(1000)
    assert came == []
    unit.send(first[4:] + b"\0\x77", 1000)
    unit.move_to(5000)

    assert unit.sendings == 1
    assert unit.differed is not None
    assert unit.differed[1] == b"\0\x77"
    assert came == []
    assert unit.over
    assert not unit.may_leave  # the other program may still be reading
    unit.move_to(5000 + LINGER_MS)
    assert unit.may_leave


def test_another_message_than_the_trace_has_differs_where_the_session_begins() -> None:
    trace = read_trace(GOLDEN_FOLDER / "native.trace")
    unit = StandIn(trace)
    sent = [bytes.fromhex(entry.line.bytes) for entry in trace.entries if isinstance(entry.line, Sent)]
    arm = next(at for at, data in enumerate(sent) if session_number(trace.header, data))
    stop = encode(Frame(Type.STOP, arm + 1, b""))

    for data in sent[:arm]:
        unit.send(data, 0)
    assert unit.differed is None
    unit.send(stop, 0)

    assert unit.differed == (sent[arm], stop)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no ptys")
def test_on_a_pty_it_is_asked_who_it_is_as_a_unit_is() -> None:
    unit = StandIn(read_trace(GOLDEN_FOLDER / "native.trace"))
    named: SimpleQueue[str] = SimpleQueue()
    ended = threading.Event()
    serving = threading.Thread(
        target=lambda: serve_pty(unit, announce=named.put, ended=ended.is_set), daemon=True
    )
    serving.start()
    inbox: Inbox = SimpleQueue()
    link = SerialLink(named.get(timeout=30), inbox)
    try:
        found = Driver(link, SystemClock(), inbox, Native())
        unit_found = found.run(perform_handshake(found.controller))
    finally:
        link.close()
        ended.set()
        serving.join(30)

    assert unit_found.identity.serial == f"SIM-US-{SEED:04d}"
    assert unit.sendings == 3
    assert unit.differed is None
