/* The board's log on UART 1: one JSON object a line, for each change of what the output pins give. */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint32_t ms, us;        /* the unit's own clock, and microseconds beyond */
    uint32_t since_pass_us; /* since the end of the pass before: an emulator does not always get to run */
    bool enable;
    uint8_t pwm;
    const char *why;
} log_line_t;

/* Queue a line. One for which there is no room is left out, and the next one begins with "lost". */
void log_change(const log_line_t *line);

/* Hand the UART what it takes without waiting. */
void log_pump(void);

/* Write a line at once and wait for the UART: where the loop does not come round any more. */
void log_last(const log_line_t *line);

#endif
