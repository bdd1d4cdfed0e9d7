/* SPDX-License-Identifier: MIT */
/*
 * Mistakes made on purpose, for `npm run test:sanitize` to see each sanitizer
 * report its own. Nothing that ships is compiled with them.
 */
#ifndef RSEQ_SLICE_FAULTS_H
#define RSEQ_SLICE_FAULTS_H

enum fault {
	FAULT_NONE,
	FAULT_HEAP_OVERFLOW, /* AddressSanitizer */
	FAULT_USE_AFTER_FREE, /* AddressSanitizer */
	FAULT_LEAK, /* its LeakSanitizer, at exit */
	FAULT_SIGNED_OVERFLOW, /* UndefinedBehaviorSanitizer */
	FAULT_MISALIGNED, /* UndefinedBehaviorSanitizer */
	FAULT_DATA_RACE, /* ThreadSanitizer, when two threads make it */
	FAULT_COUNT
};

/* Makes the mistake. Returns something that depends on it, so that it is not optimized away. */
int make_fault(enum fault fault);

#endif
