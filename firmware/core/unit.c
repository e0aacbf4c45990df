#include "unit.h"

#include <string.h>

#include "../board.h"
#include "control.h"
#include "frame.h"
#include "requests.h"
#include "timers.h"

#define HEAD 3u
#define BYTES_PER_PASS 64u /* at most; 11.5 arrive in a millisecond at 115200 baud */
#define OWED_MAX 8u        /* answers not sent yet: 8 of 4.9 ms are sent within 70 ms */

_Static_assert(sizeof(pw_identity_t) == PW_IDENTITY_SIZE && sizeof(pw_capabilities_t) == PW_CAPABILITIES_SIZE &&
                   sizeof(pw_status_t) == PW_STATUS_SIZE,
               "a body is not packed");
_Static_assert(PW_STATUS_SIZE >= PW_IDENTITY_SIZE && PW_STATUS_SIZE >= PW_CAPABILITIES_SIZE &&
                   PW_STATUS_SIZE <= PW_BODY_MAX,
               "Status is the longest answer");
/* Type, seq and CRC are 7 bytes, COBS adds one, and there are two zeros. */
_Static_assert(UNIT_FRAME_MAX == PW_STATUS_SIZE + 10u, "UNIT_FRAME_MAX is that of a Status");

typedef struct {
    uint8_t asked, result;
    uint16_t seq;
} owed_t;

static frame_receiver_t receiver;
static uint16_t bad_frames;
static owed_t owed[OWED_MAX];
static uint8_t owed_count;

/* What a pass has checked; the watchdog is kicked for both and for nothing else. */
#define CHECKED_MEMORY 0x35u
#define CHECKED_TIMERS 0xC1u
static uint8_t checked;

void unit_start(void) {
    board_interlock(false);
    board_output_off(BOARD_WHY_NOT_SET);
    memset(&receiver, 0, sizeof receiver);
    bad_frames = 0;
    owed_count = 0;
    requests_reset();
    control_reset(board_now_ms(), PW_UNIT_STATE_IDLE, 0);
}

/* Nothing that the state says can be relied on: output off, and a nonce that no earlier request has. */
static void check_memory(void) {
    if (!control_is_whole()) {
        board_interlock(false);
        board_output_off(BOARD_WHY_MEMORY);
        requests_reset();
        control_reset(board_now_ms(), PW_UNIT_STATE_FAULT, FAULT_MEMORY);
        control.why = BOARD_WHY_MEMORY;
        control_changed = true;
        control_commit();
    }
}

/* Write to the board's registers what the state says, changed or not. */
static void drive(void) {
    if (!control_emits()) {
        board_interlock(false);
        board_output_off((board_why_t)control.why);
        return;
    }
    const uint16_t level = control_output();
    const board_drive_t driven = {
        .level = level,
        .pwm = NAMEPLATE_PWM(level),
        .duty_pct = control.duty_pct,
        .carrier_khz = control.carrier_khz,
        .pulse_hz = control.pulse_hz,
    };
    board_output_on(&driven);
    board_interlock(true);
}

static uint8_t identity(uint8_t *body) {
    board_identity_t own;
    board_identity(&own);
    pw_identity_t says = {
        .major = PW_MAJOR,
        .minor = PW_MINOR,
        .family = NAMEPLATE_FAMILY,
        .firmware = NAMEPLATE_FIRMWARE,
        .nonce = control.nonce,
        .model = NAMEPLATE_MODEL,
        .calibrated = own.calibrated,
    };
    memcpy(says.serial, own.serial, sizeof says.serial);
    memcpy(body, &says, sizeof says);
    return sizeof says;
}

static uint8_t capabilities(uint8_t *body) {
    static const pw_capabilities_t says = {
        .level_min = NAMEPLATE_LEVEL_MIN,
        .level_max = NAMEPLATE_LEVEL_MAX,
        .average_max = NAMEPLATE_AVERAGE_MAX,
        .area_mm2 = NAMEPLATE_AREA_MM2,
        .bnr_tenths = NAMEPLATE_BNR_TENTHS,
        .duties_pct = NAMEPLATE_DUTIES_PCT,
        .carriers_khz = NAMEPLATE_CARRIERS_KHZ,
        .pulses_hz = NAMEPLATE_PULSES_HZ,
        .step_max_ms = NAMEPLATE_STEP_MAX_MS,
        .delivered_max_ms = NAMEPLATE_DELIVERED_MAX_MS,
        .suspension_max_ms = NAMEPLATE_SUSPENSION_MAX_MS,
        .lease_min_ms = NAMEPLATE_LEASE_MIN_MS / 10u - 1u,
        .lease_max_ms = NAMEPLATE_LEASE_MAX_MS / 10u - 1u,
        .head_trip_ddeg_c = NAMEPLATE_HEAD_TRIP_DDEG_C,
        .sensors = NAMEPLATE_SENSORS,
    };
    memcpy(body, &says, sizeof says);
    return sizeof says;
}

static uint8_t status(uint8_t *body, const owed_t *answer) {
    board_sensors_t sensors;
    board_sensors(&sensors);
    const bool runs = control_runs();
    const pw_status_t says = {
        .asked = answer->asked,
        .result = answer->result,
        .state = control.state,
        .faults = control.faults,
        .nonce = control.nonce,
        .session = control.session,
        .level_set = runs ? control.level : 0,
        .duty_set_pct = runs ? control.duty_pct : 0,
        .measured_level = sensors.measured_level,
        .head_temp_ddeg_c = sensors.head_temp_ddeg_c,
        .contact_pct = sensors.contact_pct,
        .battery_pct = sensors.battery_pct,
        .force_n = sensors.force_n,
        .step_ms = control.step_ms,
        .delivered_ms = control.delivered_ms,
        .energy_mj = control.energy_mj,
        .lease_left_ms = control_lease_left(),
        .uptime_ms = control.now_ms,
        .bad_frames = bad_frames,
        .lapses = control.lapses,
    };
    memcpy(body, &says, sizeof says);
    return sizeof says;
}

static void answer(const owed_t *to) {
    uint8_t message[HEAD + PW_STATUS_SIZE + 4u];
    uint8_t length;
    if (to->asked == PW_TYPE_IDENTIFY && to->result == PW_RESULT_OK) {
        message[0] = PW_TYPE_IDENTITY;
        length = identity(message + HEAD);
    } else if (to->asked == PW_TYPE_GET_CAPABILITIES && to->result == PW_RESULT_OK) {
        message[0] = PW_TYPE_CAPABILITIES;
        length = capabilities(message + HEAD);
    } else {
        message[0] = PW_TYPE_STATUS;
        length = status(message + HEAD, to);
    }
    message[1] = (uint8_t)to->seq;
    message[2] = (uint8_t)(to->seq >> 8);
    frame_send(message, (uint8_t)(HEAD + length));
}

static void send_answers(void) {
    if (owed_count > OWED_MAX)
        owed_count = 0; /* a bit of it has changed */
    while (owed_count > 0 && board_send_room() >= UNIT_FRAME_MAX) {
        answer(&owed[0]);
        owed_count--;
        memmove(&owed[0], &owed[1], owed_count * sizeof owed[0]);
    }
}

/* Under more requests than can be answered, a Stop's answer takes the place of the one before it. */
static void owe(owed_t to) {
    if (owed_count < OWED_MAX)
        owed[owed_count++] = to;
    else if (to.asked == PW_TYPE_STOP)
        owed[OWED_MAX - 1u] = to;
}

static void take_frame(void) {
    const uint8_t *frame = receiver.bytes;
    if (frame[0] >= 0x80u) { /* of a unit's type */
        bad_frames++;
        return;
    }
    board_sensors_t sensors;
    board_sensors(&sensors);
    check_memory();
    const uint8_t result = requests_take(frame, receiver.decoded, &sensors);
    control_changed = true;
    control_commit();
    drive();
    owe((owed_t){.asked = frame[0], .result = result, .seq = (uint16_t)(frame[1] | (uint16_t)(frame[2] << 8))});
    send_answers();
}

static void receive(void) {
    for (uint8_t i = 0; i < BYTES_PER_PASS; i++) {
        uint8_t byte = 0;
        const board_received_t received = board_receive(&byte);
        if (received == BOARD_NOTHING)
            return;
        if (received == BOARD_LINE_ERROR) {
            frame_line_error(&receiver);
            continue;
        }
        const frame_event_t event = frame_receive(&receiver, byte);
        if (event == FRAME_WHOLE) {
            take_frame();
            return; /* the timers run between any two requests */
        }
        if (event == FRAME_THROWN_AWAY)
            bad_frames++;
    }
}

void unit_pass(void) {
    checked = 0;
    check_memory();
    checked ^= CHECKED_MEMORY;
    board_sensors_t sensors;
    board_sensors(&sensors);
    timers_run(board_now_ms(), &sensors);
    checked ^= CHECKED_TIMERS;
    control_commit();
    drive();
    send_answers();
    receive();
    if (checked == (CHECKED_MEMORY ^ CHECKED_TIMERS))
        board_kick_watchdog();
}
