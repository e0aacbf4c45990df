/* The unit: what a board's main loop calls. */
#ifndef UNIT_H
#define UNIT_H

/* The longest frame that a unit sends, with its two zeros. A board's send queue holds at least this many bytes. */
#define UNIT_FRAME_MAX 56u

/* Output off, a new nonce, IDLE. Once, before the first pass; the board's clock runs already. */
void unit_start(void);

/* One pass of the loop: timers, what has arrived, output, answers, watchdog. */
void unit_pass(void);

#endif
