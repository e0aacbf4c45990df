/* 00 | COBS( type u8 | seq u16 | body | crc32 u32 ) | 00 */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "../physioctl_wire.h"

#define FRAME_DECODED_MAX (1u + 2u + PW_BODY_MAX + 4u) /* 71 */
#define FRAME_ENCODED_MAX (FRAME_DECODED_MAX + 1u)     /* 72: COBS adds one byte below 255 */
#define FRAME_DECODED_MIN 7u

typedef struct {
    uint8_t bytes[FRAME_ENCODED_MAX]; /* encoded until the zero, decoded after it */
    uint8_t length;  /* of the encoded bytes so far */
    uint8_t decoded; /* of type, seq and body, once a frame is whole */
    bool spoilt;     /* too long, or a line error since the last zero */
} frame_receiver_t;

typedef enum {
    FRAME_NOT_YET = 0,
    FRAME_WHOLE,      /* decoded, in bytes[0..decoded-1]; read it before the next byte goes in */
    FRAME_THROWN_AWAY /* to be counted */
} frame_event_t;

frame_event_t frame_receive(frame_receiver_t *receiver, uint8_t byte);

/* Bytes were lost or damaged here: what stands between these two zeros is thrown away. */
void frame_line_error(frame_receiver_t *receiver);

/* Send a frame: message holds type, seq and body, and has room for 4 bytes more. */
void frame_send(uint8_t *message, uint8_t length);

#endif
