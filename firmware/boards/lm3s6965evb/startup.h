/* What the startup code needs of the board. */
#ifndef STARTUP_H
#define STARTUP_H

#include "lm3s6965.h"

enum { IRQS = 32 };

/* Both pins low, from whatever state the registers are in. Uses no memory but the stack. */
void end_output(void);

void on_uart0(void);
void on_timer1(void);
void on_watchdog(void);
void on_trap(void); /* a fault of the processor, or an interrupt that nobody has asked for */

#endif
