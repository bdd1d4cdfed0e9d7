/* SPDX-License-Identifier: MIT */
/*
 * Slice extensions for a thread, in C and C++: attach it, ask inside a critical
 * section, give the CPU up if the kernel granted more time. Nothing here knows
 * of JavaScript. Every function concerns the calling thread only, returns
 * -errno on failure, never prints and never ends the process.
 *
 * A process has the shim behind these functions once, in rseq_slice.node,
 * because a thread has one area and one count of who uses it. Another addon
 * calls them through struct rseq_slice_api, which JavaScript hands it; the
 * inline functions are compiled into it. A program that is not an addon links
 * the shim's own sources. rseq_slice(3), in ../man, is the manual.
 *
 * Source of the ABI: Linux Documentation/userspace-api/rseq.rst, and the mail
 * of 2025-09-11 on linux-kernel for the first, bit-based one.
 */
#ifndef RSEQ_SLICE_SLICE_H
#define RSEQ_SLICE_SLICE_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a section ended. */
enum rseq_slice_outcome {
	RSEQ_SLICE_OUTCOME_UNDISTURBED = 0, /* the request was still there */
	RSEQ_SLICE_OUTCOME_YIELDED = 1, /* granted, and the CPU given up in the grant */
	RSEQ_SLICE_OUTCOME_RACED = 2, /* granted, but the grant was gone at the yield */
	RSEQ_SLICE_OUTCOME_PREEMPTED = 3, /* scheduled out inside the section */
	/* Not the layer that asked, or no slices: nothing was done. */
	RSEQ_SLICE_OUTCOME_NESTED = 4,
};

/*
 * Which version of the ABI a kernel has. The numbers are ours, as those of every
 * enum here: the kernel's own are in abi.h.
 */
enum rseq_slice_abi_version {
	RSEQ_SLICE_ABI_VERSION_AUTO = 0, /* what the running kernel has; none, of a kernel */
	RSEQ_SLICE_ABI_VERSION_MAINLINE = 1, /* Linux 7.1+: bytes, area of 33 bytes or more */
	RSEQ_SLICE_ABI_VERSION_7_0 = 2, /* bytes, any area */
	RSEQ_SLICE_ABI_VERSION_RFC = 3, /* bits, yield at 470 */
};

/* Whose area the thread uses. The values are also the policies of attach. */
enum rseq_slice_registration {
	RSEQ_SLICE_REGISTRATION_AUTO = 0, /* policy only: libc, own or replace */
	RSEQ_SLICE_REGISTRATION_LIBC = 1, /* libc's, as it was found */
	RSEQ_SLICE_REGISTRATION_OWN = 2, /* ours: libc had registered none */
	RSEQ_SLICE_REGISTRATION_REPLACE = 3, /* ours, in the place of libc's legacy one */
};

/* What went wrong, beside the errno: the step that failed. */
enum rseq_slice_step {
	RSEQ_SLICE_STEP_NONE = 0,
	RSEQ_SLICE_STEP_FEATURE = 1, /* prctl GET: kernel without the feature */
	RSEQ_SLICE_STEP_BOOT = 2, /* prctl SET: switched off at boot */
	RSEQ_SLICE_STEP_LEGACY = 3, /* legacy area, and the policy forbids replacing */
	RSEQ_SLICE_STEP_FOREIGN = 4, /* an area that is neither libc's nor ours is registered */
	RSEQ_SLICE_STEP_REGISTER = 5, /* rseq(2), register */
	RSEQ_SLICE_STEP_UNREGISTER = 6, /* rseq(2), unregister */
	RSEQ_SLICE_STEP_ENABLE = 7, /* prctl, set */
	RSEQ_SLICE_STEP_MEMORY = 8, /* no memory for the area or the scout thread */
	RSEQ_SLICE_STEP_POLICY = 9, /* the policy asks for what this thread has not */
	RSEQ_SLICE_STEP_ABI_VERSION = 10, /* the kernel has another ABI version */
	RSEQ_SLICE_STEP_USERS = 11, /* a loaded object would be harmed: rseq_slice_get_users() */
};

/*
 * How the structs grow: later versions add members at the end, and enums get
 * further values. A struct that the caller has and a function fills goes with
 * its size, sizeof() in the caller: a caller compiled before or after the shim
 * gets the members that both know, the others zero. A struct that the shim has
 * (struct rseq_slice_section, struct rseq_slice_api) begins with its size there:
 * what lies beyond is not to be looked at.
 */

/* libc's registration of the calling thread. */
struct rseq_slice_libc {
	int exported; /* libc has the __rseq_* symbols */
	int registered; /* and this thread's area is live */
	uint32_t size; /* __rseq_size, bytes */
	uint32_t flags; /* struct rseq.flags of its area */
	struct rseq_slice_area *area; /* NULL when not exported */
	int32_t cpu_id; /* what stands there; -1 not registered, -2 libc was refused, or did not try
			 */
};

/* What the kernel can do, learned once per process on a thread of our own. */
struct rseq_slice_kernel {
	uint32_t feature_size; /* AT_RSEQ_FEATURE_SIZE, bytes; 0: none */
	uint32_t alignment; /* AT_RSEQ_ALIGN, bytes */
	int query; /* prctl GET: 0 or 1; -EINVAL or -524: built without the feature */
	int legacy_area; /* prctl SET on a 32-byte area: 0 or -errno, 1: not tried */
	int full_area; /* prctl SET on an area of the feature size, likewise */
	int area_refused; /* 1: full_area is what rseq(2) answered, prctl was not tried */
	int yield; /* what 471 answered */
	int yield_rfc; /* what 470 answered */
	enum rseq_slice_abi_version abi_version; /* AUTO: slices are unavailable */
};

/* How an object uses rseq, as far as its symbols tell. */
enum rseq_slice_user_kind {
	RSEQ_SLICE_USER_KIND_LIBC_AREA = 1, /* refers to libc's area (__rseq_offset) */
	RSEQ_SLICE_USER_KIND_LIBRSEQ = 2, /* librseq: libc's area, its own where libc has none */
	/* Registers its own, as tcmalloc does (tcmalloc_slabs, __rseq_abi). */
	RSEQ_SLICE_USER_KIND_OWN_AREAS = 3,
};

/* A loaded object that uses rseq. */
struct rseq_slice_user {
	enum rseq_slice_user_kind kind;
	int is_allocator; /* it is the process's malloc */
	char object[256]; /* its path, the end of a long one; "the program" */
};

/*
 * A thread that is attached: one object per thread, however many libraries
 * attached it. The shim makes and frees it, and its first member is a struct
 * rseq_slice_section; the rest is the shim's own. NULL is a thread without
 * slices, and good for rseq_slice_enter_section() and what goes with it.
 */
struct rseq_slice_thread;

/* What a section needs to know of its thread. It never changes while attached. */
struct rseq_slice_section {
	uint32_t size; /* of the whole struct there, bytes */
	enum rseq_slice_abi_version abi_version;
	struct rseq_slice_area *area;
	int (*yield_cpu)(enum rseq_slice_abi_version abi_version); /* rseq_slice_yield_cpu() */
};

/*
 * Where the calling thread's live area stands: a word that is the thread's for
 * its life and follows what attaching and detaching change. What it points to is
 * NULL while the thread has no area. For rseq_percpu.h. Safe in a signal handler.
 */
struct rseq_slice_area *const *rseq_slice_get_area_slot(void);

/*
 * By which number the threads of this process find their stripe in
 * rseq_percpu.h, as its offset within the area: of mm_cid or of cpu_id. 0: they
 * use atomics. The first call decides, for the life of the process: whether the
 * calling thread has a live area is what it looks at.
 */
unsigned int rseq_slice_get_percpu_id(void);

/*
 * Describe the kernel. Safe from any thread; the first call starts and joins a
 * short-lived thread when the feature may be there.
 * Returns 0; -ENOMEM or -EAGAIN when that thread could not be had.
 */
int rseq_slice_get_kernel(struct rseq_slice_kernel *kernel, size_t size);

/* Describe libc's registration of the calling thread. Changes nothing. */
void rseq_slice_get_libc(struct rseq_slice_libc *libc_state, size_t size);

/*
 * List the loaded objects that use rseq, libc and its loader apart: the first
 * `count` of them, each `size` bytes from the one before. Objects that were
 * loaded for themselves alone are among them; what is linked in statically and
 * exports no name is not, nor what dlmopen(3) loaded. Returns how many there
 * are, which may be more.
 */
size_t rseq_slice_get_users(struct rseq_slice_user *users, size_t count, size_t size);

/*
 * Has the calling thread a registered area, whosever? Changes nothing. 1 or 0;
 * -ENOSYS, -EPERM  no rseq(2), or a filter.
 */
int rseq_slice_is_registered(void);

/*
 * prctl GET: 1 enabled, 0 not; -EINVAL no feature, before 7.0; -524 no feature,
 * from 7.0 on; -errno of a filter. Switched off at boot it answers 0.
 */
int rseq_slice_get_enabled(void);

/*
 * Register libc's area in a thread that libc left without: glibc registers only
 * threads whose creator has its area registered, and one that is attached may
 * have ours. Attaching does this first, as does loading the addon, and it stays
 * when the thread detaches.
 * Returns 1: done; 0: nothing to do; else what rseq(2) says, as where libc was
 * refused itself.
 */
int rseq_slice_restore_libc(void);

/*
 * What attaching would do, as far as can be told without a change: 0 and the
 * registration it would end in, or -errno and *step as rseq_slice_attach() has
 * them.
 */
int rseq_slice_check_attach(enum rseq_slice_registration policy,
	enum rseq_slice_abi_version abi_version, enum rseq_slice_registration *registration,
	enum rseq_slice_step *step);

/*
 * Give the calling thread an area that can have slices, and enable them. A
 * second call in one thread, whoever made the first, returns the same object
 * with one more reference; policy and version are those of the first then.
 *
 * AUTO takes libc's area where it can have slices. Else ours is registered, in
 * the place of libc's where that is a legacy one, but not where a loaded object
 * would be harmed by it (see rseq_slice_get_users(): users of libc's area by a
 * replacement; librseq, and allocators that are not the process's malloc, by an
 * area that is there before theirs). Other policies do what they say.
 *
 * While ours is in the place of libc's, code that counts on libc's finds it
 * unregistered in this thread, and threads that it creates start without one.
 *
 * Returns 0 and *thread; else -errno and *step, *thread NULL and the thread as
 * it was found, but for what rseq_slice_restore_libc() did.
 *   -EINVAL    the kernel has no slices (-524 from 7.0 on), or not by this version of the
 *              ABI; no such policy or version
 *   -524       off at boot, or a legacy area that may not be replaced
 *   -EBUSY     someone else has or uses the area
 *   -ENXIO     libc has registered none, and the policy wants that
 *   -ENOSYS, -EPERM  no rseq(2), or a seccomp filter
 *   -ENOMEM, -EAGAIN  no memory for the area, or no thread to find out
 */
int rseq_slice_attach(enum rseq_slice_registration policy, enum rseq_slice_abi_version abi_version,
	struct rseq_slice_thread **thread, enum rseq_slice_step *step);

/*
 * Drop a reference; the last one gives the thread back: libc's area as it was
 * found, but slices stay enabled where it was shared and not replaced. NULL is
 * nothing to drop: 0.
 *   -ESRCH  the object is not the calling thread's, or in a child of fork(2);
 *           nothing changed
 *   else    what rseq(2) or prctl says of giving back. The object is gone all
 *           the same, and the thread may be without an area.
 *
 * A thread that ends attached is given back in the last round of its
 * destructors of thread-specific data, so those of others may have sections and
 * detach; from then on its signals are blocked, but for those that it causes
 * itself. One that attaches first in such a destructor may come too late for
 * that: its area is left behind. The area of one that ends the process lives as
 * long as that.
 */
int rseq_slice_detach(struct rseq_slice_thread *thread);

/*
 * Keep object and area in memory beyond detach, for as long as a view of it may
 * live. 0; -ENOTSUP: the area is libc's, and lives as long as its thread.
 */
int rseq_slice_hold_memory(struct rseq_slice_thread *thread);
void rseq_slice_release_memory(struct rseq_slice_thread *thread);

struct rseq_slice_area *rseq_slice_get_area(const struct rseq_slice_thread *thread);
enum rseq_slice_registration rseq_slice_get_registration(const struct rseq_slice_thread *thread);
enum rseq_slice_abi_version rseq_slice_get_abi_version(const struct rseq_slice_thread *thread);
uint32_t rseq_slice_get_length(const struct rseq_slice_thread *thread);
int rseq_slice_is_owner(const struct rseq_slice_thread *thread);

/*
 * rseq_slice_yield(2). 1: the CPU was given up inside the grant; 0: the grant
 * was gone. -ENOSYS or -EPERM from a filter: the CPU has been given up, only
 * the answer is lost.
 */
int rseq_slice_yield_cpu(enum rseq_slice_abi_version abi_version);

/*
 * Clear the request bit and tell whether it was set, in one step that an
 * interrupt on this CPU cannot split. No other CPU writes the word, so x86
 * needs no LOCK.
 */
static inline int rseq_slice_test_and_clear_request(volatile uint32_t *word)
{
#if defined(__x86_64__)
	unsigned char was_set;

	__asm__ __volatile__("btrl $0, %0" : "+m"(*word), "=@ccc"(was_set) : : "memory");
	return was_set;
#else
	return (__atomic_fetch_and(word, ~RSEQ_SLICE_ABI_REQUEST_BIT, __ATOMIC_SEQ_CST) &
		       RSEQ_SLICE_ABI_REQUEST_BIT) != 0;
#endif
}

/*
 * Ask for a slice. 1: the request is ours to clear; 0: a layer further out has
 * asked already, so leave must not be called.
 */
static inline int rseq_slice_enter(
	struct rseq_slice_area *area, enum rseq_slice_abi_version abi_version)
{
	if (abi_version == RSEQ_SLICE_ABI_VERSION_RFC) {
		if (area->slice_ctrl.word != 0)
			return 0;
		area->slice_ctrl.word = RSEQ_SLICE_ABI_REQUEST_BIT;
	} else {
		/*
		 * Two bytes and not the word, which the CPU cannot forward from
		 * the byte that clear has just stored. In this order: a grant
		 * moves from the first to the second.
		 */
		if (area->slice_ctrl.bytes.request || area->slice_ctrl.bytes.granted)
			return 0;
		area->slice_ctrl.bytes.request = 1;
	}
	__asm__ __volatile__("" ::: "memory");
	return 1;
}

/*
 * Withdraw the request. UNDISTURBED: done. YIELDED: a grant is outstanding and
 * the caller owes the kernel rseq_slice_yield_cpu(). PREEMPTED: it had better
 * call that too, see rseq_slice_leave_with().
 */
static inline enum rseq_slice_outcome rseq_slice_clear(
	struct rseq_slice_area *area, enum rseq_slice_abi_version abi_version)
{
	int asked;

	__asm__ __volatile__("" ::: "memory");
	if (abi_version == RSEQ_SLICE_ABI_VERSION_RFC) {
		if (rseq_slice_test_and_clear_request(&area->slice_ctrl.word))
			return RSEQ_SLICE_OUTCOME_UNDISTURBED;
		return area->slice_ctrl.word & RSEQ_SLICE_ABI_GRANTED_BIT
			       ? RSEQ_SLICE_OUTCOME_YIELDED
			       : RSEQ_SLICE_OUTCOME_PREEMPTED;
	}
	asked = area->slice_ctrl.bytes.request;
	/* First withdraw, then look: the other order misses a grant in between. */
	area->slice_ctrl.bytes.request = 0;
	if (area->slice_ctrl.bytes.granted)
		return RSEQ_SLICE_OUTCOME_YIELDED;
	return asked ? RSEQ_SLICE_OUTCOME_UNDISTURBED : RSEQ_SLICE_OUTCOME_PREEMPTED;
}

/* Withdraw the request, and yield with the function given where that is due. */
static inline enum rseq_slice_outcome rseq_slice_leave_with(struct rseq_slice_area *area,
	enum rseq_slice_abi_version abi_version,
	int (*yield_cpu)(enum rseq_slice_abi_version abi_version))
{
	enum rseq_slice_outcome outcome = rseq_slice_clear(area, abi_version);

	if (__builtin_expect(outcome == RSEQ_SLICE_OUTCOME_UNDISTURBED, 1))
		return outcome;
	/*
	 * Also when preempted: the kernel still means to look at the word at the
	 * next system call, and with rseq_debug=1 it kills a thread in which
	 * that call finds the request of a later section. So let it look now.
	 */
	if (yield_cpu(abi_version) == 0 && outcome == RSEQ_SLICE_OUTCOME_YIELDED)
		return RSEQ_SLICE_OUTCOME_RACED;
	return outcome;
}

/* For programs that have the shim linked in: an addon has no rseq_slice_yield_cpu(). */
static inline enum rseq_slice_outcome rseq_slice_leave(
	struct rseq_slice_area *area, enum rseq_slice_abi_version abi_version)
{
	return rseq_slice_leave_with(area, abi_version, rseq_slice_yield_cpu);
}

/*
 * Enter a section of an attached thread. What it returns is for
 * rseq_slice_leave_section() and says whether this layer asked: 0 when one
 * further out had, in C or in JavaScript, or when the thread is NULL.
 */
static inline int rseq_slice_enter_section(const struct rseq_slice_thread *thread)
{
	const struct rseq_slice_section *section = (const struct rseq_slice_section *)thread;

	return section ? rseq_slice_enter(section->area, section->abi_version) : 0;
}

/* Leave it. NESTED if `asked` is 0, which is not to say that the section was disturbed. */
static inline enum rseq_slice_outcome rseq_slice_leave_section(
	const struct rseq_slice_thread *thread, int asked)
{
	const struct rseq_slice_section *section = (const struct rseq_slice_section *)thread;

	if (!asked)
		return RSEQ_SLICE_OUTCOME_NESTED;
	return rseq_slice_leave_with(section->area, section->abi_version, section->yield_cpu);
}

/*
 * The functions above that are not inline, for code that does not have the shim
 * linked in. Process-wide: it may be kept, and used on any thread, and stays
 * where it is also when the environment that handed it out is gone.
 *
 * Within a major version members are only added, at the end, and the minor one
 * grows. Whoever was compiled with an older header does not see the new ones;
 * whoever was compiled with a newer one asks RSEQ_SLICE_API_HAS() for each that
 * is said to be since a later version than 1.0. The first three members stay
 * what they are in every version.
 */
#define RSEQ_SLICE_API_MAJOR 1u
#define RSEQ_SLICE_API_MINOR 1u

/* The napi_type_tag of the external that JavaScript has: no other pointer has it. */
#define RSEQ_SLICE_API_TAG_LOWER 0x2f86c1d90be54a73u
#define RSEQ_SLICE_API_TAG_UPPER 0xd35e0794a18f6cb2u

struct rseq_slice_api {
	uint32_t size; /* of the whole struct there, bytes */
	uint16_t major; /* RSEQ_SLICE_API_MAJOR there */
	uint16_t minor; /* RSEQ_SLICE_API_MINOR there */
	/* since 1.0 */
	int (*get_kernel)(struct rseq_slice_kernel *kernel, size_t size);
	void (*get_libc)(struct rseq_slice_libc *libc_state, size_t size);
	size_t (*get_users)(struct rseq_slice_user *users, size_t count, size_t size);
	int (*is_registered)(void);
	int (*get_enabled)(void);
	int (*restore_libc)(void);
	int (*check_attach)(enum rseq_slice_registration policy,
		enum rseq_slice_abi_version abi_version, enum rseq_slice_registration *registration,
		enum rseq_slice_step *step);
	int (*attach)(enum rseq_slice_registration policy, enum rseq_slice_abi_version abi_version,
		struct rseq_slice_thread **thread, enum rseq_slice_step *step);
	int (*detach)(struct rseq_slice_thread *thread);
	int (*hold_memory)(struct rseq_slice_thread *thread);
	void (*release_memory)(struct rseq_slice_thread *thread);
	struct rseq_slice_area *(*get_area)(const struct rseq_slice_thread *thread);
	enum rseq_slice_registration (*get_registration)(const struct rseq_slice_thread *thread);
	enum rseq_slice_abi_version (*get_abi_version)(const struct rseq_slice_thread *thread);
	uint32_t (*get_length)(const struct rseq_slice_thread *thread);
	int (*is_owner)(const struct rseq_slice_thread *thread);
	int (*yield_cpu)(enum rseq_slice_abi_version abi_version);
	/* since 1.1 */
	struct rseq_slice_area *const *(*get_area_slot)(void);
	unsigned int (*get_percpu_id)(void);
};

/* Bytes of the table of version 1.0, which every other of this major version begins with. */
#define RSEQ_SLICE_API_SIZE_1_0                       \
	(offsetof(struct rseq_slice_api, yield_cpu) + \
		sizeof(((struct rseq_slice_api *)0)->yield_cpu))

/* Has the table this member? Not to be asked before rseq_slice_check_api() was content. */
#define RSEQ_SLICE_API_HAS(api, member) \
	(offsetof(struct rseq_slice_api, member) + sizeof((api)->member) <= (api)->size)

/* The table of the shim that is linked in. */
const struct rseq_slice_api *rseq_slice_get_api(void);

/*
 * Can code that was compiled with this header use the table? Only then may
 * anything but its first three members be looked at.
 *   0        it can, every member of 1.0; those of later versions are asked for
 *   -ENXIO   it is NULL: no addon
 *   -EPROTO  it is of another major version, or not a whole table
 */
static inline int rseq_slice_check_api(const struct rseq_slice_api *api)
{
	if (!api)
		return -ENXIO;
	return api->major == RSEQ_SLICE_API_MAJOR && api->size >= RSEQ_SLICE_API_SIZE_1_0 ? 0
											  : -EPROTO;
}

#ifdef __cplusplus
}
#endif

#endif
