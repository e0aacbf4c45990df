"""What the certificate says of units that flood, stop answering, answer by heart, or behave for a while."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from device.errors import NoAnswer
from device.events import OffConfirmation
from device.wire import messages
from device.wire import modbus_map as wire
from device.wire.frame import Decoder, Frame, encode
from device.wire.messages import Type
from device.wire.rtu import REQUESTS, Receiver
from physioctl.cli.conform import exit_code
from physioctl.cli.exits import Exit
from physioctl.conformance.certificate import end
from physioctl.conformance.outcomes import Mark
from physioctl.conformance.suites import suite_for
from physioctl.rehearsal.rig import CableLink
from simulator.flaws import FlawedFirmware
from simulator.modbus_firmware import LeaseFirmware
from simulator.modbus_unit import KINDS, ModbusUnit
from simulator.unit import SimulatedUnit
from tests.cases import each
from tests.device.modbus_frames import answered
from tests.physioctl.conformance_bench import Bench, marked

WIRE = Path(messages.__file__).parent
EVERY_MS = 5  # bytes come of a unit that floods
LIMIT_MS = 180_000  # an examination of a sound unit takes some 40 s


@cache
def by_heart() -> dict[type[Any], Any]:
    """What the golden vectors hold of each message of a unit and each block."""
    native = json.loads((WIRE / "vectors.json").read_text(encoding="utf-8"))["messages"]
    frames = [item for vector in native for item in Decoder().feed(bytes.fromhex(vector["frame"]))]
    said = [messages.read(item.type, item.body) for item in frames if isinstance(item, Frame)]
    for vector in json.loads((WIRE / "modbus_vectors.json").read_text(encoding="utf-8")):
        if vector.get("block") in ("Identity", "Capabilities", "Status"):
            raw = bytes.fromhex(vector["frame"])
            registers = [int.from_bytes(raw[at : at + 2], "big") for at in range(3, len(raw) - 2, 2)]
            said.append(getattr(wire, vector["block"]).read(registers, raw[0]))
    return {type(message): message for message in said}


# --- one that floods ------------------------------------------------------------------------------------


class Flood:
    """Puts bytes on the line again and again, whatever is asked."""

    def __init__(self, bench: Bench, what: bytes, from_ms: int) -> None:
        self._bench = bench
        self._what = what
        self._due_ms = from_ms
        bench.clock.add(self)

    def next_ms(self) -> int:
        return self._due_ms

    def move_to(self, now_ms: int) -> None:
        if now_ms >= self._due_ms:
            self._due_ms = now_ms + EVERY_MS
            self._bench.inbox.put(self._what)


def floods() -> list[tuple[str, type[SimulatedUnit], bytes]]:
    return [
        ("native", SimulatedUnit, b"\x00\x03\x03" * 20),
        ("native", SimulatedUnit, encode(Frame(Type.STATUS, 7, b"\0" * 40))),
        ("modbus", ModbusUnit, b"\x01\x17\xff" * 20),
        ("modbus", ModbusUnit, answered(by_heart()[wire.Status])),
    ]


@each(("dialect", "unit", "what"), floods())
def test_a_unit_that_floods_fails_and_its_output_is_ended(
    dialect: str, unit: type[SimulatedUnit], what: bytes
) -> None:
    bench = Bench(unit, suite=suite_for(dialect, None))
    bench.examiner.meet()
    Flood(bench, what, bench.clock.now_ms() + 1)

    certificate = bench.examiner.examine(lambda _: None)

    assert bench.unit.output == 0
    assert certificate.count(Mark.FAIL)
    assert bench.clock.now_ms() < LIMIT_MS


# --- one that never answers -----------------------------------------------------------------------------


class Unanswered(CableLink):
    """A line on which nothing comes back; what was sent is kept."""

    sent = b""

    def send(self, data: bytes) -> bool:
        self.sent += data
        return True


@each("dialect", ["native", "modbus"])
def test_of_a_unit_that_never_answers_there_is_no_certificate_and_nothing_starts_output(dialect: str) -> None:
    bench = Bench(
        KINDS["lease"] if dialect == "modbus" else SimulatedUnit,
        suite=suite_for(dialect, None),
        link=Unanswered,
    )

    with pytest.raises(NoAnswer, match=f"nothing answers in the dialect {dialect}"):
        bench.examiner.meet()

    assert isinstance(bench.link, Unanswered)
    assert asked_in(bench.link.sent, dialect) == {1}  # who is there
    assert bench.clock.now_ms() < 2000


def asked_in(data: bytes, dialect: str) -> set[int]:
    """The types of the requests, or the commands, in ``data``."""
    if dialect == "native":
        return {item.type for item in Decoder().feed(data) if isinstance(item, Frame)}
    requests: list[Any] = [REQUESTS.decode(frame.pdu) for frame in Receiver(frozenset({1})).feed(data)]
    return {request.write_registers[0] for request in requests}


class StopsAnswering(SimulatedUnit):
    """Answers nothing from its first output on, a stop included, and does not stop for one."""

    def _answers(self, data: bytes) -> bytes:
        return b"" if self.changes else super()._answers(data)


@each(("dialect", "unit"), [("native", SimulatedUnit), *(("modbus", kind) for kind in KINDS.values())])
def test_a_unit_that_stops_answering_with_its_output_on_is_said_to_be_unknown(
    dialect: str, unit: type[SimulatedUnit]
) -> None:
    bench = Bench(type("Stops answering", (StopsAnswering, unit), {}), suite=suite_for(dialect, None))
    bench.examiner.meet()

    certificate = bench.examiner.examine(lambda _: None)

    assert certificate.output_off is OffConfirmation.UNKNOWN
    assert bench.instructions == ["The unit answers no Stop: switch it off now."]
    assert exit_code(certificate) == Exit.OUTPUT_NOT_CONFIRMED_OFF
    assert marked(certificate, Mark.FAIL) == {"stop.output"}
    assert bench.clock.now_ms() < LIMIT_MS


# --- one that answers by heart --------------------------------------------------------------------------


IDLE = {"state": messages.UnitState.IDLE, "faults": messages.Fault(0), "result": messages.Result.OK}


class ByHeart(SimulatedUnit):
    """Answers every request from the golden vectors, under its number; every status says OK and IDLE."""

    def _answers(self, data: bytes) -> bytes:
        said = b""
        for item in Decoder().feed(data):
            if isinstance(item, Frame):
                kind = {1: messages.Identity, 2: messages.Capabilities}.get(item.type, messages.Status)
                answer = by_heart()[kind]
                if kind is messages.Status:
                    answer = replace(answer, asked=item.type, **IDLE)
                said += encode(Frame(answer.TYPE, item.seq, answer.pack()))
        return said


class ModbusByHeart(ModbusUnit):
    """Answers every command from the golden vectors, under its token; every status says OK and IDLE."""

    def _answers(self, data: bytes) -> bytes:
        for frame in self._receiver.feed(data):
            written = getattr(REQUESTS.decode(frame.pdu), "write_registers", [0])
            if written[0] in list(wire.Command):
                kind = wire.READS[wire.Command(written[0])]
                block = replace(by_heart()[kind], token=written[1], command=written[0])
                return answered(replace(block, **IDLE) if kind is wire.Status else block)
        return b""


@each(("dialect", "unit"), [("native", ByHeart), ("modbus", ModbusByHeart)])
def test_a_unit_that_answers_by_heart_fails_and_nothing_is_tried_that_it_has_to_refuse(
    dialect: str, unit: type[SimulatedUnit]
) -> None:
    bench = Bench(unit, suite=suite_for(dialect, None))
    bench.examiner.meet()

    certificate = bench.examiner.examine(lambda _: None)

    assert "stop.output" in marked(certificate, Mark.FAIL)
    assert certificate.ended_early == "stop.output ended the run"
    assert exit_code(certificate) in (Exit.FAULT, Exit.OUTPUT_NOT_CONFIRMED_OFF)


# --- one that behaves while it is examined --------------------------------------------------------------


class BehavesAtTheLowestLevel(FlawedFirmware):
    """Lets no lease run out above the levels that an examination asks for."""

    def _lapse(self, own_ms: int) -> None:
        if self._step is not None and self._step.level > self._plate.level_min + 20:
            self.lease_until_ms = own_ms + 1000
        else:
            super()._lapse(own_ms)


@each(
    ("dialect", "unit", "program"),
    [("native", SimulatedUnit, FlawedFirmware), ("modbus", ModbusUnit, LeaseFirmware)],
)
def test_a_unit_that_behaves_while_it_is_examined_passes_and_the_certificate_says_that_it_may(
    dialect: str, unit: type[SimulatedUnit], program: type[FlawedFirmware]
) -> None:
    behaves = type("Behaves", (BehavesAtTheLowestLevel, program), {})
    bench = Bench(type("Behaves", (unit,), {"firmware": behaves}), suite=suite_for(dialect, None))

    certificate = bench.examined()

    assert not certificate.count(Mark.FAIL)
    said = end(certificate, 0)["cannot_show"]
    assert any("only while it is examined" in what for what in said)
    assert any("any level above the lowest" in what for what in said)
