"""The conditions that the rules of `device.monitor.alarms` name: each says whether a view breaks it.

Figures without a source are this project's own.
"""

from __future__ import annotations

from device.dialects.base import RUNNING, GetStatus, LowerLevel, Renew, Stop, UnitState
from device.monitor.view import EnergyTrend, View
from protocols.families import definition

STUCK_OUTPUT_PCT = 10  # of the level last set: measured output above this while off is no noise
OUTPUT_TOLERANCE_PCT = 20  # modelled on 21 CFR 1050.10 (c)(1) as codified to 2022
ENERGY_TOLERANCE_PCT = OUTPUT_TOLERANCE_PCT  # a meter may be as far off as the output it measures
ENERGY_DIGIT_MJ = 1  # the meter's last
ALWAYS_TAKEN = (GetStatus.__name__, Stop.__name__)
STALE = "stale"
STALL_PCT = 20  # of the speed set: a motor slower than this stands still
HEAD_SLOPE_DDEG_C_S = 50  # a head does not warm by 5 °C in a second
HEAD_PERIOD_MS = 100  # a sensor is read this often at most: two readings are never closer in time
HEAD_DIGITS_DDEG_C = 2  # by which the last digit may differ from one reading to the next
HEAD_RANGE_DDEG_C = (-200, 800)
HEAD_DUE_MK = 300  # a reading in tenths of a degree changes before the head has warmed by three of them
CLOCK_TOLERANCE_PCT = 2
CLOCK_SLACK_MS = 250  # answers may come this late
COUNT_SLACK_MS = 500  # contact may go and come back between two reports, and output with it
STEP_COUNT_SLACK_MS = 20  # the counts of step and session are read from one timer: a tick apart at most
CONTACT_IGNORED_MAX_MS = 1000  # output without contact, in sum: a sound unit suspends output within 300 ms
SUSPENDED_WITHOUT_CAUSE_MAX_MS = 1500  # suspended with contact, in sum: a sound unit resumes within 500 ms
LEASE_SLACK_MS = 20  # leases are granted in tens of milliseconds, and a unit may be a tick late


def _under(view: View, level_pct: int) -> bool:
    return view.status.measured_level * 100 < view.wanted_level * level_pct


def _emitting(view: View) -> bool:
    return view.wanted_level > 0 and view.status.state is UnitState.EMITTING


def _running(view: View) -> bool:
    """Whether a step that we have started is running, output or no output."""
    return view.wanted_level > 0 and view.status.state in RUNNING


# --- output and what was set ------------------------------------------------------------------------


def output_while_off(view: View) -> bool:
    """Output is measured that is not meant to be, or that the unit's own state denies."""
    unwanted = view.wanted_level == 0 or view.status.state is not UnitState.EMITTING
    return unwanted and view.status.measured_level * 100 > view.last_level * STUCK_OUTPUT_PCT


def runs_unasked(view: View) -> bool:
    """The unit says that a step is running, and none was started."""
    return view.resting and view.status.state in RUNNING


def output_high(view: View) -> bool:
    """Output is measured above what was set, or above what its ramp has come to."""
    return _emitting(view) and view.status.measured_level * 100 > view.due_level * (
        100 + OUTPUT_TOLERANCE_PCT
    )


def weak(view: View) -> bool:
    """Output is measured below what was set, with its ramp over."""
    return _emitting(view) and view.steady and _under(view, 100 - OUTPUT_TOLERANCE_PCT)


def stalled(view: View) -> bool:
    """A motor that hardly turns."""
    return definition(view.model.family).has_motor and weak(view) and _under(view, STALL_PCT)


def level_differs(view: View) -> bool:
    """The running step is not of the level that was set."""
    return _running(view) and view.status.level_set != view.wanted_level


def duty_differs(view: View) -> bool:
    """The running step is not of the duty cycle that was set."""
    return _running(view) and view.status.duty_set_pct != view.wanted_duty_pct


def set_while_off(view: View) -> bool:
    """No step is running, and the unit still names the level, the duty cycle or the lease of one."""
    status = view.status
    still_set = status.level_set or status.duty_set_pct or status.lease_left_ms
    return status.state not in RUNNING and bool(still_set)


def refuses(view: View) -> bool:
    """The unit refuses a request that it has to accept.

    That is a status request or a stop at any time, and a lower level or a renewal while its step runs.

    A renewal is stale where its lease is over already, and then only.
    """
    status = view.status
    if not status.refusal or status.nonce != view.nonce:
        return False
    if status.asked in ALWAYS_TAKEN:
        return True
    if status.asked == LowerLevel.__name__:
        return status.state in RUNNING
    over = view.lease_max_ms is None or view.lease_max_ms <= LEASE_SLACK_MS
    excused = status.refusal == STALE and over
    return status.asked == Renew.__name__ and status.state in RUNNING and not excused


def session_differs(view: View) -> bool:
    """The unit was armed for our session and names another. After a restart it may name none."""
    status = view.status
    return view.session is not None and status.nonce == view.nonce and status.session != view.session


def lease_differs(view: View) -> bool:
    """What is left is not what was granted and has not passed since, or nothing is and output goes on.

    A unit that always says the same is found from below: each renewal that it takes leaves more than that.
    """
    if view.status.state not in RUNNING or view.lease_max_ms is None:
        return False
    left_ms = view.status.lease_left_ms
    if view.lease_min_ms is not None and left_ms < view.lease_min_ms - LEASE_SLACK_MS:
        return True
    return left_ms == 0 or left_ms > view.lease_max_ms + LEASE_SLACK_MS


# --- energy, counts and clocks ----------------------------------------------------------------------


def over_dose(view: View) -> bool:
    """More time than the step, or more energy than the session, may give."""
    return view.status.delivered_ms > view.delivered_max_ms or view.status.energy_mj > view.energy_max_mj


def energy_differs(view: View) -> bool:
    """The meter does not agree with the output that the unit has reported, of late or over a longer time."""
    return _meter_differs(view.energy) or _meter_differs(view.energy_long)


def _meter_differs(energy: EnergyTrend) -> bool:
    slack_mj = energy.slack_mj + ENERGY_DIGIT_MJ
    too_little = (energy.metered_mj + slack_mj) * 100 < energy.least_mj * (100 - ENERGY_TOLERANCE_PCT)
    too_much = (energy.metered_mj - slack_mj) * 100 > energy.most_mj * (100 + ENERGY_TOLERANCE_PCT)
    return too_little or too_much or energy.while_off_mj > ENERGY_DIGIT_MJ


def clock_off(view: View) -> bool:
    """The unit's clock and ours are drifting apart."""
    apart_ms = abs(view.unit_elapsed_ms - view.elapsed_ms)
    return (apart_ms - CLOCK_SLACK_MS) * 100 > CLOCK_TOLERANCE_PCT * view.elapsed_ms


def count_off(view: View) -> bool:
    """The unit's count of delivered time is not that of its clock, of its step, or of a count at all."""
    emitted_ms = view.status.delivered_ms + view.uncounted_ms
    uncounted = (abs(view.uncounted_ms) - COUNT_SLACK_MS) * 100 > CLOCK_TOLERANCE_PCT * emitted_ms
    apart = _running(view) and abs(view.step_apart_ms) > STEP_COUNT_SLACK_MS
    return uncounted or apart or view.counts_went_back


def step_overrun(view: View) -> bool:
    """By our clock output has gone on for longer than its step, or the session, may."""
    host = view.host
    if view.status.state is not UnitState.EMITTING:
        return False
    return host.output_ms > host.output_max_ms or host.session_ms > host.session_max_ms


def contact_lost(view: View) -> bool:
    """The unit waits for contact, which it can sense."""
    return view.status.state is UnitState.SUSPENDED and view.declared.senses_contact


def suspended_without_cause(view: View) -> bool:
    """The unit waits for contact, which it cannot sense or has by its own reading."""
    if view.status.state is not UnitState.SUSPENDED:
        return False
    return (
        not view.declared.senses_contact
        or view.contact.suspended_without_cause_ms > SUSPENDED_WITHOUT_CAUSE_MAX_MS
    )


def contact_ignored(view: View) -> bool:
    """Output goes on though the unit's own reading says that contact is lost."""
    emits = view.status.state is UnitState.EMITTING and view.declared.senses_contact
    return emits and view.contact.ignored_ms > CONTACT_IGNORED_MAX_MS


def suspension_overrun(view: View) -> bool:
    """By our clock the unit has waited for contact for longer than it may, at once or in all."""
    host = view.host
    if not contact_lost(view):
        return False
    return host.suspension_ms > host.suspension_max_ms or host.suspensions_ms > host.suspensions_max_ms


# --- the head, the battery and the unit itself ------------------------------------------------------


def head_at(view: View, ddeg_c: int | None) -> bool:
    """The head is as warm as ``ddeg_c``, tenths of a degree."""
    return ddeg_c is not None and view.declared.measures_head_temp and view.status.head_temp_ddeg_c >= ddeg_c


def head_trips(view: View) -> bool:
    """The head is at the lower of the model's trip and the unit's."""
    trips = (view.model.head_trip_ddeg_c, view.declared.head_trip_ddeg_c)
    return head_at(view, min((trip for trip in trips if trip is not None), default=None))


def head_implausible(view: View) -> bool:
    """The head reads what no head is, or leaps as no head can."""
    if not view.declared.measures_head_temp:
        return False
    low, high = HEAD_RANGE_DDEG_C
    if not low <= view.status.head_temp_ddeg_c <= high:
        return True
    if view.before is None:
        return False
    change = abs(view.status.head_temp_ddeg_c - view.before.head_temp_ddeg_c)
    # Reports may be a millisecond apart; the readings in them are not.
    since_ms = max(view.since_before_ms, HEAD_PERIOD_MS)
    return (change - HEAD_DIGITS_DDEG_C) * 1000 > HEAD_SLOPE_DDEG_C_S * since_ms


def head_stuck(view: View) -> bool:
    """The head must have warmed, and its reading has not changed."""
    return view.declared.measures_head_temp and view.head_due_mk >= HEAD_DUE_MK


def battery_at(view: View, pct: int) -> bool:
    """The battery is as low as ``pct``."""
    return view.declared.knows_battery and view.status.battery_pct <= pct


def lapsed(view: View) -> bool:
    """A lease has run out, as the unit's state or its count says."""
    return view.status.state is UnitState.LAPSED or view.status.lapses != view.lapses
