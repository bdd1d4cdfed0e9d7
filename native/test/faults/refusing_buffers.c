/* SPDX-License-Identifier: MIT */
/*
 * A Node-API that refuses external buffers, in each way that it may, instead of
 * the runtime's, and an account of what was unmapped meanwhile. REFUSE says how:
 * `forbidden`, as runtimes with a memory cage do; `unseen`, before the buffer was
 * looked at; `now` and `later`, with the finalizer called at once or some time.
 */
#include <node_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/mapping.h"

static int unmapped;

int __real_rseq_slice_unmap(void *memory, size_t length);
int __wrap_rseq_slice_unmap(void *memory, size_t length)
{
	unmapped++;
	return __real_rseq_slice_unmap(memory, length);
}

static struct {
	napi_env env;
	napi_finalize finalize;
	void *data, *hint;
} later;

napi_status refuse_external_arraybuffer(napi_env env, void *data, size_t length,
	napi_finalize finalize, void *hint, napi_value *result)
{
	const char *how = getenv("REFUSE");

	(void)length;
	*result = NULL;
	if (later.finalize)
		later.finalize(later.env, later.data, later.hint);
	memset(&later, 0, sizeof(later));
	if (strcmp(how, "forbidden") == 0)
		return napi_no_external_buffers_allowed;
	if (strcmp(how, "unseen") == 0)
		return napi_generic_failure;
	napi_throw_error(env, "ERR_BUFFER_TOO_LARGE", "too large");
	if (strcmp(how, "now") == 0) {
		finalize(env, data, hint);
	} else {
		later.env = env;
		later.finalize = finalize;
		later.data = data;
		later.hint = hint;
	}
	/* As Node 20 does. */
	return napi_generic_failure;
}

__attribute__((destructor)) static void tell(void)
{
	printf("unmapped %d\n", unmapped);
}
