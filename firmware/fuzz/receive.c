/* libFuzzer over the receive path: no crash, and no output but that a valid Set has asked for.
 *
 * An input is a row of pieces: a byte with a length (bits 0 to 5) and how it is meant (bit 6: a message that is
 * framed here, with a CRC that fits; bit 7: and with the unit's nonce, session 1 and a fresh date), a byte for the
 * milliseconds that pass before it, and the bytes. What is judged is judged by a decoder of its own. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../boards/posix/stub.h"
#include "../core/nameplate.h"

void test_start(uint32_t at_ms, uint32_t first_nonce, const char *serial, uint16_t calibrated);
void test_advance(uint32_t ms);
void test_receive(const uint8_t *bytes, uint32_t count);
uint32_t test_sent(uint8_t *into);
uint32_t test_changes(stub_change_t *into);
uint32_t test_kicks(void);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NONCE 0xDEADBEEFul
#define FRAMED 0x40u
#define FRESH 0x80u

static uint32_t now_ms;
static uint8_t sent[1u << 16];
static stub_change_t changes[1u << 16];

/* What may go out at most, by the valid requests so far. */
static uint16_t level_asked;
static uint32_t lease_from_ms;
static int asked; /* whether a Set has come since the latest Stop */

static uint32_t crc_of(const uint8_t *bytes, uint32_t count) {
    uint32_t crc = 0xFFFFFFFFu;
    for (uint32_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1u ? (crc >> 1) ^ 0xEDB88320u : crc >> 1;
    }
    return ~crc;
}

static void judge_frame(const uint8_t *frame, uint32_t count) {
    uint8_t plain[512];
    uint32_t length = 0, at = 0;
    while (at < count) {
        const uint32_t code = frame[at];
        if (at + code > count)
            return;
        for (uint32_t i = 1; i < code; i++)
            plain[length++] = frame[at + i];
        at += code;
        if (at < count && code != 0xFFu)
            plain[length++] = 0;
    }
    uint32_t crc, nonce;
    if (length < 7 || length > 71 || (memcpy(&crc, plain + length - 4, 4), crc != crc_of(plain, length - 4)))
        return;
    const uint32_t body = length - 7;
    if (plain[0] == PW_TYPE_STOP)
        asked = 0;
    if (body < 4)
        return;
    memcpy(&nonce, plain + 3, 4);
    if (nonce != NONCE)
        return;
    if (plain[0] == PW_TYPE_SET && body == PW_SET_SIZE) {
        pw_set_t set;
        memcpy(&set, plain + 3, sizeof set);
        asked = 1;
        lease_from_ms = now_ms;
        if (set.level > level_asked)
            level_asked = set.level;
    } else if (plain[0] == PW_TYPE_RENEW && body == PW_RENEW_SIZE)
        lease_from_ms = now_ms;
}

/* Follow the line by itself: what stands between two zeros, up to any length. */
static uint8_t piece[8192];
static uint32_t piece_count;

static void judge_bytes(const uint8_t *bytes, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (bytes[i] != 0) {
            if (piece_count < sizeof piece)
                piece[piece_count++] = bytes[i];
        } else {
            if (piece_count > 0 && piece_count <= 72)
                judge_frame(piece, piece_count);
            piece_count = 0;
        }
}

static void expect(int holds) {
    if (!holds)
        abort();
}

static void judge_output(void) {
    const uint16_t level = stub_output();
    if (level != 0) {
        expect(asked);
        expect(level <= level_asked && level <= NAMEPLATE_LEVEL_MAX);
        expect(now_ms - lease_from_ms < NAMEPLATE_LEASE_MAX_MS);
    }
}

static void receive(const uint8_t *bytes, uint32_t count) {
    judge_bytes(bytes, count);
    test_receive(bytes, count);
}

static void receive_framed(const uint8_t *bytes, uint32_t count, int fresh) {
    uint8_t plain[128], frame[160];
    uint32_t length = 0, code = 0;
    memcpy(plain, bytes, count);
    if (fresh && count >= 3 + 8) {
        const uint32_t nonce = NONCE, session = 1, date_ms = now_ms - (bytes[count - 2] & 31u);
        memcpy(plain + 3, &nonce, 4);
        if (plain[0] != PW_TYPE_CLEAR)
            memcpy(plain + 7, &session, 4);
        if (plain[0] == PW_TYPE_ARM || plain[0] == PW_TYPE_CLEAR)
            memcpy(plain + count - 4, &date_ms, 4);
        else if (count >= 3 + 13 && plain[0] != PW_TYPE_LOWER)
            memcpy(plain + count - 5, &date_ms, 4);
    }
    const uint32_t crc = crc_of(plain, count);
    memcpy(plain + count, &crc, 4);
    frame[length++] = 0;
    code = length++;
    for (uint32_t i = 0; i < count + 4; i++)
        if (plain[i] != 0)
            frame[length++] = plain[i];
        else {
            frame[code] = (uint8_t)(length - code);
            code = length++;
        }
    frame[code] = (uint8_t)(length - code);
    frame[length++] = 0;
    receive(frame, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    now_ms = 0;
    level_asked = 0;
    asked = 0;
    piece_count = 0;
    test_start(0, NONCE, "FUZZ", 0);
    while (size >= 2) {
        const uint8_t how = data[0];
        uint32_t wait_ms = data[1], count = how & 63u;
        data += 2;
        size -= 2;
        if (count > size)
            count = (uint32_t)size;
        for (; wait_ms > 0; wait_ms--) {
            const uint32_t kicks = test_kicks();
            now_ms++;
            test_advance(1);
            expect(test_kicks() == kicks + 1);
            judge_output();
        }
        if ((how & FRAMED) != 0 && count >= 3)
            receive_framed(data, count, (how & FRESH) != 0);
        else
            receive(data, count);
        judge_output();
        (void)test_sent(sent);
        (void)test_changes(changes);
        data += count;
        size -= count;
    }
    return 0;
}
