/*
 * Who owns the calling thread's rseq area, and how it comes to have one that
 * can be granted slices: libc's as it is, our own, or our own in the place of a
 * legacy 32-byte one, which goes back on detach.
 *
 * What the kernel can do is found out on a scout, a thread nobody else needs,
 * so that a caller's registration is replaced only when that is known to help.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "slice.h"
#ifdef RSEQ_SLICE_OLDEST_GLIBC
#include "glibc.h"
#endif

struct rseq_slice_thread {
	struct rseq_slice_section section; /* first: what the header's inline functions see */
	uint32_t length; /* as registered: unregistering with another is EINVAL */
	enum rseq_slice_registration registration;
	struct rseq_abi *libc_area; /* to put back; NULL unless replaced */
	uint32_t libc_length;
	int was_enabled; /* libc's area had slices before we came */
	pid_t tid;
	unsigned int references; /* touched by the owner only */
	unsigned int end_rounds; /* how often its destructor ran */
	/* One for the registration and one per view that may outlive it. */
	atomic_uint memory_holds;
};

/*
 * The pointer may sit in our TLS because we are linked with nodelete; the area
 * may not, since TLS goes before the kernel's last write to it.
 */
static _Thread_local struct rseq_slice_thread *current_thread;

static pid_t sys_gettid(void)
{
	return (pid_t)syscall(SYS_gettid);
}

static char *thread_pointer(void)
{
#if defined(__x86_64__)
	char *pointer;

	__asm__("movq %%fs:0, %0" : "=r"(pointer));
	return pointer;
#else
	return (char *)__builtin_thread_pointer();
#endif
}

void rseq_slice_get_libc(struct rseq_slice_libc *libc_state)
{
	const ptrdiff_t *offset = dlsym(RTLD_DEFAULT, "__rseq_offset");
	const unsigned int *size = dlsym(RTLD_DEFAULT, "__rseq_size");

	memset(libc_state, 0, sizeof(*libc_state));
	if (!offset || !size)
		return;
	libc_state->exported = 1;
	libc_state->size = *size;
	if (*size == 0)
		return;
	libc_state->area = (struct rseq_abi *)(thread_pointer() + *offset);
	libc_state->registered = (int32_t)libc_state->area->cpu_id >= 0;
	libc_state->flags = libc_state->area->flags;
}

/* glibc registers at least 32 bytes, whatever part of it it calls active. */
static uint32_t libc_registered_length(const struct rseq_slice_libc *libc_state)
{
	return libc_state->size < RSEQ_ABI_LEGACY_LENGTH ? RSEQ_ABI_LEGACY_LENGTH
							 : libc_state->size;
}

/*
 * Does somebody beside libc use this area? tcmalloc keeps a pointer over
 * cpu_id_start, so that it disagrees with cpu_id; a migration between the two
 * loads makes them differ once, not three times running.
 */
static int is_area_in_foreign_use(const struct rseq_slice_libc *libc_state)
{
	const struct rseq_abi *area = libc_state->area;
	int disagreements = 0;

	while (disagreements < 3 && area->cpu_id_start != area->cpu_id)
		disagreements++;
	if (disagreements == 3 || area->rseq_cs != 0)
		return 1;
	if (libc_state->size <= RSEQ_ABI_LEGACY_LENGTH &&
	    !(area->flags & RSEQ_ABI_FLAG_SLICE_ENABLED) && area->slice_ctrl.word != 0)
		return 1;
	return dlsym(RTLD_DEFAULT, "tcmalloc_slabs") != NULL;
}

static void block_signals(sigset_t *saved)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, saved);
}

static void restore_signals(const sigset_t *saved)
{
	pthread_sigmask(SIG_SETMASK, saved, NULL);
}

static uint32_t full_length(const struct rseq_slice_kernel *kernel)
{
	return kernel->feature_size > RSEQ_ABI_LEGACY_LENGTH ? kernel->feature_size
							     : RSEQ_ABI_LEGACY_LENGTH;
}

static struct rseq_abi *create_area(const struct rseq_slice_kernel *kernel)
{
	size_t alignment = sizeof(struct rseq_abi);
	size_t length = full_length(kernel);
	void *memory;

	if (kernel->alignment > alignment)
		alignment = kernel->alignment;
	/* Whole cache lines: nobody else's data shares what the kernel writes. */
	length = (length + alignment - 1) / alignment * alignment;
	if (posix_memalign(&memory, alignment, length) != 0)
		return NULL;
	memset(memory, 0, length);
	((struct rseq_abi *)memory)->cpu_id = RSEQ_ABI_CPU_ID_UNINITIALIZED;
	return memory;
}

/* Registers the area, tries to enable slices, unregisters. 0, or the first error. */
static int try_length(struct rseq_abi *area, uint32_t length, struct rseq_slice_kernel *kernel)
{
	int result = sys_rseq(area, length, 0, RSEQ_ABI_SIGNATURE);
	int yield;

	/* The last length tried is the full one. */
	kernel->area_refused = result != 0;
	if (result)
		/* Both lengths are the kernel's own: some other area is registered. */
		return result == -EINVAL ? -EBUSY : result;
	result = rseq_slice_set_enabled(1);
	if (result == 0) {
		yield = sys_rseq_slice_yield(RSEQ_ABI_NR_SLICE_YIELD);
		kernel->yield = yield;
		if (yield < 0)
			kernel->yield_rfc = sys_rseq_slice_yield(RSEQ_ABI_NR_SLICE_YIELD_RFC);
	}
	sys_rseq(area, length, RSEQ_ABI_FLAG_UNREGISTER, RSEQ_ABI_SIGNATURE);
	return result;
}

static enum rseq_slice_flavour detect_flavour(const struct rseq_slice_kernel *kernel)
{
	if (kernel->legacy_area != 0 && kernel->full_area != 0)
		return RSEQ_SLICE_FLAVOUR_AUTO;
	/* A filter may hide 471; only the first ABI answers 0 at 470. */
	if (kernel->yield < 0 && kernel->yield_rfc >= 0)
		return RSEQ_SLICE_FLAVOUR_RFC;
	return kernel->legacy_area == 0 ? RSEQ_SLICE_FLAVOUR_7_0 : RSEQ_SLICE_FLAVOUR_MAINLINE;
}

/*
 * The dialects of the word are as different as a request and a kill, so the one
 * the kernel is known not to speak is refused. A filter may hide which it is.
 */
static int is_flavour_wrong(enum rseq_slice_flavour wanted, const struct rseq_slice_kernel *kernel)
{
	if (wanted == RSEQ_SLICE_FLAVOUR_AUTO || (kernel->yield < 0 && kernel->yield_rfc < 0))
		return 0;
	return (wanted == RSEQ_SLICE_FLAVOUR_RFC) != (kernel->flavour == RSEQ_SLICE_FLAVOUR_RFC);
}

struct scout {
	struct rseq_slice_kernel *kernel;
	struct rseq_abi *area;
};

static void *run_scout(void *argument)
{
	const struct scout *scout = argument;
	struct rseq_slice_kernel *kernel = scout->kernel;
	struct rseq_slice_libc libc_state;

	rseq_slice_get_libc(&libc_state);
	if (libc_state.registered) {
		if (is_area_in_foreign_use(&libc_state)) {
			kernel->legacy_area = kernel->full_area = -EBUSY;
			return NULL;
		}
		if (sys_rseq(libc_state.area, libc_registered_length(&libc_state),
			     RSEQ_ABI_FLAG_UNREGISTER, RSEQ_ABI_SIGNATURE) != 0) {
			kernel->legacy_area = kernel->full_area = -EBUSY;
			return NULL;
		}
	}
	kernel->legacy_area = try_length(scout->area, RSEQ_ABI_LEGACY_LENGTH, kernel);
	kernel->full_area = full_length(kernel) == RSEQ_ABI_LEGACY_LENGTH
				    ? kernel->legacy_area
				    : try_length(scout->area, full_length(kernel), kernel);
	if (libc_state.registered)
		sys_rseq(libc_state.area, libc_registered_length(&libc_state), 0, RSEQ_ABI_SIGNATURE);
	return NULL;
}

/* Runs the scout to its end, with every signal blocked in it. */
static int send_scout(struct rseq_slice_kernel *kernel)
{
	struct scout scout = { kernel, create_area(kernel) };
	sigset_t saved;
	pthread_t id;
	int error;

	if (!scout.area)
		return -ENOMEM;
	block_signals(&saved);
	error = pthread_create(&id, NULL, run_scout, &scout);
	restore_signals(&saved);
	if (error == 0)
		pthread_join(id, NULL);
	free(scout.area);
	return -error;
}

int rseq_slice_get_kernel(struct rseq_slice_kernel *kernel)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct rseq_slice_kernel known;
	static int is_known;
	int error = 0;

	pthread_mutex_lock(&lock);
	if (!is_known) {
		memset(&known, 0, sizeof(known));
		known.feature_size = (uint32_t)getauxval(RSEQ_ABI_AT_FEATURE_SIZE);
		known.alignment = (uint32_t)getauxval(RSEQ_ABI_AT_ALIGN);
		known.yield = known.yield_rfc = -ENOSYS;
		known.query = rseq_slice_get_enabled();
		if (known.query < 0)
			known.legacy_area = known.full_area = known.query;
		else
			error = send_scout(&known);
		known.flavour = detect_flavour(&known);
		is_known = error == 0;
	}
	*kernel = known;
	pthread_mutex_unlock(&lock);
	return error;
}

static int fail(enum rseq_slice_step *step, enum rseq_slice_step which, int error)
{
	*step = which;
	return error;
}

static int explain_unavailable(const struct rseq_slice_kernel *kernel, enum rseq_slice_step *step)
{
	/* Nobody but a kernel without the feature refuses the question. */
	if (kernel->query == -EINVAL || kernel->query == -RSEQ_ABI_ENOTSUPP)
		return fail(step, RSEQ_SLICE_STEP_FEATURE, kernel->query);
	switch (kernel->full_area) {
	case -EINVAL:
		return fail(step, RSEQ_SLICE_STEP_FEATURE, -EINVAL);
	case -RSEQ_ABI_ENOTSUPP:
		return fail(step, RSEQ_SLICE_STEP_BOOT, -RSEQ_ABI_ENOTSUPP);
	case -EBUSY:
		return fail(step, RSEQ_SLICE_STEP_FOREIGN, -EBUSY);
	default:
		return fail(step, kernel->area_refused ? RSEQ_SLICE_STEP_REGISTER : RSEQ_SLICE_STEP_ENABLE,
			    kernel->full_area);
	}
}

/*
 * Registers an area of our own and enables slices in it, first taking libc's
 * away when there is one. On failure the thread is as it was found.
 */
static int register_own(struct rseq_slice_thread *thread, const struct rseq_slice_libc *libc_state,
			const struct rseq_slice_kernel *kernel, enum rseq_slice_step *step)
{
	sigset_t saved;
	int error;

	thread->section.area = create_area(kernel);
	if (!thread->section.area)
		return fail(step, RSEQ_SLICE_STEP_MEMORY, -ENOMEM);
	thread->length = full_length(kernel);
	/* A handler that used libc's area half-way through would find it dead. */
	block_signals(&saved);
	error = 0;
	if (libc_state->registered) {
		if (is_area_in_foreign_use(libc_state))
			error = fail(step, RSEQ_SLICE_STEP_FOREIGN, -EBUSY);
		else if ((error = sys_rseq(libc_state->area, libc_registered_length(libc_state),
					   RSEQ_ABI_FLAG_UNREGISTER, RSEQ_ABI_SIGNATURE)))
			*step = RSEQ_SLICE_STEP_UNREGISTER;
		else {
			thread->libc_area = libc_state->area;
			thread->libc_length = libc_registered_length(libc_state);
		}
	}
	if (!error) {
		error = sys_rseq(thread->section.area, thread->length, 0, RSEQ_ABI_SIGNATURE);
		if (error == -EINVAL)
			/* The length is the kernel's own: some other area is registered. */
			error = fail(step, RSEQ_SLICE_STEP_FOREIGN, -EBUSY);
		else if (error)
			*step = RSEQ_SLICE_STEP_REGISTER;
		else if ((error = rseq_slice_set_enabled(1))) {
			*step = RSEQ_SLICE_STEP_ENABLE;
			sys_rseq(thread->section.area, thread->length, RSEQ_ABI_FLAG_UNREGISTER,
				 RSEQ_ABI_SIGNATURE);
		}
		if (error && thread->libc_area)
			sys_rseq(thread->libc_area, thread->libc_length, 0, RSEQ_ABI_SIGNATURE);
	}
	restore_signals(&saved);
	if (error)
		free(thread->section.area);
	return error;
}

/* 1: libc's area has slices now; 0: it cannot, try our own; -errno with *step. */
static int adopt_libc(struct rseq_slice_thread *thread, const struct rseq_slice_libc *libc_state,
		      enum rseq_slice_registration policy, enum rseq_slice_step *step)
{
	int error;

	if (!libc_state->registered)
		return policy == RSEQ_SLICE_REGISTRATION_LIBC
			       ? fail(step, RSEQ_SLICE_STEP_POLICY, -ENXIO)
			       : 0;
	if (policy == RSEQ_SLICE_REGISTRATION_OWN)
		return fail(step, RSEQ_SLICE_STEP_POLICY, -EBUSY);
	if (is_area_in_foreign_use(libc_state))
		return fail(step, RSEQ_SLICE_STEP_FOREIGN, -EBUSY);
	if (policy == RSEQ_SLICE_REGISTRATION_REPLACE)
		return 0;
	thread->was_enabled = rseq_slice_get_enabled() == 1;
	error = rseq_slice_set_enabled(1);
	if (error == -RSEQ_ABI_ENOTSUPP)
		return policy == RSEQ_SLICE_REGISTRATION_LIBC
			       ? fail(step, RSEQ_SLICE_STEP_LEGACY, error)
			       : 0;
	if (error)
		return fail(step, RSEQ_SLICE_STEP_ENABLE, error);
	thread->section.area = libc_state->area;
	thread->length = libc_registered_length(libc_state);
	thread->registration = RSEQ_SLICE_REGISTRATION_LIBC;
	return 1;
}

/* What gives a thread back that ends attached: the destructor of this key. */
static pthread_key_t end_key;
static int has_end_key;

/*
 * The area would be lost with the thread otherwise. Other destructors may still
 * have sections to go through or references to drop, and nobody orders them, so
 * this one asks to be called again until there is no other round.
 */
static void end_thread(void *argument)
{
	struct rseq_slice_thread *thread = argument;

	if (++thread->end_rounds < PTHREAD_DESTRUCTOR_ITERATIONS &&
	    pthread_setspecific(end_key, thread) == 0)
		return;
	thread->references = 1;
	rseq_slice_detach(thread);
}

static void create_end_key(void)
{
	has_end_key = pthread_key_create(&end_key, end_thread) == 0;
}

/*
 * NULL: it ends detached. Without a key, or memory for its value, a thread that
 * ends attached leaves its area behind: a loss, and safe.
 */
static void set_end(struct rseq_slice_thread *thread)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, create_end_key);
	if (has_end_key)
		pthread_setspecific(end_key, thread);
}

int rseq_slice_attach(enum rseq_slice_registration policy, enum rseq_slice_flavour flavour,
		      struct rseq_slice_thread **result, enum rseq_slice_step *step)
{
	struct rseq_slice_kernel kernel;
	struct rseq_slice_libc libc_state;
	struct rseq_slice_thread *thread;
	int error;

	*result = NULL;
	*step = RSEQ_SLICE_STEP_NONE;
	if (current_thread) {
		current_thread->references++;
		*result = current_thread;
		return 0;
	}
	error = rseq_slice_get_kernel(&kernel);
	if (error)
		return fail(step, RSEQ_SLICE_STEP_MEMORY, error);
	if (kernel.flavour == RSEQ_SLICE_FLAVOUR_AUTO)
		return explain_unavailable(&kernel, step);
	if (is_flavour_wrong(flavour, &kernel))
		return fail(step, RSEQ_SLICE_STEP_FLAVOUR, -EINVAL);
	thread = calloc(1, sizeof(*thread));
	if (!thread)
		return fail(step, RSEQ_SLICE_STEP_MEMORY, -ENOMEM);
	rseq_slice_get_libc(&libc_state);
	error = adopt_libc(thread, &libc_state, policy, step);
	if (error == 0) {
		thread->registration = libc_state.registered ? RSEQ_SLICE_REGISTRATION_REPLACE
							     : RSEQ_SLICE_REGISTRATION_OWN;
		error = register_own(thread, &libc_state, &kernel, step);
	}
	if (error < 0) {
		free(thread);
		return error;
	}
	thread->section.flavour = flavour == RSEQ_SLICE_FLAVOUR_AUTO ? kernel.flavour : flavour;
	thread->section.yield = rseq_slice_yield;
	thread->tid = sys_gettid();
	thread->references = 1;
	atomic_init(&thread->memory_holds, 1);
	current_thread = thread;
	set_end(thread);
	*result = thread;
	return 0;
}

int rseq_slice_detach(struct rseq_slice_thread *thread)
{
	sigset_t saved;
	int error = 0;

	if (!thread)
		return 0;
	if (thread != current_thread)
		return -EPERM;
	/*
	 * A thread that ends inside a section: what is granted is given up, and
	 * before any other system call, for which the first ABI kills.
	 */
	if (thread->references == 1 && thread->section.area->slice_ctrl.word != 0)
		rseq_slice_leave(thread->section.area, thread->section.flavour);
	/* In a child of fork(2) it is the parent's. */
	if (thread->tid != sys_gettid())
		return -EPERM;
	if (--thread->references > 0)
		return 0;
	current_thread = NULL;
	set_end(NULL);
	if (thread->registration == RSEQ_SLICE_REGISTRATION_LIBC) {
		if (!thread->was_enabled)
			error = rseq_slice_set_enabled(0);
	} else {
		block_signals(&saved);
		error = sys_rseq(thread->section.area, thread->length, RSEQ_ABI_FLAG_UNREGISTER,
				 RSEQ_ABI_SIGNATURE);
		if (!error && thread->libc_area)
			error = sys_rseq(thread->libc_area, thread->libc_length, 0,
					 RSEQ_ABI_SIGNATURE);
		restore_signals(&saved);
		/* Still registered: the kernel goes on writing, so the memory stays. */
		if (error)
			return error;
	}
	rseq_slice_release_memory(thread);
	return error;
}

void rseq_slice_hold_memory(struct rseq_slice_thread *thread)
{
	atomic_fetch_add(&thread->memory_holds, 1);
}

void rseq_slice_release_memory(struct rseq_slice_thread *thread)
{
	if (atomic_fetch_sub(&thread->memory_holds, 1) != 1)
		return;
	if (thread->registration != RSEQ_SLICE_REGISTRATION_LIBC)
		free(thread->section.area);
	free(thread);
}

struct rseq_abi *rseq_slice_get_area(const struct rseq_slice_thread *thread)
{
	return thread->section.area;
}

enum rseq_slice_registration rseq_slice_get_registration(const struct rseq_slice_thread *thread)
{
	return thread->registration;
}

enum rseq_slice_flavour rseq_slice_get_flavour(const struct rseq_slice_thread *thread)
{
	return thread->section.flavour;
}

uint32_t rseq_slice_get_length(const struct rseq_slice_thread *thread)
{
	return thread->length;
}

int rseq_slice_is_owner(const struct rseq_slice_thread *thread)
{
	return thread->tid == sys_gettid();
}
