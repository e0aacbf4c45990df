/* An output stage, its sensors and its log, of software: what the boards on a computer have in common.
 * What goes out is what both pins let out: the level driven while the interlock is closed. */
#ifndef STUB_H
#define STUB_H

#include <stdbool.h>
#include <stdint.h>

#include "../../board.h"

typedef struct {
    uint32_t ms;
    uint16_t level;
    uint8_t duty_pct;
    uint8_t why; /* board_why_t */
} stub_change_t;

/* The board's own readings, but for measured_level: that is what goes out, and stuck_level when that is more. */
extern board_sensors_t stub_sensors;
extern uint16_t stub_stuck_level;

/* What goes out now. */
uint16_t stub_output(void);

/* Pins as they are after a reset: nothing goes out. */
void stub_reset(void);

/* Provided by the board: a change of what goes out. */
void stub_changed(const stub_change_t *change);

#endif
