/* Commands on standard input, one a line; each is answered by one line.
 *
 *     flip ADDRESS BIT       one bit of the data space: registers 0 to 31, I/O, RAM
 *     flip-pc BIT            one bit of the program counter
 *     peek ADDRESS COUNT     bytes of the data space, in hexadecimal
 *     poke ADDRESS BYTE...
 *     hang [dead]            the loop goes round in one instruction for ever; dead: with interrupts off
 *     reset power|brownout|button
 *     interlock 0|1          1: the input on pin 4 (PD4) is pulled low, which is closed
 *     contact 0|1            1: the input on pin 5 (PD5) is pulled low, which is contact
 *     rate PERCENT           how fast the host's bytes arrive
 *     framing COUNT          so many of the next bytes arrive without a stop bit
 *     watchdog PERCENT       how long the watchdog takes
 *     stats                  counts, and the longest pass of the loop in microseconds
 *     quit
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "avr_ioport.h"
#include "harness.h"

enum { RAM = 0x100, SREG = 0x5F, PORF = 1, EXTRF = 2, BORF = 4, HANG_AT = 0x7C00 };

static void fill_ram(void)
{
    for (unsigned at = RAM; at <= unit.avr->ramend; at++) {
        unit.avr->data[at] = (uint8_t)(random() >> 8);
    }
}

/* Not on pins 2 and 3, which simavr then looks at in each cycle. A switch from pin 4 or 5 to ground, against the pull-up. */
static void set_switch(unsigned pin, bool closed)
{
    static avr_ioport_external_t pulled = {.name = 'D', .mask = 1u << 4 | 1u << 5};
    pulled.value = (pulled.value & ~(1u << pin)) | (closed ? 0u : 1u << pin);
    avr_ioctl(unit.avr, AVR_IOCTL_IOPORT_SET_EXTERNAL('D'), &pulled);
    avr_raise_irq(avr_io_getirq(unit.avr, AVR_IOCTL_IOPORT_GETIRQ('D'), (int)pin), closed ? 0 : 1);
}

void control_power_on(void)
{
    fill_ram();
    unit_reset(PORF, "power");
    set_switch(4, true);
    set_switch(5, true);
}

static void flip(unsigned at, unsigned bit)
{
    if (at > unit.avr->ramend || bit > 7) {
        return;
    }
    if (at == SREG) {
        unit.avr->sreg[bit] ^= 1;
    }
    unit.avr->data[at] ^= (uint8_t)(1u << bit);
}

static void hang(int dead)
{
    unit.avr->flash[HANG_AT] = 0xFF; /* rjmp to itself */
    unit.avr->flash[HANG_AT + 1] = 0xCF;
    unit.avr->pc = HANG_AT;
    if (unit.avr->state == cpu_Sleeping) {
        unit.avr->state = cpu_Running;
    }
    if (dead) {
        unit.avr->sreg[S_I] = 0;
        unit.avr->data[SREG] &= 0x7F;
    }
}

static void brown_out(void)
{
    for (int i = 0; i < 16; i++) { /* some of what it held is lost */
        unsigned at = RAM + (unsigned)random() % (unit.avr->ramend - RAM + 1u);
        unit.avr->data[at] = (uint8_t)(random() >> 8);
    }
    unit_reset(BORF, "brownout");
}

static void poke(char *rest)
{
    unsigned at = (unsigned)strtoul(rest, &rest, 0);
    for (char *end; at <= unit.avr->ramend; rest = end) {
        unsigned long value = strtoul(rest, &end, 0);
        if (end == rest) {
            return;
        }
        unit.avr->data[at++] = (uint8_t)value;
    }
}

static void peek(unsigned at, unsigned count)
{
    for (; count > 0 && at <= unit.avr->ramend; at++, count--) {
        printf("%02x", unit.avr->data[at]);
    }
    printf(" ");
}

static bool carry_out(char *line)
{
    char word[16] = "", what[16] = "";
    unsigned a = 0, b = 0;
    int named = sscanf(line, "%15s %15s", word, what);
    char *rest = line + strlen(word);
    sscanf(rest, "%i %i", (int *)&a, (int *)&b);
    if (named < 1 || strcmp(word, "quit") == 0) {
        return false;
    }
    if (strcmp(word, "flip") == 0) {
        flip(a, b);
    } else if (strcmp(word, "flip-pc") == 0) {
        unit.avr->pc = (unit.avr->pc ^ (2u << a)) & 0x7FFEu;
    } else if (strcmp(word, "peek") == 0) {
        peek(a, b);
    } else if (strcmp(word, "poke") == 0) {
        poke(rest);
    } else if (strcmp(word, "hang") == 0) {
        hang(strcmp(what, "dead") == 0);
    } else if (strcmp(what, "brownout") == 0) {
        brown_out();
    } else if (strcmp(what, "button") == 0) {
        unit_reset(EXTRF, "button");
    } else if (strcmp(what, "power") == 0) {
        control_power_on();
    } else if (strcmp(word, "interlock") == 0) {
        set_switch(4, a != 0);
    } else if (strcmp(word, "contact") == 0) {
        set_switch(5, a != 0);
    } else if (strcmp(word, "rate") == 0 && a > 0) {
        unit.rate_pct = a;
    } else if (strcmp(word, "framing") == 0) {
        unit.framing_errors = a;
    } else if (strcmp(word, "watchdog") == 0 && a > 0) {
        unit.watchdog_pct = a;
    } else if (strcmp(word, "stats") == 0) {
        struct output now = output_now();
        printf("{\"overruns\": %u, \"resets\": %u, \"wild\": %u, \"passes\": %llu, \"pass_longest_us\": %llu, "
               "\"enable\": %d, \"pwm\": %d} ",
               unit.overruns, unit.resets, unit.wild, (unsigned long long)unit.passes,
               (unsigned long long)(unit.pass_longest / 16), now.enable, now.pwm);
        unit.pass_longest = 0;
    } else {
        printf("unknown ");
    }
    printf("at %.3f\n", unit_ms());
    fflush(stdout);
    return true;
}

bool control_runs(void)
{
    static char line[256];
    static size_t length;
    char byte;
    ssize_t count;
    while ((count = read(STDIN_FILENO, &byte, 1)) == 1) {
        if (byte != '\n' && length + 1 < sizeof line) {
            line[length++] = byte;
        } else if (byte == '\n') {
            line[length] = 0;
            length = 0;
            if (!carry_out(line)) {
                return false;
            }
        }
    }
    return count != 0; /* 0: whoever started this has gone */
}
