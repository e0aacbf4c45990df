"""The examination of a unit on a link, and its certificate: text, rows for programs, values for a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from random import Random
from typing import Any

from device.clock import Clock
from device.errors import LinkLost, NoAnswer, UnitFaulted, UnitUnusable, WrongUnit
from device.events import OffConfirmation
from device.link import Inbox, Link
from device.wire.messages import UnitState
from physioctl import __version__
from physioctl.conformance.examination import Examination
from physioctl.conformance.host import RUNNING, Host
from physioctl.conformance.outcomes import Mark, Outcome, PromiseBroken
from physioctl.conformance.perform import Interrupted, Performer
from physioctl.conformance.suite import Suite

FORMAT = 1  # of the rows and of the page


@dataclass(frozen=True, slots=True)
class Certificate:
    """What one examination has shown of one unit."""

    model: str
    serial: str
    firmware: str
    nonce: int
    date: str
    seed: int
    outcomes: tuple[Outcome, ...]
    ended_early: str  # why; empty where every clause was come to
    output_off: OffConfirmation
    interrupted: bool
    lost: str  # what became of the port; empty where it held
    page: str
    dialect: str
    host_loss: str  # what the unit declares to end its output without a host
    cannot_show: tuple[str, ...]
    format: int = FORMAT
    physioctl: str = __version__

    def count(self, mark: Mark) -> int:
        """How many clauses have this mark."""
        return sum(outcome.mark is mark for outcome in self.outcomes)

    @property
    def unit(self) -> str:
        """The unit, as a person names it."""
        return f"{self.model}, serial number {self.serial}, firmware {self.firmware}"

    @property
    def summary(self) -> str:
        """How many clauses passed, failed and were not shown."""
        marks = [mark for mark in Mark if mark is not Mark.NOT_APPLICABLE or self.count(mark)]
        counts = ", ".join(f"{self.count(mark)} {mark.value}" for mark in marks)
        return f"{counts}, of {len(self.outcomes)} clauses"


def head(certificate: Certificate) -> dict[str, Any]:
    """The first row for a program."""
    unit = ("dialect", "host_loss", "model", "serial", "firmware", "nonce")
    names = ("format", "physioctl", "page", *unit, "date", "seed")
    return {"event": "conformance"} | {name: getattr(certificate, name) for name in names}


def row(outcome: Outcome) -> dict[str, Any]:
    """A clause, as a row for a program."""
    clause = outcome.clause
    return {
        "event": "clause",
        "clause": clause.id,
        "section": clause.section,
        "says": clause.says,
        "mark": outcome.mark.value,
        "measured": outcome.measured,
    }


def end(certificate: Certificate, exit_code: int) -> dict[str, Any]:
    """The last row for a program."""
    return {
        "event": "conformance_ended",
        **{mark.name.lower(): certificate.count(mark) for mark in Mark},
        "ended_early": certificate.ended_early,
        "output_off": certificate.output_off.value,
        "cannot_show": list(certificate.cannot_show),
        "exit_code": exit_code,
    }


def line(outcome: Outcome) -> str:
    """A clause, for a person."""
    return f"{outcome.mark.value:14}  {outcome.clause.id:24}  {outcome.measured}"


def text(certificate: Certificate) -> Iterator[str]:
    """What stands below the clauses, for a person."""
    yield f"{certificate.unit}, on {certificate.date}: {certificate.summary}."
    yield f"Without a host its output ends by {certificate.host_loss}, as it declares."
    yield f"By physioctl {certificate.physioctl}, against {certificate.page}, seed {certificate.seed}."
    if certificate.ended_early:
        yield f"The run ended early: {certificate.ended_early}."
    yield "Such a run cannot show:"
    yield from (f"  - {what}" for what in certificate.cannot_show)


class Examiner:
    """Examines the unit on ``link``: first `meet`, then `examine` once nobody is treated, then `end`."""

    def __init__(
        self,
        link: Link,
        clock: Clock,
        inbox: Inbox,
        suite: Suite,
        *,
        seed: int,
        wait_ms: int = 0,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._suite = suite
        self._clock = clock
        self._seed = seed
        self._performer = Performer(link, clock, inbox, tell)
        self._host = suite.host(Random(seed), wait_ms)  # noqa: S311 - values to try, not secrets
        self._examination = Examination(self._host)
        self._interrupted = False
        self._lost = ""

    @property
    def serial(self) -> str:
        """The unit's serial number, once it was met."""
        return self._host.identity.serial

    @property
    def unit(self) -> str:
        """The unit, as a person names it, once it was met."""
        return f"{self._host.identity.model} {self.serial}"

    @property
    def host(self) -> Host:
        """The host's side of the conversation."""
        return self._host

    def meet(self) -> None:
        """Ask the unit who it is and what it can do; nothing else is sent.

        Raise `UnitUnusable` where it does not say, or is no unit to be examined now.
        """
        try:
            self._performer.perform(self._host.meet())
        except PromiseBroken as broken:
            raise NoAnswer(
                f"nothing answers in the dialect {self._suite.dialect}: {broken}", "See physioctl doctor."
            ) from None
        if self._host.identity.major != self._suite.major:
            raise WrongUnit(
                f"the unit speaks major version {self._host.identity.major} of the dialect",
                f"Only {self._suite.major} is known.",
            )
        status = self._host.status
        if status.state in RUNNING:
            raise UnitUnusable(
                f"the unit is in {status.state.name}: another session is on it",
                "End that first: physioctl stop",
            )
        if status.state is UnitState.FAULT:
            raise UnitFaulted(
                f"the unit has latched a fault: {status.faults!r}", "See to it: physioctl clear"
            )

    def examine(self, on_outcome: Callable[[Outcome], None]) -> Certificate:
        """Examine every clause, and end the output whatever happens; raise what is no news of the unit."""
        clauses = self._suite.clauses
        try:
            self._performer.perform(self._examination.run(clauses, on_outcome))
        except Interrupted:
            self._interrupted = True
            self._examination.not_tried(clauses, "the run was stopped")
        except LinkLost as lost:
            self._lost = lost.what
            self._examination.not_tried(clauses, lost.what)
        finally:
            self.end()
        return self.certificate()

    def end(self) -> OffConfirmation:
        """End the output, and say what is known of it."""
        try:
            self._performer.perform(self._examination.end_output(), to_the_end=True)
        except LinkLost as lost:
            self._lost = lost.what
            self._presume()
        return self._examination.output_off

    def _presume(self) -> None:
        """Wait until what ends output without a host has done so, if it was shown to."""
        ends = self._host.ends_by_itself if hasattr(self._host, "plate") else None
        passed = {each.clause.id for each in self._examination.outcomes if each.mark is Mark.PASS}
        if ends is not None and ends[0] in passed:
            nothing: SimpleQueue[None] = SimpleQueue()
            self._clock.wait(nothing, self._clock.now_ms() + ends[1])
            self._examination.output_off = OffConfirmation.PRESUMED

    def certificate(self) -> Certificate:
        """What has been found so far."""
        identity = self._host.identity
        return Certificate(
            model=identity.model,
            serial=identity.serial,
            firmware=".".join(map(str, identity.firmware)),
            nonce=identity.nonce,
            date=self._clock.utc().date().isoformat(),
            seed=self._seed,
            outcomes=tuple(self._examination.outcomes),
            ended_early=self._examination.ended_early,
            output_off=self._examination.output_off,
            interrupted=self._interrupted,
            lost=self._lost,
            page=self._suite.page,
            dialect=f"{self._suite.dialect} {self._suite.major}",
            host_loss=self._host.host_loss,
            cannot_show=self._suite.cannot_show,
        )
