"""Drives a controller with a trace, and holds what it sends against what was sent.

No port is opened and no time passes: every input of the controller comes from the trace, with its time. A
controller that does something else than before is noticed at the first bytes that differ; what would have
followed from them is in no trace.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TypeVar

from pydantic import ValidationError

from device.control.admission import Admission
from device.control.controller import Script
from device.control.delivery import ask_pain, deliver
from device.control.driver import Driver
from device.control.handshake import perform_handshake
from device.dialects.registry import make
from device.link import Inbox
from device.unit import Unit
from physioctl.runner import PAIN_ASKED_MS
from physioctl.trace.lines import (
    KeptBound,
    Loaded,
    Ran,
    Received,
    Sent,
)
from physioctl.trace.playback import (
    Difference,
    NoRecord,
    Over,
    Playback,
    PlaybackClock,
    PlaybackInbox,
    PlaybackLink,
    ReplayedController,
)
from physioctl.trace.reading import Entry, Trace, TraceInvalid
from protocols.compile import compile_plan
from protocols.errors import PhysioctlError
from protocols.limits import Bound, InvalidBound, Layer, Limits, Quantity
from protocols.model import Protocol
from protocols.plan import Plan, rest_of

T = TypeVar("T")

SOURCE = "the trace"  # of a bound


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a replay."""

    sendings: int  # that were the same
    sent: tuple[tuple[int, bytes], ...]  # what left before the difference, with its time
    difference: Difference | None


class _Replay:
    """One replay, from the trace's first line to its last or to the first difference."""

    def __init__(self, trace: Trace) -> None:
        self.playback = playback = Playback(trace)
        self._trace = trace
        dialect = make(trace.header.dialect, trace.header.address)
        inbox: Inbox = PlaybackInbox(playback)
        self._driver = Driver(
            PlaybackLink(playback),
            PlaybackClock(playback),
            inbox,
            dialect,
            lambda spoken, now_ms, port: ReplayedController(spoken, now_ms, port, playback=playback),
        )
        self._unit: Unit | None = None
        self._entry: Entry | None = None  # of the session that was begun last

    def run(self) -> None:
        """Run each script that the trace names, until there is none left."""
        while self.playback.difference is None and self._between():
            line = self.playback.next
            assert isinstance(line, Ran)
            self.playback.take()
            if not self._run(line.script):
                return

    def _between(self) -> bool:
        """Take in what came between two scripts; return whether another one follows."""
        while (line := self.playback.next) is not None and not isinstance(line, Ran):
            if isinstance(line, Sent):
                self.playback.differs(bytes.fromhex(line.bytes), None)
                return False
            self.playback.take()
            if isinstance(line, Received):
                self._driver.controller.receive(bytes.fromhex(line.bytes), self.playback.now_ms)
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
        except Over:
            return False
        except TraceInvalid:
            raise
        except PhysioctlError as error:  # as it did when the trace was made, if the bytes are the same
            return self._also_ended(error)
        return True

    def _also_ended(self, error: PhysioctlError) -> bool:
        """What is left of the trace, once the controller has ended with ``error``."""
        self.playback.skip_counts()
        line = self.playback.next
        if isinstance(line, Sent):
            self.playback.differs(bytes.fromhex(line.bytes), None, error.what)
        return False

    def _loaded(self) -> Loaded | None:
        """What the session that begins here was admitted with; None where it never was."""
        self._entry = None
        for entry in self._trace.entries:
            if isinstance(entry.line, Loaded) and entry.line.ms >= self.playback.now_ms:
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
        self._driver.record_to(NoRecord())
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
    playback = run.playback
    return Replayed(len(playback.sent), tuple(playback.sent), playback.difference)


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
