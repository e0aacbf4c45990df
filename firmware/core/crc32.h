/* The CRC-32 of zlib, a nibble at a time. */
#ifndef CRC32_H
#define CRC32_H

#include <stdint.h>

#define CRC32_START 0xFFFFFFFFul

/* The register after one byte more. */
uint32_t crc32_add(uint32_t crc, uint8_t byte);

/* What is sent: the register, complemented. */
uint32_t crc32_of(const uint8_t *bytes, uint8_t length);

#endif
