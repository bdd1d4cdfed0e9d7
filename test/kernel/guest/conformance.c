/*
 * Runs sequences of calls against the kernel it is started on, one process a
 * sequence, and writes down what each call gave and what user memory looked like
 * after it. What should come out stands in the same line of the input, so that a
 * sequence into which an interrupt fell is repeated here; the verdict is the
 * caller's. Each line is: name TAB calls TAB expected; each line of the output:
 * name TAB repetitions TAB found. The letters are those of support/conformance.ts.
 *
 *	conformance INPUT OUTPUT
 *
 * Exit codes: 0, 1 for wrong input, 77 when this machine cannot be used.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	AREAS = 3,
	AREA_BYTES = 64,
	SLOTS = AREAS * AREA_BYTES / 4,
	MAX_CALLS = 24,
	MAX_ARGUMENTS = 5,
	MAX_FORKS = MAX_CALLS + 1,
	MAX_LINE = 1 << 16,
	REPETITIONS = 3,
	HANG_SECONDS = 20,
	START_CPU = 1,
	PRCTL_SLICE_EXTENSION = 79,
	YIELD = 471,
	YIELD_RFC = 470,
	EXIT_UNUSABLE = 77,
};

/* Where the areas are: low enough for any length of 32 bits behind it to be user memory. */
#define MEMORY ((char *)0x200000000)

struct call {
	char what;
	int64_t arguments[MAX_ARGUMENTS];
};

struct result {
	int generation;
	int64_t value;
	uint32_t words[SLOTS];
};

/* One sequence and what came of it, in memory that survives fork and execve. */
struct shared {
	pid_t runner;
	int length;
	struct call calls[MAX_CALLS];
	struct result results[MAX_CALLS];
	int done;
	/* By generation, one more with every fork: the call it is in, and the process that goes on. */
	int at[MAX_FORKS];
	pid_t next[MAX_FORKS];
	atomic_int joining;
	/* By CPU: how often a preemption was asked for, and how often the other task has run. */
	atomic_uint asked[2];
	atomic_uint ran[2];
};

static struct shared *shared;
static int shared_file;
static int generation;
static int cpu = START_CPU;
static char *self;

/* What cannot go on ends the child; its sequence is then reported as exited. */
static void stop(const char *what)
{
	fprintf(stderr, "conformance: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static int pin(int to)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(to, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

/* A block that cannot be over before it has begun. */
static void block(void)
{
	const struct timespec time = { .tv_nsec = 1000000 };

	syscall(SYS_nanosleep, &time, NULL);
}

static void map_memory(void)
{
	void *memory = mmap(MEMORY, 4096, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_POPULATE, -1, 0);

	if (memory != MEMORY)
		stop("mmap of the areas");
}

static void map_shared(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, shared_file, 0);
	if (shared == MAP_FAILED)
		stop("mmap of the results");
}

/*
 * Waits in user space until another task has had this CPU, so that the thread is
 * preempted by an interrupt and nothing else. The other task is SCHED_BATCH: its
 * wake-up does not preempt, the tick does.
 */
static void be_preempted(void)
{
	unsigned int asked = atomic_fetch_add(&shared->asked[cpu], 1) + 1;

	syscall(SYS_futex, &shared->asked[cpu], FUTEX_WAKE, 1, NULL, NULL, 0);
	while (atomic_load_explicit(&shared->ran[cpu], memory_order_relaxed) != asked)
		;
}

static void serve_preemption(int on)
{
	const struct sched_param parameters = { 0 };
	unsigned int seen = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (pin(on) != 0 || sched_setscheduler(0, SCHED_BATCH, &parameters) != 0)
		stop("the task that preempts");
	for (;;) {
		syscall(SYS_futex, &shared->asked[on], FUTEX_WAIT, seen, NULL, NULL, 0);
		seen = atomic_load(&shared->asked[on]);
		atomic_store(&shared->ran[on], seen);
	}
}

static void *address(int64_t area, int64_t offset)
{
	/* Area -1 is where nothing is mapped. */
	return area < 0 ? (void *)(uintptr_t)offset : MEMORY + area * AREA_BYTES + offset;
}

static int64_t outcome(long value)
{
	return value == -1 ? -errno : value;
}

static void record(int64_t value)
{
	struct result *result = &shared->results[shared->done];

	result->generation = generation;
	result->value = value;
	memcpy(result->words, MEMORY, sizeof(result->words));
	shared->done++;
}

/* The parent is gone without ever having returned to its own sequence; the child goes on. */
static int64_t go_on_in_child(void)
{
	pid_t pid;

	shared->at[generation + 1] = shared->at[generation];
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid < 0)
		return -errno;
	if (pid > 0) {
		shared->next[generation] = pid;
		_exit(0);
	}
	generation++;
	/* It would compete for the CPU. */
	while (getppid() != shared->runner)
		block();
	return 0;
}

static int64_t execute_self(int next)
{
	char file[16], from[16], as[16], on[16];

	snprintf(file, sizeof(file), "%d", shared_file);
	snprintf(from, sizeof(from), "%d", next);
	snprintf(as, sizeof(as), "%d", generation);
	snprintf(on, sizeof(on), "%d", cpu);
	execl("/proc/self/exe", self, "after-exec", file, from, as, on, (char *)NULL);
	return -errno;
}

static int run_from(int index);

static void *thread_main(void *from)
{
	/* Until the thread that started this one waits for it, asleep. */
	while (!atomic_load(&shared->joining))
		block();
	block();
	record(0);
	return (void *)(intptr_t)run_from((int)(intptr_t)from);
}

/* Returns the index of the call to go on with, after the thread has ended itself. */
static int go_on_in_thread(int next)
{
	pthread_t thread;
	void *end;

	atomic_store(&shared->joining, 0);
	if (pthread_create(&thread, NULL, thread_main, (void *)(intptr_t)next) != 0)
		stop("pthread_create");
	block();
	atomic_store(&shared->joining, 1);
	if (pthread_join(thread, &end) != 0)
		stop("pthread_join");
	return (int)(intptr_t)end;
}

static int64_t perform(const struct call *call, int index)
{
	const int64_t *a = call->arguments;

	switch (call->what) {
	case 'r':
		return outcome(syscall(SYS_rseq, address(a[0], a[1]), (uint32_t)a[2], (int)a[3], (uint32_t)a[4]));
	case 'p':
		return outcome(syscall(SYS_prctl, (long)PRCTL_SLICE_EXTENSION, a[0], a[1], a[2], a[3]));
	case 'y':
		return outcome(syscall(YIELD));
	case 'z':
		/* On today's kernels this is another call, which refuses; how is no matter of ours. */
		return syscall(YIELD_RFC) == -1 ? -1 : 0;
	case 'g':
		syscall(SYS_getppid);
		return 0;
	case 's':
		((volatile uint32_t *)MEMORY)[a[0]] = (uint32_t)a[1];
		return 0;
	case 'w':
		((volatile uint8_t *)MEMORY)[a[0]] = (uint8_t)a[1];
		return 0;
	case 'd':
		return outcome(sched_yield());
	case 'b':
		block();
		return 0;
	case 'i':
		be_preempted();
		return 0;
	case 'm':
		cpu = (int)a[0];
		return outcome(pin(cpu));
	case 'f':
		return go_on_in_child();
	case 'e':
		return execute_self(index + 1);
	default:
		stop("a call nobody knows");
		return 0;
	}
}

/* Returns the index of the call behind the end of this thread. */
static int run_from(int index)
{
	while (index < shared->length) {
		const struct call *call = &shared->calls[index];

		shared->at[generation] = index;
		if (call->what == 'x')
			return index;
		if (call->what == 't') {
			index = go_on_in_thread(index + 1);
			/* The thread's end is over only now. */
			record(0);
		} else {
			record(perform(call, index));
		}
		index++;
	}
	/* Nobody who waits for this thread shall return to user space again. */
	_exit(0);
}

static int parse_calls(char *text)
{
	char *rest = NULL;

	memset(shared->calls, 0, sizeof(shared->calls));
	shared->length = 0;
	for (char *token = strtok_r(text, " ", &rest); token != NULL; token = strtok_r(NULL, " ", &rest)) {
		struct call *call = &shared->calls[shared->length];
		char *at = token + 1;

		if (shared->length++ == MAX_CALLS)
			return -1;
		call->what = *token;
		for (int i = 0; *at == ',' && i < MAX_ARGUMENTS; i++)
			call->arguments[i] = strtoll(at + 1, &at, 10);
		if (*at != '\0')
			return -1;
	}
	return 0;
}

static void on_alarm(int number)
{
	(void)number;
}

/* Follows a sequence through its processes. Returns how the last one ended; -1: it hung. */
static int await_end(pid_t child, int *last)
{
	int status;

	*last = 0;
	for (;;) {
		alarm(HANG_SECONDS);
		if (waitpid(child, &status, 0) != child)
			status = -1;
		alarm(0);
		if (status != 0 || shared->next[*last] == 0)
			break;
		child = shared->next[(*last)++];
	}
	return status;
}

/* Whatever is still there, as after a death in fork, is none of the next sequence's. */
static void clear_away(pid_t group)
{
	kill(-group, SIGKILL);
	while (waitpid(-group, NULL, 0) > 0 || errno == EINTR)
		;
}

/* A thread's concurrency ID is anything small. */
static uint32_t normalized(int slot, uint32_t word)
{
	return slot % 8 == 6 && word < 8 ? 0 : word;
}

static void describe(FILE *to, int status, int last)
{
	if (status == -1)
		fprintf(to, "hang:%d", shared->at[last]);
	else if (WIFSIGNALED(status))
		fprintf(to, "signal:%d:%d", WTERMSIG(status), shared->at[last]);
	else
		fprintf(to, "exit:%d", WEXITSTATUS(status));
	for (int i = 0; i < shared->done && shared->results[i].generation <= last; i++) {
		const struct result *result = &shared->results[i];
		char separator = ';';

		fprintf(to, " %lld", (long long)result->value);
		for (int slot = 0; slot < SLOTS; slot++) {
			uint32_t word = normalized(slot, result->words[slot]);

			if (word == 0)
				continue;
			fprintf(to, "%c%d=%x", separator, slot, word);
			separator = ',';
		}
	}
}

static void run_sequence(char *found, size_t size)
{
	int last, status;
	FILE *text;
	pid_t child;

	shared->done = 0;
	memset(shared->at, 0, sizeof(shared->at));
	memset(shared->next, 0, sizeof(shared->next));
	child = fork();
	if (child < 0)
		stop("fork");
	if (child == 0) {
		if (setpgid(0, 0) != 0 || pin(START_CPU) != 0)
			stop("setting a child up");
		map_memory();
		run_from(0);
	}
	status = await_end(child, &last);
	clear_away(child);
	text = fmemopen(found, size, "w");
	if (text == NULL)
		stop("fmemopen");
	describe(text, status, last);
	fclose(text);
}

static int run_file(const char *input, const char *output)
{
	static char line[MAX_LINE], found[MAX_LINE];
	FILE *in = fopen(input, "r");
	FILE *out = fopen(output, "w");

	if (in == NULL || out == NULL)
		stop("the files");
	while (fgets(line, sizeof(line), in) != NULL) {
		char *name = strtok(line, "\t"), *calls = strtok(NULL, "\t"), *expected = strtok(NULL, "\n");
		int repetitions = 0;

		if (name == NULL || calls == NULL || expected == NULL || parse_calls(calls) != 0) {
			fprintf(stderr, "conformance: this is no sequence: %s\n", line);
			return 1;
		}
		run_sequence(found, sizeof(found));
		while (strcmp(found, expected) != 0 && repetitions < REPETITIONS) {
			repetitions++;
			run_sequence(found, sizeof(found));
		}
		fprintf(out, "%s\t%d\t%s\n", name, repetitions, found);
	}
	return fclose(out) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	const struct rlimit none = { 0, 0 };
	const struct sigaction action = { .sa_handler = on_alarm };
	cpu_set_t allowed;
	pid_t helpers[2];
	int code;

	self = argv[0];
	if (argc == 6 && strcmp(argv[1], "after-exec") == 0) {
		shared_file = atoi(argv[2]);
		generation = atoi(argv[4]);
		cpu = atoi(argv[5]);
		map_shared();
		map_memory();
		record(0);
		run_from(atoi(argv[3]));
	}
	if (argc != 3)
		return 1;
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0 || !CPU_ISSET(0, &allowed) || !CPU_ISSET(1, &allowed)) {
		fprintf(stderr, "conformance: it wants CPUs 0 and 1\n");
		return EXIT_UNUSABLE;
	}
	shared_file = memfd_create("conformance", 0);
	if (shared_file < 0 || ftruncate(shared_file, sizeof(*shared)) != 0)
		stop("memfd_create");
	map_shared();
	shared->runner = getpid();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	setrlimit(RLIMIT_CORE, &none);
	sigaction(SIGALRM, &action, NULL);
	for (int i = 0; i < 2; i++) {
		helpers[i] = fork();
		if (helpers[i] == 0)
			serve_preemption(i);
	}
	code = run_file(argv[1], argv[2]);
	for (int i = 0; i < 2; i++) {
		kill(helpers[i], SIGKILL);
		waitpid(helpers[i], NULL, 0);
	}
	return code;
}
