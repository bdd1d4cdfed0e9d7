/* SPDX-License-Identifier: MIT */
/*
 * An addon with rseq areas of its own, as tcmalloc's per-CPU mode has them: 32
 * bytes of TLS, registered in each thread at its first use. If the first thread
 * of the process could not be registered, it does without for good; once one
 * was, each must be, and the process ends where one is not. It has tcmalloc's
 * name for them, unless it is compiled with HIDDEN.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <node_api.h>

static __thread struct {
	volatile uint32_t cpu_id_start, cpu_id;
	volatile uint64_t rseq_cs;
	uint32_t rest[4];
} area __attribute__((aligned(32))) = { .cpu_id = (uint32_t)-1 };
enum { UNKNOWN, WITHOUT, WITH };
static int mode;

#ifndef HIDDEN
__thread volatile uintptr_t tcmalloc_slabs;
#endif

/* use(): 'with', 'without', or the end of the process. */
static napi_value use(napi_env env, napi_callback_info info)
{
	napi_value result;

	(void)info;
	if (mode != WITHOUT && (int32_t)area.cpu_id < 0) {
		int failed = syscall(SYS_rseq, &area, 32, 0, 0x53053053) != 0;

		if (mode == UNKNOWN)
			mode = failed ? WITHOUT : WITH;
		else if (failed) {
			fputs("owner: this thread could not be registered\n", stderr);
			abort();
		}
	}
	napi_create_string_utf8(env, mode == WITH ? "with" : "without", NAPI_AUTO_LENGTH, &result);
	return result;
}

NAPI_MODULE_INIT()
{
	napi_value function;

	napi_create_function(env, "use", NAPI_AUTO_LENGTH, use, NULL, &function);
	napi_set_named_property(env, exports, "use", function);
	return exports;
}
