#include "requests.h"

#include <string.h>

#include "control.h"
#include "timers.h"

#define HEAD 3u /* type and seq, before the body */
#define DATED_WITHIN_MS 1000u
#define REPLACED 32u

/* The length of each request's body, by its type. */
static const uint8_t SIZES[] = {
    [PW_TYPE_IDENTIFY] = PW_IDENTIFY_SIZE,
    [PW_TYPE_GET_CAPABILITIES] = PW_GET_CAPABILITIES_SIZE,
    [PW_TYPE_GET_STATUS] = PW_GET_STATUS_SIZE,
    [PW_TYPE_ARM] = PW_ARM_SIZE,
    [PW_TYPE_SET] = PW_SET_SIZE,
    [PW_TYPE_RENEW] = PW_RENEW_SIZE,
    [PW_TYPE_STOP] = PW_STOP_SIZE,
    [PW_TYPE_CLEAR] = PW_CLEAR_SIZE,
    [PW_TYPE_LOWER] = PW_LOWER_SIZE,
};
_Static_assert(sizeof SIZES == PW_REQUESTS + 1, "a request of the table is not known to the core");
_Static_assert(sizeof(pw_arm_t) == PW_ARM_SIZE && sizeof(pw_set_t) == PW_SET_SIZE &&
                   sizeof(pw_renew_t) == PW_RENEW_SIZE && sizeof(pw_clear_t) == PW_CLEAR_SIZE &&
                   sizeof(pw_lower_t) == PW_LOWER_SIZE,
               "a body is not packed");
_Static_assert(PW_SET_SIZE >= PW_ARM_SIZE && PW_SET_SIZE <= PW_BODY_MAX, "Set is the longest request");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bodies are copied as they are");

/* The latest of Arm, Set, Renew, Lower and Clear that was carried out; a length of 0 is none. */
static struct {
    uint8_t bytes[HEAD + PW_SET_SIZE];
    uint8_t length;
} latest;

static struct {
    uint32_t sessions[REPLACED];
    uint8_t next;
} replaced;

void requests_reset(void) {
    memset(&latest, 0, sizeof latest);
    memset(&replaced, 0, sizeof replaced);
}

static uint32_t age_ms(uint32_t unit_uptime_ms) { return control.now_ms - unit_uptime_ms; }

static bool newer(uint16_t seq) {
    const uint16_t ahead = (uint16_t)(seq - control.seq);
    return ahead >= 1u && ahead <= 32767u;
}

static bool was_replaced(uint32_t session) {
    for (uint8_t i = 0; i < REPLACED; i++)
        if (replaced.sessions[i] == session)
            return true;
    return false;
}

static bool above(uint32_t value, uint32_t bound) { return bound != 0 && value > bound; }

static bool lease_allowed(uint16_t lease_ms) {
    return lease_ms >= NAMEPLATE_LEASE_MIN_MS && lease_ms <= NAMEPLATE_LEASE_MAX_MS;
}

static bool listed(uint16_t value, const uint16_t *list, uint8_t length) {
    for (uint8_t i = 0; i < length; i++)
        if (list[i] == value)
            return true;
    return false;
}

static bool given(const pw_set_t *set) {
    static const uint16_t duties[] = NAMEPLATE_DUTIES_PCT;
    static const uint16_t carriers[] = NAMEPLATE_CARRIERS_KHZ;
    static const uint16_t pulses[] = NAMEPLATE_PULSES_HZ;
    if (set->duty_pct == 0 || !listed(set->duty_pct, duties, sizeof duties / sizeof *duties))
        return false;
    if ((set->carrier_khz == 0) != (carriers[0] == 0) ||
        !listed(set->carrier_khz, carriers, sizeof carriers / sizeof *carriers))
        return false;
    if (set->duty_pct == 100)
        return set->pulse_hz == 0;
    return set->pulse_hz != 0 && listed(set->pulse_hz, pulses, sizeof pulses / sizeof *pulses);
}

static void stop(void) {
    control.stopped = 1;
    control.stopped_at_ms = control.now_ms;
    latest.length = 0;
    control_end(control.state == PW_UNIT_STATE_FAULT ? PW_UNIT_STATE_FAULT : PW_UNIT_STATE_IDLE, BOARD_WHY_STOP);
}

static uint8_t arm(const uint8_t *body, uint16_t seq) {
    pw_arm_t asked;
    memcpy(&asked, body, sizeof asked);
    if (control.state == PW_UNIT_STATE_FAULT)
        return PW_RESULT_FAULTED;
    if (control_runs())
        return PW_RESULT_BAD_STATE;
    const bool same = asked.session != 0 && asked.session == control.session;
    if (same && !newer(seq))
        return PW_RESULT_STALE;
    if (!same && asked.session != 0 && was_replaced(asked.session))
        return PW_RESULT_STALE;
    const uint32_t age = age_ms(asked.unit_uptime_ms);
    if (age >= DATED_WITHIN_MS || (control.stopped != 0 && age > age_ms(control.stopped_at_ms)))
        return PW_RESULT_STALE;
    if (asked.session == 0 || asked.level_max == 0 || asked.delivered_max_ms == 0 || asked.energy_max_mj == 0)
        return PW_RESULT_BAD_VALUE;
    if (above(asked.level_max, NAMEPLATE_LEVEL_MAX) || above(asked.delivered_max_ms, NAMEPLATE_DELIVERED_MAX_MS))
        return PW_RESULT_OVER_NAMEPLATE;
    if (same && (asked.level_max > control.level_max || asked.delivered_max_ms > control.delivered_max_ms ||
                 asked.energy_max_mj > control.energy_max_mj))
        return PW_RESULT_OVER_CEILING;
    if (!same) {
        if (control.session != 0) {
            replaced.sessions[replaced.next % REPLACED] = control.session;
            replaced.next = (uint8_t)((replaced.next + 1u) % REPLACED);
        }
        control.session = asked.session;
        control.delivered_ms = 0;
        control.energy_mj = 0;
        control.energy_rest = 0;
        control.step_ms = 0;
    }
    control.level_max = asked.level_max;
    control.delivered_max_ms = asked.delivered_max_ms;
    control.energy_max_mj = asked.energy_max_mj;
    control.seq = seq;
    control.state = PW_UNIT_STATE_READY;
    return PW_RESULT_OK;
}

/* What a Set asks for, against the nameplate and the ceilings. */
static uint8_t judge_set(const pw_set_t *asked, uint16_t lease_ms) {
    if (asked->level < NAMEPLATE_LEVEL_MIN || !given(asked) || asked->for_ms == 0 || asked->ramp_ms > asked->for_ms)
        return PW_RESULT_BAD_VALUE;
    if (!lease_allowed(lease_ms))
        return PW_RESULT_BAD_LEASE;
    if (above(asked->level, NAMEPLATE_LEVEL_MAX) || above(asked->for_ms, NAMEPLATE_STEP_MAX_MS) ||
        above((uint32_t)asked->level * asked->duty_pct, NAMEPLATE_AVERAGE_MAX * 100ul))
        return PW_RESULT_OVER_NAMEPLATE;
    if (asked->level > control.level_max || control.delivered_ms > control.delivered_max_ms ||
        asked->for_ms > control.delivered_max_ms - control.delivered_ms ||
        !control_energy_left(asked->level, asked->duty_pct))
        return PW_RESULT_OVER_CEILING;
    if (age_ms(asked->unit_uptime_ms) >= lease_ms)
        return PW_RESULT_STALE;
    return PW_RESULT_OK;
}

static uint8_t set(const uint8_t *body, uint16_t seq) {
    pw_set_t asked;
    memcpy(&asked, body, sizeof asked);
    if (control.state == PW_UNIT_STATE_FAULT)
        return PW_RESULT_FAULTED;
    if (control.state == PW_UNIT_STATE_IDLE || control.state == PW_UNIT_STATE_LAPSED)
        return PW_RESULT_BAD_STATE;
    if (asked.session != control.session)
        return PW_RESULT_BAD_SESSION;
    if (!newer(seq))
        return PW_RESULT_STALE;
    const uint16_t lease_ms = PW_LEASE_MS(asked.lease_ms);
    const uint8_t result = judge_set(&asked, lease_ms);
    if (result != PW_RESULT_OK)
        return result;
    const uint16_t from = control_nearest_output();
    control.step_ms = 0;
    control.for_ms = asked.for_ms;
    control.ramp_ms = asked.ramp_ms;
    control.level = asked.level;
    control.duty_pct = asked.duty_pct;
    control.carrier_khz = asked.carrier_khz;
    control.pulse_hz = asked.pulse_hz;
    control.lease_until_ms = asked.unit_uptime_ms + lease_ms;
    control.seq = seq;
    control_line(from, asked.ramp_ms);
    if (control.state == PW_UNIT_STATE_READY)
        control.state = PW_UNIT_STATE_EMITTING;
    return PW_RESULT_OK;
}

static uint8_t renew(const uint8_t *body, uint16_t seq) {
    pw_renew_t asked;
    memcpy(&asked, body, sizeof asked);
    if (control.state == PW_UNIT_STATE_FAULT)
        return PW_RESULT_FAULTED;
    if (!control_runs())
        return PW_RESULT_BAD_STATE;
    if (asked.session != control.session)
        return PW_RESULT_BAD_SESSION;
    if (!newer(seq))
        return PW_RESULT_STALE;
    const uint16_t lease_ms = PW_LEASE_MS(asked.lease_ms);
    if (!lease_allowed(lease_ms))
        return PW_RESULT_BAD_LEASE;
    const uint32_t age = age_ms(asked.unit_uptime_ms);
    if (age >= lease_ms)
        return PW_RESULT_STALE;
    if (lease_ms - age > control_lease_left())
        control.lease_until_ms = asked.unit_uptime_ms + lease_ms;
    control.seq = seq;
    return PW_RESULT_OK;
}

static uint8_t lower(const uint8_t *body, uint16_t seq) {
    pw_lower_t asked;
    memcpy(&asked, body, sizeof asked);
    if (control.state == PW_UNIT_STATE_FAULT)
        return PW_RESULT_FAULTED;
    if (!control_runs())
        return PW_RESULT_BAD_STATE;
    if (asked.session != control.session)
        return PW_RESULT_BAD_SESSION;
    if (asked.level < NAMEPLATE_LEVEL_MIN)
        return PW_RESULT_BAD_VALUE;
    if (asked.level > control.level)
        return PW_RESULT_OVER_CEILING;
    control.level = asked.level;
    control.level_cap = asked.level;
    control.level_max = asked.level;
    if (newer(seq))
        control.seq = seq;
    return PW_RESULT_OK;
}

static uint8_t clear(const uint8_t *body, const board_sensors_t *sensors) {
    pw_clear_t asked;
    memcpy(&asked, body, sizeof asked);
    if (control.state != PW_UNIT_STATE_FAULT)
        return PW_RESULT_BAD_STATE;
    if (age_ms(asked.unit_uptime_ms) >= DATED_WITHIN_MS)
        return PW_RESULT_STALE;
    if (timers_causes(sensors) != 0)
        return PW_RESULT_CAUSE_REMAINS;
    control.faults = 0;
    control.state = PW_UNIT_STATE_IDLE;
    return PW_RESULT_OK;
}

uint8_t requests_take(const uint8_t *frame, uint8_t length, const board_sensors_t *sensors) {
    const uint8_t type = frame[0];
    const uint8_t *body = frame + HEAD;
    if (type == 0 || type > PW_REQUESTS)
        return PW_RESULT_UNKNOWN_TYPE;
    if (type == PW_TYPE_STOP) {
        stop();
        return PW_RESULT_OK;
    }
    if (length != HEAD + SIZES[type])
        return PW_RESULT_BAD_LENGTH;
    if (type < PW_TYPE_ARM || (length == latest.length && memcmp(frame, latest.bytes, length) == 0))
        return PW_RESULT_OK;
    uint32_t nonce;
    memcpy(&nonce, body, sizeof nonce);
    if (nonce != control.nonce)
        return PW_RESULT_BAD_NONCE;
    const uint16_t seq = (uint16_t)(frame[1] | (uint16_t)(frame[2] << 8));
    uint8_t result;
    if (type == PW_TYPE_ARM)
        result = arm(body, seq);
    else if (type == PW_TYPE_SET)
        result = set(body, seq);
    else if (type == PW_TYPE_RENEW)
        result = renew(body, seq);
    else if (type == PW_TYPE_LOWER)
        result = lower(body, seq);
    else
        result = clear(body, sensors);
    if (result == PW_RESULT_OK) {
        memcpy(latest.bytes, frame, length);
        latest.length = length;
    }
    return result;
}
