/* The line of the POSIX board: a pty, or one TCP connection at a time. */
#ifndef LINE_H
#define LINE_H

#include <stdbool.h>

#include "../../board.h"

/* Open `port`: "pty" or "tcp:HOST:PORT" (port 0: any). Its address is printed, once. False with a message when it
 * cannot be had. With `inherited`, what line_inherit() has returned before a restart, the line is the same as before. */
bool line_open(const char *port, const char *inherited);

/* The line's descriptors as a text, for the program that this one becomes. */
const char *line_inherit(void);

/* Wait for bytes, for at most `wait_us`; take what has arrived and send what is queued. True when bytes have arrived. */
bool line_wait(long wait_us);

/* Whether bytes that arrived are given out: not while passes are made up for. */
void line_give(bool give);

#endif
