/* What the parts of the harness share. */
#ifndef PHYSIOCTL_SIMAVR_HARNESS_H
#define PHYSIOCTL_SIMAVR_HARNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "avr_uart.h"
#include "sim_avr.h"

struct unit {
    avr_t *avr;
    avr_uart_t *uart;
    uint64_t passes; /* of the unit's loop, since the start of the harness */
    avr_cycle_count_t pass_began, pass_longest;
    uint32_t resets, overruns, wild;
    uint32_t rate_pct;       /* how fast the host's bytes arrive: 100 is 115200 baud */
    uint32_t watchdog_pct;   /* how long its watchdog takes: 100 is its nominal time */
    uint32_t framing_errors; /* so many of the next bytes arrive without their stop bit */
};

struct output {
    int enable; /* the enable line is driven high */
    int pwm;    /* the compare value of the level; 0 when the pin is not driven */
};

extern struct unit unit;

double unit_ms(void); /* the unit's own milliseconds */
struct output output_now(void);
void unit_reset(uint8_t flags, const char *why); /* `flags`: as the unit finds them in MCUSR */

void control_power_on(void); /* RAM holds anything after power has come */
bool control_runs(void);     /* carry out what standard input asks for; false at its end */

#endif
