#include "crc32.h"

#ifdef __AVR__
#include <avr/pgmspace.h>
#define IN_FLASH PROGMEM
#define READ_FLASH(address) pgm_read_dword(address)
#else
#define IN_FLASH
#define READ_FLASH(address) (*(address))
#endif

/* The register after each nibble, from a register of 0. */
static const uint32_t NIBBLES[16] IN_FLASH = {
    0x00000000ul, 0x1DB71064ul, 0x3B6E20C8ul, 0x26D930ACul, 0x76DC4190ul, 0x6B6B51F4ul, 0x4DB26158ul, 0x5005713Cul,
    0xEDB88320ul, 0xF00F9344ul, 0xD6D6A3E8ul, 0xCB61B38Cul, 0x9B64C2B0ul, 0x86D3D2D4ul, 0xA00AE278ul, 0xBDBDF21Cul,
};

uint32_t crc32_add(uint32_t crc, uint8_t byte) {
    crc ^= byte;
    crc = (crc >> 4) ^ READ_FLASH(&NIBBLES[crc & 15u]);
    crc = (crc >> 4) ^ READ_FLASH(&NIBBLES[crc & 15u]);
    return crc;
}

uint32_t crc32_of(const uint8_t *bytes, uint8_t length) {
    uint32_t crc = CRC32_START;
    for (uint8_t i = 0; i < length; i++)
        crc = crc32_add(crc, bytes[i]);
    return crc ^ CRC32_START;
}
