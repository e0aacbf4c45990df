"""One examination of one unit: every clause in turn, output off after each, and off at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from device.events import OffConfirmation
from device.wire.messages import Sensor, UnitState
from physioctl.conformance.clauses.ending import off
from physioctl.conformance.effects import Script, TellPerson
from physioctl.conformance.host import Host
from physioctl.conformance.outcomes import Clause, Mark, NotRefused, NotShown, Outcome, PromiseBroken

STOPS = 8  # sent before output counts as not confirmed off; this project's own figure


@dataclass(slots=True)
class Examination:
    """What has been found so far, and why it ended early."""

    host: Host
    outcomes: list[Outcome] = field(default_factory=list)
    ended_early: str = ""
    output_off: OffConfirmation = OffConfirmation.UNKNOWN

    @property
    def failed(self) -> list[Outcome]:
        """The clauses that the unit does not keep."""
        return [outcome for outcome in self.outcomes if outcome.mark is Mark.FAIL]

    def run(self, clauses: Iterable[Clause], on_outcome: Callable[[Outcome], None]) -> Script[None]:
        """Examine each of ``clauses``; after one that ends the run the rest are not shown."""
        for clause in clauses:
            if self.ended_early:
                outcome = Outcome(clause, Mark.NOT_SHOWN, f"not tried: {self.ended_early}")
            else:
                outcome = yield from self._examined(clause)
            self.outcomes.append(outcome)
            on_outcome(outcome)

    def not_tried(self, clauses: Iterable[Clause], why: str) -> None:
        """The rest of ``clauses`` were not come to."""
        done = {outcome.clause.id for outcome in self.outcomes}
        self.ended_early = self.ended_early or why
        rest = (clause for clause in clauses if clause.id not in done)
        self.outcomes += [Outcome(clause, Mark.NOT_SHOWN, f"not tried: {why}") for clause in rest]

    def _examined(self, clause: Clause) -> Script[Outcome]:
        host = self.host
        for part in clause.needs:
            if part not in host.has:
                return Outcome(clause, Mark.NOT_APPLICABLE, part.value)
        try:
            measured = yield from clause.examine(host)
            outcome = Outcome(clause, Mark.PASS, measured)
        except NotShown as why:
            outcome = Outcome(clause, Mark.NOT_SHOWN, str(why))
        except PromiseBroken as broken:
            outcome = Outcome(clause, Mark.FAIL, str(broken))
            if clause.ends_run or isinstance(broken, NotRefused):
                self.ended_early = f"{clause.id} ended the run"
        try:
            status = yield from host.stop()
        except PromiseBroken:
            self.ended_early = self.ended_early or f"a Stop after {clause.id} was not answered"
            return outcome
        if status.state is UnitState.FAULT:
            self.ended_early = self.ended_early or f"the unit has latched {status.faults!r}"
        elif wrong := off(status, Sensor.OUTPUT in host.plate.sensors):
            self.ended_early = self.ended_early or f"after {clause.id} {wrong}"
        return outcome

    def end_output(self) -> Script[None]:
        """Send Stops until one is answered with output off; never raises `PromiseBroken`.

        A person is told as soon as one was not answered: the rest take some seconds.
        """
        told = False
        sensed = hasattr(self.host, "plate") and Sensor.OUTPUT in self.host.plate.sensors
        for _ in range(STOPS):
            try:
                status = yield from self.host.stop()
            except PromiseBroken:
                if not told:
                    yield TellPerson("The unit answers no Stop: switch it off now.")
                told = True
                continue
            if off(status, sensed) is None:
                self.output_off = OffConfirmation.CONFIRMED
                return
            yield from self.host.wait(50)
