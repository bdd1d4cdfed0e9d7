/* SPDX-License-Identifier: MIT */
/*
 * Versions of glibc's functions, for the addon alone.
 *
 * glibc 2.32 and 2.34 moved functions from libpthread and libdl into libc and
 * gave them new versions, doing the same as before. What is linked on such a
 * glibc asks for the new versions and is not loaded on an older one. Asking for
 * the first version, which every glibc keeps, lets an addon compiled anywhere be
 * loaded wherever Node.js is: see scripts/package/symbols.mjs, which looks at
 * the result. A static libc has no versions, hence not for everybody.
 */
#ifndef RSEQ_SLICE_GLIBC_H
#define RSEQ_SLICE_GLIBC_H

/* Brings __GLIBC__, where there is one. */
#include <stdlib.h>

#ifdef __GLIBC__
/* The first version that glibc has on an architecture. */
#if defined(__x86_64__) && defined(__LP64__)
#define RSEQ_SLICE_GLIBC_FIRST "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define RSEQ_SLICE_GLIBC_FIRST "GLIBC_2.17"
#elif defined(__s390x__)
#define RSEQ_SLICE_GLIBC_FIRST "GLIBC_2.2"
#elif defined(__riscv) && __riscv_xlen == 64
#define RSEQ_SLICE_GLIBC_FIRST "GLIBC_2.27"
#endif
#endif

/* Sanitizers have functions of their own in the place of some, without versions, and the linker
 * mixes them up. */
#if defined(RSEQ_SLICE_GLIBC_FIRST) && !defined(__SANITIZE_ADDRESS__) && \
	!defined(__SANITIZE_THREAD__)
/* Each for whoever uses it: a name that is not used asks for nothing. */
__asm__(".symver dlsym, dlsym@" RSEQ_SLICE_GLIBC_FIRST);
__asm__(".symver pthread_create, pthread_create@" RSEQ_SLICE_GLIBC_FIRST);
__asm__(".symver pthread_join, pthread_join@" RSEQ_SLICE_GLIBC_FIRST);
__asm__(".symver pthread_key_delete, pthread_key_delete@" RSEQ_SLICE_GLIBC_FIRST);
__asm__(".symver pthread_key_create, pthread_key_create@" RSEQ_SLICE_GLIBC_FIRST);
__asm__(".symver pthread_setcancelstate, pthread_setcancelstate@" RSEQ_SLICE_GLIBC_FIRST);
__asm__(".symver pthread_setspecific, pthread_setspecific@" RSEQ_SLICE_GLIBC_FIRST);
__asm__(".symver pthread_sigmask, pthread_sigmask@" RSEQ_SLICE_GLIBC_FIRST);
#endif

#endif
