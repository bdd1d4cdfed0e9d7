/* SPDX-License-Identifier: MIT */
/*
 * What the shim's tests share: cases in child processes, a look at the thread's
 * registration that does not go through the shim, and a kernel whose answers
 * are made up by a seccomp filter, so that a host without the feature can show
 * nearly every path of the shim too.
 */
#ifndef RSEQ_SLICE_TEST_HARNESS_H
#define RSEQ_SLICE_TEST_HARNESS_H

#include "../src/shim.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

struct test_case {
	const char *name;
	void (*run)(void);
	void (*prepare)(void); /* NULL: needs nothing */
};

/* Ends the case; from any thread of it. */
_Noreturn void test_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
_Noreturn void test_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define CHECK(condition)                                                 \
	do {                                                             \
		if (!(condition))                                        \
			test_fail(__FILE__, __LINE__, "%s", #condition); \
	} while (0)

#define CHECK_EQUAL(actual, expected)                                                           \
	do {                                                                                    \
		long long actual_ = (long long)(actual), expected_ = (long long)(expected);     \
		if (actual_ != expected_)                                                       \
			test_fail(__FILE__, __LINE__, "%s is %lld, not %lld", #actual, actual_, \
				expected_);                                                     \
	} while (0)

/* Runs each case in a child process and prints its line; how many failed. */
int run_cases(const struct test_case *cases, size_t count);

/* Waits for a child of a case, which must have ended with 0. */
void check_child(pid_t child);

/* Whose area the kernel has for the calling thread. */
enum owner { OWNER_NOBODY, OWNER_LIBC, OWNER_OTHER };
enum owner find_owner(void);
int is_registered(struct rseq_slice_area *area, uint32_t length);

/* libc's own words, not by way of the shim. NULL and 0 where it registered nothing. */
struct rseq_slice_area *libc_area(void);
uint32_t libc_length(void);
const unsigned int *libc_size(void);

/*
 * A rule of a filter: when the call's number and all conditions fit, the call
 * is not made and answers -errno (0 is success). The first rule that fits
 * counts, and a filter installed later counts before one installed earlier.
 */
#define ANSWER_PASS (-1) /* the call is made */
#define ANSWER_TRAP (-2) /* SIGSYS */
struct rule {
	long number;
	int answer;
	struct {
		unsigned int argument; /* counted from 1; 0: no condition */
		uint32_t value; /* its low 32 bits */
	} when[6];
};

void install_filter(const struct rule *rules, size_t count);
#define FILTER(...)                                          \
	install_filter((const struct rule[]){ __VA_ARGS__ }, \
		ARRAY_SIZE(((const struct rule[]){ __VA_ARGS__ })))

#define RULE_PRCTL_GET(errno_)                                    \
	{                                                         \
		SYS_prctl, errno_,                                \
		{                                                 \
			{ 1, RSEQ_SLICE_ABI_PR_SLICE_EXTENSION }, \
			{                                         \
				2, RSEQ_SLICE_ABI_PR_SLICE_GET    \
			}                                         \
		}                                                 \
	}
#define RULE_PRCTL_SET(errno_)                                    \
	{                                                         \
		SYS_prctl, errno_,                                \
		{                                                 \
			{ 1, RSEQ_SLICE_ABI_PR_SLICE_EXTENSION }, \
			{                                         \
				2, RSEQ_SLICE_ABI_PR_SLICE_SET    \
			}                                         \
		}                                                 \
	}
#define RULE_YIELD(errno_)                             \
	{                                              \
		RSEQ_SLICE_ABI_NR_SLICE_YIELD, errno_, \
		{                                      \
			{                              \
				0, 0                   \
			}                              \
		}                                      \
	}
#define RULE_YIELD_RFC(errno_)                             \
	{                                                  \
		RSEQ_SLICE_ABI_NR_SLICE_YIELD_RFC, errno_, \
		{                                          \
			{                                  \
				0, 0                       \
			}                                  \
		}                                          \
	}
#define RULE_RSEQ_ANY(errno_)                   \
	{                                       \
		RSEQ_SLICE_ABI_NR_RSEQ, errno_, \
		{                               \
			{                       \
				0, 0            \
			}                       \
		}                               \
	}
#define RULE_RSEQ_REGISTER(errno_)              \
	{                                       \
		RSEQ_SLICE_ABI_NR_RSEQ, errno_, \
		{                               \
			{                       \
				3, 0            \
			}                       \
		}                               \
	}
#define RULE_RSEQ_REGISTER_ENABLED(errno_)                              \
	{                                                               \
		RSEQ_SLICE_ABI_NR_RSEQ, errno_,                         \
		{                                                       \
			{                                               \
				3, RSEQ_SLICE_ABI_FLAG_SLICE_DEFAULT_ON \
			}                                               \
		}                                                       \
	}
#define RULE_RSEQ_UNREGISTER(errno_)                              \
	{                                                         \
		RSEQ_SLICE_ABI_NR_RSEQ, errno_,                   \
		{                                                 \
			{                                         \
				3, RSEQ_SLICE_ABI_FLAG_UNREGISTER \
			}                                         \
		}                                                 \
	}
#define RULE_RSEQ_AREA(area, errno_)                           \
	{                                                      \
		RSEQ_SLICE_ABI_NR_RSEQ, errno_,                \
		{                                              \
			{                                      \
				1, (uint32_t)(uintptr_t)(area) \
			}                                      \
		}                                              \
	}

/*
 * A kernel of the 7.0 kind: prctl and the yield succeed, rseq(2) is the real
 * one, but no flag of it enables slices. Skips where libc registered an area
 * that it does not tell of, as a static one does: nothing can be attached there.
 */
void fake_kernel(void);

/* The same kernel of the first, bit-based kind. */
void fake_kernel_rfc(void);

/* Skips on a kernel without the feature. */
void need_slices(void);

/* Answers of prctl are made up: it changes nothing, and GET is always 0. */
extern int kernel_is_faked;

#endif
