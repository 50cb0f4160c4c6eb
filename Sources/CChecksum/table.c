#define _DEFAULT_SOURCE
#include "CChecksum.h"

#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

static const size_t huge_page_bytes = 2 * 1024 * 1024;

void *hookline_table_allocate(size_t bytes) {
    size_t alignment = bytes >= huge_page_bytes ? huge_page_bytes : 64;
    void *table;
    if (posix_memalign(&table, alignment, bytes)) abort();
#if defined(MADV_HUGEPAGE)
    /* Advice: a system without huge pages has small ones. */
    if (bytes >= huge_page_bytes) (void)madvise(table, bytes / huge_page_bytes * huge_page_bytes, MADV_HUGEPAGE);
#endif
    memset(table, 0, bytes);
    return table;
}

void hookline_table_free(void *table) { free(table); }
