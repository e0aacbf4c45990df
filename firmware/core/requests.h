/* What is refused, in which order, and what is done. */
#ifndef REQUESTS_H
#define REQUESTS_H

#include <stdint.h>

#include "../board.h"

/* Forget the latest request and the sessions that were replaced. */
void requests_reset(void);

/* Judge a request, and do it if it is not refused; a Result. `frame` is type, seq and body. */
uint8_t requests_take(const uint8_t *frame, uint8_t length, const board_sensors_t *sensors);

#endif
