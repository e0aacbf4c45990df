"""What the full screen shows, worked out of the events of a session: events in, a `ViewState` out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from device.control.machine import State
from device.events import (
    AlarmEnded,
    AlarmRaised,
    Event,
    LevelLowered,
    OffConfirmation,
    PainAsked,
    PainScored,
    Progress,
    StartAwaited,
    StateChanged,
    StepStarted,
    StopOutcome,
)
from device.monitor.alarms import BY_CODE
from physioctl.events import SessionEnded, SessionPlanned, SessionStarted
from physioctl.keys import BINDINGS, Does
from physioctl.screens.tui.view import Alarm, Aspect, KeyHint, Reading, Stretch, ViewState, one_line
from physioctl.screens.wording import NO_UNIT_USED, OUTPUT_OFF, line, remark
from physioctl.text import minutes
from protocols.families import definition
from protocols.families.base import FamilyDefinition
from protocols.families.base import Reading as Shown
from protocols.limits import Family
from protocols.plan import Emit, Guide, Rest

ALARMS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """What the events so far have said, as far as the screen shows it."""

    started: SessionStarted | None = None
    planned: SessionPlanned | None = None
    waits: StartAwaited | None = None
    pain: PainAsked | None = None
    state: str = ""
    step: StepStarted | None = None
    progress: Progress | None = None  # the latest, whatever its step
    level_max: int | None = None  # that the operator has asked for
    off: OffConfirmation | None = None
    alarms: tuple[tuple[str, Alarm], ...] = ()  # with their codes, the newest first
    remark: str = ""
    may: tuple[str, ...] = ()
    ended: SessionEnded | None = None


def after(seen: Seen, event: Event) -> Seen:
    """``seen``, and what ``event`` says beside it."""
    match event:
        case SessionStarted():
            return replace(seen, started=event)
        case SessionPlanned():
            return replace(seen, planned=event)
        case StateChanged():
            return replace(seen, state=event.state, may=event.may)
        case StepStarted():
            return replace(seen, step=event, may=event.may or seen.may, pain=None, remark="")
        case Progress():
            return replace(seen, progress=event, state=event.state)
        case AlarmRaised() | AlarmEnded():
            return replace(seen, alarms=_alarms(seen.alarms, event))
        case StopOutcome():
            return replace(seen, off=event.output_off)
        case SessionEnded():
            return replace(seen, ended=event, off=event.output_off, may=(), pain=None)
    return _asked(seen, event)


def _asked(seen: Seen, event: Event) -> Seen:
    """What is asked of a person, or told to one."""
    match event:
        case StartAwaited():
            return replace(seen, waits=event)
        case PainAsked():
            return replace(seen, pain=event)
        case PainScored():
            return replace(seen, pain=None, remark=_remark(event))
        case LevelLowered():
            may = event.may or seen.may
            return replace(seen, level_max=event.after, may=may, remark=_remark(event))
    told = _remark(event)
    return replace(seen, remark=told) if told else seen


def _remark(event: Event) -> str:
    """What a person has to read of ``event``, beside the state and the alarms."""
    said = remark(event)
    return said[:1].upper() + said[1:]


def _alarms(
    alarms: tuple[tuple[str, Alarm], ...], event: AlarmRaised | AlarmEnded
) -> tuple[tuple[str, Alarm], ...]:
    """The alarms to show: one that is over gives way to one that is not."""
    if isinstance(event, AlarmEnded):
        return tuple((code, replace(alarm, over=alarm.over or code == event.code)) for code, alarm in alarms)
    raised = Alarm(event.priority.value, one_line(event.what), one_line(event.action))
    others = [each for each in alarms if each[0] != event.code]
    others.sort(key=lambda each: each[1].over)
    return ((event.code, raised), *others)[:ALARMS_SHOWN]


# --- what is shown of it ----------------------------------------------------------------------------------


def view(seen: Seen) -> ViewState:
    """What the screen shows of ``seen``; the keys and what is being typed are added by who reads them."""
    aspect, word = _state(seen)
    step, started = seen.step, seen.started
    return ViewState(
        aspect=aspect,
        word=word,
        title=one_line(started.title) if started else "",
        about=_about(started) if started else "",
        step=f"step {step.step} of {step.steps}" if step else "",
        instruction=one_line(_instruction(seen)),
        step_left=_step_left(seen),
        session_left=minutes(_session_left_ms(seen) // 1000 * 1000) if started else "",
        readings=tuple(_readings(seen)),
        timeline=tuple(Stretch(each.kind, each.duration_ms) for each in seen.planned.steps)
        if seen.planned
        else (),
        gone_ms=max(0, started.total_ms - _session_left_ms(seen)) if started else 0,
        alarms=tuple(alarm for _, alarm in seen.alarms),
        remark=one_line(seen.remark),
        keys=tuple(_keys(seen)),
    )


def _key(does: Does) -> str:
    """The keys that do this, as a person reads them."""
    return next(binding.shown for binding in BINDINGS if binding.does is does)


def _keys(seen: Seen) -> Iterator[KeyHint]:
    """The keys that work now, but for that of the stop."""
    if seen.ended is not None:
        yield KeyHint(f"{_key(Does.PAUSE)}, {_key(Does.STOP)}", "close")
        return
    for binding in BINDINGS:
        if binding.does is not Does.STOP and binding.needs in ("", *seen.may):
            yield KeyHint(binding.shown, binding.briefly)


_WORDS = {
    State.AWAITING_START.value: (Aspect.WAITING, "READY"),
    State.EMITTING.value: (Aspect.OUTPUT, "OUTPUT ON"),
    State.SUSPENDED.value: (Aspect.CONTACT, "NO CONTACT"),
    State.FINISHING.value: (Aspect.OUTPUT, "STEP ENDING"),
    State.PAUSING.value: (Aspect.PAUSED, "PAUSING"),
    State.PAUSED.value: (Aspect.PAUSED, "PAUSED"),
    State.STOPPING.value: (Aspect.PAUSED, "STOPPING"),
    State.UNCERTAIN.value: (Aspect.ALARM, "UNCERTAIN"),
    State.FAULT.value: (Aspect.ALARM, "FAULT"),
    State.IDLE.value: (Aspect.OFF, "OUTPUT OFF"),
}
_BETWEEN = {
    Emit.kind: (Aspect.OFF, "STARTING"),
    Rest.kind: (Aspect.OFF, "REST"),
    Guide.kind: (Aspect.OFF, "GUIDED"),
}

_UNHEARD = frozenset(
    state.value for state in (State.STOPPING, State.UNCERTAIN, State.FAULT, State.IDLE)
)  # no progress is told: readings are old


def _state(seen: Seen) -> tuple[Aspect, str]:
    """The kind of state the session is in, and its one word."""
    if seen.ended is not None:
        confirmed = seen.ended.output_off is OffConfirmation.CONFIRMED
        return (Aspect.ENDED if confirmed else Aspect.ALARM), seen.ended.outcome.upper()
    if seen.pain is not None and seen.state != State.FAULT.value:
        return Aspect.WAITING, "PAIN 0-10"
    if seen.state == State.ARMED.value and seen.step is not None:
        return _BETWEEN.get(seen.step.kind, (Aspect.OFF, "OUTPUT OFF"))
    return _WORDS.get(seen.state, (Aspect.WAITING, "STARTING"))


def _about(started: SessionStarted) -> str:
    """Who is treated where, and by which unit."""
    site = started.body_site if started.side in ("none", "") else f"{started.body_site}, {started.side}"
    parts = [
        started.person or "",
        site,
        f"{started.model} {started.serial}".strip(),  # nothing where there is no unit
        "simulated" if started.simulated else "",
        "assumed profile" if started.assumed else "",
    ]
    return " · ".join(one_line(part) for part in parts if part)[:200]


def _instruction(seen: Seen) -> str:
    """The one sentence that a person has to read now."""
    if seen.ended is not None:
        why = f"{seen.ended.why}. " if seen.ended.why else ""
        off = NO_UNIT_USED if _has_no_unit(seen) else OUTPUT_OFF[seen.ended.output_off]
        return off + (f" {why[:1].upper()}{why[1:]}" if why else "")
    if seen.pain is not None:
        return line(seen.pain)
    if seen.state == State.SUSPENDED.value:
        return BY_CODE["CONTACT_LOST"].action
    if seen.state == State.PAUSED.value:
        resumes = f"{_key(Does.RESUME)} resumes"
        return f"{resumes}." if _has_no_unit(seen) else f"Output is off. {resumes}, at the same level."
    if seen.state == State.UNCERTAIN.value:
        return "Output may be on. Lift the head off and look at the unit."
    if seen.state == State.FAULT.value:
        return OUTPUT_OFF[seen.off] if seen.off else "The session is over. Look at the unit."
    if seen.state == State.AWAITING_START.value and seen.waits is not None:
        return line(seen.waits)
    if seen.step is None:
        return ""
    return seen.step.say or ("Rest." if seen.step.kind == Rest.kind else "")


def _has_no_unit(seen: Seen) -> bool:
    """Whether guidance alone is given: then nothing is said of output."""
    return seen.started is not None and seen.started.family is None and not seen.started.serial


def _step_left(seen: Seen) -> str:
    step, told = seen.step, seen.progress
    if step is None or seen.ended is not None:
        return ""
    left_ms: int | None = step.duration_ms
    if told is not None and told.step == step.step:
        left_ms = told.step_remaining_ms
    return "" if left_ms is None else minutes(max(0, left_ms) // 1000 * 1000)


def _session_left_ms(seen: Seen) -> int:
    if seen.started is None:
        return 0
    return max(0, seen.progress.remaining_ms if seen.progress is not None else seen.started.total_ms)


def _family(seen: Seen) -> FamilyDefinition | None:
    if seen.started is None or seen.started.family is None:
        return None
    return definition(Family(seen.started.family))


def _readings(seen: Seen) -> Iterator[Reading]:
    """What the family shows of a session; nothing for guidance, which has no readings."""
    family, told = _family(seen), None if seen.ended or seen.state in _UNHEARD else seen.progress
    if family is None or seen.started is None:
        return
    asked = _asked_level(seen)
    yield Reading("measured", family.show_output(told.measured_level) if told else "-")
    yield Reading("asked", "-" if asked is None else family.show_output(asked))
    for which in family.readings:
        yield from _reading(which, seen, seen.started, told)
    if "time" in seen.started.reckoned:
        yield Reading("time left", "reckoned", "by this computer")


def _asked_level(seen: Seen) -> int | None:
    """The level of the present step, or of the next that gives output, as the operator has lowered it."""
    steps = seen.planned.steps if seen.planned else ()
    present = max(0, seen.step.step - 1) if seen.step else 0
    level = next((each.level for each in steps[present:] if each.level is not None), None)
    if level is None:
        return None
    return level if seen.level_max is None else min(level, seen.level_max)


def _reading(which: Shown, seen: Seen, started: SessionStarted, told: Progress | None) -> Iterator[Reading]:
    if which is Shown.ENERGY:
        yield from _energy(seen, started)
    elif which is Shown.HEAD_TEMPERATURE:
        yield Reading("head temp", f"{told.head_temp_ddeg_c / 10:.1f} °C" if told else "-")
    elif which is Shown.CONTACT:
        yield Reading("contact", f"{told.contact_pct} %" if told else "-")
    elif which is Shown.BATTERY:
        yield Reading("battery", f"{told.battery_pct} %" if told else "-")


def _energy(seen: Seen, started: SessionStarted) -> Iterator[Reading]:
    """Energy against the plan, and the same for each cm² of the head where the unit has one."""
    counted = seen.ended or seen.progress
    energy_mj = counted.energy_mj if counted else 0
    reckoned = "reckoned" if "energy" in started.reckoned else ""
    planned_mj = started.planned_energy_mj
    of = f"of {planned_mj / 1000:.0f} J" if planned_mj is not None else ""
    yield Reading("energy", f"{energy_mj / 1000:.1f} J", " ".join(filter(None, (of, reckoned))))
    area_mm2 = seen.planned.area_mm2 if seen.planned else None
    if area_mm2:  # mJ a mm² is a tenth of a J a cm²
        of = f"of {planned_mj / area_mm2 / 10:.1f}" if planned_mj is not None else ""
        yield Reading("dose", f"{energy_mj / area_mm2 / 10:.1f} J/cm²", of)
