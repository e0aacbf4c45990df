#include "timers.h"

#include "control.h"

#define CONTACT_LOST_BELOW_PCT 50u
#define STOP_COUNTS_MS 1000u /* an Arm of an older date is refused for its date */
#define STUCK_AFTER_MS 1000u /* this firmware's own: a motor runs down meanwhile */

/* Outside of these no head is: this firmware's own. */
#define HEAD_COLDEST_DDEG_C (-300)
#define HEAD_HOTTEST_DDEG_C 1200

static bool has(uint16_t sensor) { return (NAMEPLATE_SENSORS & sensor) != 0; }

uint16_t timers_causes(const board_sensors_t *sensors) {
    uint16_t causes = sensors->causes;
    if (has(PW_SENSOR_HEAD_TEMP)) {
        const int16_t limit = (control.faults & PW_FAULT_HEAD_HOT) != 0 ? (int16_t)NAMEPLATE_HEAD_CLEAR_DDEG_C
                                                                        : (int16_t)NAMEPLATE_HEAD_TRIP_DDEG_C;
        if (sensors->head_temp_ddeg_c >= limit)
            causes |= PW_FAULT_HEAD_HOT;
        if (sensors->head_temp_ddeg_c < HEAD_COLDEST_DDEG_C || sensors->head_temp_ddeg_c > HEAD_HOTTEST_DDEG_C)
            causes |= PW_FAULT_SENSOR;
    }
    if (has(PW_SENSOR_CONTACT) && sensors->contact_pct > 100)
        causes |= PW_FAULT_SENSOR;
    if (has(PW_SENSOR_BATTERY) && sensors->battery_pct > 100)
        causes |= PW_FAULT_SENSOR;
    if (has(PW_SENSOR_OUTPUT) && !control_emits() && sensors->measured_level > NAMEPLATE_LEVEL_MIN / 2u &&
        control.now_ms - control.off_since_ms >= STUCK_AFTER_MS)
        causes |= PW_FAULT_OUTPUT_STUCK;
    return causes;
}

static bool contact_lost(uint8_t contact_pct, uint16_t from_level) {
    return control_output() >= from_level && contact_pct < CONTACT_LOST_BELOW_PCT;
}

/* Whether contact has been other than the state says for `time_ms`. */
static bool contact_changed(bool changed, uint16_t time_ms) {
    if (!changed) {
        control.contact_timing = 0;
        return false;
    }
    if (control.contact_timing == 0) {
        control.contact_timing = 1;
        control.contact_since_ms = control.now_ms;
    }
    return control.now_ms - control.contact_since_ms >= time_ms;
}

static void go_on(void) {
    const uint32_t left_ms = control.step_ms < control.ramp_ms ? control.ramp_ms - control.step_ms : 0;
    control_line(0, left_ms > NAMEPLATE_RESUME_RAMP_MS ? (uint16_t)left_ms : NAMEPLATE_RESUME_RAMP_MS);
    control.contact_timing = 0;
    control.state = PW_UNIT_STATE_EMITTING;
    control_changed = true;
}

static void emitting_ms(const board_sensors_t *sensors) {
    /* What was driven until now, or what was measured when that is more: energy is never counted too low. */
    uint16_t level = control_mean_output();
    if (has(PW_SENSOR_OUTPUT) && sensors->measured_level > level)
        level = sensors->measured_level;
    control_count(level);
    if (control.step_ms >= control.for_ms)
        control_end(PW_UNIT_STATE_READY, BOARD_WHY_STEP);
    else if (control.delivered_ms >= control.delivered_max_ms ||
             !control_energy_left(control_mean_output(), control.duty_pct))
        control_end(PW_UNIT_STATE_READY, BOARD_WHY_CEILING);
    else if (control_lease_left() == 0) {
        control_end(PW_UNIT_STATE_LAPSED, BOARD_WHY_LEASE);
        control.lapses++;
    }
}

static void suspended_ms(void) {
    if (control_lease_left() == 0) {
        control_end(PW_UNIT_STATE_LAPSED, BOARD_WHY_LEASE);
        control.lapses++;
    } else if (control.now_ms - control.suspended_at_ms >= NAMEPLATE_SUSPENSION_MAX_MS)
        control_end(PW_UNIT_STATE_READY, BOARD_WHY_SUSPENSION);
}

/* Once a pass: what contact was in a millisecond that was missed nobody knows. */
static void contact(uint8_t contact_pct) {
    if (control_emits()) {
        if (contact_changed(contact_lost(contact_pct, NAMEPLATE_CONTACT_FROM_LEVEL), NAMEPLATE_CONTACT_GRACE_MS))
            control_suspend();
    } else if (control_runs() &&
               contact_changed(contact_pct >= CONTACT_LOST_BELOW_PCT, NAMEPLATE_CONTACT_BACK_MS))
        go_on();
}

void timers_run(uint32_t now_ms, const board_sensors_t *sensors) {
    /* A late pass counts the milliseconds it has missed one by one; output whose lease is over meanwhile does not
     * wait for that. */
    const bool emitted = control_emits();
    if (emitted && (uint32_t)(control.lease_until_ms - now_ms - 1u) >= NAMEPLATE_LEASE_MAX_MS) {
        board_interlock(false);
        board_output_off(BOARD_WHY_LEASE);
    }
    /* Bounded: a lease ends within NAMEPLATE_LEASE_MAX_MS of these. */
    while (control.now_ms != now_ms && control_runs()) {
        control.now_ms++;
        if (control_emits())
            emitting_ms(sensors);
        else
            suspended_ms();
    }
    control.now_ms = now_ms;
    if (emitted && !control_emits())
        control.off_since_ms = now_ms; /* also where a late pass has counted less */
    if (has(PW_SENSOR_CONTACT))
        contact(sensors->contact_pct);
    if (control.stopped != 0 && now_ms - control.stopped_at_ms >= STOP_COUNTS_MS) {
        control.stopped = 0;
        control_changed = true;
    }
    const uint16_t causes = timers_causes(sensors);
    if (causes != 0) {
        if (control.state != PW_UNIT_STATE_FAULT)
            control_end(PW_UNIT_STATE_FAULT, BOARD_WHY_FAULT);
        control.faults |= causes;
        control_changed = true;
    }
}
