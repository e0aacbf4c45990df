/* What ends or holds output without a host. */
#ifndef TIMERS_H
#define TIMERS_H

#include "../board.h"

/* Count every millisecond from control.now_ms to now_ms, and do what is due in it. */
void timers_run(uint32_t now_ms, const board_sensors_t *sensors);

/* The faults whose cause is there now. */
uint16_t timers_causes(const board_sensors_t *sensors);

#endif
