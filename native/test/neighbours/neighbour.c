/* SPDX-License-Identifier: MIT */
/*
 * A shared object with the names that go with one use of rseq, and nothing
 * behind them: LIBC_AREA, LIBRSEQ or OWN_AREAS; with ALLOCATOR it also is the
 * malloc of a process that preloads it.
 */
#include <stddef.h>
#include <stdint.h>

#if defined(LIBC_AREA)
extern const ptrdiff_t __rseq_offset;
/* Exported or not: what it wants of libc stands in its table all the same. */
__attribute__((used)) static ptrdiff_t neighbour_offset(void)
{
	return __rseq_offset;
}
#elif defined(LIBRSEQ)
__attribute__((visibility("default"))) int rseq_register_current_thread(void)
{
	return 0;
}
#elif defined(OWN_AREAS)
__attribute__((visibility("default"))) _Thread_local uintptr_t tcmalloc_slabs;
#endif

#if defined(ALLOCATOR)
void *__libc_malloc(size_t size);

__attribute__((visibility("default"))) void *malloc(size_t size)
{
	return __libc_malloc(size);
}
#endif
