"""Events, readings and ends of sessions in words, the same on every screen."""

from __future__ import annotations

from typing import assert_never

from device.control.machine import State
from device.events import (
    ActionRefused,
    AlarmEnded,
    AlarmRaised,
    Event,
    EventsSkipped,
    LevelLowered,
    LowerRefused,
    NoteTaken,
    ObserverDropped,
    OffConfirmation,
    OperatorActed,
    OutputSoon,
    PainAsked,
    PainScored,
    Progress,
    StartAwaited,
    StateChanged,
    StepEnded,
    StepStarted,
    StopOutcome,
)
from device.operator import PAIN_MAX
from physioctl.events import (
    Screened,
    SessionEnded,
    SessionReconciled,
    SessionStarted,
    SleepNotPrevented,
    UnitLimitations,
)
from physioctl.text import minutes
from protocols.families import definition
from protocols.families.base import Reading
from protocols.limits import Family, Quantity

GUIDING = "guiding"  # the state of a session of guidance alone: `physioctl.guidance.Stage`

OUTPUT_OFF = {
    OffConfirmation.CONFIRMED: "The unit reports that its output is off.",
    OffConfirmation.PRESUMED: "Its lease or its timer is over: output should be off. It has not said so: "
    "look at it.",
    OffConfirmation.UNKNOWN: "Whether output is off is NOT KNOWN. Switch the unit off at its own switch now.",
}


def readings(event: Progress, family: Family | None) -> str:
    """The readings of a moment, as a person reads them; nothing for guidance, which has none."""
    if family is None:
        return ""
    said = definition(family)
    return " · ".join(
        [said.show_output(event.measured_level), *(_reading(which, event) for which in said.readings)]
    )


def _reading(which: Reading, event: Progress) -> str:
    match which:
        case Reading.ENERGY:
            return f"{event.energy_mj / 1000:.0f} J"
        case Reading.HEAD_TEMPERATURE:
            return f"{event.head_temp_ddeg_c / 10:.1f} °C"
        case Reading.CONTACT:
            return f"contact {event.contact_pct} %"
        case Reading.BATTERY:
            return f"battery {event.battery_pct} %"
    assert_never(which)


_STATES = {State.ARMED.value: "output off", State.EMITTING.value: "output on"}  # as the full screen has them

NO_UNIT_USED = "Guidance alone: no unit was used, and nothing was output."


def summary(ended: SessionEnded, *, unit: bool = True) -> list[str]:
    """How a session ended, and what was delivered by the unit's own count, if there was a ``unit``."""
    if not unit:
        return [
            _how(ended),
            f"  took       {minutes(ended.duration_ms)}",
            f"  {NO_UNIT_USED}",
            f"  record     {ended.session}",
        ]
    planned = f" of {ended.planned_energy_mj / 1000:.1f} J" if ended.planned_energy_mj is not None else ""
    return [
        _how(ended),
        f"  delivered  {minutes(ended.delivered_ms)} of {minutes(ended.planned_ms)}",
        f"  energy     {ended.energy_mj / 1000:.1f} J{planned}",
        f"  took       {minutes(ended.duration_ms)}",
        f"  {OUTPUT_OFF[ended.output_off]}",
        f"  record     {ended.session}",
    ]


def _how(ended: SessionEnded) -> str:
    """How a session ended, and why."""
    if ended.why.startswith(ended.outcome):  # stopped by the operator
        return ended.why
    return f"{ended.outcome}: {ended.why}" if ended.why else ended.outcome


_THAT_IS_OFF = {
    OffConfirmation.CONFIRMED: "Its output is off.",
    OffConfirmation.PRESUMED: "Its output should be off.",
    OffConfirmation.UNKNOWN: "Whether its output has ended is NOT KNOWN: look at every such unit.",
}


def unfinished(found: SessionReconciled, *, rest: bool = True) -> str:
    """What became of a session that broke off, and ``rest``: how its rest can be given."""
    restarted = found.output_off is not OffConfirmation.CONFIRMED
    since = "restarted" if restarted else "been used"
    by = "by the unit's own count" if found.counted else f"as last heard; the unit has {since} since"
    if found.doubt:
        by = f"the whole of it is counted as given, for {found.doubt}"
    line = (
        f"session {found.session} ({found.protocol}) had broken off: {minutes(found.delivered_ms)} of "
        f"{minutes(found.planned_ms)} delivered, {by}. {_THAT_IS_OFF[found.output_off]}"
    )
    if rest and has_rest(found):
        line += f" To give the rest: {_rest_of(found)}"
    return line


def has_rest(found: SessionReconciled) -> bool:
    """Whether something of the session is left to give."""
    return found.delivered_ms < found.planned_ms


def _rest_of(found: SessionReconciled) -> str:
    return f"physioctl run {found.protocol} --rest-of {found.session} --port …"


def line(event: Event) -> str:
    """``event`` in one line; empty where a person need not read it."""
    match event:
        case SessionStarted():
            unit = f"on {event.model} {event.serial}" if event.model else "without a unit"
            return (
                f"{event.title} [{event.protocol}, {event.content_hash[:12]}] {unit}"
                f"{' (assumed profile)' if event.assumed else ''}"
                f"{', simulated: counts for nobody' if event.simulated and event.person else ''}"
            )
        case SessionReconciled():
            return unfinished(event)
        case StepStarted():
            return (
                f"step {event.step}/{event.steps}  {event.say or event.kind}  ({minutes(event.duration_ms)})"
            )
        case AlarmRaised():
            return f"{event.priority.value} alarm {event.code}: {event.what}. {event.action}"
        case StopOutcome():
            return OUTPUT_OFF[event.output_off]
        case Progress():
            left = minutes(event.remaining_ms)
            if event.state == GUIDING:
                return f"{left} left"
            state = _STATES.get(event.state, event.state.replace("_", " "))
            delivered_s = event.delivered_ms / 1000
            return f"{state}, {left} left, {delivered_s:.0f} s delivered"
        case StartAwaited():
            return f"{event.instruction or 'Ready'}: Space to start"
    return _of_the_person(event) or _aside(event)


def _of_the_person(event: Event) -> str:
    match event:
        case NoteTaken():
            return f"{event.by}: {event.text}"
        case PainScored() | LevelLowered() | LowerRefused():
            return f"{event.by}: {remark(event)}"
        case ActionRefused():
            return f"operator: {remark(event)}"
        case PainAsked():
            scale = f"0 (none) to {PAIN_MAX} (the worst imaginable)"
            return f"Pain {event.moment} the session: {scale}, and Enter; Enter alone leaves it out"
        case OperatorActed():
            return f"operator: {event.action}"
        case StepEnded(skipped=True):
            return f"step {event.step} was skipped"
    return ""


def _aside(event: Event) -> str:
    match event:
        case AlarmEnded():
            return f"alarm {event.code} is over"
        case SleepNotPrevented():
            return f"this computer may fall asleep during the session: {event.why}"
        case Screened() if event.acknowledged:
            return "; ".join(f"{code} acknowledged by {by}" for code, by in event.acknowledged.items())
        case StateChanged(state=state) if state in ("paused", "suspended", "uncertain", "fault"):
            return f"now {state}"
    return remark(event)


def remark(event: Event) -> str:
    """What a person has to read of ``event`` beside the state and the alarms, without who did it."""
    match event:
        case PainScored():
            return f"pain {event.score} of {PAIN_MAX}, {event.moment} the session"
        case LevelLowered():
            known = Quantity.__members__.get(event.quantity.upper())  # it may be from a later version
            shown = str if known is None else known.show
            after, before = shown(event.after), shown(event.before)
            return f"level lowered to {after} from {before}, for the rest of the session"
        case LowerRefused():
            return f"the level was not lowered: {event.why}"
        case ActionRefused():
            return f"{event.action} does nothing now: {event.why}"
        case OutputSoon():
            return f"output begins in {event.in_ms // 1000} s"
        case UnitLimitations():
            return "; ".join(event.limitations)
        case EventsSkipped():
            return f"{event.count} events are not shown here: they came faster than they were read"
        case ObserverDropped():
            return f"{event.observer} was dropped and shows nothing more: {event.error}"
    return ""
