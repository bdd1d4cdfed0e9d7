/* SPDX-License-Identifier: MIT */
/*
 * Threads of C that count in a StripedCounter of JavaScript: each add is a
 * restartable sequence, and no thread attaches. binding.gyp links the addon with
 * -z nodelete, since the kernel looks at descriptors in it.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include <node_api.h>
#include <rseq_slice/node.h>
#include <rseq_slice/rseq_percpu.h>

/* In an example that is enough: whoever calls passes what is asked for. */
#define CHECK(call)                                                                            \
	do {                                                                                   \
		if ((call) != napi_ok)                                                         \
			napi_fatal_error(__FILE__, NAPI_AUTO_LENGTH, #call, NAPI_AUTO_LENGTH); \
	} while (0)

/* The memory of a StripedCounter: docs/per-cpu.md has the layout. */
enum { HEADER = 128, STRIPES_WORD = 1, SHIFT_WORD = 2, C_WORD = 16 };

struct job {
	struct rseq_percpu_pool pool;
	uint32_t adds;
};

static void *count(void *argument)
{
	const struct job *job = argument;
	struct rseq_percpu_pool pool = job->pool;
	uint32_t i;

	for (i = 0; i < job->adds; i++)
		rseq_percpu_add(&pool, C_WORD, 1);
	return NULL;
}

/* countInThreads(api, bytes, threads, adds): whether the adds were restartable sequences */
static napi_value count_in_threads(napi_env env, napi_callback_info info)
{
	const struct rseq_slice_api *api;
	napi_value arguments[4], result;
	pthread_t threads[64];
	struct job job;
	size_t count_of = 4;
	uint32_t wanted, started = 0, i;
	void *memory;

	CHECK(napi_get_cb_info(env, info, &count_of, arguments, NULL, NULL));
	/* An exception is pending then, and says what is wrong. */
	if (!rseq_slice_get_api_from_value(env, arguments[0], &api))
		return NULL;
	CHECK(napi_get_typedarray_info(env, arguments[1], NULL, NULL, &memory, NULL, NULL));
	CHECK(napi_get_value_uint32(env, arguments[2], &wanted));
	CHECK(napi_get_value_uint32(env, arguments[3], &job.adds));
	if (rseq_percpu_over(&job.pool, api, (unsigned char *)memory + HEADER,
		    ((uint32_t *)memory)[STRIPES_WORD], ((uint32_t *)memory)[SHIFT_WORD]) != 0) {
		CHECK(napi_throw_error(env, NULL, "This is no memory of a StripedCounter."));
		return NULL;
	}
	while (started < wanted && started < 64 &&
		pthread_create(&threads[started], NULL, count, &job) == 0)
		started++;
	for (i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	if (started < wanted) {
		CHECK(napi_throw_error(env, NULL, "Not all threads could be started."));
		return NULL;
	}
	CHECK(napi_get_boolean(env, rseq_percpu_is_restartable(&job.pool) != 0, &result));
	return result;
}

NAPI_MODULE_INIT()
{
	napi_value function;

	CHECK(napi_create_function(
		env, "countInThreads", NAPI_AUTO_LENGTH, count_in_threads, NULL, &function));
	CHECK(napi_set_named_property(env, exports, "countInThreads", function));
	return exports;
}
