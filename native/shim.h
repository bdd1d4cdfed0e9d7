/*
 * What the shim's own files share and nobody outside needs: the raw system
 * calls. Each returns its result, or -errno.
 */
#ifndef RSEQ_SLICE_INTERNAL_H
#define RSEQ_SLICE_INTERNAL_H

#include "include/rseq_slice.h"

/* Register or unregister an area for the calling thread; errors in abi of rseq(2). */
int sys_rseq(struct rseq_abi *area, uint32_t length, int flags, uint32_t signature);

/* rseq_slice_yield at the given number: 1 yielded, 0 no grant. */
int sys_rseq_slice_yield(long number);

/* prctl SET: 0; -EINVAL no feature, -524 off at boot or legacy area, -ENXIO no area. */
int rseq_slice_set_enabled(int enabled);

#endif
