/* SPDX-License-Identifier: MIT */
/*
 * What locks in shared memory need of the system besides slices: sleeping on a
 * word. Nothing here knows of JavaScript or of what the words mean. Every
 * function returns -errno on failure, never prints and never ends the process.
 */
#ifndef RSEQ_SLICE_FUTEX_H
#define RSEQ_SLICE_FUTEX_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Sleep while *word has the expected value, for at most so many ns; negative:
 * for ever. Returns 0 when woken (perhaps for no reason), -EAGAIN when the word
 * had another value, -ETIMEDOUT, -EINTR, -ENOSYS or -EPERM of a filter.
 * Source: futex(2), FUTEX_WAIT with FUTEX_PRIVATE_FLAG.
 */
int rseq_slice_futex_wait(const int32_t *word, int32_t expected, int64_t timeout);

/* Wake at most count who sleep on the word. Returns how many, or -errno. */
int rseq_slice_futex_wake(const int32_t *word, int count);

#ifdef __cplusplus
}
#endif

#endif
