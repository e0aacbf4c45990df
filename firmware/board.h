/* What a board provides to the core. Nothing else of a board is known to the core.
 *
 * A board calls unit_start() once and then unit_pass() (core/unit.h) again and again, at least once a millisecond.
 * Every function here returns at once and is called from unit_start() and unit_pass() only, never from an
 * interrupt: what a board shares with its interrupts it guards itself. */
#ifndef BOARD_H
#define BOARD_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds since the start; turns over at 2^32. */
uint32_t board_now_ms(void);

typedef enum {
    BOARD_NOTHING = 0, /* no byte has arrived */
    BOARD_BYTE,        /* the next byte, in *byte */
    BOARD_LINE_ERROR   /* a framing error, or bytes were lost here: an overrun of the UART or of the board's queue */
} board_received_t;

/* The next received byte. Each error is told once, in its place among the bytes; the byte that a framing error
 * belongs to is not told. A queue of 32 bytes is enough at one pass a millisecond (11.5 bytes at 115200 baud). */
board_received_t board_receive(uint8_t *byte);

/* How many bytes board_send() takes now without losing one. An answer is sent when there is room for the whole of it,
 * UNIT_FRAME_MAX (56) bytes: a queue that holds fewer is never used. */
uint8_t board_send_room(void);

/* Queue a byte to be sent. */
void board_send(uint8_t byte);

/* What the output stage is to give. */
typedef struct {
    uint16_t level;       /* mW/cm2 during the pulse, or percussions a minute */
    uint8_t pwm;          /* the same as a PWM duty: 0 to 255 for 0 to NAMEPLATE_LEVEL_MAX, rounded down */
    uint8_t duty_pct;     /* share of the time the pulse is on; 100: continuous */
    uint16_t carrier_khz; /* 0 for percussion */
    uint16_t pulse_hz;    /* 0 when continuous */
} board_drive_t;

/* Why output is off: for the board's log. */
typedef enum {
    BOARD_WHY_NOT_SET = 0, /* no step runs */
    BOARD_WHY_STEP,        /* the step's own end */
    BOARD_WHY_CEILING,     /* the session's time or energy */
    BOARD_WHY_LEASE,
    BOARD_WHY_CONTACT,
    BOARD_WHY_SUSPENSION, /* it was suspended for too long; output was off already */
    BOARD_WHY_STOP,
    BOARD_WHY_FAULT,
    BOARD_WHY_MEMORY /* the core's state and its complement differ */
} board_why_t;

/* Give output, on the PWM alone: it goes out only while the interlock is closed as well. Called once a pass while
 * output is on, and with a level of 0 at the foot of a ramp. Write the registers each time, also when nothing
 * changed: what has been disturbed is then right again within a pass. */
void board_output_on(const board_drive_t *drive);

/* No output: PWM and pin off. Called at once when output ends, and once a pass while it is off. */
void board_output_off(board_why_t why);

/* The second pin, in series with the first: the output stage is enabled only while it is closed. Closed after the
 * checks of a pass in which output is on, opened before the PWM is switched off. */
void board_interlock(bool closed);

/* A board keeps a log of the changes of what really goes out (as its registers have it after the two functions
 * above): the unit's milliseconds, the level, and why. The core knows nothing of it. */

/* What is measured. A reading without its sensor in NAMEPLATE_SENSORS means nothing, and is put into a status as it
 * is. A board that converts slowly returns the latest values; none may be older than 50 ms. */
typedef struct {
    uint16_t measured_level;  /* output now, during the pulse: mW/cm2 or percussions a minute */
    int16_t head_temp_ddeg_c; /* tenths of a degree */
    uint8_t contact_pct;
    uint8_t battery_pct;
    uint16_t force_n;
    uint16_t causes; /* PW_FAULT_ bits whose cause the board sees now: SUPPLY, STALL, MOTOR_HOT, BATTERY_EMPTY,
                      * SENSOR, SELF_TEST. HEAD_HOT and OUTPUT_STUCK the core finds from the values above. */
} board_sensors_t;

void board_sensors(board_sensors_t *sensors);

/* Another number after each restart (a counter kept in EEPROM or flash, hashed; a random source), and each time it is
 * called. Not 0. */
uint32_t board_nonce(void);

/* The serial number, padded with zeros, and the days from 2020-01-01 to the last calibration: 0 when not known. */
typedef struct {
    char serial[16];
    uint16_t calibrated;
} board_identity_t;

void board_identity(board_identity_t *identity);

/* Put off the reset by the watchdog. Called at the end of a pass that has checked the state against its complement,
 * the lease and the ceilings, and from nowhere else. Its time should be 15 to 120 ms; its reset has to leave
 * output off without any help of this program. */
void board_kick_watchdog(void);

#endif
