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

/// SipHash-1-3 of bytes under a key of 128 bits.
uint64_t hookline_siphash13(uint64_t key0, uint64_t key1, const void *bytes, size_t count);

/// SipHash-1-3 of a tenant and an id, each of at most 255 bytes: the tenant's length in one byte, the tenant, the id.
uint64_t hookline_fingerprint(
    uint64_t key0, uint64_t key1, const void *tenant, size_t tenant_count, const void *id, size_t id_count);

/// Has the cache line of an address fetched, to be written too; any address will do, and nothing waits for it.
static inline void hookline_prefetch(const void *address) { __builtin_prefetch(address, 1); }

#endif
