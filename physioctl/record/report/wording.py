"""What a report says of an account, in words: numbers with units, times of day, and one list of events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from physioctl.events import HeldLimit, PlannedStep
from physioctl.record.account import Account, ActionTaken, Alarm
from physioctl.record.selection import Selection
from physioctl.record.summary import Summary
from protocols.families import definition
from protocols.limits import Bound, InvalidBound, Layer, Quantity


@dataclass(frozen=True, slots=True)
class Happening:
    """An alarm, or something that the operator did."""

    at_ms: int
    what: str
    detail: str
    is_alarm: bool = False
    number: int = 0  # in the order of time, from 1: the picture has it too


# --- values ---------------------------------------------------------------------------------------------


def clock(ms: int) -> str:
    """A time of the session as people read it off a clock, in whole seconds: ``9:58``, ``1:09:58``."""
    whole = ms // 1000
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def clock_unit(ms: int) -> str:
    """What the parts of `clock` are."""
    return "min:s" if ms < 3_600_000 else "h:min:s"


def joules(mj: int | None) -> str:
    """An energy, to a tenth of a joule."""
    return "–" if mj is None else f"{mj / 1000:.1f}"


def dose(mj_cm2: int | None) -> str:
    """Energy for each cm² of the effective radiating area, J/cm², to a tenth."""
    return "–" if mj_cm2 is None else f"{mj_cm2 / 1000:.1f}"


def local(moment: datetime, offset_min: int | None) -> str:
    """The day and the time where the session was given; in UTC, and saying so, where that is not known."""
    zone = timezone(timedelta(minutes=offset_min or 0))
    shown = f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
    hours, minutes = divmod(abs(offset_min or 0), 60)
    sign = "-" if (offset_min or 0) < 0 else "+"
    return f"{shown} UTC" + (f"{sign}{hours}{f':{minutes:02d}' if minutes else ''}" if offset_min else "")


def site(summary: Summary) -> str:
    """The body site, and which side of it."""
    side = f"{summary.side} " if summary.side in ("left", "right") else ""
    return side + summary.body_site.replace("_", " ")


def narrowed(chosen: Selection) -> str:
    """Which of a person's sessions are meant: ``calf, left · since 2026-01-03 · until 2026-01-06``."""
    site = (chosen.body_site or "all body sites").replace("_", " ")
    until = None if chosen.until is None else chosen.until - timedelta(microseconds=1)  # its last day
    parts = (
        ", ".join(filter(None, (site, chosen.side))),
        "" if chosen.unit is None else f"on unit {chosen.unit}",
        "" if chosen.since is None else f"since {chosen.since:%Y-%m-%d}",
        "" if until is None else f"until {until:%Y-%m-%d}",
        f"with the words: {' '.join(chosen.words)}" if chosen.words else "",
    )
    return " · ".join(filter(None, parts))


def level(account: Account, value: int | None) -> str:
    """A level in the unit of the session's family."""
    if value is None or account.summary.family is None:
        return "–"
    return definition(account.summary.family).level.show(value)


# --- the plan -------------------------------------------------------------------------------------------


def setting(account: Account, step: PlannedStep) -> str:
    """What a step sets; of older records the level alone."""
    if step.level is None:
        return "no output"
    family = account.summary.family
    if family is not None and step.setting is not None:
        try:
            return definition(family).setting(**step.setting).describe()
        except TypeError:  # of a family that has changed since
            return ", ".join(f"{name} {value}" for name, value in step.setting.items())
    return level(account, step.level)


@dataclass(frozen=True, slots=True)
class LimitLine:
    """One bound that held, in words."""

    quantity: str  # empty where it is that of the line above
    bound: str
    layer: str
    source: str
    binds: bool  # no other bound on the quantity is lower


def limit_lines(account: Account) -> Iterator[LimitLine]:
    """Every bound that held, by quantity and then as the layers came."""
    by_quantity: dict[str, list[HeldLimit]] = {}
    for held in account.limits:
        by_quantity.setdefault(held.quantity, []).append(held)
    for quantity, of_it in by_quantity.items():
        lowest = min((held.at_most for held in of_it if held.at_most is not None), default=None)
        bound = False
        for index, held in enumerate(of_it):
            binds = not bound and held.at_most is not None and held.at_most == lowest
            bound = bound or binds
            name, said = _bound(held)
            yield LimitLine("" if index else name or quantity, said, held.layer, held.source, binds)


def _bound(held: HeldLimit) -> tuple[str, str]:
    """The quantity's name and the bound, in words; as recorded where this program knows no such quantity."""
    one_of = None if held.one_of is None else frozenset(held.one_of)
    try:
        quantity = Quantity[held.quantity.upper()]
        bound = Bound(quantity, Layer.PROTOCOL, held.source or "-", held.at_least, held.at_most, one_of)
    except (KeyError, InvalidBound):
        parts = (f"{key} {value}" for key, value in _clauses(held) if value is not None)
        return held.quantity, ", ".join(parts)
    return quantity.label, str(bound).removeprefix(f"{quantity.label} ")


def _clauses(held: HeldLimit) -> tuple[tuple[str, object], ...]:
    return ("at least", held.at_least), ("at most", held.at_most), ("one of", held.one_of)


# --- what happened --------------------------------------------------------------------------------------


def happenings(account: Account) -> tuple[Happening, ...]:
    """The alarms and what the operator did, in the order of time, numbered."""
    found = [_of_alarm(alarm) for alarm in account.alarms]
    found += [_of_action(account, action) for action in account.actions]
    found.sort(key=lambda each: each.at_ms)
    return tuple(replace(each, number=number) for number, each in enumerate(found, 1))


def _of_alarm(alarm: Alarm) -> Happening:
    until = "not ended"
    if alarm.ended_ms is not None:
        until = f"ended at {clock(alarm.ended_ms)}, after {(alarm.ended_ms - alarm.began_ms) / 1000:.1f} s"
    what = f"{alarm.priority.value.capitalize()} alarm {alarm.code}"
    detail = f"{sentence(alarm.what)} Told: {sentence(alarm.action)} {until.capitalize()}."
    return Happening(alarm.began_ms, what, detail, is_alarm=True)


_DONE = {
    "start": "Started",
    "pause": "Paused",
    "resume": "Resumed",
    "skip": "Skipped a step",
    "stop": "Stopped",
    "lower": "Level lowered",
}


def _of_action(account: Account, action: ActionTaken) -> Happening:
    by = "" if action.by in (None, "operator") else f" By {action.by}."
    if action.refused:
        return Happening(action.at_ms, f"Refused: {action.action}", f"{sentence(action.refused)}{by}")
    detail = ""
    if action.after is not None:
        detail = f"To {level(account, action.after)} from {level(account, action.before)}."
    return Happening(action.at_ms, _DONE.get(action.action, action.action), f"{detail}{by}".strip())


def sentence(text: str) -> str:
    """``text`` with a capital and a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
