/* ATmega328P at 16 MHz: an Arduino Uno.
 *
 *     D0, D1   UART: the line, 115200 8N1 (117647 with this crystal, which is 2.1 % fast and within bounds)
 *     D9       PWM of timer 1, 7.8 kHz: the level
 *     D8       the second pin in series: high only while the core closes it and the loop is closed
 *     D4       the interlock loop to ground, with a pull-up: open is SUPPLY, and D8 stays low
 *     D5       a contact switch to ground, with a pull-up: open is no contact
 *
 * A reset makes D8 and D9 inputs: both need a resistor to ground that holds them low. A bare board has no other
 * sensor: the level is read back from the registers, temperature and charge are constants. */
#include <avr/eeprom.h>
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <avr/wdt.h>
#include <util/atomic.h>

#include "board.h"
#include "core/nameplate.h"
#include "core/unit.h"

#ifndef SERIAL
#define SERIAL "UNO-1"
#endif
#ifndef CALIBRATED
#define CALIBRATED 0u /* days from 2020-01-01; not known */
#endif

enum {
    RX_SIZE = 64, /* powers of two */
    TX_SIZE = 64,
    PASS_LATE_MS = 20, /* the interrupt ends output when the loop has not passed for so long */
    INTERLOCK = 1 << PB0,
    PWM = 1 << PB1,
    PWM_APART = 1 << WGM10, /* of TCCR1A: the timer counts as for the PWM, and its pin is the port's */
    PWM_COUNTS = 1 << WGM12 | 1 << CS11,
    LOOP_OPEN = 1 << PD4,
    LIFTED = 1 << PD5,
    BAUD_DIVIDER = 16, /* with U2X */
    COUNT_SLOTS = 64
};

/* --- output --------------------------------------------------------------------------------------------- */

/* Inline, so that it stands in the interrupt without saving what a call would need. */
static inline void end_output(void)
{
    PORTB &= (uint8_t) ~(INTERLOCK | PWM);
    TCCR1A = PWM_APART;
    OCR1A = 0;
    DDRB |= INTERLOCK | PWM;
}

/* Registers are written only where they differ: a timer that is set up anew loses its count. */
static void hold(volatile uint8_t *reg, uint8_t value)
{
    if (*reg != value) {
        *reg = value;
    }
}

void board_output_on(const board_drive_t *drive)
{
    PORTB &= (uint8_t)~PWM;
    hold(&DDRB, INTERLOCK | PWM);
    if (OCR1A != drive->pwm) {
        OCR1A = drive->pwm;
    }
    hold(&TCCR1B, PWM_COUNTS);
    hold(&TCCR1A, drive->pwm ? 1 << COM1A1 | PWM_APART : PWM_APART); /* a compare value of 0 still gives a pulse */
}

void board_output_off(board_why_t why)
{
    (void)why;
    PORTB &= (uint8_t)~PWM;
    hold(&TCCR1A, PWM_APART);
    hold(&TCCR1B, PWM_COUNTS);
    if (OCR1A != 0) {
        OCR1A = 0;
    }
    hold(&DDRB, INTERLOCK | PWM);
}

static bool loop_is_open(void)
{
    return PIND & LOOP_OPEN;
}

void board_interlock(bool closed)
{
    hold(&DDRD, 1 << PD1);
    hold(&PORTD, LOOP_OPEN | LIFTED); /* the pull-ups */
    if (closed && !loop_is_open()) {
        PORTB |= INTERLOCK;
    } else {
        PORTB &= (uint8_t)~INTERLOCK;
    }
}

void board_sensors(board_sensors_t *sensors)
{
    bool given = (PORTB & DDRB & INTERLOCK) && (DDRB & PWM) && (TCCR1A & 1 << COM1A1);
    uint16_t pwm = OCR1A;
    if (PORTB & DDRB & PWM) { /* driven without the timer: the whole level */
        given = PORTB & DDRB & INTERLOCK;
        pwm = 255;
    }
    sensors->measured_level = given ? (uint16_t)(((uint32_t)pwm * NAMEPLATE_LEVEL_MAX + 254u) / 255u) : 0;
    sensors->head_temp_ddeg_c = 250;
    sensors->contact_pct = PIND & LIFTED ? 0 : 100;
    sensors->battery_pct = 100;
    sensors->force_n = 0;
    sensors->causes = loop_is_open() ? PW_FAULT_SUPPLY : 0;
}

/* --- the line ------------------------------------------------------------------------------------------- */

static volatile uint8_t rx[RX_SIZE], rx_head, rx_tail;
static volatile uint8_t rx_error[RX_SIZE / 8]; /* a bit for each place: an error, and no byte */
static volatile uint8_t tx[TX_SIZE], tx_head, tx_tail;

static inline void keep(uint8_t byte, bool error)
{
    uint8_t at = rx_head % RX_SIZE;
    uint8_t next = (uint8_t)(at + 1) % RX_SIZE;
    if (next == rx_tail % RX_SIZE) { /* full: what is lost is told where it is lost */
        at = (uint8_t)(at - 1) % RX_SIZE;
        error = true;
        next = rx_head % RX_SIZE;
    }
    rx[at] = byte;
    uint8_t bit = (uint8_t)(1 << at % 8);
    uint8_t others = rx_error[at / 8] & (uint8_t)~bit;
    rx_error[at / 8] = error ? others | bit : others;
    rx_head = next;
}

ISR(USART_RX_vect)
{
    uint8_t status = UCSR0A;
    uint8_t byte = UDR0;
    if (status & (1 << FE0 | 1 << DOR0)) {
        keep(0, true);
    }
    if (!(status & 1 << FE0)) {
        keep(byte, false);
    }
}

board_received_t board_receive(uint8_t *byte)
{
    uint8_t at = rx_tail % RX_SIZE;
    board_received_t received = BOARD_NOTHING;
    ATOMIC_BLOCK(ATOMIC_FORCEON)
    {
        if (at != rx_head % RX_SIZE) {
            received = rx_error[at / 8] & 1 << at % 8 ? BOARD_LINE_ERROR : BOARD_BYTE;
            *byte = rx[at];
            rx_tail = (uint8_t)(at + 1) % RX_SIZE;
        }
    }
    return received;
}

ISR(USART_UDRE_vect)
{
    uint8_t at = tx_tail % TX_SIZE;
    if (at == tx_head % TX_SIZE) {
        UCSR0B = 1 << RXCIE0 | 1 << RXEN0 | 1 << TXEN0;
    } else {
        UDR0 = tx[at];
        tx_tail = (uint8_t)(at + 1) % TX_SIZE;
    }
}

uint8_t board_send_room(void)
{
    return (uint8_t)(TX_SIZE - 1 - (uint8_t)(tx_head - tx_tail) % TX_SIZE);
}

void board_send(uint8_t byte)
{
    uint8_t at = tx_head % TX_SIZE;
    tx[at] = byte;
    tx_head = (uint8_t)(at + 1) % TX_SIZE;
    UCSR0B = 1 << RXCIE0 | 1 << UDRIE0 | 1 << RXEN0 | 1 << TXEN0;
}

static void hold_line(void)
{
    if (UBRR0 != BAUD_DIVIDER) {
        UBRR0 = BAUD_DIVIDER;
    }
    if (!(UCSR0A & 1 << U2X0)) {
        UCSR0A = 1 << U2X0;
    }
    hold(&UCSR0C, 1 << UCSZ01 | 1 << UCSZ00);
    UCSR0B = (uint8_t)(1 << RXCIE0 | 1 << RXEN0 | 1 << TXEN0) | (tx_head != tx_tail ? 1 << UDRIE0 : 0);
}

/* --- time and watchdog ---------------------------------------------------------------------------------- */

static volatile struct {
    uint32_t ms, complement;
} uptime;
static volatile uint8_t since_pass_ms;

ISR(TIMER0_COMPA_vect)
{
    uptime.ms++;
    uptime.complement--;
    if (since_pass_ms >= PASS_LATE_MS) {
        end_output();
    } else {
        since_pass_ms++;
    }
}

uint32_t board_now_ms(void)
{
    uint32_t now, complement;
    ATOMIC_BLOCK(ATOMIC_FORCEON)
    {
        now = uptime.ms;
        complement = uptime.complement;
    }
    while (now != ~complement) { /* a clock that has been disturbed prolongs no lease: the watchdog begins anew */
        end_output();
    }
    return now;
}

static void hold_clock(void)
{
    hold(&OCR0A, F_CPU / 64 / 1000 - 1);
    hold(&TCCR0A, 1 << WGM01);
    hold(&TCCR0B, 1 << CS01 | 1 << CS00);
    hold(&TIMSK0, 1 << OCIE0A);
}

void board_kick_watchdog(void)
{
    wdt_reset();
    since_pass_ms = 0;
}

/* Before anything else, and after whatever has led here: output off, and the watchdog running. Not kicked by what
 * follows until the first whole pass. */
void first(void) __attribute__((naked, used, section(".init3")));
void first(void)
{
    cli();
    TCCR1A = 0;
    PORTB = 0;
    DDRB = INTERLOCK | PWM;
    MCUSR = 0; /* or a reset by the watchdog would leave it at its shortest time */
    wdt_enable(WDTO_60MS);
}

static void hold_watchdog(void)
{
    if ((WDTCSR & ~(1 << WDIF)) != (1 << WDE | WDTO_60MS)) {
        wdt_enable(WDTO_60MS);
    }
}

/* --- who it is ------------------------------------------------------------------------------------------ */

/* How often it has started. One of 64 places is written at each start, the newest last: each is written 100,000
 * times at least, and one that was not written whole is passed over. */
typedef struct {
    uint32_t count;
    uint8_t check;
} slot_t;

static slot_t EEMEM slots[COUNT_SLOTS];
static uint32_t starts; /* 24 bits */
static uint8_t nonces;  /* of this start */

static uint8_t check_of(uint32_t count)
{
    return (uint8_t) ~(count + (count >> 8) + (count >> 16) + (count >> 24) + 0x5Au);
}

static void count_start(void)
{
    uint32_t newest = 0;
    for (uint8_t i = 0; i < COUNT_SLOTS; i++) {
        slot_t slot;
        eeprom_read_block(&slot, &slots[i], sizeof slot);
        if (slot.check == check_of(slot.count) && slot.count > newest) {
            newest = slot.count;
        }
    }
    starts = newest + 1;
    slot_t slot = {starts, check_of(starts)};
    eeprom_update_block(&slot, &slots[starts % COUNT_SLOTS], sizeof slot);
    eeprom_busy_wait();
}

uint32_t board_nonce(void)
{
    if (++nonces == 0) {
        count_start();
    }
    uint32_t nonce = starts << 8 | nonces; /* never 0; each step below gives another for another */
    nonce *= 0x9E3779B1u;
    nonce ^= nonce >> 16;
    nonce *= 0x85EBCA6Bu;
    return nonce;
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
    hold_clock();
    hold_line();
    hold_watchdog();
}

int main(void)
{
    board_output_off(BOARD_WHY_NOT_SET);
    count_start();
    uptime.complement = ~uptime.ms;
    hold_clock();
    hold_line();
    sei();
    unit_start();
    for (;;) {
        one_pass();
        SMCR = SLEEP_MODE_IDLE | 1 << SE;
        sei();
        sleep_cpu(); /* until the next millisecond or byte */
    }
}
