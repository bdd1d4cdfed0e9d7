/* SPDX-License-Identifier: MIT */
/*
 * The way from JavaScript's value to the table of slice.h, for addons that
 * use Node-API themselves. Nothing else of the C interface needs Node's headers.
 */
#ifndef RSEQ_SLICE_NODE_H
#define RSEQ_SLICE_NODE_H

#include <node_api.h>
#include <stdbool.h>
#include <stdio.h>

#include "slice.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * *api is the table in `value`, which is what require('rseq-slice/native').api
 * is: NULL for null, as it is where there is no addon. True if that is so, and
 * rseq_slice_check_api() has found the table fit; else false, *api is NULL and a
 * JavaScript exception is pending:
 *   TypeError  the value is neither null nor such an external
 *   Error      ERR_RSEQ_API_VERSION: the rseq-slice that is loaded does not have
 *              the C interface that this addon was compiled for
 */
static inline bool rseq_slice_get_api_from_value(
	napi_env env, napi_value value, const struct rseq_slice_api **api)
{
	const napi_type_tag tag = { RSEQ_SLICE_API_TAG_LOWER, RSEQ_SLICE_API_TAG_UPPER };
	napi_valuetype type = napi_undefined;
	bool tagged = false;
	void *pointer = NULL;
	char message[320];

	*api = NULL;
	if (napi_typeof(env, value, &type) == napi_ok && type == napi_null)
		return true;
	if (type != napi_external ||
		napi_check_object_type_tag(env, value, &tag, &tagged) != napi_ok || !tagged ||
		napi_get_value_external(env, value, &pointer) != napi_ok || !pointer) {
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE",
			"This is not the api of 'rseq-slice/native', nor null.");
		return false;
	}
	if (rseq_slice_check_api((const struct rseq_slice_api *)pointer) == 0) {
		*api = (const struct rseq_slice_api *)pointer;
		return true;
	}
	snprintf(message, sizeof(message),
		"This addon was compiled for version %u.%u of the C interface of rseq-slice, and "
		"the rseq-slice that is loaded has %u.%u. The first number must be the same: "
		"compile the addon anew against that one, or update it.",
		RSEQ_SLICE_API_MAJOR, RSEQ_SLICE_API_MINOR,
		(unsigned int)((const struct rseq_slice_api *)pointer)->major,
		(unsigned int)((const struct rseq_slice_api *)pointer)->minor);
	napi_throw_error(env, "ERR_RSEQ_API_VERSION", message);
	return false;
}

#ifdef __cplusplus
}
#endif

#endif
