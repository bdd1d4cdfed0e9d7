/*
 * Which threads of this process have ended: a set of numbers that only grows, a
 * bit each. A lock's word names its holder, and whoever waits for it asks here
 * whether that holder can still release it. A number nobody told about has not
 * ended, so at worst somebody waits too long; nobody takes a lock from the living.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sync.h"

/* 2^28 bits are 32 MiB, for as many threads one after the other. */
#define MOST_NUMBERS (1u << 28)
#define FEWEST_BYTES 64u

static pthread_mutex_t ends_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned char *ended;
static uint32_t ended_bytes;

static int make_room(uint32_t byte)
{
	uint32_t bytes = ended_bytes ? ended_bytes : FEWEST_BYTES;
	unsigned char *grown;

	while (bytes <= byte)
		bytes *= 2;
	if (bytes == ended_bytes)
		return 0;
	grown = realloc(ended, bytes);
	if (!grown)
		return -ENOMEM;
	memset(grown + ended_bytes, 0, bytes - ended_bytes);
	ended = grown;
	ended_bytes = bytes;
	return 0;
}

int rseq_slice_note_end(uint32_t number)
{
	uint32_t byte = number / 8;
	int error;

	if (number == 0 || number >= MOST_NUMBERS)
		return -EINVAL;
	pthread_mutex_lock(&ends_lock);
	error = make_room(byte);
	if (error == 0)
		ended[byte] |= (unsigned char)(1u << (number % 8));
	pthread_mutex_unlock(&ends_lock);
	return error;
}

int rseq_slice_has_ended(uint32_t number)
{
	uint32_t byte = number / 8;
	int result;

	pthread_mutex_lock(&ends_lock);
	result = byte < ended_bytes && (ended[byte] >> (number % 8) & 1);
	pthread_mutex_unlock(&ends_lock);
	return result;
}
