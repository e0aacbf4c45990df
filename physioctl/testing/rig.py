"""``physio_rig``: a session on a simulated unit, in virtual time, which a test steers and looks at.

More of them may stand beside one: see `PhysioRig.beside`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TypeAlias, TypeVar

from device.clock import VirtualClock
from device.events import Event, Observer, OffConfirmation
from device.operator import Lower, OperatorAction, SessionAction
from physioctl.errors import InvalidUsage
from physioctl.events import Outcome, SessionEnded
from physioctl.record.journal import Journal
from physioctl.record.verify import verify
from physioctl.rehearsal.cues import Cues
from physioctl.rehearsal.rig import Rig, speaking
from physioctl.rehearsal.scenario_model import FaultEntry, fault_kind, step_of
from physioctl.runner import Request, run_session
from physioctl.testing.observing import Kept, Watched
from physioctl.testing.turns import Predicate, Stepped, Turns
from protocols.errors import InvalidValue
from protocols.library import find
from protocols.model import Protocol
from simulator.faults import Fault, parse
from simulator.unit import SimulatedUnit

SETTLE_MS = 11_000  # beyond the longest fault: more than any lease, and than the timer of any emission
SETTLE_MAX_MS = 3_600_000
SETTLE_STEP_MS = 100

T = TypeVar("T")
Treatment: TypeAlias = "str | Path | Protocol | Request"


class PhysioRig:
    """One session on one simulated unit. Left as a context, it ends the session and checks what came of it.

    ``faults`` are texts, such as ``lift_off@4s+2s``; ``journal`` is a file for the record, which is kept in
    memory otherwise; ``clock`` is for `beside`. Times are milliseconds since the unit was switched on.
    """

    def __init__(
        self,
        model: str = "us111",
        *,
        seed: int = 0,
        dialect: str = "native",
        host_loss: str | None = None,
        faults: Sequence[str] = (),
        journal: Path | Journal | None = None,
        clock: Turns | None = None,
    ) -> None:
        spoken = speaking(dialect, host_loss)
        self._turns = Turns() if clock is None else clock
        self._faults: list[Fault] = [parse(text) for text in faults]
        self.rig = Rig(
            model,
            seed=seed,
            faults=self._faults,
            clock=self._turns,
            unit=spoken.unit,
            dialect=spoken.dialect,
        )
        if journal is None:
            self.journal = Journal.in_memory(self.rig.clock, seed)
        else:
            self.journal = Journal.open(journal, self.rig.clock) if isinstance(journal, Path) else journal
        self._cues = Cues(self.rig)
        self._kept = Kept(self._turns.look)
        self._watched: list[Watched] = []
        self._session: Stepped | None = None
        self._beside: list[PhysioRig] = []

    def beside(
        self,
        model: str = "us111",
        *,
        seed: int,
        dialect: str = "native",
        host_loss: str | None = None,
        faults: Sequence[str] = (),
    ) -> PhysioRig:
        """Another unit with a session of its own, on the same clock and in the same journal.

        Time passes for all of them, whichever is run. It is closed with this one. Raise `InvalidUsage` for a
        unit that is there already: its serial number follows from ``model`` and ``seed``.
        """
        other = PhysioRig(
            model,
            seed=seed,
            dialect=dialect,
            host_loss=host_loss,
            faults=faults,
            journal=self.journal,
            clock=self._turns,
        )
        if other.unit.serial in [each.unit.serial for each in self.rigs]:
            raise InvalidUsage(f"{other.unit.serial} is there already", "Give it another seed.")
        self._beside.append(other)
        return other

    @property
    def rigs(self) -> list[PhysioRig]:
        """This rig, and those beside it."""
        return [self, *(rig for each in self._beside for rig in each.rigs)]

    # What there is to look at

    @property
    def unit(self) -> SimulatedUnit:
        """The simulated unit: its `output`, `changes`, `breaches`, and the physics' own truth."""
        return self.rig.unit

    @property
    def clock(self) -> VirtualClock:
        """The clock of the session."""
        return self.rig.clock

    @property
    def events(self) -> list[Event]:
        """Every event so far, as observers are told of it."""
        return self._kept.events

    @property
    def ended(self) -> SessionEnded | None:
        """How the session ended; None before."""
        return None if self._session is None else self._session.ended

    # What happens

    def inject(
        self,
        kind: str,
        *,
        at_ms: int | None = None,
        on: str | None = None,
        for_ms: int | None = None,
        amount: float | None = None,
    ) -> None:
        """Let a fault of ``kind`` happen now, at ``at_ms``, or when the step ``on`` begins, as ``"step 2"``.

        Left out, ``for_ms`` and ``amount`` are what is usual. Raise `ValueError` for a fault that cannot be.
        """
        begin_ms, step = self._when(at_ms, on)
        entry = FaultEntry.model_construct(
            kind=_read(fault_kind, kind), at_ms=begin_ms, on=step, for_ms=for_ms, amount=amount
        )
        fault = entry.fault(begin_ms or 0)
        self._cues.inject(entry)
        self._faults.append(fault)

    def lower(self, to_level: int | None = None, *, at_ms: int | None = None, on: str | None = None) -> None:
        """Let the operator lower the level, now or then: to ``to_level``, or by a tenth of the step's."""
        self._act(Lower(to_level), at_ms, on)

    def pause(self, *, at_ms: int | None = None, on: str | None = None) -> None:
        """Let the operator pause, now or then."""
        self._act(SessionAction.PAUSE, at_ms, on)

    def resume(self, *, at_ms: int | None = None, on: str | None = None) -> None:
        """Let the operator resume, now or then."""
        self._act(SessionAction.RESUME, at_ms, on)

    def skip(self, *, at_ms: int | None = None, on: str | None = None) -> None:
        """Let the operator skip the guided step, now or then."""
        self._act(SessionAction.SKIP, at_ms, on)

    def stop(self, *, at_ms: int | None = None, on: str | None = None) -> None:
        """Let the operator stop, now or then."""
        self._act(SessionAction.STOP, at_ms, on)

    def _act(self, action: OperatorAction, at_ms: int | None, on: str | None) -> None:
        self._cues.act(action, *self._when(at_ms, on))

    def _when(self, at_ms: int | None, on: str | None) -> tuple[int | None, int | None]:
        now_ms = self.clock.now_ms()
        if on is not None:
            if at_ms is not None:
                raise ValueError("both at_ms and on are given; leave one out")
            return None, _read(step_of, on)
        if at_ms is not None and at_ms < now_ms:
            raise ValueError(f"{at_ms} ms is past: it is {now_ms} ms by now")
        return (now_ms if at_ms is None else at_ms), None

    # The session

    def start(
        self, treatment: Treatment, *, attended: bool = True, observers: Sequence[Observer] = ()
    ) -> None:
        """Start the session, and let it run until it has begun.

        ``treatment`` is the id or the file of a protocol, a `Protocol`, or a whole `Request`, whose own
        ``attended`` counts then. Raise what `physioctl.runner.run_session` raises.
        """
        if self._session is not None:
            raise InvalidUsage("this rig has had its session", "Take a new rig for each.")
        request = treatment if isinstance(treatment, Request) else _on_nobody(treatment, attended=attended)
        self._watched = [Watched(observer) for observer in observers]
        told: list[Observer] = [self._kept, *self._watched, self._cues]
        self._session = Stepped(lambda: run_session(request, self.rig.driver, self.journal, told))
        self._turns.add_session(self._session)
        self.run_until(lambda: bool(self.events))

    def run_until(self, predicate: Predicate) -> bool:
        """Let the session run until ``predicate()``; return whether that came before it was over.

        It is called after each event of the session and at each moment at which anything happens, and may
        look at all that this rig has. Raise what it and the session raise.
        """
        if self._session is None:
            raise InvalidUsage("no session has been started", "Call start() first, or run().")
        return self._turns.run_until(self._session, predicate)

    def run(
        self,
        treatment: Treatment | None = None,
        *,
        attended: bool = True,
        observers: Sequence[Observer] = (),
    ) -> SessionEnded:
        """Run the session to its end; ``treatment`` starts it first, as `start` does."""
        if treatment is not None:
            self.start(treatment, attended=attended, observers=observers)
        self.run_until(lambda: False)
        assert self.ended is not None  # whatever else ends it has been raised
        return self.ended

    # The way out

    def close(self) -> None:
        """End the session if it runs, let what is left of output lapse, and close the journal.

        Raise `AssertionError` with all that should not be: output that is on now, or was when it had been
        confirmed off; requests that a unit should not have got; observers that failed; a step that a fault or
        an act waited for; a session that broke off unseen; a record that is not whole.
        """
        with ExitStack() as stack:
            stack.callback(self.journal.close)
            failures = [failure for rig in self.rigs for failure in rig.end()]
            for rig in self.rigs:
                rig.settle()
            failures += [failure for rig in self.rigs for failure in rig.failures()]
            record = verify(self.journal)
            if not record.whole:
                failures.append(f"  the record is not whole: {record.why}")
            if failures:
                raise AssertionError("\n".join(["the rig is not as it has to be left:", *failures]))

    def end(self) -> list[str]:
        """Stop the session if it runs, and wait for its end; return what should not be then."""
        session = self._session
        if session is None:
            return []
        self.rig.inbox.put(SessionAction.STOP)
        try:
            self._turns.run_until(session, lambda: False)
        except Exception as error:  # noqa: BLE001 - of a session that the test has left behind
            return [f"  the session broke off: {type(error).__name__}: {error}"]
        confirmed = self.ended is not None and self.ended.output_off is OffConfirmation.CONFIRMED
        if confirmed and self.unit.output:
            return [f"  output off was confirmed, and the unit gives {self.unit.output:g}"]
        return []

    def settle(self) -> None:
        """Let time pass until every unit's output is off, or nothing that will end it is left."""
        longest_ms = max((fault.for_ms for fault in self._faults), default=0)
        give_up_ms = self.clock.now_ms() + min(longest_ms + SETTLE_MS, SETTLE_MAX_MS)
        while self.clock.now_ms() < give_up_ms and any(unit.output for unit in self.rig.units):
            self.rig.wait(SETTLE_STEP_MS)

    def failures(self) -> list[str]:
        """What should not be of this rig; of its record: see `close`."""
        found = []
        for unit in self.rig.units:
            if unit.output:
                found.append(f"  {unit.serial} gives output: {unit.output:g}")
            found += [
                f"  {unit.serial} was asked what it should not have been: {each}" for each in unit.breaches
            ]
        failed = dict.fromkeys(
            [*self._kept.dropped, *(each.failure for each in self._watched if each.failure)]
        )
        found += [f"  an observer failed: {each}" for each in failed]
        if self.ended is not None and self.ended.outcome is Outcome.COMPLETED:
            found += [
                f"  what was to happen on step {each} has not: it never began"
                for each in self._cues.never_began
            ]
        return found

    def __enter__(self) -> PhysioRig:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _read(read: Callable[[str], T], written: str) -> T:
    """What ``written`` means; raise `ValueError` with what to write instead."""
    try:
        return read(written)
    except InvalidValue as error:
        problem = error.problems[0]
        raise ValueError(f"{problem.what}. {problem.action}") from None


def _on_nobody(treatment: str | Path | Protocol, *, attended: bool) -> Request:
    protocol = treatment if isinstance(treatment, Protocol) else find(treatment)
    return Request.on_nobody(protocol, attended=attended)
