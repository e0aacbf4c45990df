/* LM3S6965 at 50 MHz: the Cortex-M3 evaluation board that `qemu-system-arm -M lm3s6965evb` emulates.
 *
 *     PA0, PA1   UART 0: the line, 115200 8N1
 *     PD3        UART 1: the log of what the output pins give
 *     PD4        PWM of timer 0 (CCP0), 16 kHz: the level
 *     PB0        the second pin in series: high only while the core closes it and the loop is closed
 *     PC4        the interlock loop to ground, with a pull-up: open is SUPPLY, and PB0 stays low
 *     PC5        a contact switch to ground, with a pull-up: open is no contact
 *
 * A reset makes PB0 and PD4 inputs: both need a resistor to ground that holds them low. The board has no other sensor:
 * the level is read back from the registers, temperature and charge are constants. */
#include "board.h"

#include "core/crc32.h"
#include "core/nameplate.h"
#include "core/unit.h"
#include "log.h"
#include "startup.h"

#ifndef SERIAL
#define SERIAL "LM3S-1"
#endif
#ifndef CALIBRATED
#define CALIBRATED 0u /* days from 2020-01-01; not known */
#endif

#ifndef WATCHDOG_MS
#define WATCHDOG_MS 60u /* to its interrupt, and as long again to its reset */
#endif

enum {
    CYCLES_PER_MS = 50000,
    CYCLES_PER_US = 50,
    RX_SIZE = 256, /* powers of two */
    TX_SIZE = 128,
    RX_ERROR = 0x100,
    PWM_STEP = 12, /* timer counts of one step of the level */
    PWM_LOAD = 255 * PWM_STEP,
    PASS_LATE = 20,   /* ticks of a millisecond without a pass, after which the interrupt ends output */
    INTERLOCK = 1 << 0,
    PWM = 1 << 4,
    LOOP_OPEN = 1 << 4,
    LIFTED = 1 << 5
};

/* --- time ----------------------------------------------------------------------------------------------- */

/* SysTick counts processor cycles down, 24 bits of them, which is 335 ms: the watchdog ends a loop that takes longer. */
static struct {
    uint32_t ms, complement;
} uptime;
static uint32_t systick_seen, cycles_over;

static uint32_t cycles_since_seen(void)
{
    return (systick_seen - SYSTICK_CVR) & 0xFFFFFFu;
}

uint32_t board_now_ms(void)
{
    uint32_t elapsed = cycles_since_seen();
    while (uptime.ms != ~uptime.complement) { /* a disturbed clock prolongs no lease: the watchdog begins anew */
        end_output();
    }
    systick_seen -= elapsed;
    cycles_over += elapsed;
    uptime.ms += cycles_over / CYCLES_PER_MS;
    uptime.complement = ~uptime.ms;
    cycles_over %= CYCLES_PER_MS;
    return uptime.ms;
}

/* --- output --------------------------------------------------------------------------------------------- */

static void give_clocks(void)
{
    SYSCTL_RCGC0 |= 1u << 3;             /* watchdog */
    SYSCTL_RCGC1 |= 0x3u | 0x3u << 16;   /* UART 0 and 1, timer 0 and 1 */
    SYSCTL_RCGC2 |= 0xFu;                /* ports A to D */
    (void)SYSCTL_RCGC2;                  /* three cycles before the first access */
    (void)SYSCTL_RCGC2;
}

void end_output(void)
{
    give_clocks();
    GPIO_DATA(GPIO_B, INTERLOCK) = 0;
    GPIO_DIR(GPIO_B) = INTERLOCK;
    GPIO_AFSEL(GPIO_D) = 1u << 2 | 1u << 3;
    GPIO_DATA(GPIO_D, PWM) = 0;
    GPIO_DIR(GPIO_D) = PWM;
    TIMER_TAMATCHR(TIMER_0) = PWM_LOAD;
    TIMER_CTL(TIMER_0) = 0;
}

static bool interlock_is_high(void)
{
    return GPIO_DIR(GPIO_B) & GPIO_DATA(GPIO_B, INTERLOCK);
}

static uint8_t pwm_given(void)
{
    if (!(GPIO_AFSEL(GPIO_D) & PWM)) { /* driven without the timer: the whole level */
        return GPIO_DIR(GPIO_D) & GPIO_DATA(GPIO_D, PWM) ? 255 : 0;
    }
    return TIMER_CTL(TIMER_0) & 1u ? (uint8_t)((PWM_LOAD - TIMER_TAMATCHR(TIMER_0)) / PWM_STEP) : 0;
}

static uint32_t pass_ended_us;
static log_line_t last; /* without a `why`: the next line is written whether anything has changed or not */

static void log_if_changed(const char *why, void (*write)(const log_line_t *))
{
    uint32_t elapsed_us = (cycles_over + cycles_since_seen()) / CYCLES_PER_US;
    log_line_t now = {uptime.ms + elapsed_us / 1000, elapsed_us % 1000, 0, interlock_is_high(), pwm_given(), why};
    now.since_pass_us = now.ms * 1000 + now.us - pass_ended_us;
    if (now.enable != last.enable || now.pwm != last.pwm || !last.why) {
        last = now;
        write(&now);
    }
}

void board_output_on(const board_drive_t *drive)
{
    GPIO_DATA(GPIO_D, PWM) = 0;
    GPIO_DIR(GPIO_D) = PWM;
    TIMER_CFG(TIMER_0) = 4;
    TIMER_TAMR(TIMER_0) = 0xA;
    TIMER_TAILR(TIMER_0) = PWM_LOAD;
    TIMER_TAMATCHR(TIMER_0) = PWM_LOAD - (uint32_t)drive->pwm * PWM_STEP;
    TIMER_CTL(TIMER_0) = 1;
    GPIO_AFSEL(GPIO_D) = PWM | 1u << 2 | 1u << 3;
    log_if_changed("on", log_change);
}

void board_output_off(board_why_t why)
{
    static const char *const words[] = {
        [BOARD_WHY_NOT_SET] = "not set", [BOARD_WHY_STEP] = "step",         [BOARD_WHY_CEILING] = "ceiling",
        [BOARD_WHY_LEASE] = "lease",     [BOARD_WHY_CONTACT] = "contact",   [BOARD_WHY_SUSPENSION] = "suspension",
        [BOARD_WHY_STOP] = "stop",       [BOARD_WHY_FAULT] = "fault",       [BOARD_WHY_MEMORY] = "memory",
    };
    GPIO_AFSEL(GPIO_D) = 1u << 2 | 1u << 3;
    GPIO_DATA(GPIO_D, PWM) = 0;
    GPIO_DIR(GPIO_D) = PWM;
    TIMER_TAMATCHR(TIMER_0) = PWM_LOAD;
    log_if_changed((uint32_t)why < sizeof words / sizeof *words ? words[why] : "unknown", log_change);
}

static bool loop_is_open(void)
{
    return GPIO_DATA(GPIO_C, LOOP_OPEN);
}

void board_interlock(bool closed)
{
    GPIO_DATA(GPIO_B, INTERLOCK) = closed && !loop_is_open() ? INTERLOCK : 0;
    GPIO_DIR(GPIO_B) = INTERLOCK;
    log_if_changed(closed ? "closed" : "opened", log_change);
}

void board_sensors(board_sensors_t *sensors)
{
    uint32_t pwm = interlock_is_high() ? pwm_given() : 0;
    sensors->measured_level = (uint16_t)((pwm * NAMEPLATE_LEVEL_MAX + 254u) / 255u);
    sensors->head_temp_ddeg_c = 250;
    sensors->contact_pct = GPIO_DATA(GPIO_C, LIFTED) ? 0 : 100;
    sensors->battery_pct = 100;
    sensors->force_n = 0;
    sensors->causes = loop_is_open() ? PW_FAULT_SUPPLY : 0;
}

/* --- the line ------------------------------------------------------------------------------------------- */

static volatile uint16_t rx[RX_SIZE];
static volatile uint16_t rx_head, rx_tail;
static uint8_t tx[TX_SIZE], tx_head, tx_tail;

static uint16_t rx_room(void)
{
    return (uint16_t)(RX_SIZE - 1u - (uint16_t)(rx_head - rx_tail) % RX_SIZE);
}

static void keep(uint32_t item)
{
    rx[rx_head % RX_SIZE] = (uint16_t)item;
    rx_head = (uint16_t)((rx_head + 1u) % RX_SIZE);
}

/* What there is no room for stays in the UART, which tells by its overrun what it has lost. */
static void take_bytes(void)
{
    while (rx_room() >= 2 && !(UART_FR(UART_0) & UART_FR_RXFE)) {
        uint32_t item = UART_DR(UART_0);
        if (item & UART_DR_ERRORS) {
            keep(RX_ERROR);
        }
        if (!(item & UART_DR_ERRORS & ~(uint32_t)UART_DR_OVERRUN)) {
            keep(item & 0xFFu);
        }
    }
}

void on_uart0(void)
{
    UART_ICR(UART_0) = 0x7F0;
    take_bytes();
}

board_received_t board_receive(uint8_t *byte)
{
    uint16_t at = rx_tail % RX_SIZE;
    if (at == rx_head % RX_SIZE) {
        return BOARD_NOTHING;
    }
    uint16_t item = rx[at];
    rx_tail = (uint16_t)(at + 1) % RX_SIZE;
    *byte = (uint8_t)item;
    return item & RX_ERROR ? BOARD_LINE_ERROR : BOARD_BYTE;
}

uint8_t board_send_room(void)
{
    return (uint8_t)(TX_SIZE - 1 - (uint8_t)(tx_head - tx_tail) % TX_SIZE);
}

void board_send(uint8_t byte)
{
    tx[tx_head % TX_SIZE] = byte;
    tx_head = (uint8_t)(tx_head + 1) % TX_SIZE;
}

/* The UART holds 16 bytes, which is more than it sends in a millisecond. */
static void send_more(void)
{
    while (tx_tail % TX_SIZE != tx_head % TX_SIZE && !(UART_FR(UART_0) & UART_FR_TXFF)) {
        UART_DR(UART_0) = tx[tx_tail % TX_SIZE];
        tx_tail = (uint8_t)(tx_tail + 1) % TX_SIZE;
    }
}

static void begin_uart(uint32_t uart)
{
    UART_CTL(uart) = 0;
    UART_IBRD(uart) = 27; /* 50 MHz / (16 × 115200) = 27 + 8/64 */
    UART_FBRD(uart) = 8;
    UART_LCRH(uart) = 0x70; /* 8N1, with its queue */
    UART_IFLS(uart) = 0;
    UART_CTL(uart) = 0x301;
}

/* --- interrupts, watchdog ------------------------------------------------------------------------------- */

static volatile uint8_t since_pass;

void on_timer1(void)
{
    TIMER_ICR(TIMER_1) = 1;
    if (since_pass < PASS_LATE) {
        since_pass++;
    } else {
        end_output();
        log_if_changed("late", log_last);
    }
}

/* The loop does not come round any more, and the reset follows whatever happens here. */
static void await_reset(const char *why)
{
    end_output();
    last.why = 0;
    log_if_changed(why, log_last);
    for (;;) {
        end_output();
    }
}

void on_watchdog(void)
{
    await_reset("watchdog");
}

void on_trap(void)
{
    await_reset("trap");
}

void board_kick_watchdog(void)
{
    WDT_LOCK = 0x1ACCE551u;
    WDT_LOAD = WATCHDOG_MS * CYCLES_PER_MS;
    WDT_CTL = 3; /* its interrupt, then its reset */
    WDT_LOCK = 0;
    since_pass = 0;
    pass_ended_us = board_now_ms() * 1000 + cycles_over / CYCLES_PER_US;
}

/* What the loop relies on, written again in each pass: a disturbed register is right again within one. */
static void hold_registers(void)
{
    give_clocks();
    GPIO_AFSEL(GPIO_A) = 3;
    GPIO_DEN(GPIO_A) = 3;
    GPIO_DEN(GPIO_B) = INTERLOCK;
    GPIO_DIR(GPIO_C) &= ~(uint32_t)(LOOP_OPEN | LIFTED); /* the other pins of port C are the debugger's */
    GPIO_PUR(GPIO_C) |= LOOP_OPEN | LIFTED;
    GPIO_DEN(GPIO_C) |= LOOP_OPEN | LIFTED;
    GPIO_DEN(GPIO_D) = PWM | 1u << 2 | 1u << 3;
    SYSTICK_RVR = 0xFFFFFF;
    SYSTICK_CSR = 5; /* processor clock, no interrupt */
    UART_IM(UART_0) = 0;
    take_bytes(); /* that an interrupt has had no room for */
    UART_IM(UART_0) = 0x50;
    TIMER_IMR(TIMER_1) = 1;
    NVIC_ISER0 = 1u << IRQ_UART0 | 1u << IRQ_WATCHDOG | 1u << IRQ_TIMER1A;
}

static void begin_ticks(void)
{
    TIMER_CTL(TIMER_1) = 0;
    TIMER_CFG(TIMER_1) = 0;
    TIMER_TAMR(TIMER_1) = 2;
    TIMER_TAILR(TIMER_1) = CYCLES_PER_MS - 1;
    TIMER_CTL(TIMER_1) = 1;
}

/* 50 MHz from the PLL and the crystal of 8 MHz. */
static void begin_clock(void)
{
    SYSCTL_PBORCTL = 2; /* a brown-out is a reset */
    uint32_t rcc = (SYSCTL_RCC | 1u << 11) & ~(1u << 22 | 1u);
    SYSCTL_RCC = rcc;
    rcc = (rcc & ~(0xFu << 6 | 3u << 4 | 1u << 13 | 1u << 12 | 0xFu << 23)) | 0xEu << 6 | 3u << 23 | 1u << 22;
    SYSCTL_RCC = rcc;
    for (uint32_t i = 0; i < 100000 && !(SYSCTL_RIS & 1u << 6); i++) {
    }
    SYSCTL_RCC = rcc & ~(1u << 11);
}

/* --- who it is ------------------------------------------------------------------------------------------ */

/* Kept through a reset. After power has come it does not hold together, and begins with a number made from what the
 * unused RAM then holds. A product counts in memory that needs no power. */
static struct {
    uint32_t first, starts, check;
} kept __attribute__((section(".kept")));

extern uint8_t unused_start, unused_end;

static void count_start(void)
{
    if (kept.check != ~(kept.first ^ kept.starts * 3u)) {
        uint32_t crc = CRC32_START;
        for (const uint8_t *at = &unused_start; at < &unused_end; at++) {
            crc = crc32_add(crc, *at);
        }
        kept.first = crc;
        kept.starts = 0;
    }
    kept.starts++;
    kept.check = ~(kept.first ^ kept.starts * 3u);
}

uint32_t board_nonce(void)
{
    static uint8_t nonces;
    if (++nonces == 0) {
        count_start();
    }
    uint32_t nonce = kept.first + (kept.starts << 8 | nonces); /* each step below gives another for another */
    nonce *= 0x9E3779B1u;
    nonce ^= nonce >> 16;
    nonce *= 0x85EBCA6Bu;
    return nonce ? nonce : 1;
}

void board_identity(board_identity_t *identity)
{
    static const char serial[16] = SERIAL;
    for (uint8_t i = 0; i < sizeof serial; i++) {
        identity->serial[i] = serial[i];
    }
    identity->calibrated = CALIBRATED;
}

/* A function of its own: what the compiler keeps in registers is read anew in each pass, so that a disturbed register
 * does not stay so. */
__attribute__((noinline)) static void one_pass(void)
{
    unit_pass();
    hold_registers();
    send_more();
    log_pump();
}

int main(void);

int main(void)
{
    begin_clock();
    hold_registers();
    systick_seen = SYSTICK_CVR;
    uptime.complement = ~uptime.ms;
    board_kick_watchdog(); /* it runs from here on */
    begin_uart(UART_0);
    begin_uart(UART_1);
    UART_DR(UART_1) = '\n'; /* the reset may have come inside a line */
    begin_ticks();
    count_start();
    log_if_changed("start", log_change);
    unit_start();
    for (;;) {
        one_pass();
        __asm__ volatile("cpsie i\n wfi" ::: "memory"); /* until the next millisecond or byte */
    }
}
