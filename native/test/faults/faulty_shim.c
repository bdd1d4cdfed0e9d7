/*
 * A function of the shim with the mistakes in it, which the linker puts in the
 * place of the real one (--wrap): JavaScript reaches it through the glue that ships,
 * with the number of the mistake.
 */
#include <stdint.h>

#include "faults.h"

int __wrap_rseq_slice_has_ended(uint32_t number);

int __wrap_rseq_slice_has_ended(uint32_t number)
{
	return make_fault((enum fault)number) != 0;
}
