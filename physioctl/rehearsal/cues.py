"""What happens to a rig at a time, or when a step of the session begins."""

from __future__ import annotations

from collections.abc import Callable

from device.events import Event, StepStarted
from device.operator import Lower, OperatorAction, SessionAction
from physioctl.rehearsal.rig import Rig
from physioctl.rehearsal.scenario_model import ActEntry, Do, FaultEntry, Level, Scenario
from protocols.limits import Family


class ScenarioImpossible(ValueError):
    """A scenario holds what cannot happen to this unit."""


class Cues:
    """Does what was asked for when its step begins. Observes the session on ``rig``.

    A step that begins again, after a pause, is no new beginning.
    """

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._by_step: dict[int, list[Callable[[int], None]]] = {}

    @property
    def never_began(self) -> tuple[int, ...]:
        """The steps at whose beginning something was to happen, and that have not begun."""
        return tuple(sorted(self._by_step))

    def on_event(self, event: Event) -> None:
        """Do what was asked for at the beginning of this step."""
        if isinstance(event, StepStarted):
            for do in self._by_step.pop(event.step, ()):
                do(self._rig.clock.now_ms())

    def inject(self, entry: FaultEntry) -> None:
        """Let the fault happen. Raise `ValueError` for one that cannot happen to this unit."""
        if entry.at_ms is not None:
            self._rig.inject(entry.fault(entry.at_ms))
            return
        self._rig.unit.expect_possible(entry.kind)
        self._on(entry.on, lambda now_ms: self._rig.inject(entry.fault(now_ms)))

    def act(self, action: OperatorAction, at_ms: int | None = None, on: int | None = None) -> None:
        """Let the operator act at ``at_ms``, or when step ``on`` begins."""
        if at_ms is not None:
            self._rig.person.schedule(action, at_ms)
        else:
            self._on(on, lambda now_ms: self._rig.person.schedule(action, now_ms))

    def play(self, scenario: Scenario) -> None:
        """Let all of ``scenario`` happen. Raise `ScenarioImpossible` for what cannot happen to this unit."""
        try:
            for fault in scenario.faults:
                self.inject(fault)
            for entry in scenario.operator:
                self.act(self._action(entry), entry.at_ms, entry.on)
            if scenario.expect is not None and scenario.expect.level_at_most is not None:
                self.level_of(scenario.expect.level_at_most)
        except ValueError as error:
            raise ScenarioImpossible(str(error)) from error

    def level_of(self, level: Level) -> int:
        """The number of ``level``. Raise `ValueError` for a level of another family."""
        family = Family[self._rig.unit.plate.family.name]
        if level.family is not family:
            raise ValueError(f"a level of {level.family} is named, and the unit gives {family}")
        return level.level

    def _action(self, entry: ActEntry) -> OperatorAction:
        if entry.do is Do.LOWER:
            return Lower(None if entry.to is None else self.level_of(entry.to))
        return SessionAction[entry.do.name]

    def _on(self, step: int | None, do: Callable[[int], None]) -> None:
        assert step is not None  # the one or the other is given
        self._by_step.setdefault(step, []).append(do)
