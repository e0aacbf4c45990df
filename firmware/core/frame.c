#include "frame.h"

#include <string.h>

#include "../board.h"
#include "crc32.h"

/* Decode COBS in place; the decoded length, or 0 when it is no COBS. The encoded bytes hold no zero. */
static uint8_t cobs_decode(uint8_t *bytes, uint8_t length) {
    uint8_t from = 0, to = 0;
    while (from < length) {
        const uint8_t code = bytes[from];
        if (code > length - from)
            return 0; /* a run beyond the end */
        for (uint8_t i = 1; i < code; i++)
            bytes[to++] = bytes[from + i];
        from = (uint8_t)(from + code);
        if (from < length && code != 0xFFu)
            bytes[to++] = 0;
    }
    return to;
}

static bool crc_fits(const uint8_t *bytes, uint8_t length) {
    uint32_t sent;
    memcpy(&sent, bytes + length - 4u, sizeof sent);
    return crc32_of(bytes, (uint8_t)(length - 4u)) == sent;
}

frame_event_t frame_receive(frame_receiver_t *receiver, uint8_t byte) {
    if (byte != 0) {
        /* The length is compared, not only trusted: a bit of it may have changed in memory. */
        if (receiver->length >= FRAME_ENCODED_MAX)
            receiver->spoilt = true;
        else
            receiver->bytes[receiver->length++] = byte;
        return FRAME_NOT_YET;
    }
    const bool spoilt = receiver->spoilt || receiver->length > FRAME_ENCODED_MAX;
    const uint8_t encoded = receiver->length;
    receiver->spoilt = false;
    receiver->length = 0;
    if (encoded == 0 && !spoilt)
        return FRAME_NOT_YET;
    if (spoilt)
        return FRAME_THROWN_AWAY;
    const uint8_t length = cobs_decode(receiver->bytes, encoded);
    if (length < FRAME_DECODED_MIN || length > FRAME_DECODED_MAX || !crc_fits(receiver->bytes, length))
        return FRAME_THROWN_AWAY;
    receiver->decoded = (uint8_t)(length - 4u);
    return FRAME_WHOLE;
}

void frame_line_error(frame_receiver_t *receiver) { receiver->spoilt = true; }

void frame_send(uint8_t *message, uint8_t length) {
    const uint32_t crc = crc32_of(message, length);
    memcpy(message + length, &crc, sizeof crc);
    length = (uint8_t)(length + 4u);
    board_send(0);
    uint8_t from = 0;
    for (;;) {
        uint8_t end = from;
        while (end < length && message[end] != 0)
            end++;
        board_send((uint8_t)(end + 1u - from));
        while (from < end)
            board_send(message[from++]);
        if (end == length)
            break;
        from = (uint8_t)(end + 1u); /* past the zero */
    }
    board_send(0);
}
