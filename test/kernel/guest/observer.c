/* SPDX-License-Identifier: MIT */
/*
 * What a test wants to know about a thread and JavaScript cannot see: libc's
 * view of the CPU, and whose rseq area the kernel holds for the thread, also at
 * its very end. It asks the kernel by trying to register libc's area again:
 * EBUSY means that exactly this area is registered, EINVAL that another is.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <node_api.h>

#ifndef SYS_rseq
#define SYS_rseq 334
#endif

static char end_file[4096];
static pthread_key_t end_key;

static long register_libc_area_again(void)
{
	const ptrdiff_t *offset = dlsym(RTLD_DEFAULT, "__rseq_offset");
	const unsigned int *size = dlsym(RTLD_DEFAULT, "__rseq_size");
	unsigned int length;

	if (!offset || !size || *size == 0)
		return -ENXIO;
	length = *size < 32 ? 32 : *size;
	if (syscall(SYS_rseq, (char *)__builtin_thread_pointer() + *offset, length, 0,
		    0x53053053) == 0)
		return 0;
	return -errno;
}

static const char *name_registration(long result)
{
	switch (result) {
	case -EBUSY:
		return "libc";
	case -EINVAL:
		return "other";
	case -ENXIO:
		return "libc has none";
	case 0:
		return "none";
	default:
		return "error";
	}
}

static void write_end(void *unused)
{
	char line[64];
	const char *name = name_registration(register_libc_area_again());
	int file = open(end_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	(void)unused;
	if (file < 0)
		return;
	snprintf(line, sizeof(line), "%s %d\n", name, sched_getcpu() >= 0);
	if (write(file, line, strlen(line)) < 0)
		_exit(99);
	close(file);
}

static void make_end_key(void)
{
	pthread_key_create(&end_key, write_end);
}

static void write_process_end(void)
{
	write_end(NULL);
}

static napi_value get_cpu(napi_env env, napi_callback_info info)
{
	napi_value result;

	(void)info;
	napi_create_int32(env, sched_getcpu(), &result);
	return result;
}

static napi_value get_tid(napi_env env, napi_callback_info info)
{
	napi_value result;

	(void)info;
	napi_create_int32(env, (int32_t)syscall(SYS_gettid), &result);
	return result;
}

/* getSwitches(): how often the thread has been switched out so far. Without a switch it was not
 * moved either. */
static napi_value get_switches(napi_env env, napi_callback_info info)
{
	struct rusage usage;
	napi_value result;

	(void)info;
	getrusage(RUSAGE_THREAD, &usage);
	napi_create_int64(env, usage.ru_nvcsw + usage.ru_nivcsw, &result);
	return result;
}

/* readArea(): the eight words of libc's area, whoever is registered; null without one. */
static napi_value read_area(napi_env env, napi_callback_info info)
{
	const ptrdiff_t *offset = dlsym(RTLD_DEFAULT, "__rseq_offset");
	napi_value result, word;
	uint32_t words[8];
	uint32_t i;

	(void)info;
	if (!offset) {
		napi_get_null(env, &result);
		return result;
	}
	/* First, since making values can allocate, and an allocator can write there. */
	memcpy(words, (char *)__builtin_thread_pointer() + *offset, sizeof(words));
	napi_create_array(env, &result);
	for (i = 0; i < 8; i++) {
		napi_create_uint32(env, words[i], &word);
		napi_set_element(env, result, i, word);
	}
	return result;
}

static napi_value get_registration(napi_env env, napi_callback_info info)
{
	napi_value result;

	(void)info;
	napi_create_string_utf8(
		env, name_registration(register_libc_area_again()), NAPI_AUTO_LENGTH, &result);
	return result;
}

/* pinTo(cpu, tid = the caller's): 0, or an errno. */
static napi_value pin_to(napi_env env, napi_callback_info info)
{
	napi_value arguments[2], result;
	size_t count = 2;
	int32_t cpu = 0, tid = 0;
	cpu_set_t set;

	napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
	napi_get_value_int32(env, arguments[0], &cpu);
	/* Not given it is undefined, and tid stays 0. */
	napi_get_value_int32(env, arguments[1], &tid);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	napi_create_int32(env, sched_setaffinity(tid, sizeof(set), &set) ? errno : 0, &result);
	return result;
}

/* watchEnd(file): appends a line about the thread's registration when it ends. */
static napi_value watch_end(napi_env env, napi_callback_info info)
{
	napi_value argument;
	size_t count = 1, length;

	napi_get_cb_info(env, info, &count, &argument, NULL, NULL);
	napi_get_value_string_utf8(env, argument, end_file, sizeof(end_file), &length);
	/* Destructors of keys do not run for the main thread. */
	if (getpid() == (pid_t)syscall(SYS_gettid))
		atexit(write_process_end);
	else
		pthread_setspecific(end_key, end_file);
	return NULL;
}

NAPI_MODULE_INIT()
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	static const struct {
		const char *name;
		napi_callback function;
	} functions[] = {
		{ "getCpu", get_cpu },
		{ "getTid", get_tid },
		{ "getSwitches", get_switches },
		{ "readArea", read_area },
		{ "getRegistration", get_registration },
		{ "pinTo", pin_to },
		{ "watchEnd", watch_end },
	};
	size_t i;

	pthread_once(&once, make_end_key);
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		napi_value function;

		napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH,
			functions[i].function, NULL, &function);
		napi_set_named_property(env, exports, functions[i].name, function);
	}
	return exports;
}
