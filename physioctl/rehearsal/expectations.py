"""What a scenario expects of a session, held against what happened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from device.events import OffConfirmation
from physioctl.events import Outcome
from physioctl.rehearsal.scenario_model import TIME_MAX_MS, Expected, Level, Range
from protocols.quantity import DURATION, show


@dataclass(frozen=True, slots=True)
class Happened:
    """What a session came to, by its record and by the simulated unit's own truth."""

    outcome: str
    output_off: OffConfirmation
    alarms: tuple[str, ...]  # every one that was raised
    delivered_ms: int  # with output, by the unit's own physics
    highest_level: int  # to which the unit was set, in the unit of its family's level
    output: float  # of the unit, after the session
    breaches: tuple[str, ...]
    never_began: tuple[int, ...]  # steps that the scenario names, and the session has not come to
    record_agrees: bool  # with the unit's own count of time and energy


@dataclass(frozen=True, slots=True)
class Held:
    """One expectation, and whether it held."""

    expectation: str
    found: str
    held: bool

    def __str__(self) -> str:
        return f"{'held' if self.held else 'NOT HELD'}: {self.expectation} (found: {self.found})"


def compare(expected: Expected, happened: Happened) -> tuple[Held, ...]:
    """Each expectation, those first that no file need name: no breach, output off, and a true record.

    Where output off is expected to be *unknown*, the unit's own switch is what is left, and output may be on.
    """
    return (*_always(expected, happened), *_named(expected, happened))


def _always(expected: Expected, happened: Happened) -> Iterator[Held]:
    breaches = ", ".join(happened.breaches)
    yield Held("no breach", breaches or "none", not breaches)
    if expected.output_off is not OffConfirmation.UNKNOWN:
        yield Held("the unit's output is off", f"{happened.output:g}", happened.output == 0)
    if happened.outcome == Outcome.COMPLETED and happened.never_began:
        # What was to happen there has not happened: that nothing came of it would say nothing.
        yield Held("each step that is named begins", f"not step {happened.never_began[0]}", held=False)
    if not expected.record_may_differ:
        found = "it does" if happened.record_agrees else "it does not"
        yield Held("the record agrees with the unit", found, happened.record_agrees)


def _named(expected: Expected, happened: Happened) -> Iterator[Held]:
    if expected.outcome is not None:
        yield Held(f"outcome {expected.outcome}", happened.outcome, happened.outcome == expected.outcome)
    if expected.output_off is not None:
        held = happened.output_off is expected.output_off
        yield Held(f"output off {expected.output_off}", happened.output_off, held)
    yield from _alarms("alarm", expected.alarms, happened, raised=True)
    yield from _alarms("no alarm", expected.no_alarms, happened, raised=False)
    if expected.delivered is not None:
        yield _delivered(expected.delivered, happened.delivered_ms)
    if expected.level_at_most is not None:
        yield _level(expected.level_at_most, happened.highest_level)


def _alarms(what: str, codes: Sequence[str], happened: Happened, *, raised: bool) -> Iterator[Held]:
    found = ", ".join(happened.alarms) or "none"
    for code in codes:
        yield Held(f"{what} {code}", found, (code in happened.alarms) is raised)


def _delivered(range_: Range, delivered_ms: int) -> Held:
    least_ms = 0 if range_.at_least is None else range_.at_least
    most_ms = TIME_MAX_MS if range_.at_most is None else range_.at_most
    bounds = [f"at least {show(least_ms, DURATION)}"] if range_.at_least is not None else []
    bounds += [f"at most {show(most_ms, DURATION)}"] if range_.at_most is not None else []
    held = least_ms <= delivered_ms <= most_ms
    return Held(f"delivered {', '.join(bounds)}", show(delivered_ms, DURATION), held)


def _level(at_most: Level, highest: int) -> Held:
    found = replace(at_most, level=highest)
    return Held(f"level at most {at_most}", str(found), highest <= at_most.level)
