/* What decides about output, kept twice.
 *
 * `control` is what the code reads and writes; another array holds the complement of each of its bytes.
 * control_is_whole() compares them at the start of each pass and before each request. What only a request or the end of
 * output changes is written to the complement only then, the counts in each pass: so a bit that changes by itself, in
 * either of them, is found before it has decided anything for longer than one pass. */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "../board.h"
#include "nameplate.h"

/* In an order without padding, which control_is_whole() would compare. */
typedef struct {
    /* The counts. */
    uint32_t now_ms; /* the millisecond up to which time is counted */
    uint32_t delivered_ms;
    uint32_t energy_mj;
    uint32_t energy_rest; /* below one millijoule, in units of 100 pJ: mW/cm2 x mm2 x % x ms */
    uint32_t step_ms;
    uint32_t contact_since_ms; /* since when contact is other than the state says */
    uint32_t off_since_ms;
    uint8_t contact_timing; /* whether contact_since_ms runs */
    uint8_t pad[3];

    /* What only a request changes, or the end of output. */
    uint32_t nonce;
    uint32_t session; /* that the counts belong to; 0: none since the start */
    uint32_t delivered_max_ms;
    uint32_t energy_max_mj;
    uint32_t for_ms;
    uint32_t lease_until_ms;
    uint32_t stopped_at_ms;
    uint32_t suspended_at_ms;
    uint32_t line_start_ms; /* the output's line: step_ms at its beginning, */
    uint16_t line_ms;       /* its time, and the levels that it goes from and to */
    uint16_t line_from;
    uint16_t line_to;
    uint16_t level;     /* of the step */
    uint16_t level_cap; /* that a Lower has set: output never goes above it, whatever the line says */
    uint16_t level_max;
    uint16_t ramp_ms;
    uint16_t carrier_khz;
    uint16_t pulse_hz;
    uint16_t faults;
    uint16_t lapses;
    uint16_t seq; /* the newest that counts */
    uint8_t duty_pct;
    uint8_t state;
    uint8_t why;     /* board_why_t */
    uint8_t stopped; /* whether a Stop has come within the last second */
} control_t;

extern control_t control;

/* Begin anew, in `state` and with `faults`: everything else is 0, and the nonce another. */
void control_reset(uint32_t now_ms, uint8_t state, uint16_t faults);

bool control_is_whole(void);

/* Set by whatever changes more than the counts: without it only their complement is written. */
extern bool control_changed;
void control_commit(void);

/* Whether the unit is in EMITTING; in EMITTING or SUSPENDED. */
bool control_emits(void);
bool control_runs(void);

/* The level of this millisecond, rounded down: 0 but in EMITTING. */
uint16_t control_output(void);

/* The same to the nearest, for a line that begins from it. */
uint16_t control_nearest_output(void);

/* The mean level of the millisecond that begins now, for counting energy: a line's fractions add up to nothing. */
uint16_t control_mean_output(void);

/* Begin a line from `from` to the step's level. */
void control_line(uint16_t from, uint16_t time_ms);

/* Milliseconds until the lease runs out; 0 when it has, or there is none. */
uint16_t control_lease_left(void);

/* Whether the session has energy left for one millisecond at `level` and `duty_pct`. */
bool control_energy_left(uint16_t level, uint8_t duty_pct);

/* Count a millisecond of output at `level`, as delivered and as energy. */
void control_count(uint16_t level);

/* Switch output off, then enter `state`, which is another than EMITTING. Not for SUSPENDED: the step is dropped. */
void control_end(uint8_t state, board_why_t why);

/* Switch output off and keep the step. */
void control_suspend(void);

#endif
