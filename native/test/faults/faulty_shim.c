/* SPDX-License-Identifier: MIT */
/*
 * A function of the shim with the mistakes in it, which the linker puts in the
 * place of the real one (--wrap): JavaScript reaches it through the glue that ships,
 * with the number of the mistake as the count.
 */
#include <stdint.h>

#include "faults.h"

int __wrap_rseq_slice_futex_wake(const int32_t *word, int count);

int __wrap_rseq_slice_futex_wake(const int32_t *word, int count)
{
	(void)word;
	return make_fault((enum fault)count) != 0;
}
