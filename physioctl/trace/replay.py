"""Drives a controller with a trace, and holds what it sends against what was sent.

No port is opened and no time passes: every input of the controller comes from the trace, with its time. A
controller that does something else than before is noticed at the first bytes that differ; what would have
followed from them is in no trace.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import TypeVar

from pydantic import ValidationError

from device.clock import BootTime
from device.control.admission import Admission
from device.control.controller import Controller, Script
from device.control.delivery import ask_pain, deliver
from device.control.driver import Driver
from device.control.handshake import perform_handshake
from device.dialects.base import Dialect
from device.dialects.registry import make
from device.errors import LinkLost
from device.events import Event, Written
from device.link import Inbox
from device.link import News as DriverNews
from device.operator import Lower, Note, OperatorAction, Pain, SessionAction
from device.unit import Unit
from physioctl.runner import PAIN_ASKED_MS
from physioctl.trace.lines import (
    Acted,
    Broke,
    ClockRead,
    KeptBound,
    Loaded,
    Lost,
    Ran,
    Received,
    Sent,
    Stored,
    TraceLine,
    Unwritten,
    Wake,
)
from physioctl.trace.reading import Entry, Trace, TraceInvalid
from protocols.compile import compile_plan
from protocols.errors import PhysioctlError
from protocols.limits import Bound, InvalidBound, Layer, Limits, Quantity
from protocols.model import Protocol
from protocols.plan import Plan, rest_of

T = TypeVar("T")

SOURCE = "the trace"


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a replay leaves its trace. None for bytes that were not sent."""

    ms: int
    number: int | None  # of the line in the file; None behind the last one
    expected: bytes | None  # as the trace has it
    sent: bytes | None  # by the controller now
    why: str = ""  # where bytes do not say it


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a replay."""

    sendings: int  # that were the same
    sent: tuple[tuple[int, bytes], ...]  # what left before the difference, with its time
    difference: Difference | None


class _Over(Exception):
    """There is nothing more in the trace for the controller."""


class _Broken(PhysioctlError):
    """The program raised an error when the trace was made."""


class _Tape:
    """The lines of a trace, taken one after the other; its time is that of the line taken last."""

    def __init__(self, trace: Trace) -> None:
        self.now_ms = trace.header.ms
        self.unwritten = 0
        self.difference: Difference | None = None
        self.sent: list[tuple[int, bytes]] = []
        self._entries = trace.entries
        self._at = 0

    @property
    def next(self) -> TraceLine | None:
        """The line that is not taken yet; None behind the last one."""
        return self._entry.line if self._entry else None

    @property
    def _entry(self) -> Entry | None:
        return self._entries[self._at] if self._at < len(self._entries) else None

    def take(self) -> None:
        """Take the next line."""
        line = self._entries[self._at].line
        self._at += 1
        self.now_ms = line.ms
        if isinstance(line, Unwritten):
            self.unwritten = line.count

    def differs(self, expected: bytes | None, sent: bytes | None, why: str = "") -> _Over:
        """Note the first difference; return what ends the replay."""
        if self.difference is None:
            number = self._entry.number if self._entry else None
            self.difference = Difference(self.now_ms, number, expected, sent, why)
        return _Over()

    def skip_counts(self) -> None:
        """Take the lines that no step of the controller's has taken, and that bring it nothing."""
        while isinstance(self.next, ClockRead | Unwritten | Broke):
            self.take()

    def input_ms(self) -> int:
        """The time of an input of the controller."""
        while isinstance(self.next, Unwritten | Broke):
            self.take()
        if isinstance(self.next, ClockRead):
            self.take()
        return self.now_ms

    def waited(self) -> DriverNews | None:
        """What a wait has brought; None where nothing came. Raise what the program raised."""
        while isinstance(self.next, ClockRead | Unwritten):
            self.take()
        if isinstance(self.next, Broke):
            self.take()
            raise _Broken("the program raised an error", "See what it was.")
        line = self.next
        if isinstance(line, Wake):
            self.take()
            return None
        if isinstance(line, Received | Acted | Lost | Stored):
            self.take()
            return _news(line)
        if isinstance(line, Sent):
            raise self.differs(bytes.fromhex(line.bytes), None)
        if isinstance(line, Ran):
            raise self.differs(None, None, "what ended here goes on")
        raise _Over

    def queued(self) -> DriverNews | None:
        """What came together with the news before; None where nothing did."""
        line = self.next
        if isinstance(line, Received | Acted | Lost | Stored) and line.more:
            self.take()
            return _news(line)
        return None

    @property
    def has_queued(self) -> bool:
        """Whether `queued` has something."""
        return isinstance(self.next, Received | Acted | Lost | Stored) and self.next.more

    def send(self, data: bytes) -> None:
        """Hold ``data`` against what was sent; raise `LinkLost` where the port was gone."""
        if self.difference is not None:
            return
        self.skip_counts()
        line = self.next
        if line is None:  # the trace was cut off
            raise _Over
        if not isinstance(line, Sent):
            raise self.differs(None, data)
        if (expected := bytes.fromhex(line.bytes)) != data:
            raise self.differs(expected, data)
        self.take()
        self.sent.append((self.now_ms, data))
        if isinstance(self.next, Lost) and self.next.sending:
            self.take()
            raise _gone()


class _Inbox(SimpleQueue[DriverNews]):
    """An inbox that holds what the trace has."""

    def __init__(self, tape: _Tape) -> None:
        self._tape = tape

    def empty(self) -> bool:
        return not self._tape.has_queued

    def get_nowait(self) -> DriverNews:
        news = self._tape.queued()
        if news is None:
            raise Empty
        return news


class _Clock:
    """The trace's time."""

    def __init__(self, tape: _Tape) -> None:
        self._tape = tape

    def now_ms(self) -> int:
        return self._tape.now_ms

    def utc(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def boot(self) -> BootTime | None:
        return None

    def wait(self, inbox: SimpleQueue[T], until_ms: int) -> T | None:
        return self._tape.waited()  # type: ignore[return-value]  # the one inbox there is


class _Link:
    """A link whose unit is the trace."""

    name = SOURCE
    simulated = True

    def __init__(self, tape: _Tape) -> None:
        self._tape = tape

    def send(self, data: bytes) -> bool:
        self._tape.send(data)
        return True

    def close(self) -> None:
        """Nothing is held."""


class _Recorder:
    """Takes every event and keeps none: what was in the journal when is in the trace."""

    written = 0

    def record(self, event: Event) -> None:
        pass


class _Controller(Controller):
    """A controller whose inputs have the times of the trace."""

    def __init__(self, dialect: Dialect, now_ms: int, port: str, *, tape: _Tape) -> None:
        self._tape = tape
        super().__init__(dialect, now_ms, port)

    def poll(self, now_ms: int) -> None:
        super().poll(self._tape.input_ms())

    def receive(self, data: bytes, now_ms: int) -> None:
        super().receive(data, self._tape.input_ms())

    def sent(self, now_ms: int) -> None:
        super().sent(self._tape.input_ms())

    def lose_link(self, error: LinkLost, now_ms: int) -> None:
        super().lose_link(error, self._tape.input_ms())

    def operate(self, action: OperatorAction, now_ms: int) -> None:
        super().operate(action, self._tape.input_ms())

    def load(
        self,
        plan: Plan,
        session: int,
        *,
        admission: Admission,
        attended: bool,
        awaits_start: bool = False,
    ) -> None:
        self._tape.skip_counts()
        if isinstance(self._tape.next, Loaded):
            self._tape.take()
        super().load(plan, session, admission=admission, attended=attended, awaits_start=awaits_start)

    def recorded(self, up_to: int, now_ms: int) -> None:
        if isinstance(self._tape.next, Unwritten):
            self._tape.take()
        super().recorded(self.outbox.handed_over - self._tape.unwritten, self._tape.now_ms)


class _Replay:
    """One replay, from the trace's first line to its last or to the first difference."""

    def __init__(self, trace: Trace) -> None:
        self.tape = tape = _Tape(trace)
        self._trace = trace
        dialect = make(trace.header.dialect, trace.header.address)
        inbox: Inbox = _Inbox(tape)
        self._driver = Driver(
            _Link(tape),
            _Clock(tape),
            inbox,
            dialect,
            lambda spoken, now_ms, port: _Controller(spoken, now_ms, port, tape=tape),
        )
        self._unit: Unit | None = None
        self._entry: Entry | None = None  # of the session that was begun last

    def run(self) -> None:
        """Run each script that the trace names, until there is none left."""
        while self.tape.difference is None and self._between():
            line = self.tape.next
            assert isinstance(line, Ran)
            self.tape.take()
            if not self._run(line.script):
                return

    def _between(self) -> bool:
        """Take in what came between two scripts; return whether another one follows."""
        while (line := self.tape.next) is not None and not isinstance(line, Ran):
            if isinstance(line, Sent):
                self.tape.differs(bytes.fromhex(line.bytes), None)
                return False
            self.tape.take()
            if isinstance(line, Received):
                self._driver.controller.receive(bytes.fromhex(line.bytes), self.tape.now_ms)
        return line is not None

    def _run(self, script: str) -> bool:
        """Run the script of that name; return whether the trace goes on after it."""
        controller = self._driver.controller
        try:
            match script:
                case "perform_handshake":
                    self._unit = self._driver.run(perform_handshake(controller))
                case "deliver" if (loaded := self._loaded()) is not None:
                    self._driver.run(self._deliver(loaded))
                case "ask_pain":
                    self._driver.run(ask_pain(controller, PAIN_ASKED_MS))
                case "shut_down":
                    self._driver.run(controller.shut_down())
                case _:
                    return False  # it was refused before anything of it was sent
        except _Over:
            return False
        except TraceInvalid:
            raise
        except PhysioctlError as error:  # as it did when the trace was made, if the bytes are the same
            return self._also_ended(error)
        return True

    def _also_ended(self, error: PhysioctlError) -> bool:
        """What is left of the trace, once the controller has ended with ``error``."""
        self.tape.skip_counts()
        line = self.tape.next
        if isinstance(line, Sent):
            self.tape.differs(bytes.fromhex(line.bytes), None, error.what)
        return False

    def _loaded(self) -> Loaded | None:
        """What the session that begins here was admitted with; None where it never was."""
        self._entry = None
        for entry in self._trace.entries:
            if isinstance(entry.line, Loaded) and entry.line.ms >= self.tape.now_ms:
                self._entry = entry
                return entry.line
        return None

    def _deliver(self, loaded: Loaded) -> Script[object]:
        controller, unit = self._driver.controller, self._unit
        assert self._entry is not None
        if unit is None:
            raise _invalid(self._trace, self._entry, "a session begins before the handshake")
        protocol = _protocol(self._trace, self._entry, loaded)
        try:
            bounds = tuple(map(_bound, loaded.bounds))
        except (InvalidBound, KeyError) as error:
            raise _invalid(self._trace, self._entry, f"a bound is none: {error}") from None
        self._driver.record_to(_Recorder())
        return deliver(
            controller,
            planned(protocol, unit, bounds, loaded.given_ms),
            loaded.number,
            admission=Admission(
                loaded.protocol,
                loaded.content_hash,
                side="none",
                bounds=bounds,
                given_ms=loaded.given_ms,
                given_mj=loaded.given_mj,
            ),
            attended=loaded.attended,
            awaits_start=loaded.awaits_start,
        )


def replay(trace: Trace) -> Replayed:
    """Drive a new controller with ``trace``; return whether it sends the same bytes, and where it does not.

    Raise `TraceInvalid` for a session that nothing can be run from, and what the dialect's registry raises.
    """
    run = _Replay(trace)
    run.run()
    tape = run.tape
    return Replayed(len(tape.sent), tuple(tape.sent), tape.difference)


def planned(protocol: Protocol, unit: Unit, bounds: tuple[Bound, ...], given_ms: int) -> Plan:
    """The plan that admission made of ``protocol``: see `physioctl.admission`."""
    of_operator = tuple(bound for bound in bounds if bound.layer is Layer.OPERATOR)
    of_person = tuple(bound for bound in bounds if bound.layer is not Layer.OPERATOR)
    plan = compile_plan(
        protocol,
        model=unit.model.id,
        family=unit.model.family,
        area_mm2=unit.area_mm2,
        limits=Limits((*unit.bounds, *of_operator)),
    )
    if given_ms:
        plan = rest_of(plan, given_ms, unit.area_mm2)
    return replace(plan, limits=plan.limits.with_layer(of_person))


def _news(line: Received | Acted | Lost | Stored) -> DriverNews:
    """What the driver was given. The texts that a trace does not keep are replaced."""
    match line:
        case Received():
            return bytes.fromhex(line.bytes)
        case Lost():
            return _gone()
        case Stored():
            if line.took_ms is None:
                return Written(error=_JournalFailed("the journal could not be written", "See to the disk."))
            return Written(took_ms=line.took_ms)
    others: dict[str, Callable[[], OperatorAction]] = {
        "lower": lambda: Lower(line.to_level),
        "note": lambda: Note("-"),
        "pain": lambda: Pain(0),
    }
    return others[line.action]() if line.action in others else SessionAction(line.action)


class _JournalFailed(PhysioctlError):
    """The journal failed in the session of the trace."""


def _gone() -> LinkLost:
    return LinkLost("the port is gone", "Plug the cable in again and look at the unit.")


def _bound(kept: KeptBound) -> Bound:
    return Bound(
        Quantity[kept.quantity.upper()],
        Layer(kept.layer),
        SOURCE,
        at_least=kept.at_least,
        at_most=kept.at_most,
        one_of=None if kept.one_of is None else frozenset(kept.one_of),
    )


def _protocol(trace: Trace, entry: Entry, loaded: Loaded) -> Protocol:
    if hashlib.sha256(loaded.protocol.encode()).hexdigest() != loaded.content_hash:
        raise _invalid(trace, entry, "the protocol is not the one of its content hash")
    try:
        return Protocol.model_validate_json(loaded.protocol)
    except ValidationError:
        raise _invalid(trace, entry, "the protocol is none") from None


def _invalid(trace: Trace, entry: Entry, what: str) -> TraceInvalid:
    return TraceInvalid(f"{trace.file}:{entry.number}: {what}", "Name a file as --trace has written it.")
