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

/// Zeroed memory for a table of `bytes` bytes that is read here and there: in huge pages where it is large enough for one and
/// the system has any, so that the processor need not look up each page by itself. Without memory the process ends.
void *hookline_table_allocate(size_t bytes);

/// Gives back what ``hookline_table_allocate`` gave.
void hookline_table_free(void *table);

#endif
