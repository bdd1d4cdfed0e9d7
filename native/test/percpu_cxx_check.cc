// SPDX-License-Identifier: MIT
// The header of per-CPU data in C++: functions of a template, which the linker has one of though
// several objects have brought them, with sequences in them. Compiled as two objects with another
// OBJECT each, and run: the first one ends with 0 if their totals are exact.
#include <rseq_slice/rseq_percpu.h>

#include <pthread.h>
#include <stdio.h>

template <int amount> inline void add_often(const rseq_percpu_pool &pool, long count)
{
	for (long i = 0; i < count; i++)
		rseq_percpu_add(&pool, 0, amount);
}

void add_in_other_object(const rseq_percpu_pool &pool, long count);

#if OBJECT == 2
void add_in_other_object(const rseq_percpu_pool &pool, long count)
{
	add_often<1>(pool, count);
	add_often<2>(pool, count);
}
#else
constexpr long adds = 100000;

static void *add(void *argument)
{
	const rseq_percpu_pool &pool = *static_cast<rseq_percpu_pool *>(argument);

	add_often<1>(pool, adds);
	add_in_other_object(pool, adds);
	return nullptr;
}

int main()
{
	pthread_t threads[8];
	rseq_percpu_pool pool;
	long long sum;

	if (rseq_percpu_create(&pool, rseq_slice_get_api(), 8) != 0)
		return 2;
	for (pthread_t &thread : threads)
		if (pthread_create(&thread, nullptr, add, &pool) != 0)
			return 2;
	for (pthread_t thread : threads)
		pthread_join(thread, nullptr);
	sum = rseq_percpu_sum(&pool, 0);
	printf("%s %lld\n", rseq_percpu_is_restartable(&pool) ? "restartable" : "atomic", sum);
	rseq_percpu_destroy(&pool);
	return sum == 8 * adds * 4 ? 0 : 1;
}
#endif
