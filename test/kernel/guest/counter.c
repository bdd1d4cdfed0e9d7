/* SPDX-License-Identifier: MIT */
/*
 * An addon with restartable sequences in libc's area, as <sys/rseq.h> and
 * librseq have them: a counter per CPU (by = 4, offset of cpu_id) or per
 * concurrency ID (by = 24, mm_cid), one plain add that commits. Where libc
 * registers nothing it does without, as its kind does. x86-64.
 */
#include <stdint.h>
#include <string.h>
#include <sys/rseq.h>
#include <node_api.h>

static struct {
	volatile intptr_t count;
} __attribute__((aligned(128))) counters[512];

static inline int add(char *area, volatile intptr_t *count, uint32_t index, long by)
{
	__asm__ goto(".pushsection __rseq_cs, \"aw\"\n\t.balign 32\n"
		     "3:\t.long 0, 0\n\t.quad 1f, 2f - 1f, 4f\n\t.popsection\n\t"
		     "leaq 3b(%%rip), %%rax\n\tmovq %%rax, 8(%[area])\n"
		     "1:\tcmpl %[index], (%[area], %[by])\n\tjnz 4f\n\taddq $1, %[count]\n"
		     "2:\n\t.pushsection __rseq_failure, \"ax\"\n\t.byte 0x0f, 0xb9, 0x3d\n\t.long "
		     "0x53053053\n"
		     "4:\tjmp %l[aborted]\n\t.popsection"
		     :
		     : [area] "r"(area), [by] "r"(by), [index] "r"(index), [count] "m"(*count)
		     : "memory", "cc", "rax"
		     : aborted);
	return 0;
aborted:
	return -1;
}

/* count(by, times): how many were counted; it gives up after 100,000 tries for one. */
static napi_value count(napi_env env, napi_callback_info info)
{
	char *area = (char *)__builtin_thread_pointer() + __rseq_offset;
	napi_value arguments[2], result;
	size_t given = 2;
	int64_t by, times, done = 0;
	int tries = 0;

	napi_get_cb_info(env, info, &given, arguments, NULL, NULL);
	napi_get_value_int64(env, arguments[0], &by);
	napi_get_value_int64(env, arguments[1], &times);
	/* Libc says for the whole process that it has none. */
	if (__rseq_size == 0) {
		for (; done < times; done++)
			__atomic_fetch_add(&counters[0].count, 1, __ATOMIC_RELAXED);
	}
	while (done < times && tries < 100000) {
		/* cpu_id_start for cpu_id: always an index */
		uint32_t index = *(volatile uint32_t *)(area + (by == 4 ? 0 : by));

		if (add(area, &counters[index].count, index, by) == 0)
			done++, tries = 0;
		else
			tries++;
	}
	napi_create_int64(env, done, &result);
	return result;
}

/* sum(): what all counters say; they begin anew. */
static napi_value sum(napi_env env, napi_callback_info info)
{
	napi_value result;
	int64_t all = 0;

	(void)info;
	for (int i = 0; i < 512; i++)
		all += counters[i].count;
	memset((void *)counters, 0, sizeof(counters));
	napi_create_int64(env, all, &result);
	return result;
}

NAPI_MODULE_INIT()
{
	napi_value function;

	napi_create_function(env, "count", NAPI_AUTO_LENGTH, count, NULL, &function);
	napi_set_named_property(env, exports, "count", function);
	napi_create_function(env, "sum", NAPI_AUTO_LENGTH, sum, NULL, &function);
	napi_set_named_property(env, exports, "sum", function);
	return exports;
}
