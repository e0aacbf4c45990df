/* The messages of the native dialect. Made from device/wire/table.toml: do not edit.
 * Bodies are packed and little-endian; a lease byte n stands for (n + 1) * 10 ms. */
#ifndef PHYSIOCTL_WIRE_H
#define PHYSIOCTL_WIRE_H

#include <stdint.h>

#define PW_MAJOR 1
#define PW_MINOR 0
#define PW_BAUD 115200
#define PW_BODY_MAX 64
#define PW_LEASE_MS(n) ((uint16_t)(((n) + 1u) * 10u))

/* SHA-256 of device/wire/table.toml: the build of the firmware compares it. */
#define PW_TABLE_SHA256 "7f67502894182ffb003848cbb9e38555927131910f3516e93e6639f788374c5b"

/* How many types of request there are: the firmware's core has to answer each. */
#define PW_REQUESTS 9

/* What kind of unit this is; it decides what a level is. */
enum {
    PW_FAMILY_ULTRASOUND = 1, /* a level is the intensity during the pulse (SATP), mW/cm² */
    PW_FAMILY_PERCUSSION = 2, /* a level is percussions a minute */
};

/* Where the unit says it stands. It gives output in EMITTING only. */
enum {
    PW_UNIT_STATE_IDLE = 0, /* nothing is armed; output is off */
    PW_UNIT_STATE_READY = 1, /* a session's ceilings are armed; output is off */
    PW_UNIT_STATE_EMITTING = 2, /* output is on, under a lease */
    PW_UNIT_STATE_SUSPENDED = 3, /* contact is lost: output is off and the step's timer stands still, under a lease */
    PW_UNIT_STATE_LAPSED = 4, /* a lease ran out and ended the output; a new ARM leads out */
    PW_UNIT_STATE_FAULT = 5, /* the unit has latched a fault; CLEAR leads out once the cause is gone */
};

/* What became of the request that an answer belongs to. Nothing is ever clamped: it is done or refused. */
enum {
    PW_RESULT_OK = 0, /* done */
    PW_RESULT_UNKNOWN_TYPE = 1, /* no such request */
    PW_RESULT_BAD_LENGTH = 2, /* the body is not as long as this request's */
    PW_RESULT_BAD_STATE = 3, /* not from this state: nothing is armed, or output is on */
    PW_RESULT_BAD_NONCE = 4, /* the unit has restarted since that nonce */
    PW_RESULT_BAD_SESSION = 5, /* another session is armed */
    PW_RESULT_STALE = 6, /* an older request than one carried out, one dated too long ago, or one whose lease is over */
    PW_RESULT_BAD_VALUE = 7, /* a value that means nothing here */
    PW_RESULT_BAD_LEASE = 8, /* a lease outside the unit's bounds */
    PW_RESULT_OVER_NAMEPLATE = 9, /* above what this unit may ever give */
    PW_RESULT_OVER_CEILING = 10, /* above what ARM allowed this session; a LOWER above the running step's level */
    PW_RESULT_FAULTED = 11, /* a fault is latched */
    PW_RESULT_CAUSE_REMAINS = 12, /* the fault cannot be cleared yet */
};

/* What the unit itself has found wrong. Bits 0x0100 to 0x8000 are a maker's own: a reader that has no name for a bit takes it for a fault all the same. */
enum {
    PW_FAULT_HEAD_HOT = 1, /* the head has tripped on its temperature */
    PW_FAULT_SENSOR = 2, /* a sensor reads what cannot be */
    PW_FAULT_OUTPUT_STUCK = 4, /* output is measured while it should be off */
    PW_FAULT_STALL = 8, /* the motor stands still under drive */
    PW_FAULT_MOTOR_HOT = 16, /* the motor's winding is too warm */
    PW_FAULT_BATTERY_EMPTY = 32, /* the battery cannot carry output */
    PW_FAULT_SUPPLY = 64, /* the supply has dipped */
    PW_FAULT_SELF_TEST = 128, /* the self test at start has failed */
};

/* Which sensors the unit has; a reading without its sensor means nothing. A reader passes over a bit that it has no name for. */
enum {
    PW_SENSOR_OUTPUT = 1, /* measures its own output */
    PW_SENSOR_HEAD_TEMP = 2, /* measures the head's temperature */
    PW_SENSOR_CONTACT = 4, /* senses contact with the skin */
    PW_SENSOR_BATTERY = 8, /* knows its battery */
    PW_SENSOR_FORCE = 16, /* senses the force on the head */
};

/* Ask who is there. Answered in any state; it changes nothing. */
#define PW_TYPE_IDENTIFY 0x01u
#define PW_IDENTIFY_SIZE 0u

/* Ask what the unit can do. Answered in any state; it changes nothing. */
#define PW_TYPE_GET_CAPABILITIES 0x02u
#define PW_GET_CAPABILITIES_SIZE 0u

/* Ask for a status. Answered in any state; it changes nothing and prolongs nothing. */
#define PW_TYPE_GET_STATUS 0x03u
#define PW_GET_STATUS_SIZE 0u

/* Give the unit a session's ceilings. From IDLE, READY and LAPSED. Arming the same session again keeps its counts and can only lower its ceilings. Taken while unit_uptime_ms is less than a second old, and not from before the latest Stop. */
#define PW_TYPE_ARM 0x04u
typedef struct __attribute__((packed)) {
    uint32_t nonce; /* the unit's boot nonce */
    uint32_t session; /* the host's number for this session, not 0 */
    uint16_t level_max; /* no SET above this */
    uint32_t delivered_max_ms; /* no output beyond this delivered time */
    uint32_t energy_max_mj; /* no output beyond this energy */
    uint32_t unit_uptime_ms; /* uptime_ms of the latest status the host has heard */
} pw_arm_t;
#define PW_ARM_SIZE 22u

/* Start or change output, in absolute values. From READY, EMITTING and SUSPENDED, under the armed session, while its lease is live. */
#define PW_TYPE_SET 0x05u
typedef struct __attribute__((packed)) {
    uint32_t nonce; /* the unit's boot nonce */
    uint32_t session; /* the armed session */
    uint16_t level; /* intensity during the pulse (SATP), or percussions a minute; not 0: off is STOP */
    uint8_t duty_pct; /* share of the time the pulse is on, 1 to 100; 100 for continuous and for percussion */
    uint16_t carrier_khz; /* ultrasonic frequency; 0 for percussion */
    uint16_t pulse_hz; /* pulse repetition; 0 when continuous and for percussion */
    uint32_t for_ms; /* delivered time after which the unit ends this step by itself; not 0 */
    uint16_t ramp_ms; /* time of a straight line from the present level to the new one, up or down; it is part of for_ms */
    uint32_t unit_uptime_ms; /* uptime_ms of the latest status the host has heard: the lease runs from there */
    uint8_t lease_ms; /* unrenewed for this long, output ends */
} pw_set_t;
#define PW_SET_SIZE 26u

/* Prolong the lease of a running output, from what the host has heard and not from when this arrives. From EMITTING and SUSPENDED only: it can never start or raise output, nor shorten a lease. */
#define PW_TYPE_RENEW 0x06u
typedef struct __attribute__((packed)) {
    uint32_t nonce; /* the unit's boot nonce */
    uint32_t session; /* the armed session */
    uint32_t unit_uptime_ms; /* uptime_ms of the latest status the host has heard: the lease runs from there */
    uint8_t lease_ms; /* counted from unit_uptime_ms */
} pw_renew_t;
#define PW_RENEW_SIZE 13u

/* Output off, the step dropped, the session disarmed; its counts stay readable. Taken in any state, under any seq, with any body, any number of times. */
#define PW_TYPE_STOP 0x07u
#define PW_STOP_SIZE 0u

/* Clear latched faults whose cause is gone. From FAULT only; leads to IDLE. Taken under any seq while unit_uptime_ms is less than a second old: who clears may be another host than who drove. */
#define PW_TYPE_CLEAR 0x08u
typedef struct __attribute__((packed)) {
    uint32_t nonce; /* the unit's boot nonce */
    uint32_t unit_uptime_ms; /* uptime_ms of the latest status the host has heard */
} pw_clear_t;
#define PW_CLEAR_SIZE 8u

/* Reduce the level of the running step, at once and without a ramp, and with it the session's level ceiling. From EMITTING and SUSPENDED only: it can never start, raise or prolong output, and is never refused for its seq or its time. */
#define PW_TYPE_LOWER 0x09u
typedef struct __attribute__((packed)) {
    uint32_t nonce; /* the unit's boot nonce */
    uint32_t session; /* the armed session */
    uint16_t level; /* not below the unit's level_min, and not above the running step's level */
} pw_lower_t;
#define PW_LOWER_SIZE 10u

/* The answer to Identify. */
#define PW_TYPE_IDENTITY 0x81u
typedef struct __attribute__((packed)) {
    uint8_t major; /* major version of this dialect; an unknown one may be looked at and stopped, never driven */
    uint8_t minor; /* minor version of this dialect */
    uint8_t family; /* kind of unit */
    uint8_t firmware[3]; /* version of the unit's firmware */
    uint32_t nonce; /* boot nonce: another one after each restart */
    char model[16]; /* model, as on the nameplate */
    char serial[16]; /* serial number */
    uint16_t calibrated; /* days from 2020-01-01 to the last calibration; 0 when not known */
} pw_identity_t;
#define PW_IDENTITY_SIZE 44u

/* The answer to GetCapabilities: the unit's own nameplate. It can only lower what a host would allow. */
#define PW_TYPE_CAPABILITIES 0x82u
typedef struct __attribute__((packed)) {
    uint16_t level_min; /* the lowest level it gives */
    uint16_t level_max; /* the highest level it gives */
    uint16_t average_max; /* the highest temporal-average intensity (SATA); 0 for percussion */
    uint16_t area_mm2; /* effective radiating area (ERA); 0 for percussion */
    uint8_t bnr_tenths; /* beam non-uniformity ratio (BNR) in tenths; 0 for percussion */
    uint8_t duties_pct[6]; /* duty cycles it gives */
    uint16_t carriers_khz[2]; /* ultrasonic frequencies it gives */
    uint16_t pulses_hz[3]; /* pulse repetition frequencies it gives */
    uint32_t step_max_ms; /* the longest for_ms */
    uint32_t delivered_max_ms; /* the longest delivered time of a session */
    uint32_t suspension_max_ms; /* SUSPENDED for longer than this ends the step */
    uint8_t lease_min_ms; /* the shortest lease */
    uint8_t lease_max_ms; /* the longest lease */
    int16_t head_trip_ddeg_c; /* head temperature at which it trips */
    uint16_t sensors; /* what it can measure */
} pw_capabilities_t;
#define PW_CAPABILITIES_SIZE 43u

/* The answer to every other request, refused or not: the whole of what the unit knows of itself. */
#define PW_TYPE_STATUS 0x83u
typedef struct __attribute__((packed)) {
    uint8_t asked; /* type of the request this answers */
    uint8_t result; /* what became of it */
    uint8_t state; /* where the unit stands now */
    uint16_t faults; /* what it has found wrong; latched until CLEAR */
    uint32_t nonce; /* boot nonce */
    uint32_t session; /* the session its counts belong to; 0 for none since the start */
    uint16_t level_set; /* the level of the running step, as its Set or a Lower since has asked; 0 for none */
    uint8_t duty_set_pct; /* its duty cycle; 0 for none */
    uint16_t measured_level; /* the level measured now: during the pulse, as level_set */
    int16_t head_temp_ddeg_c; /* the head's temperature; it has to resolve tenths of a degree */
    uint8_t contact_pct; /* how well the head couples */
    uint8_t battery_pct; /* charge left */
    uint16_t force_n; /* force on the head */
    uint32_t step_ms; /* delivered in the latest step */
    uint32_t delivered_ms; /* delivered in this session */
    uint32_t energy_mj; /* energy given in this session, as measured; a massage gun that cannot measure it reports 0 */
    uint16_t lease_left_ms; /* until the lease runs out; 0 for none */
    uint32_t uptime_ms; /* the unit's own clock since its start */
    uint16_t bad_frames; /* frames thrown away since the start, modulo 65536 */
    uint16_t lapses; /* leases run out since the start, modulo 65536 */
} pw_status_t;
#define PW_STATUS_SIZE 46u

#endif
