/* A board whose time, bytes and readings are given from outside: for tests, in one process and on virtual time. */
#include <stddef.h>
#include <string.h>

#include "../../core/control.h"
#include "../../core/unit.h"
#include "stub.h"

#define RECEIVED_MAX 4096u
#define SENT_MAX 65536u
#define CHANGES_MAX 65536u

static uint32_t now_ms, nonce;
static uint8_t received[RECEIVED_MAX];
static uint32_t received_count, received_next;
static bool line_error;
static uint8_t sent[SENT_MAX];
static uint32_t sent_count;
static uint32_t send_room = SENT_MAX;
static stub_change_t changes[CHANGES_MAX];
static uint32_t changes_count, kicks;
static board_identity_t own;

/* A bit that changes in the next pass, after its check of the state and before its timers. */
static uint8_t *flipped;
static uint8_t flipped_bit;

uint32_t board_now_ms(void) {
    if (flipped != NULL)
        *flipped ^= flipped_bit;
    flipped = NULL;
    return now_ms;
}

board_received_t board_receive(uint8_t *byte) {
    if (line_error) {
        line_error = false;
        return BOARD_LINE_ERROR;
    }
    if (received_next == received_count)
        return BOARD_NOTHING;
    *byte = received[received_next++];
    return BOARD_BYTE;
}

uint8_t board_send_room(void) {
    const uint32_t room = send_room - (sent_count < send_room ? sent_count : send_room);
    return room > 255u ? 255u : (uint8_t)room;
}

void board_send(uint8_t byte) {
    if (sent_count < SENT_MAX)
        sent[sent_count++] = byte;
}

uint32_t board_nonce(void) { return nonce++; }

void board_identity(board_identity_t *identity) { *identity = own; }

void board_kick_watchdog(void) { kicks++; }

void stub_changed(const stub_change_t *change) {
    if (changes_count < CHANGES_MAX)
        changes[changes_count++] = *change;
}

/* --- for the test --------------------------------------------------------------------------------- */

void test_start(uint32_t at_ms, uint32_t first_nonce, const char *serial, uint16_t calibrated);
void test_advance(uint32_t ms);
void test_late(uint32_t ms);
void test_receive(const uint8_t *bytes, uint32_t count);
void test_line_error(void);
uint32_t test_sent(uint8_t *into);
void test_send_room(uint32_t room);
void test_sensors(const board_sensors_t *sensors);
void test_stuck(uint16_t level);
uint32_t test_changes(stub_change_t *into);
uint16_t test_output(void);
uint32_t test_kicks(void);
uint32_t test_control_size(void);
uint32_t test_counts_size(void);
void test_flip(uint32_t byte, uint8_t bit);
void test_flip_in_pass(uint32_t byte, uint8_t bit);

/* Switch the unit on (again). */
void test_start(uint32_t at_ms, uint32_t first_nonce, const char *serial, uint16_t calibrated) {
    now_ms = at_ms;
    nonce = first_nonce;
    received_count = received_next = sent_count = changes_count = kicks = 0;
    send_room = SENT_MAX;
    line_error = false;
    memset(&own, 0, sizeof own);
    for (uint8_t i = 0; i < sizeof own.serial && serial[i] != 0; i++)
        own.serial[i] = serial[i];
    own.calibrated = calibrated;
    stub_reset();
    stub_stuck_level = 0;
    unit_start();
    unit_pass();
}

/* `ms` milliseconds, with one pass in each; 0: one pass more in this millisecond. */
void test_advance(uint32_t ms) {
    if (ms == 0)
        unit_pass();
    for (; ms > 0; ms--) {
        now_ms++;
        unit_pass();
    }
}

/* `ms` milliseconds in which the loop is held up, then one pass. */
void test_late(uint32_t ms) {
    now_ms += ms;
    unit_pass();
}

/* Bytes that arrive in this millisecond, at most 4096; passes follow until all are taken. */
void test_receive(const uint8_t *bytes, uint32_t count) {
    received_count = count < RECEIVED_MAX ? count : RECEIVED_MAX;
    received_next = 0;
    memcpy(received, bytes, received_count);
    while (received_next < received_count)
        unit_pass();
}

void test_line_error(void) {
    line_error = true;
    unit_pass();
}

/* What was sent since this was asked last. */
uint32_t test_sent(uint8_t *into) {
    const uint32_t count = sent_count;
    memcpy(into, sent, count);
    sent_count = 0;
    return count;
}

/* How many bytes the line takes until test_sent() is called: a slow line. */
void test_send_room(uint32_t room) { send_room = room < SENT_MAX ? room : SENT_MAX; }

void test_sensors(const board_sensors_t *sensors) { stub_sensors = *sensors; }
void test_stuck(uint16_t level) { stub_stuck_level = level; }

/* Changes of what goes out since this was asked last. */
uint32_t test_changes(stub_change_t *into) {
    const uint32_t count = changes_count;
    memcpy(into, changes, count * sizeof *changes);
    changes_count = 0;
    return count;
}

uint16_t test_output(void) { return stub_output(); }
uint32_t test_kicks(void) { return kicks; }

/* The state that decides about output, how much of it are counts, and a bit of it that changes by itself. */
uint32_t test_control_size(void) { return sizeof control; }
uint32_t test_counts_size(void) { return offsetof(control_t, nonce); }
void test_flip(uint32_t byte, uint8_t bit) { ((uint8_t *)&control)[byte % sizeof control] ^= (uint8_t)(1u << bit % 8u); }
void test_flip_in_pass(uint32_t byte, uint8_t bit) {
    flipped = (uint8_t *)&control + byte % sizeof control;
    flipped_bit = (uint8_t)(1u << bit % 8u);
    unit_pass();
}
