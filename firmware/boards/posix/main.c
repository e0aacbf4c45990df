/* The POSIX board: a program that stands for a unit, on a pty or a TCP port.
 *
 * The unit's clock counts the milliseconds of CLOCK_MONOTONIC one by one: when the system has held this process up,
 * the passes that were missed are made up for, so that the unit's own milliseconds are as on a board. The watchdog is a
 * thread of its own and counts real time: what it finds late ends output and starts the program anew, as a reset does.
 *
 * Signals stand for what a person does. SIGUSR1: the head is lifted, or put back. SIGUSR2: the supply dips for 300 ms.
 * SIGHUP: off and on. None of them, and no option, can switch output on. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "../../core/nameplate.h"
#include "../../core/unit.h"
#include "line.h"
#include "stub.h"

#define DIP_MS 300u
#define INHERITED "PHYSIOCTL_INHERITED_LINE" /* set by a restart, for itself */

static char **arguments;
static const char *port = "pty", *serial = "REF-0001";
static uint32_t watchdog_ms = 250, hang_ms;
static uint16_t calibrated;
static int log_file = 2;

static uint32_t now_ms, dip_until_ms;
static uint64_t started_us;
static atomic_uint_fast64_t kicked_us;
static volatile sig_atomic_t lift, dip, restart_asked;

static uint64_t real_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

uint32_t board_now_ms(void) { return now_ms; }

uint32_t board_nonce(void) {
    uint32_t nonce = 0;
    while (nonce == 0)
        if (getrandom(&nonce, sizeof nonce, 0) != (ssize_t)sizeof nonce)
            nonce = 0;
    return nonce;
}

void board_identity(board_identity_t *identity) {
    memset(identity, 0, sizeof *identity);
    memcpy(identity->serial, serial, strnlen(serial, sizeof identity->serial));
    identity->calibrated = calibrated;
}

void board_kick_watchdog(void) { atomic_store(&kicked_us, real_us()); }

static void tell(uint32_t ms, uint16_t level, const char *why) {
    static const char *const key =
        NAMEPLATE_FAMILY == PW_FAMILY_ULTRASOUND ? "output_mw_cm2" : "output_per_min";
    dprintf(log_file, "{\"ms\": %u, \"%s\": %u, \"why\": \"%s\"}\n", (unsigned)ms, key, (unsigned)level, why);
}

void stub_changed(const stub_change_t *change) {
    static const char *const WHY[] = {"set",        "step_done", "ceiling", "lease", "contact_lost",
                                      "suspension", "stop",      "fault",   "memory"};
    tell(change->ms, change->level, WHY[change->why]);
}

/* What a reset does: the pins are off, and the program begins anew, on the same line. */
static _Noreturn void restart(const char *why) {
    if (stub_output() != 0)
        tell((uint32_t)((real_us() - started_us) / 1000u), 0, why); /* the loop may have hung: its own clock stands */
    stub_reset();
    setenv(INHERITED, line_inherit(), 1);
    execv("/proc/self/exe", arguments);
    perror("restart");
    _exit(1);
}

static void *watchdog(void *unused) {
    (void)unused;
    for (;;) {
        const uint64_t due_us = atomic_load(&kicked_us) + (uint64_t)watchdog_ms * 1000u, at_us = real_us();
        if (at_us >= due_us)
            restart("watchdog");
        const uint64_t wait_us = due_us - at_us;
        const struct timespec wait = {.tv_sec = (time_t)(wait_us / 1000000u),
                                      .tv_nsec = (long)(wait_us % 1000000u) * 1000};
        nanosleep(&wait, NULL);
    }
    return NULL;
}

static void on_signal(int number) {
    if (number == SIGUSR1)
        lift = 1;
    else if (number == SIGUSR2)
        dip = 1;
    else
        restart_asked = 1;
}

/* What a person has done since the last pass. */
static void take_signals(void) {
    if (restart_asked)
        restart("restart");
    if (lift) {
        lift = 0;
        stub_sensors.contact_pct = stub_sensors.contact_pct < 50 ? 92 : 0;
    }
    if (dip) {
        dip = 0;
        dip_until_ms = now_ms + DIP_MS;
        stub_sensors.causes |= PW_FAULT_SUPPLY;
    }
    if ((stub_sensors.causes & PW_FAULT_SUPPLY) != 0 && (int32_t)(now_ms - dip_until_ms) >= 0)
        stub_sensors.causes = 0;
}

/* For a test of the watchdog: once output has been on for hang_ms, the loop does nothing more. */
static void hang_if_asked(void) {
    static uint32_t on_ms;
    on_ms = stub_output() != 0 ? on_ms + 1u : 0;
    if (hang_ms != 0 && on_ms > hang_ms)
        for (;;)
            pause();
}

static _Noreturn void usage(void) {
    fprintf(stderr, "usage: %s [--port pty|tcp:HOST:PORT] [--log FILE] [--serial TEXT] [--calibrated DAYS] "
                    "[--watchdog-ms N] [--hang-ms N]\n",
            arguments[0]);
    exit(2);
}

static uint32_t number(const char *text, uint32_t most) {
    char *end;
    errno = 0;
    const unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || *end != 0 || end == text || value > most)
        usage();
    return (uint32_t)value;
}

static void read_arguments(int count) {
    for (int i = 1; i < count; i += 2) {
        const char *name = arguments[i], *value = i + 1 < count ? arguments[i + 1] : NULL;
        if (value == NULL)
            usage();
        if (strcmp(name, "--port") == 0)
            port = value;
        else if (strcmp(name, "--serial") == 0)
            serial = value;
        else if (strcmp(name, "--calibrated") == 0)
            calibrated = (uint16_t)number(value, UINT16_MAX);
        else if (strcmp(name, "--watchdog-ms") == 0)
            watchdog_ms = number(value, 10000);
        else if (strcmp(name, "--hang-ms") == 0)
            hang_ms = number(value, 60000);
        else if (strcmp(name, "--log") == 0)
            log_file = open(value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        else
            usage();
    }
    if (log_file < 0) {
        perror("--log");
        exit(2);
    }
}

int main(int count, char **given) {
    arguments = given;
    read_arguments(count);
    signal(SIGPIPE, SIG_IGN);
    const struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    if (!line_open(port, getenv(INHERITED)))
        return 5;
    started_us = real_us();
    unit_start();
    board_kick_watchdog();
    pthread_t thread;
    if (pthread_create(&thread, NULL, watchdog, NULL) != 0) {
        fprintf(stderr, "no watchdog\n");
        return 5;
    }
    for (;;) {
        const uint64_t us = real_us() - started_us;
        const uint32_t due_ms = (uint32_t)(us / 1000u);
        line_give(false);
        while (now_ms != due_ms) {
            now_ms++;
            line_give(now_ms == due_ms);
            unit_pass();
            take_signals();
            hang_if_asked();
        }
        line_give(true);
        if (line_wait(1000 - (long)(us % 1000u)))
            unit_pass();
    }
}
