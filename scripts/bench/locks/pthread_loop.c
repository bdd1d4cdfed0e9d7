/* SPDX-License-Identifier: MIT */
/*
 * The yardstick for the locks in JavaScript: the same loop over a pthread mutex
 * or spinlock, without slices, or with a section of the shim around what is
 * held. Measures once and prints one line of JSON with the figures that a cell
 * of the benchmark has.
 *
 *   pthread_loop calibrate
 *   pthread_loop mutex|spin on|off WORKERS UNITS GAP_UNITS SECONDS WARM SAMPLE IN_SECTION
 *
 * Units are increments of a word in memory, seconds may have a fraction. Exit
 * code 1: slices were asked for and are not to be had, or a call failed.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <rseq_slice/slice.h>

/*
 * Waits as a histogram of three significant figures, like that of the other
 * locks: buckets twice as wide as the last, of which each has 1024 steps.
 */
#define STEP_BITS 10
#define STEPS (1 << STEP_BITS)
#define BUCKETS 33
#define HIGHEST 3600000000000LL

#define MAX_WORKERS 64
/* Two cache lines, as neighbours are fetched together. */
#define APART 128

enum phase { PHASE_IDLE, PHASE_WARM, PHASE_TIMED, PHASE_STOP };

struct waits {
	uint64_t count;
	int64_t max;
	uint32_t counts[BUCKETS][STEPS];
};

struct job {
	int mutex; /* else a spinlock */
	int slices; /* ask around what is held */
	int workers;
	int sample; /* one in so many waits is timed */
	int in_section; /* the clock may be read inside */
	long units;
	long gap_units;
};

struct passed {
	long sections;
	double seconds;
};

struct worker {
	const struct job *job;
	pthread_t thread;
	struct rseq_slice_area *area;
	enum rseq_slice_abi_version abi_version;
	long warm;
	struct passed timed;
	long outcomes[RSEQ_SLICE_OUTCOME_NESTED + 1];
	long voluntary;
	long involuntary;
	struct waits waits;
	_Alignas(APART) volatile uint32_t own;
};

static _Alignas(APART) _Atomic int phase = PHASE_IDLE;
static _Alignas(APART) _Atomic int ready;
static _Alignas(APART) pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static _Alignas(APART) pthread_spinlock_t spin;
/* Guarded: not atomic, so that both are right only if the lock excludes. */
static _Alignas(APART) volatile uint32_t sections;
static _Alignas(APART) volatile uint32_t work;

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void spend(volatile uint32_t *word, long units)
{
	for (long i = 0; i < units; i++)
		*word = *word + 1;
}

static void record(struct waits *waits, int64_t wait)
{
	int bucket = 0;

	if (wait < 1)
		wait = 1;
	if (wait > HIGHEST)
		wait = HIGHEST;
	if (wait > waits->max)
		waits->max = wait;
	while (wait >> bucket >= STEPS)
		bucket++;
	waits->counts[bucket][wait >> bucket]++;
	waits->count++;
}

/* The highest wait that counts as the one at this rank, as the other histogram has it. */
static int64_t at_percent(const struct waits *waits, double percent)
{
	uint64_t rank = (uint64_t)(percent / 100 * (double)waits->count + 0.5);
	uint64_t seen = 0;

	if (rank < 1)
		rank = 1;
	for (int bucket = 0; bucket < BUCKETS; bucket++) {
		for (int64_t step = 0; step < STEPS; step++) {
			seen += waits->counts[bucket][step];
			if (seen >= rank)
				return ((step + 1) << bucket) - 1;
		}
	}
	return waits->max;
}

static int take(const struct job *job, int wait)
{
	if (job->mutex)
		return wait ? pthread_mutex_lock(&mutex) : pthread_mutex_trylock(&mutex);
	return wait ? pthread_spin_lock(&spin) : pthread_spin_trylock(&spin);
}

static void give_back(const struct job *job)
{
	if (job->mutex)
		pthread_mutex_unlock(&mutex);
	else
		pthread_spin_unlock(&spin);
}

static void leave(struct worker *worker)
{
	worker->outcomes[rseq_slice_leave(worker->area, worker->abi_version)]++;
}

/*
 * With slices: ask first, and try. Who has to wait does it without a request,
 * and asks again when it has the lock.
 */
static void lock(struct worker *worker)
{
	const struct job *job = worker->job;

	if (!job->slices) {
		take(job, 1);
		return;
	}
	rseq_slice_enter(worker->area, worker->abi_version);
	if (take(job, 0) == 0)
		return;
	leave(worker);
	take(job, 1);
	rseq_slice_enter(worker->area, worker->abi_version);
}

/* The lock is free before the CPU is given up; a wake that is due comes after. */
static void unlock(struct worker *worker)
{
	give_back(worker->job);
	if (worker->job->slices)
		leave(worker);
}

static struct passed run_sections(struct worker *worker, enum phase while_in)
{
	const struct job *job = worker->job;
	struct passed passed = { 0, 0 };
	int64_t started = now();
	int until_sample = 0;

	while (atomic_load_explicit(&phase, memory_order_seq_cst) == (int)while_in) {
		int timed = until_sample == 0;
		int64_t before = 0;
		int64_t after = 0;

		spend(&worker->own, job->gap_units);
		if (timed)
			before = now();
		lock(worker);
		if (timed && job->in_section)
			after = now();
		sections = sections + 1;
		spend(&work, job->units);
		unlock(worker);
		if (timed) {
			if (!job->in_section)
				after = now();
			record(&worker->waits, after - before);
			until_sample = job->sample;
		}
		until_sample--;
		passed.sections++;
	}
	passed.seconds = (double)(now() - started) / 1e9;
	return passed;
}

static void *run_worker(void *argument)
{
	struct worker *worker = argument;
	struct rseq_slice_thread *thread = NULL;
	enum rseq_slice_step step;
	struct rusage before;
	struct rusage after;

	if (worker->job->slices) {
		int error = rseq_slice_attach(
			RSEQ_SLICE_REGISTRATION_AUTO, RSEQ_SLICE_ABI_VERSION_AUTO, &thread, &step);

		if (error != 0) {
			fprintf(stderr, "no slices: step %d, %s\n", step, strerror(-error));
			exit(1);
		}
		worker->area = rseq_slice_get_area(thread);
		worker->abi_version = rseq_slice_get_abi_version(thread);
	}
	atomic_fetch_add(&ready, 1);
	while (atomic_load(&phase) == PHASE_IDLE)
		nanosleep(&(struct timespec){ 0, 100000 }, NULL);
	worker->warm = run_sections(worker, PHASE_WARM).sections;
	memset(&worker->waits, 0, sizeof(worker->waits));
	memset(worker->outcomes, 0, sizeof(worker->outcomes));
	getrusage(RUSAGE_THREAD, &before);
	worker->timed = run_sections(worker, PHASE_TIMED);
	getrusage(RUSAGE_THREAD, &after);
	worker->voluntary = after.ru_nvcsw - before.ru_nvcsw;
	worker->involuntary = after.ru_nivcsw - before.ru_nivcsw;
	if (thread != NULL)
		rseq_slice_detach(thread);
	return NULL;
}

static void pause_for(double seconds)
{
	struct timespec left = { (time_t)seconds,
		(long)((seconds - (double)(time_t)seconds) * 1e9) };

	while (nanosleep(&left, &left) != 0)
		;
}

/* The best of many short batches: whatever disturbs one only makes it longer. */
static int calibrate(void)
{
	long units = 1000;
	int64_t best = 0;

	for (int64_t time = 0; time < 500000; units *= 2) {
		int64_t start = now();

		spend(&work, units * 2);
		time = now() - start;
	}
	for (int batch = 0; batch < 50; batch++) {
		int64_t start = now();
		int64_t time;

		spend(&work, units);
		time = now() - start;
		if (best == 0 || time < best)
			best = time;
	}
	printf("{\"unitsPerMicrosecond\":%.6f}\n", (double)units * 1000 / (double)best);
	return 0;
}

static double cpu_seconds(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void print(const struct job *job, struct worker *const *workers, double seconds, double cpu,
	struct waits *merged)
{
	long outcomes[RSEQ_SLICE_OUTCOME_NESTED + 1] = { 0 };
	long entered = 0;
	long voluntary = 0;
	long involuntary = 0;
	uint32_t done = 0;

	printf("{\"seconds\":%.9f,\"cpu\":%.6f,\"workers\":[", seconds, cpu);
	for (int i = 0; i < job->workers; i++) {
		const struct worker *worker = workers[i];

		printf("%s{\"sections\":%ld,\"seconds\":%.9f}", i == 0 ? "" : ",",
			worker->timed.sections, worker->timed.seconds);
		for (int bucket = 0; bucket < BUCKETS; bucket++)
			for (int step = 0; step < STEPS; step++)
				merged->counts[bucket][step] += worker->waits.counts[bucket][step];
		merged->count += worker->waits.count;
		if (worker->waits.max > merged->max)
			merged->max = worker->waits.max;
		for (int outcome = 0; outcome <= RSEQ_SLICE_OUTCOME_NESTED; outcome++) {
			outcomes[outcome] += worker->outcomes[outcome];
			entered += worker->outcomes[outcome];
		}
		voluntary += worker->voluntary;
		involuntary += worker->involuntary;
		done += (uint32_t)(worker->warm + worker->timed.sections);
	}
	printf("],\"waits\":{\"samples\":%llu", (unsigned long long)merged->count);
	if (merged->count == 0)
		printf(",\"p50\":null,\"p99\":null,\"p999\":null,\"max\":null}");
	else
		printf(",\"p50\":%lld,\"p99\":%lld,\"p999\":%lld,\"max\":%lld}",
			(long long)at_percent(merged, 50), (long long)at_percent(merged, 99),
			(long long)at_percent(merged, 99.9), (long long)merged->max);
	printf(",\"lock\":null,\"slices\":");
	if (job->slices)
		printf("{\"entered\":%ld,\"undisturbed\":%ld,\"yielded\":%ld,\"raced\":%ld,"
		       "\"preempted\":%ld,\"nested\":%ld}",
			entered, outcomes[RSEQ_SLICE_OUTCOME_UNDISTURBED],
			outcomes[RSEQ_SLICE_OUTCOME_YIELDED], outcomes[RSEQ_SLICE_OUTCOME_RACED],
			outcomes[RSEQ_SLICE_OUTCOME_PREEMPTED],
			outcomes[RSEQ_SLICE_OUTCOME_NESTED]);
	else
		printf("null");
	printf(",\"switches\":{\"voluntary\":%ld,\"involuntary\":%ld},\"wrong\":[", voluntary,
		involuntary);
	if (sections != done)
		printf("\"%u sections were counted inside the lock where %u were made\"", sections,
			done);
	if (work != done * (uint32_t)job->units)
		printf("%s\"the guarded word is %u, not %u\"", sections != done ? "," : "", work,
			done * (uint32_t)job->units);
	printf("]}\n");
}

static int run(const struct job *job, double seconds, double warm)
{
	static struct waits merged;
	struct worker *workers[MAX_WORKERS];
	int64_t started;
	double passed;
	double used;

	pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
	for (int i = 0; i < job->workers; i++) {
		workers[i] = aligned_alloc(APART, sizeof(struct worker));
		if (workers[i] == NULL)
			return 1;
		memset(workers[i], 0, sizeof(struct worker));
		workers[i]->job = job;
		if (pthread_create(&workers[i]->thread, NULL, run_worker, workers[i]) != 0)
			return 1;
	}
	while (atomic_load(&ready) < job->workers)
		pause_for(0.0005);
	atomic_store(&phase, PHASE_WARM);
	pause_for(warm);
	used = cpu_seconds();
	atomic_store(&phase, PHASE_TIMED);
	started = now();
	pause_for(seconds);
	atomic_store(&phase, PHASE_STOP);
	passed = (double)(now() - started) / 1e9;
	used = cpu_seconds() - used;
	for (int i = 0; i < job->workers; i++)
		pthread_join(workers[i]->thread, NULL);
	print(job, workers, passed, used, &merged);
	return 0;
}

int main(int argc, char **argv)
{
	struct job job;

	if (argc == 2 && strcmp(argv[1], "calibrate") == 0)
		return calibrate();
	if (argc != 10) {
		fprintf(stderr, "wrong usage, see the head of pthread_loop.c\n");
		return 2;
	}
	job.mutex = strcmp(argv[1], "mutex") == 0;
	job.slices = strcmp(argv[2], "on") == 0;
	job.workers = atoi(argv[3]);
	job.units = atol(argv[4]);
	job.gap_units = atol(argv[5]);
	job.sample = atoi(argv[8]);
	job.in_section = atoi(argv[9]);
	if (job.workers < 1 || job.workers > MAX_WORKERS || job.sample < 1)
		return 2;
	return run(&job, atof(argv[6]), atof(argv[7]));
}
