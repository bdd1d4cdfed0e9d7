/* SPDX-License-Identifier: MIT */
/*
 * Data of its own for each CPU, changed by restartable sequences: counters,
 * flags, lists and rings that every thread changes at the price of a plain
 * store, without an atomic operation and without a lock.
 *
 * A pool is memory in stripes of the same layout, one for each id: the
 * concurrency ID where the kernel has it, else the CPU. What is said of a word
 * or a list names its offset within a stripe. The calling thread's stripe is
 * found and the change is made in one restartable sequence, so the caller
 * neither sees an id nor tries again: a thread that is preempted, migrated or
 * interrupted by a signal half-way begins anew.
 *
 * Where the process has no restartable sequences, as on a kernel or with a libc
 * that has none, the same functions use C11's atomics on the same memory. Which
 * of the two is decided once for the process: a plain store and an atomic
 * operation on one word do not go together. A thread that has no id, though
 * others have, uses atomics on a stripe behind all others. Lists and rings have
 * locks then, so signal handlers use only counters and words.
 *
 * Restartable sequences refer to descriptors in the object that this header is
 * compiled into. That object must stay loaded: link it with -z nodelete, since
 * the kernel kills a thread whose last descriptor is gone when it looks.
 *
 * Source: Linux include/uapi/linux/rseq.h, and Documentation of membarrier(2).
 */
#ifndef RSEQ_SLICE_RSEQ_PERCPU_H
#define RSEQ_SLICE_RSEQ_PERCPU_H

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "slice.h"

#ifdef __cplusplus
extern "C" {
#else
/* The system's headers have these only for programs that ask for all extensions. */
extern long syscall(long number, ...);
extern int sched_getcpu(void);
#endif

#ifdef MAP_ANONYMOUS
#define RSEQ_PERCPU_MAP (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)
#else
/* As wherever there are sequences; elsewhere nothing is mapped this way. */
#define RSEQ_PERCPU_MAP (MAP_PRIVATE | 0x20 | 0x4000)
#endif

/* Apart enough that no two stripes share what a CPU loads at once. */
#define RSEQ_PERCPU_SMALLEST_STRIDE 128u

/*
 * Stripes in memory. Its members are for the functions here. It may be copied,
 * and used on any thread. None of them is of a type that could be the words of a
 * counter, so a loop that adds need not load them again each time.
 */
struct rseq_percpu_pool {
	unsigned char *base;
	struct rseq_slice_area *const *(*get_area_slot)(void);
	void *libc_area; /* less the thread pointer; NULL: libc has none, or atomics */
	uint32_t stripes; /* for ids; one more is behind them */
	uint16_t id_offset; /* within the area; 0: atomics for everybody */
	uint16_t stride_shift;
	uint32_t is_mapped; /* to be unmapped */
};

/* The head of a list of nodes, each of which has a pointer to the next one somewhere. */
struct rseq_percpu_list {
	void *first;
	uint32_t lock; /* only of those who use atomics */
	uint32_t reserved;
};

/*
 * The head of a ring: `capacity` records of `record` bytes each, a power of two
 * of them and a multiple of 8, follow it. Both counts go round at 2^64.
 */
struct rseq_percpu_ring {
	uint64_t put; /* records put so far: written by those of this stripe */
	uint64_t taken; /* and taken: written by whoever takes */
	uint32_t capacity;
	uint32_t record;
	uint32_t lock; /* only of those who use atomics */
	uint32_t taking; /* one takes */
};

/* As many as a pool may have, for the compiler. */
typedef int64_t rseq_percpu_words[(size_t)1 << 40];

#include "rseq_percpu_sequences.h"

/* Of each object of its own: the address of the shim's word for the calling thread. */
#if defined(__GLIBC__)
/* Not by a call at each use: glibc keeps room for a few words of objects that are loaded later. */
static __thread struct rseq_slice_area *const *rseq_percpu_slot
	__attribute__((tls_model("initial-exec"), unused));
#else
static __thread struct rseq_slice_area *const *rseq_percpu_slot __attribute__((unused));
#endif

/*
 * Makes `attempt` in libc's area, and, if that is not registered or the thread's
 * id has no stripe, in what the shim says is the live one. `area` is the name
 * that `attempt` knows it by. It falls through where neither can be had.
 */
#define RSEQ_PERCPU_TRY(pool, area, attempt)                   \
	do {                                                   \
		ptrdiff_t area = (ptrdiff_t)(pool)->libc_area; \
                                                               \
		if (__builtin_expect(area != 0, 1))            \
			attempt;                               \
		area = rseq_percpu_find_area(pool);            \
		if (area != 0)                                 \
			attempt;                               \
	} while (0)

#ifdef RSEQ_PERCPU_HAS_SEQUENCES
/* The calling thread's live area unless it is libc's, from its thread pointer; 0: none. */
static inline ptrdiff_t rseq_percpu_find_area(const struct rseq_percpu_pool *pool)
{
	ptrdiff_t area;

	if (pool->id_offset == 0)
		return 0;
	if (!rseq_percpu_slot)
		rseq_percpu_slot = pool->get_area_slot();
	if (!*rseq_percpu_slot)
		return 0;
	area = (ptrdiff_t)*rseq_percpu_slot - rseq_percpu_thread_pointer();
	return area == (ptrdiff_t)pool->libc_area ? 0 : area;
}
#endif

/*
 * Where a thread without a sequence works: on the stripe behind all others if
 * those with one have the rest, else on that of its CPU, whatever becomes of it.
 */
static inline unsigned char *rseq_percpu_atomic_stripe(const struct rseq_percpu_pool *pool)
{
	uint32_t stripe = pool->stripes;

	if (pool->id_offset == 0) {
		int cpu = sched_getcpu();

		stripe = cpu < 0 ? 0 : (uint32_t)cpu % (pool->stripes + 1);
	}
	return pool->base + ((size_t)stripe << pool->stride_shift);
}

static inline void rseq_percpu_lock(uint32_t *lock)
{
	while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE) != 0)
		sched_yield();
}

static inline void rseq_percpu_unlock(uint32_t *lock)
{
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}

/* What is so many bytes behind; offsets are multiples of what is there. */
static inline void *rseq_percpu_at(void *from, size_t offset)
{
	return (unsigned char *)from + offset;
}

/* Where stripe `index` is, from 0 to rseq_percpu_count() - 1: for those who read them all. */
static inline void *rseq_percpu_stripe(const struct rseq_percpu_pool *pool, uint32_t index)
{
	return pool->base + ((size_t)index << pool->stride_shift);
}

/* How many stripes there are, the one of threads without an id included. */
static inline uint32_t rseq_percpu_count(const struct rseq_percpu_pool *pool)
{
	return pool->stripes + 1;
}

/* Are they changed by restartable sequences? */
static inline int rseq_percpu_is_restartable(const struct rseq_percpu_pool *pool)
{
	return pool->id_offset != 0;
}

/*
 * A pool over memory that is there: stripes + 1 times 1 << stride_shift bytes,
 * zero or what another pool of the same shape has made of it. Ids from `stripes`
 * on use the last one. `api` may be NULL, for atomics. Ids are those of one
 * process, and all pools over a memory are of one kind: two processes do not
 * share one, nor do one with an api and one without. 0, or -EINVAL.
 */
static inline int rseq_percpu_over(struct rseq_percpu_pool *pool, const struct rseq_slice_api *api,
	void *memory, uint32_t stripes, unsigned int stride_shift)
{
	if (!memory || stripes == 0 || stripes == UINT32_MAX || stride_shift < 4 ||
		stride_shift > 40 || (uint64_t)stripes + 1 > (uint64_t)SIZE_MAX >> stride_shift ||
		((uintptr_t)memory & 7) != 0)
		return -EINVAL;
	pool->base = (unsigned char *)memory;
	pool->stripes = stripes;
	pool->stride_shift = (uint16_t)stride_shift;
	pool->is_mapped = 0;
	pool->id_offset = 0;
	pool->libc_area = NULL;
	pool->get_area_slot = NULL;
#ifdef RSEQ_PERCPU_HAS_SEQUENCES
	if (api && RSEQ_SLICE_API_HAS(api, get_percpu_id)) {
		struct rseq_slice_libc libc_state;

		pool->id_offset = (uint16_t)api->get_percpu_id();
		pool->get_area_slot = api->get_area_slot;
		api->get_libc(&libc_state, sizeof(libc_state));
		if (libc_state.area && pool->id_offset != 0)
			pool->libc_area =
				(void *)((ptrdiff_t)libc_state.area - rseq_percpu_thread_pointer());
	}
#else
	(void)api;
#endif
	return 0;
}

/*
 * A pool of its own, zero, of `bytes` for each stripe, one for each CPU that the
 * machine can have. What is never touched takes no memory.
 * 0; -EINVAL: no bytes, or too many; -ENOMEM.
 */
static inline int rseq_percpu_create(
	struct rseq_percpu_pool *pool, const struct rseq_slice_api *api, size_t bytes)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	uint32_t stripes = cpus > 0 ? (uint32_t)cpus : 1;
	unsigned int shift = 7;
	size_t length;
	void *memory;

	if (bytes == 0 || bytes > (size_t)1 << 30)
		return -EINVAL;
	while (((size_t)1 << shift) < bytes)
		shift++;
	length = ((size_t)stripes + 1) << shift;
	memory = mmap(NULL, length, PROT_READ | PROT_WRITE, RSEQ_PERCPU_MAP, -1, 0);
	if (memory == MAP_FAILED)
		return -ENOMEM;
	rseq_percpu_over(pool, api, memory, stripes, shift);
	pool->is_mapped = 1;
	return 0;
}

/* Gives its memory back. No thread may use it any more. */
static inline void rseq_percpu_destroy(struct rseq_percpu_pool *pool)
{
	if (pool->is_mapped)
		munmap(pool->base, rseq_percpu_count(pool) * ((size_t)1 << pool->stride_shift));
	pool->base = NULL;
}

/* Adds to the 64-bit word at `offset`, a multiple of 8. */
static inline void rseq_percpu_add(
	const struct rseq_percpu_pool *pool, size_t offset, int64_t amount)
{
#ifdef RSEQ_PERCPU_HAS_SEQUENCES
	RSEQ_PERCPU_TRY(pool, area, {
		if (__builtin_expect(
			    rseq_percpu_sequence_add(area, pool, pool->base + offset, amount), 1))
			return;
	});
#endif
	__atomic_fetch_add((int64_t *)rseq_percpu_at(rseq_percpu_atomic_stripe(pool), offset),
		amount, __ATOMIC_RELAXED);
}

/*
 * The sum of the words at `offset`: all that was added before, and perhaps what
 * is added now. It goes round at 2^64, as the words do.
 */
static inline int64_t rseq_percpu_sum(const struct rseq_percpu_pool *pool, size_t offset)
{
	uint64_t sum = 0;
	uint32_t stripe;

	for (stripe = 0; stripe < rseq_percpu_count(pool); stripe++)
		sum += __atomic_load_n(
			(uint64_t *)rseq_percpu_at(rseq_percpu_stripe(pool, stripe), offset),
			__ATOMIC_RELAXED);
	return (int64_t)sum;
}

/*
 * Stores `desired` in the 64-bit word at `offset` if it is `expected`. 1: stored;
 * 0: it was something else, which is in *found.
 */
static inline int rseq_percpu_compare_and_store(const struct rseq_percpu_pool *pool, size_t offset,
	int64_t expected, int64_t desired, int64_t *found)
{
#ifdef RSEQ_PERCPU_HAS_SEQUENCES
	int result;

	RSEQ_PERCPU_TRY(pool, area, {
		result = rseq_percpu_sequence_compare_and_store(
			area, pool, pool->base + offset, expected, desired, found);
		if (__builtin_expect(result >= 0, 1))
			return result;
	});
#endif
	*found = expected;
	return __atomic_compare_exchange_n(
		(int64_t *)rseq_percpu_at(rseq_percpu_atomic_stripe(pool), offset), found, desired,
		0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/*
 * Puts a node at the front of the list at `offset`, a multiple of 8 where a
 * struct rseq_percpu_list is. Its pointer to the next one is `next` bytes into
 * the node. Everything written to the node before is there for whoever pops it.
 */
static inline void rseq_percpu_push(
	const struct rseq_percpu_pool *pool, size_t offset, void *node, size_t next)
{
	struct rseq_percpu_list *list;
#ifdef RSEQ_PERCPU_HAS_SEQUENCES
	RSEQ_PERCPU_TRY(pool, area, {
		if (__builtin_expect(rseq_percpu_sequence_push(area, pool, pool->base + offset,
					     node, (unsigned char *)node + next),
			    1))
			return;
	});
#endif
	list = (struct rseq_percpu_list *)rseq_percpu_at(rseq_percpu_atomic_stripe(pool), offset);
	rseq_percpu_lock(&list->lock);
	*(void **)rseq_percpu_at(node, next) = list->first;
	list->first = node;
	rseq_percpu_unlock(&list->lock);
}

/*
 * Takes the first node of the list at `offset`. NULL: this stripe's is empty.
 * Nobody else may take a node from the stripe by other means meanwhile, so each
 * node is got once.
 */
static inline void *rseq_percpu_pop(const struct rseq_percpu_pool *pool, size_t offset, size_t next)
{
	struct rseq_percpu_list *list;
	void *node;
#ifdef RSEQ_PERCPU_HAS_SEQUENCES
	RSEQ_PERCPU_TRY(pool, area, {
		if (__builtin_expect(
			    rseq_percpu_sequence_pop(area, pool, pool->base + offset, next, &node),
			    1))
			return node;
	});
#endif
	list = (struct rseq_percpu_list *)rseq_percpu_at(rseq_percpu_atomic_stripe(pool), offset);
	rseq_percpu_lock(&list->lock);
	node = list->first;
	if (node)
		list->first = *(void **)rseq_percpu_at(node, next);
	rseq_percpu_unlock(&list->lock);
	return node;
}

/*
 * Makes rings at `offset` of all stripes, before anybody uses them: `capacity`
 * records, a power of two, of `record` bytes, a multiple of 8. They take
 * RSEQ_PERCPU_RING_BYTES(). 0, or -EINVAL: also for records of more than
 * RSEQ_PERCPU_MOST_RECORD bytes, since a thread that is interrupted in a copy
 * begins anew, and one that takes longer than the thread has its CPU never ends.
 */
#define RSEQ_PERCPU_MOST_RECORD 65536
#define RSEQ_PERCPU_RING_BYTES(capacity, record) \
	(sizeof(struct rseq_percpu_ring) + (size_t)(capacity) * (record))

static inline int rseq_percpu_make_rings(
	const struct rseq_percpu_pool *pool, size_t offset, uint32_t capacity, uint32_t record)
{
	uint32_t stripe;

	if (capacity == 0 || (capacity & (capacity - 1)) != 0 || record == 0 || (record & 7) != 0 ||
		record > RSEQ_PERCPU_MOST_RECORD || (offset & 7) != 0 ||
		(uint64_t)capacity * record > 1u << 30 ||
		offset > (size_t)1 << pool->stride_shift ||
		offset + RSEQ_PERCPU_RING_BYTES(capacity, record) > (size_t)1 << pool->stride_shift)
		return -EINVAL;
	for (stripe = 0; stripe < rseq_percpu_count(pool); stripe++) {
		struct rseq_percpu_ring *ring = (struct rseq_percpu_ring *)rseq_percpu_at(
			rseq_percpu_stripe(pool, stripe), offset);

		ring->put = ring->taken = 0;
		ring->capacity = capacity;
		ring->record = record;
		ring->lock = ring->taking = 0;
	}
	return 0;
}

/* Copies a record into the ring at `offset`. 1: it is in; 0: this stripe's ring is full. */
static inline int rseq_percpu_put(
	const struct rseq_percpu_pool *pool, size_t offset, const void *record)
{
	struct rseq_percpu_ring *ring;
	int is_free;
#ifdef RSEQ_PERCPU_HAS_SEQUENCES
	int result;

	RSEQ_PERCPU_TRY(pool, area, {
		result = rseq_percpu_sequence_put(area, pool, pool->base + offset, record);
		if (__builtin_expect(result >= 0, 1))
			return result;
	});
#endif
	ring = (struct rseq_percpu_ring *)rseq_percpu_at(rseq_percpu_atomic_stripe(pool), offset);
	rseq_percpu_lock(&ring->lock);
	is_free = ring->put - __atomic_load_n(&ring->taken, __ATOMIC_ACQUIRE) < ring->capacity;
	if (is_free) {
		__builtin_memcpy((unsigned char *)(ring + 1) +
					 (ring->put & (ring->capacity - 1)) * ring->record,
			record, ring->record);
		__atomic_store_n(&ring->put, ring->put + 1, __ATOMIC_RELEASE);
	}
	rseq_percpu_unlock(&ring->lock);
	return is_free;
}

/*
 * Takes the oldest record of one stripe's ring, from any thread. 1: it is in
 * *record; 0: the ring is empty, or another thread takes from it just now.
 */
static inline int rseq_percpu_take(
	const struct rseq_percpu_pool *pool, uint32_t stripe, size_t offset, void *record)
{
	struct rseq_percpu_ring *ring = (struct rseq_percpu_ring *)rseq_percpu_at(
		rseq_percpu_stripe(pool, stripe), offset);
	int is_there;

	if (__atomic_exchange_n(&ring->taking, 1, __ATOMIC_ACQUIRE) != 0)
		return 0;
	is_there = __atomic_load_n(&ring->put, __ATOMIC_ACQUIRE) != ring->taken;
	if (is_there) {
		__builtin_memcpy(record,
			(unsigned char *)(ring + 1) +
				(ring->taken & (ring->capacity - 1)) * ring->record,
			ring->record);
		__atomic_store_n(&ring->taken, ring->taken + 1, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&ring->taking, 0, __ATOMIC_RELEASE);
	return is_there;
}

/* Of membarrier(2), whose header older systems do not have. */
#define RSEQ_PERCPU_MEMBARRIER_RSEQ (1 << 7)
#define RSEQ_PERCPU_MEMBARRIER_REGISTER_RSEQ (1 << 8)

/*
 * Returns when every sequence that was under way in this process has ended or
 * begun anew: whatever the caller changed before, the next ones see. It is for
 * those who change what sequences look at from outside, as a pointer that is
 * about to be freed. It does not wait for threads that use atomics, in a process
 * without sequences or on the last stripe: they hold the lock of a list or a ring
 * while they look at it, so change one under rseq_percpu_lock(), and then fence.
 * 0; -ENOSYS or -EINVAL: the kernel, before 5.10, has no such fence. A process
 * with atomics has 0.
 */
static inline int rseq_percpu_fence(const struct rseq_percpu_pool *pool)
{
	if (!rseq_percpu_is_restartable(pool))
		return 0;
	if (syscall(SYS_membarrier, RSEQ_PERCPU_MEMBARRIER_RSEQ, 0, 0) == 0)
		return 0;
	/* Registering is for the process, and does no harm a second time. */
	if (errno != EPERM ||
		syscall(SYS_membarrier, RSEQ_PERCPU_MEMBARRIER_REGISTER_RSEQ, 0, 0) != 0 ||
		syscall(SYS_membarrier, RSEQ_PERCPU_MEMBARRIER_RSEQ, 0, 0) != 0)
		return -errno;
	return 0;
}

#ifdef __cplusplus
}
#endif

#endif
