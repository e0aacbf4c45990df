#include "stub.h"

board_sensors_t stub_sensors = {.head_temp_ddeg_c = 300, .contact_pct = 92, .battery_pct = 100};
uint16_t stub_stuck_level;

static board_drive_t driven;
static bool on, closed;
static board_why_t why;
static uint16_t told;

uint16_t stub_output(void) { return on && closed ? driven.level : 0; }

static void tell(void) {
    const uint16_t level = stub_output();
    if (level == told)
        return;
    told = level;
    const stub_change_t change = {
        .ms = board_now_ms(), .level = level, .duty_pct = driven.duty_pct, .why = (uint8_t)why};
    stub_changed(&change);
}

void stub_reset(void) {
    on = false;
    closed = false;
    why = BOARD_WHY_NOT_SET;
    told = 0;
}

void board_output_on(const board_drive_t *drive) {
    driven = *drive;
    on = true;
    why = BOARD_WHY_NOT_SET;
    tell();
}

void board_output_off(board_why_t reason) {
    on = false;
    why = reason;
    tell();
}

void board_interlock(bool close) {
    closed = close;
    if (close)
        tell(); /* opened, it is told with the reason: board_output_off() follows */
}

void board_sensors(board_sensors_t *sensors) {
    *sensors = stub_sensors;
    const uint16_t level = stub_output();
    sensors->measured_level = level > stub_stuck_level ? level : stub_stuck_level;
}
