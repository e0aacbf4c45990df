#include "control.h"

#include <stddef.h>
#include <string.h>

control_t control;
bool control_changed;
static uint8_t control_complement[sizeof(control_t)];

/* 16 u32, 12 u16 and 8 u8: no padding on any board. */
_Static_assert(sizeof(control_t) == 16 * 4 + 12 * 2 + 8, "control_t has padding");

/* One millijoule, in the unit of energy_rest: 1 mW/cm2 x 1 mm2 x 1 % x 1 ms is 100 pJ. */
#define REST_PER_MJ ((uint32_t)10000000)
_Static_assert((uint64_t)UINT16_MAX * NAMEPLATE_AREA_MM2 * 100u < UINT32_MAX - 10000000u,
               "the energy of a millisecond, of whatever level is measured, has to fit 32 bits");
_Static_assert(NAMEPLATE_LEVEL_MAX < 0x7FFFu, "a line's product has to fit 32 bits");

void control_reset(uint32_t now_ms, uint8_t state, uint16_t faults) {
    memset(&control, 0, sizeof control);
    control.now_ms = now_ms;
    control.off_since_ms = now_ms;
    control.state = state;
    control.faults = faults;
    control.why = faults != 0 ? BOARD_WHY_FAULT : BOARD_WHY_NOT_SET;
    control.nonce = board_nonce();
    control_changed = true;
    control_commit();
}

bool control_is_whole(void) {
    const uint8_t *bytes = (const uint8_t *)&control;
    uint8_t differs = 0;
    for (uint8_t i = 0; i < sizeof control; i++)
        differs |= (uint8_t)(bytes[i] ^ control_complement[i] ^ 0xFFu);
    return differs == 0;
}

void control_commit(void) {
    const uint8_t *bytes = (const uint8_t *)&control;
    const uint8_t end = control_changed ? sizeof control : offsetof(control_t, nonce);
    for (uint8_t i = 0; i < end; i++)
        control_complement[i] = (uint8_t)~bytes[i];
    control_changed = false;
}

bool control_emits(void) { return control.state == PW_UNIT_STATE_EMITTING; }

bool control_runs(void) {
    return control.state == PW_UNIT_STATE_EMITTING || control.state == PW_UNIT_STATE_SUSPENDED;
}

/* The level on the line from line_from to line_to, `half_ms` half milliseconds of the step after its beginning, as
 * far as no Lower bounds it; `bias` of line_ms rounds to the nearest, 0 rounds down. */
static uint16_t on_the_line(uint32_t half_ms, uint16_t bias) {
    const uint32_t halves = 2ul * control.line_ms;
    if (half_ms >= halves)
        return control.line_to;
    if (control.line_to >= control.line_from)
        return (uint16_t)(control.line_from + ((uint32_t)(control.line_to - control.line_from) * half_ms + bias) / halves);
    const uint32_t fall = (uint32_t)(control.line_from - control.line_to) * half_ms;
    return (uint16_t)(control.line_from - (fall + halves - 1u - bias) / halves);
}

static uint16_t level_at(uint32_t half_ms, uint16_t bias) {
    const uint16_t level = on_the_line(half_ms, bias);
    return level < control.level_cap ? level : control.level_cap;
}

uint16_t control_output(void) {
    return control_emits() ? level_at(2u * (control.step_ms - control.line_start_ms), 0) : 0;
}

uint16_t control_nearest_output(void) {
    return control_emits() ? level_at(2u * (control.step_ms - control.line_start_ms), control.line_ms) : 0;
}

uint16_t control_mean_output(void) {
    return control_emits() ? level_at(2u * (control.step_ms - control.line_start_ms) + 1u, control.line_ms) : 0;
}

void control_line(uint16_t from, uint16_t time_ms) {
    control.line_start_ms = control.step_ms;
    control.line_ms = time_ms;
    control.line_from = from;
    control.line_to = control.level;
    control.level_cap = NAMEPLATE_LEVEL_MAX;
}

uint16_t control_lease_left(void) {
    if (!control_runs())
        return 0;
    const uint32_t left_ms = control.lease_until_ms - control.now_ms;
    return left_ms <= NAMEPLATE_LEASE_MAX_MS ? (uint16_t)left_ms : 0; /* beyond the longest lease: long over */
}

static uint32_t rest_per_ms(uint16_t level, uint8_t duty_pct) {
    return (uint32_t)level * NAMEPLATE_AREA_MM2 * duty_pct;
}

bool control_energy_left(uint16_t level, uint8_t duty_pct) {
    uint32_t rest = control.energy_rest + rest_per_ms(level, duty_pct);
    uint32_t energy_mj = control.energy_mj;
    for (; rest >= REST_PER_MJ; rest -= REST_PER_MJ)
        energy_mj++;
    return energy_mj < control.energy_max_mj || (energy_mj == control.energy_max_mj && rest == 0);
}

void control_count(uint16_t level) {
    control.step_ms++;
    control.delivered_ms++;
    control.energy_rest += rest_per_ms(level, control.duty_pct);
    for (; control.energy_rest >= REST_PER_MJ; control.energy_rest -= REST_PER_MJ)
        control.energy_mj++;
}

static void switch_off(board_why_t why) {
    board_interlock(false);
    board_output_off(why);
    if (control_emits())
        control.off_since_ms = control.now_ms;
    control.why = (uint8_t)why;
    control_changed = true;
    control.contact_timing = 0;
}

void control_end(uint8_t state, board_why_t why) {
    switch_off(why);
    control.state = state;
    control.level = 0;
    control.duty_pct = 0;
    control.for_ms = 0;
}

void control_suspend(void) {
    switch_off(BOARD_WHY_CONTACT);
    control.state = PW_UNIT_STATE_SUSPENDED;
    control.suspended_at_ms = control.now_ms;
}
