"""The alarms, as data: what is watched, how soon a person has to act, and what they are told.

The manual's alarm table is made from this one. Priorities follow the manner of IEC 60601-1-8 (high,
medium, low); figures without a source are this project's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from device.dialect import Declaration, Report, UnitState
from device.events import Priority
from device.models import Model
from protocols.limits import Family

STUCK_OUTPUT_PCT = 10  # of the level last set: measured output above this while off is no noise
OUTPUT_TOLERANCE_PCT = 20  # modelled on 21 CFR 1050.10 (c)(1) as codified to 2022
STALL_PCT = 20  # of the speed set: a motor slower than this stands still
HEAD_SLOPE_DDEG_C_S = 50  # a head does not warm by 5 °C in a second
HEAD_RANGE_DDEG_C = (-200, 800)
CLOCK_TOLERANCE_PCT = 2
CLOCK_SLACK_MS = 250  # answers may come this late
COUNT_SLACK_MS = 500  # contact may go and come back between two reports, and output with it
SUSTAIN_MS = 300  # a reading has to stay wrong for this long; silence follows within a lease of its onset
SENSOR_STILL_MS = 120_000  # a head that gives output changes its temperature within this time
SENSOR_JUDGED_MS = 300_000  # later it may have come to rest, and be still in earnest


class Effect(StrEnum):
    """What an alarm does to the session."""

    NOTE = "shown and recorded"
    PAUSE = "output off; a person may resume"
    FAIL = "output off; the session ends, and the fault stays until it is cleared"


@dataclass(frozen=True, slots=True)
class View:
    """What a rule sees: a report, the one before, and what the controller believes."""

    now_ms: int
    report: Report
    before: Report | None
    since_before_ms: int
    model: Model
    declared: Declaration
    wanted_level: int  # 0: output is meant to be off
    last_level: int  # the level last set, 1 before the first
    steady: bool  # any ramp is over, and contact is as it was
    nonce: int  # the one the session began under
    lapses: int  # at the session's start
    delivered_max_ms: int
    energy_max_mj: int
    elapsed_ms: int  # by our clock, since the first report
    unit_elapsed_ms: int  # by the unit's
    uncounted_ms: int  # output that the unit's clock has seen and its count has not
    head_still_ms: int  # for how long of output the head's reading has not changed


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is watched."""

    code: str
    breaks: Callable[[View], bool] | None  # None: raised by the controller, or by the unit alone
    sustain_ms: int  # it has to break for this long
    priority: Priority
    latches: bool  # stays until a person clears it, even when the cause has gone
    effect: Effect
    what: str
    to_do: str
    unit_faults: tuple[str, ...] = ()  # faults of the unit's own that raise it at once


def _over(view: View, level_pct: int) -> bool:
    return view.report.output * 100 > view.wanted_level * level_pct


def _under(view: View, level_pct: int) -> bool:
    return view.report.output * 100 < view.wanted_level * level_pct


def _emitting(view: View) -> bool:
    return view.wanted_level > 0 and view.report.state is UnitState.EMITTING


def _weak(view: View) -> bool:
    return _emitting(view) and view.steady and _under(view, 100 - OUTPUT_TOLERANCE_PCT)


def _stalled(view: View) -> bool:
    return view.model.family is Family.PERCUSSION and _weak(view) and _under(view, STALL_PCT)


def _output_while_off(view: View) -> bool:
    unwanted = view.wanted_level == 0 or view.report.state is not UnitState.EMITTING
    return unwanted and view.report.output * 100 > view.last_level * STUCK_OUTPUT_PCT


def _head_at(view: View, ddeg_c: int | None) -> bool:
    return ddeg_c is not None and view.declared.measures_head_temp and view.report.head_temp_ddeg_c >= ddeg_c


def _head_trip(view: View) -> bool:
    trips = (view.model.head_trip_ddeg_c, view.declared.head_trip_ddeg_c)
    return _head_at(view, min((trip for trip in trips if trip is not None), default=None))


def _head_implausible(view: View) -> bool:
    if not view.declared.measures_head_temp:
        return False
    low, high = HEAD_RANGE_DDEG_C
    if not low <= view.report.head_temp_ddeg_c <= high:
        return True
    if view.before is None:
        return False
    change = abs(view.report.head_temp_ddeg_c - view.before.head_temp_ddeg_c)
    return (change - 2) * 1000 > HEAD_SLOPE_DDEG_C_S * view.since_before_ms  # 2: the last digit's own jitter


def _head_stuck(view: View) -> bool:
    return (
        view.declared.measures_head_temp
        and view.report.delivered_ms <= SENSOR_JUDGED_MS
        and view.head_still_ms >= SENSOR_STILL_MS
    )


def _clock_off(view: View) -> bool:
    apart_ms = abs(view.unit_elapsed_ms - view.elapsed_ms)
    return (apart_ms - CLOCK_SLACK_MS) * 100 > CLOCK_TOLERANCE_PCT * view.elapsed_ms


def _count_off(view: View) -> bool:
    emitted_ms = view.report.delivered_ms + view.uncounted_ms
    return (abs(view.uncounted_ms) - COUNT_SLACK_MS) * 100 > CLOCK_TOLERANCE_PCT * emitted_ms


def _battery(view: View, at_most_pct: int) -> bool:
    return view.declared.knows_battery and view.report.battery_pct <= at_most_pct


RULES: tuple[Rule, ...] = (
    Rule(
        "OUTPUT_STUCK",
        _output_while_off,
        SUSTAIN_MS,
        Priority.HIGH,
        True,
        Effect.FAIL,
        "output is measured while it should be off",
        "Lift the head off and switch the unit off at its own switch. Do not use it again.",
        unit_faults=("OUTPUT_STUCK",),
    ),
    Rule(
        "OUTPUT_HIGH",
        lambda view: _emitting(view) and _over(view, 100 + OUTPUT_TOLERANCE_PCT),
        SUSTAIN_MS,
        Priority.HIGH,
        True,
        Effect.FAIL,
        f"output is more than {OUTPUT_TOLERANCE_PCT} % above what was set",
        "Do not use the unit until it has been calibrated.",
    ),
    Rule(
        "SET_DIFFERS",
        lambda view: _emitting(view) and view.report.level_set != view.wanted_level,
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
        "the unit runs at another level than it was set to",
        "Switch the unit off and on. If it comes back, do not use it.",
    ),
    Rule(
        "HEAD_OVERTEMP",
        _head_trip,
        SUSTAIN_MS,
        Priority.HIGH,
        True,
        Effect.FAIL,
        "the head is too warm",
        "Lift the head off. Let it cool below 39 °C, apply more gel, and check contact before a new session.",
        unit_faults=("HEAD_HOT",),
    ),
    Rule(
        "OVER_DOSE",
        lambda view: (
            view.report.delivered_ms > view.delivered_max_ms or view.report.energy_mj > view.energy_max_mj
        ),
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
        "the unit has given more time than its step, or more energy than the session may",
        "Do not use the unit again. Keep the journal.",
    ),
    Rule(
        "RESTARTED",
        lambda view: view.report.nonce != view.nonce,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        "the unit has restarted, or is another one",
        "Check its supply and its cable. The rest can be given as a new session.",
    ),
    Rule(
        "LAPSED",
        lambda view: view.report.state is UnitState.LAPSED or view.report.lapses != view.lapses,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        "a lease ran out and the unit went silent by itself",
        "Check the cable and that this computer is not overloaded. The rest can be given as a new session.",
    ),
    Rule(
        "STOPPED_ELSEWHERE",
        lambda view: view.wanted_level > 0 and view.report.state is UnitState.IDLE,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        "someone else has stopped the unit",
        "See who did: another program, or the unit's own key.",
    ),
    Rule(
        "SENSOR_FAULT",
        lambda view: _head_implausible(view) or _head_stuck(view),
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        "the head's temperature sensor reads what cannot be",
        "Do not use the unit until its sensor has been looked at.",
        unit_faults=("SENSOR",),
    ),
    Rule(
        "COMM_LOST",
        None,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        "the unit does not answer",
        "Look at the unit: its output should be off. Check the cable.",
    ),
    Rule(
        "POWER_MISMATCH",
        lambda view: _weak(view) and not _stalled(view),
        SUSTAIN_MS,
        Priority.MEDIUM,
        False,
        Effect.PAUSE,
        f"output is more than {OUTPUT_TOLERANCE_PCT} % below what was set",
        "Have the unit calibrated before it is used again.",
    ),
    Rule(
        "CLOCK_OFF",
        _clock_off,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        f"the unit's clock and ours are more than {CLOCK_TOLERANCE_PCT} % apart",
        "Do not use the unit: its timer cannot be relied on.",
    ),
    Rule(
        "COUNT_OFF",
        _count_off,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        "the unit does not count the time for which it gives output",
        "Do not use the unit: its timer cannot be relied on. More may have been given than the record says.",
    ),
    Rule(
        "MOTOR_STALL",
        _stalled,
        SUSTAIN_MS,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        "the motor stands still under drive",
        "Press less. Let it rest for a minute before a new session.",
        unit_faults=("STALL",),
    ),
    Rule(
        "MOTOR_HOT",
        None,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        "the motor is too warm",
        "Let the unit cool before a new session.",
        unit_faults=("MOTOR_HOT",),
    ),
    Rule(
        "BATTERY_CRITICAL",
        lambda view: _battery(view, 8),
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        "the battery is nearly empty",
        "Charge the unit. The rest can be given as a new session.",
        unit_faults=("BATTERY_EMPTY",),
    ),
    Rule(
        "UNIT_FAULT",
        lambda view: any(fault not in KNOWN_FAULTS for fault in view.report.faults),
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        "the unit reports a fault of its own",
        "Switch the unit off and on. If it comes back, have it looked at.",
    ),
    Rule(
        "HEAD_WARM",
        lambda view: _head_at(view, view.model.head_warn_ddeg_c),
        0,
        Priority.LOW,
        False,
        Effect.NOTE,
        "the head is getting warm",
        "Keep it moving, and apply more gel.",
    ),
    Rule(
        "CONTACT_LOST",
        lambda view: view.report.state is UnitState.HELD,
        0,
        Priority.LOW,
        False,
        Effect.NOTE,
        "contact is lost; output is off and the timer stands still",
        "Put the head back flat on the skin, with gel. It goes on by itself.",
    ),
    Rule(
        "BATTERY_LOW",
        lambda view: _battery(view, 20),
        0,
        Priority.LOW,
        False,
        Effect.NOTE,
        "the battery is low",
        "Charge the unit after this session.",
    ),
)

KNOWN_FAULTS: frozenset[str] = frozenset(fault for rule in RULES for fault in rule.unit_faults)
BY_CODE = {rule.code: rule for rule in RULES}
