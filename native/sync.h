/*
 * What locks in shared memory need of the system beside slices: sleeping on a
 * word, and knowing which threads have ended. Nothing here knows of JavaScript
 * or of what the words mean. Every function returns -errno on failure, never
 * prints and never ends the process.
 */
#ifndef RSEQ_SLICE_SYNC_H
#define RSEQ_SLICE_SYNC_H

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

/*
 * Note that the thread with this number, from 1 on, has ended. Numbers are the
 * caller's and are never used again. Returns 0, -EINVAL for a number out of
 * range, -ENOMEM when it cannot be noted. Safe from any thread.
 */
int rseq_slice_note_end(uint32_t number);

/* Whether that was noted: 1 or 0. Safe from any thread. */
int rseq_slice_has_ended(uint32_t number);

#ifdef __cplusplus
}
#endif

#endif
