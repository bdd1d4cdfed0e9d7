/* SPDX-License-Identifier: MIT */
/*
 * A file as memory, for what must outlive its thread and its process however
 * they end. Nothing here knows of JavaScript or of what is in the file. Every
 * function returns -errno on failure, never prints and never ends the process.
 */
#ifndef RSEQ_SLICE_MAPPING_H
#define RSEQ_SLICE_MAPPING_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Map the first bytes of an open file, which may be closed then. The file must
 * be that long already: whoever touches what lies behind its end gets SIGBUS.
 * On success *memory is the caller's to unmap. Returns 0, -EINVAL for no bytes,
 * or what mmap(2) says: -EBADF, -EACCES when the file is not open for both
 * reading and writing, -ENODEV when it cannot be mapped, -ENOMEM.
 */
int rseq_slice_map_file(int file, size_t length, void **memory);

/* Give back what was mapped; what was written there stays in the file. */
int rseq_slice_unmap(void *memory, size_t length);

#ifdef __cplusplus
}
#endif

#endif
