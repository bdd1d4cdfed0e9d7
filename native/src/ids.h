/* SPDX-License-Identifier: MIT */
/*
 * Where the calling thread runs, attached or not: its CPU, node and concurrency
 * ID, and the area that they can be read from. Nothing here knows of JavaScript.
 * No function fails: what the area does not tell, the kernel is asked for.
 */
#ifndef RSEQ_SLICE_IDS_H
#define RSEQ_SLICE_IDS_H

#include <stdint.h>

#include <rseq_slice/slice.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of the areas that the kernel fills in (AT_RSEQ_FEATURE_SIZE); 0: it does not say. */
uint32_t rseq_slice_get_feature_size(void);

/*
 * The calling thread's area, if that is registered; else NULL. It may be read as
 * long as the thread lives, and beyond detach until *held is given to
 * rseq_slice_release_memory(), unless it is NULL: then there is nothing to release.
 */
struct rseq_slice_area *rseq_slice_hold_live_area(struct rseq_slice_thread **held);

/* 0 where nobody tells, as a filter may see to. */
uint32_t rseq_slice_get_cpu(void);
uint32_t rseq_slice_get_node(void);

/* The CPU where the kernel has no concurrency IDs, or no area of this thread. */
uint32_t rseq_slice_get_concurrency_id(void);

#ifdef __cplusplus
}
#endif

#endif
