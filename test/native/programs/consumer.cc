// SPDX-License-Identifier: MIT
// An addon in C++ that reads the table and does nothing with it: for tests of what it says of
// values that are no table, and of tables that are not the one it was compiled for.
#include <rseq_slice/node.h>

namespace
{

napi_value Read(napi_env env, napi_callback_info info)
{
	size_t count = 1;
	napi_value argument;
	napi_value result;
	const rseq_slice_api *api = nullptr;
	if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) != napi_ok)
		return nullptr;
	if (!rseq_slice_get_api_from_value(env, argument, &api))
		return nullptr;
	if (api == nullptr) {
		napi_get_null(env, &result);
		return result;
	}
	// It is the table, then: its functions are called, with a thread and without.
	rseq_slice_thread *thread = nullptr;
	rseq_slice_step step = RSEQ_SLICE_STEP_NONE;
	const int error = api->attach(
		RSEQ_SLICE_REGISTRATION_AUTO, RSEQ_SLICE_ABI_VERSION_AUTO, &thread, &step);
	const int asked = rseq_slice_enter_section(thread);
	const rseq_slice_outcome outcome = rseq_slice_leave_section(thread, asked);
	const bool consistent = (error == 0) == (thread != nullptr) &&
				(error == 0) == (asked == 1) &&
				(outcome == RSEQ_SLICE_OUTCOME_NESTED) == (asked == 0) &&
				api->detach(thread) == 0;
	napi_get_boolean(env, consistent, &result);
	return result;
}

#ifdef MEMBER
// Whether the table has a member that the header may be ahead of.
napi_value HasMember(napi_env env, napi_callback_info info)
{
	size_t count = 1;
	napi_value argument;
	napi_value result;
	const rseq_slice_api *api = nullptr;
	if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) != napi_ok ||
		!rseq_slice_get_api_from_value(env, argument, &api) || api == nullptr)
		return nullptr;
	napi_get_boolean(env, RSEQ_SLICE_API_HAS(api, MEMBER), &result);
	return result;
}
#endif

// An external as any other addon may have one.
napi_value Foreign(napi_env env, napi_callback_info)
{
	static int nothing;
	napi_value result;
	napi_create_external(env, &nothing, nullptr, nullptr, &result);
	return result;
}

} // namespace

NAPI_MODULE_INIT()
{
	napi_value function;
	napi_create_function(env, "read", NAPI_AUTO_LENGTH, Read, nullptr, &function);
	napi_set_named_property(env, exports, "read", function);
#ifdef MEMBER
	napi_create_function(env, "hasMember", NAPI_AUTO_LENGTH, HasMember, nullptr, &function);
	napi_set_named_property(env, exports, "hasMember", function);
#endif
	napi_create_function(env, "foreign", NAPI_AUTO_LENGTH, Foreign, nullptr, &function);
	napi_set_named_property(env, exports, "foreign", function);
	return exports;
}
