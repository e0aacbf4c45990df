/* An ATmega328P that runs the image an Arduino Uno would, in real time, with its line on a pty or a TCP port.
 *
 *     harness IMAGE.elf [--tcp PORT] [--log FILE] [--seed N]
 *
 * The first line printed is the address of the line. The log has one JSON object for each change of the output
 * pins and for each reset, with the unit's own milliseconds: processor cycles / 16000, from where timer 0 was
 * started, which is what the unit's clock counts. Standard input takes commands (see control.c) that stand for
 * what a debugger or the laboratory does to a board: no byte of them goes over the line.
 *
 * What simavr leaves out and is added here: bytes arrive at the speed of the line (115200 baud), a third byte
 * that nobody has taken sets the overrun flag, a program that has run wild goes on as on the real processor
 * (past the end of the flash it begins at address 0), and a reset says why in MCUSR.
 */
#define _GNU_SOURCE
#include "harness.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "avr_watchdog.h"
#include "line.h"
#include "sim_cycle_timers.h"
#include "sim_elf.h"

static const int64_t AHEAD_NS = 300000;
static const int64_t BEHIND_NS = 2000000000; /* what this computer has not given for so long is not made up for */

enum {
    HZ = 16000000,
    CYCLES_PER_MS = HZ / 1000,
    LINE_CYCLES = HZ * 10 / 115200, /* a byte of the host: ten bits */
    SLICE_CYCLES = 16,              /* the output pins are looked at once in a microsecond */
    WAITING_MAX = 2,       /* bytes that the receiver holds beside the one that arrives */
    DDRB = 0x24,
    PORTB = 0x25,
    TCCR0B = 0x45,
    MCUSR = 0x54,
    TCCR1A = 0x80,
    TCCR1B = 0x81,
    OCR1AL = 0x88,
    UCSR0A = 0xC0,
};

struct unit unit = {.rate_pct = 100, .watchdog_pct = 100};

static FILE *log_file;
static avr_cycle_count_t clock_start;
static bool clock_runs;
static struct output last;
static void (*core_reset)(avr_t *);
static int (*watchdog_ioctl)(struct avr_io_t *, uint32_t, void *);
static uint8_t reset_flags;
static double reset_at_ms = -1; /* a reset is told with the time of the clock that it ended */

double unit_ms(void)
{
    return clock_runs ? (double)(unit.avr->cycle - clock_start) / CYCLES_PER_MS : 0.0;
}

/* What goes out: the enable line on pin 8 (PB0), and the level on pin 9 (PB1, OC1A). */
struct output output_now(void)
{
    const uint8_t *data = unit.avr->data;
    uint8_t driven_high = data[DDRB] & data[PORTB];
    bool connected = (data[DDRB] & 2u) && (data[TCCR1A] & 0x80u) && (data[TCCR1B] & 7u);
    uint16_t level = (uint16_t)(data[OCR1AL] | data[OCR1AL + 1] << 8);
    struct output now = {driven_high & 1u, connected ? level : (driven_high & 2u) ? 0xFFFF : 0};
    return now;
}

static void write_log(const char *why)
{
    if (log_file) {
        fprintf(log_file, "{\"ms\": %.3f, \"enable\": %d, \"pwm\": %d, \"pass\": %llu, \"why\": \"%s\"}\n",
                reset_at_ms >= 0 ? reset_at_ms : unit_ms(), last.enable, last.pwm, (unsigned long long)unit.passes,
                why);
        reset_at_ms = -1;
        fflush(log_file);
    }
}

static void look_at_output(const char *why)
{
    struct output now = output_now();
    bool changed = now.enable != last.enable || now.pwm != last.pwm;
    last = now;
    if (changed || why) {
        write_log(why ? why : "pin");
    }
}

/* --- the line ------------------------------------------------------------------------------------------- */

static void give(struct avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    (void)param;
    line_give((uint8_t)value);
}

static unsigned waiting(void)
{
    const uart_fifo_t *fifo = &unit.uart->input;
    return (unsigned)(fifo->write - fifo->read) % uart_fifo_fifo_size;
}

static avr_cycle_count_t arrive(avr_t *avr, avr_cycle_count_t when, void *param)
{
    uint8_t byte;
    (void)param;
    unit.uart->cycles_per_byte = LINE_CYCLES; /* simavr adds a parity bit that is not there */
    if (line_take(&byte)) {
        if (waiting() >= WAITING_MAX && avr_regbit_get(avr, unit.uart->rxen)) {
            avr_regbit_set(avr, unit.uart->dor);
            unit.overruns++;
        } else {
            uint32_t bad = unit.framing_errors ? UART_INPUT_FE : 0;
            unit.framing_errors -= unit.framing_errors ? 1 : 0;
            avr_raise_irq(unit.uart->io.irq + UART_IRQ_INPUT, byte | bad);
        }
    }
    return when + LINE_CYCLES * 100u / unit.rate_pct;
}

/* --- reset and watchdog --------------------------------------------------------------------------------- */

static void after_reset(avr_t *avr)
{
    if (core_reset) {
        core_reset(avr);
    }
    avr->data[MCUSR] |= reset_flags;
    reset_at_ms = unit_ms();
    clock_runs = false;
    unit.resets++;
    avr_cycle_timer_register(avr, LINE_CYCLES, arrive, NULL);
}

void unit_reset(uint8_t flags, const char *why)
{
    reset_flags = flags;
    avr_reset(unit.avr);
    reset_flags = 0;
    look_at_output(why);
}

/* Every pass of the loop restarts the watchdog: passes are counted here, and their time taken. */
static int on_watchdog(struct avr_io_t *io, uint32_t ctl, void *param)
{
    if (ctl == AVR_IOCTL_WATCHDOG_RESET) {
        avr_watchdog_t *watchdog = (avr_watchdog_t *)io;
        avr_cycle_count_t took = unit.avr->cycle - unit.pass_began;
        uint64_t usual = (uint64_t)watchdog->cycle_count;
        unit.pass_longest = unit.passes && took > unit.pass_longest ? took : unit.pass_longest;
        unit.pass_began = unit.avr->cycle;
        unit.passes++;
        watchdog->cycle_count = usual * unit.watchdog_pct / 100;
        int result = watchdog_ioctl(io, ctl, param);
        watchdog->cycle_count = usual;
        return result;
    }
    return watchdog_ioctl(io, ctl, param);
}

static void find_parts(void)
{
    for (avr_io_t *io = unit.avr->io_port; io; io = io->next) {
        if (strcmp(io->kind, "watchdog") == 0) {
            watchdog_ioctl = io->ioctl;
            io->ioctl = on_watchdog;
        } else if (strcmp(io->kind, "uart") == 0) {
            unit.uart = (avr_uart_t *)io;
        }
    }
    unit.uart->flags = 0;
    avr_irq_register_notify(unit.uart->io.irq + UART_IRQ_OUTPUT, give, NULL);
    core_reset = unit.avr->reset;
    unit.avr->reset = after_reset;
}

/* --- running -------------------------------------------------------------------------------------------- */

static void no_sleep(avr_t *avr, avr_cycle_count_t cycles)
{
    (void)avr;
    (void)cycles;
}

static void no_words(avr_t *avr, const int level, const char *format, va_list arguments)
{
    (void)avr;
    (void)level;
    (void)format;
    (void)arguments;
}

static int64_t host_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void keep_to_real_time(void)
{
    static int64_t start;
    int64_t due = start + (int64_t)(unit.avr->cycle / (HZ / 1000000) * 1000);
    int64_t ahead = due - host_ns();
    if (start == 0 || ahead < -BEHIND_NS) {
        start += start == 0 ? host_ns() - (due - start) : -ahead;
    } else if (ahead > AHEAD_NS) {
        struct timespec pause = {0, ahead};
        nanosleep(&pause, NULL);
    }
}

static void run_slice(void)
{
    uint32_t resets = unit.resets;
    avr_run(unit.avr);
    if (unit.avr->state == cpu_Crashed) { /* a wild program: simavr stops there, the processor does not */
        unit.wild++;
        unit.avr->state = cpu_Running;
        unit.avr->pc = unit.avr->pc >= unit.avr->flashend ? 0 : unit.avr->pc;
    } else if (unit.avr->state == cpu_Done) { /* asleep with interrupts off: only a reset ends that */
        unit.avr->state = cpu_Sleeping;
        unit.avr->cycle += SLICE_CYCLES;
    }
    if (!clock_runs && unit.avr->data[TCCR0B] & 7u) {
        clock_runs = true;
        clock_start = unit.avr->cycle;
    }
    look_at_output(resets != unit.resets ? "watchdog" : NULL);
}

static bool load(const char *path, unsigned seed)
{
    elf_firmware_t image;
    memset(&image, 0, sizeof image);
    if (elf_read_firmware(path, &image) != 0) {
        return false;
    }
    unit.avr = avr_make_mcu_by_name("atmega328p");
    avr_init(unit.avr);
    unit.avr->frequency = HZ;
    avr_load_firmware(unit.avr, &image);
    unit.avr->frequency = HZ;
    unit.avr->log = 0;
    unit.avr->sleep = no_sleep;
    unit.avr->run_cycle_limit = SLICE_CYCLES;
    /* A wild program writes anywhere in 64 kB; simavr has memory for 2 kB. */
    unit.avr->data = realloc(unit.avr->data, 0x10100);
    memset(unit.avr->data + unit.avr->ramend + 1, 0, 0x10100 - unit.avr->ramend - 1u);
    srandom(seed);
    return true;
}

int main(int argc, char **argv)
{
    int tcp_port = -1;
    unsigned seed = 1;
    for (int i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--tcp") == 0) {
            tcp_port = atoi(argv[i + 1]);
        } else if (strcmp(argv[i], "--log") == 0) {
            log_file = fopen(argv[i + 1], "w");
        } else if (strcmp(argv[i], "--seed") == 0) {
            seed = (unsigned)strtoul(argv[i + 1], NULL, 0);
        }
    }
    avr_global_logger_set(no_words);
    if (argc < 2 || !load(argv[1], seed)) {
        fprintf(stderr, "harness: no image that can be read\n");
        return 2;
    }
    find_parts();
    control_power_on();
    if (!line_open(tcp_port)) {
        fprintf(stderr, "harness: the line cannot be opened\n");
        return 5;
    }
    fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
    for (avr_cycle_count_t next = 0; control_runs();) {
        while (unit.avr->cycle < next) {
            run_slice();
        }
        next = unit.avr->cycle + CYCLES_PER_MS / 4;
        keep_to_real_time();
    }
    return 0;
}
