#ifndef HOOKLINE_CCHECKSUM_H
#define HOOKLINE_CCHECKSUM_H
#include <stddef.h>
#include <stdint.h>

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `length` bytes, continuing from `crc`.
///
/// Pass 0 to begin. Uses the processor's instruction where there is one (SSE 4.2, ARMv8 CRC), else a table.
uint32_t hookline_crc32c(uint32_t crc, const void *bytes, size_t length);

/// The same by table on every machine: what the tests hold the fast one against.
uint32_t hookline_crc32c_portable(uint32_t crc, const void *bytes, size_t length);

#endif
