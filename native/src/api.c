/* SPDX-License-Identifier: MIT */
/*
 * The table of the shim's functions, for code that does not have the shim
 * linked in: other addons, to which lib/native.ts hands it.
 */
#include <rseq_slice/slice.h>

static const struct rseq_slice_api api = {
	.size = sizeof(struct rseq_slice_api),
	.major = RSEQ_SLICE_API_MAJOR,
	.minor = RSEQ_SLICE_API_MINOR,
	.get_kernel = rseq_slice_get_kernel,
	.get_libc = rseq_slice_get_libc,
	.get_users = rseq_slice_get_users,
	.is_registered = rseq_slice_is_registered,
	.get_enabled = rseq_slice_get_enabled,
	.restore_libc = rseq_slice_restore_libc,
	.check_attach = rseq_slice_check_attach,
	.attach = rseq_slice_attach,
	.detach = rseq_slice_detach,
	.hold_memory = rseq_slice_hold_memory,
	.release_memory = rseq_slice_release_memory,
	.get_area = rseq_slice_get_area,
	.get_registration = rseq_slice_get_registration,
	.get_abi_version = rseq_slice_get_abi_version,
	.get_length = rseq_slice_get_length,
	.is_owner = rseq_slice_is_owner,
	.yield_cpu = rseq_slice_yield_cpu,
	.get_area_slot = rseq_slice_get_area_slot,
	.get_percpu_id = rseq_slice_get_percpu_id,
};

const struct rseq_slice_api *rseq_slice_get_api(void)
{
	return &api;
}
