/* The far end of the emulated unit's serial line: a pseudo-terminal or a TCP port of this computer. */
#ifndef PHYSIOCTL_SIMAVR_LINE_H
#define PHYSIOCTL_SIMAVR_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Open the line and print its address as physioctl takes it. Port 0: any that is free; below: a pty. */
bool line_open(int tcp_port);

/* Take the next byte that the host has sent, if there is one. Never waits. */
bool line_take(uint8_t *byte);

/* Give a byte to the host. What nobody reads is lost, as on a cable. */
void line_give(uint8_t byte);

#endif
