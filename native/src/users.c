/* SPDX-License-Identifier: MIT */
/*
 * Who else in this process uses rseq: the loaded objects are looked through,
 * also those that were loaded for themselves alone, for the names that go with
 * its use. The area tells nothing: what a user leaves there is gone at the next
 * context switch. Code that is linked statically, and names only that are
 * hidden, cannot be seen, nor what dlmopen(3) loaded into another namespace.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <string.h>

#include "shim.h"
#ifdef RSEQ_SLICE_OLDEST_GLIBC
#include "glibc.h"
#endif

/* What an object has for the dynamic linker. */
struct object {
	const ElfW(Sym) * symbols;
	const char *names;
	const uint32_t *gnu_hash; /* NULL: all symbols are looked at */
	size_t names_size;
	size_t count; /* of symbols; with such a table: of those not in it */
};

/* A name that goes with a use of rseq. */
struct mark {
	const char *name;
	enum rseq_slice_user_kind kind;
	int defined; /* the object has it; else it wants it from another one */
};

/*
 * libc's area is found through __rseq_offset, which its users want; a program
 * that does has a copy of it, and the loader has the thing itself. librseq takes libc's area, or
 * registers one of its own. The rest are names of areas of their own: tcmalloc's, and those of
 * before glibc 2.35.
 */
static const struct mark marks[] = {
	{ "rseq_register_current_thread", RSEQ_SLICE_USER_KIND_LIBRSEQ, 1 },
	{ "tcmalloc_slabs", RSEQ_SLICE_USER_KIND_OWN_AREAS, 1 },
	{ "__rseq_abi", RSEQ_SLICE_USER_KIND_OWN_AREAS, 1 },
	{ "__rseq_abi", RSEQ_SLICE_USER_KIND_OWN_AREAS, 0 },
	{ "__rseq_offset", RSEQ_SLICE_USER_KIND_LIBC_AREA, 0 },
};

static const struct mark copy = { "__rseq_offset", RSEQ_SLICE_USER_KIND_LIBC_AREA, 1 };

struct search {
	struct rseq_slice_user *users;
	size_t room, stride, found;
	size_t harmed; /* by an area of ours, as harms() has it */
	const struct rseq_slice_libc *libc_state;
	const void *libc, *allocator; /* addresses in objects that are told apart */
};

/* Most libcs put addresses into the table, some leave them as the file has them. */
static const void *address_of(const struct dl_phdr_info *info, ElfW(Addr) value)
{
	return (const void *)(value < info->dlpi_addr ? value + info->dlpi_addr : value);
}

/* Behind four numbers and a filter, whose words are as wide as addresses. */
static const uint32_t *buckets_of(const uint32_t *gnu_hash)
{
	return gnu_hash + 4 + gnu_hash[2] * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
}

/* A table of nothing does not say how many symbols there are beside it. */
static int is_empty(const uint32_t *gnu_hash)
{
	const uint32_t *bucket = buckets_of(gnu_hash);
	uint32_t i;

	for (i = 0; i < gnu_hash[0]; i++)
		if (bucket[i] != 0)
			return 0;
	return 1;
}

/* Of the older kind of table, DT_HASH. */
#if defined(__s390x__)
typedef uint64_t hash_entry;
#else
typedef uint32_t hash_entry;
#endif

struct relocations {
	const ElfW(Rela) * entries;
	size_t size; /* bytes */
};

/* One more than the highest index of a symbol that is relocated. */
static size_t count_relocated(const struct relocations *table, size_t count)
{
	size_t i;

	for (i = 0; table->entries && i < table->size / sizeof(*table->entries); i++) {
		size_t symbol = ELF64_R_SYM(table->entries[i].r_info);

		if (symbol >= count)
			count = symbol + 1;
	}
	return count;
}

static int read_object(const struct dl_phdr_info *info, struct object *object)
{
	struct relocations tables[2] = { { NULL, 0 }, { NULL, 0 } };
	const ElfW(Dyn) *entry = NULL;
	const hash_entry *hash = NULL;
	size_t i;

	memset(object, 0, sizeof(*object));
	for (i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			entry = (const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	if (!entry)
		return 0;
	for (; entry->d_tag != DT_NULL; entry++) {
		switch (entry->d_tag) {
		case DT_SYMTAB:
			object->symbols = address_of(info, entry->d_un.d_ptr);
			break;
		case DT_STRTAB:
			object->names = address_of(info, entry->d_un.d_ptr);
			break;
		case DT_STRSZ:
			object->names_size = entry->d_un.d_val;
			break;
		case DT_GNU_HASH:
			object->gnu_hash = address_of(info, entry->d_un.d_ptr);
			break;
		case DT_RELA:
			tables[0].entries = address_of(info, entry->d_un.d_ptr);
			break;
		case DT_RELASZ:
			tables[0].size = entry->d_un.d_val;
			break;
		case DT_JMPREL:
			tables[1].entries = address_of(info, entry->d_un.d_ptr);
			break;
		case DT_PLTRELSZ:
			tables[1].size = entry->d_un.d_val;
			break;
		case DT_HASH:
			hash = address_of(info, entry->d_un.d_ptr);
			break;
		default:
			break;
		}
	}
	if (!object->symbols || !object->names)
		return 0;
	if (object->gnu_hash && !is_empty(object->gnu_hash))
		/* What an object wants of others stands before what it has. */
		object->count = object->gnu_hash[1];
	else if (hash)
		object->count = hash[1];
	else
		/* Nobody counts them, but whatever is wanted of others is relocated. */
		object->count = count_relocated(&tables[0], count_relocated(&tables[1], 0));
	return 1;
}

static uint32_t hash_name(const char *name)
{
	uint32_t hash = 5381;

	for (; *name; name++)
		hash = hash * 33 + (unsigned char)*name;
	return hash;
}

static int is_defined_in_hash(const struct object *object, const char *name)
{
	const uint32_t *header = object->gnu_hash;
	uint32_t buckets = header[0], first = header[1];
	const uint32_t *bucket = buckets_of(header);
	const uint32_t *chain = bucket + buckets;
	uint32_t hash = hash_name(name), index;

	if (buckets == 0)
		return 0;
	index = bucket[hash % buckets];
	if (index < first)
		return 0;
	for (;; index++) {
		const ElfW(Sym) *symbol = &object->symbols[index];

		if ((chain[index - first] | 1) == (hash | 1) && symbol->st_shndx != SHN_UNDEF &&
			strcmp(object->names + symbol->st_name, name) == 0)
			return 1;
		/* The last of a chain is marked. */
		if (chain[index - first] & 1)
			return 0;
	}
}

static int has_mark(const struct object *object, const struct mark *mark)
{
	size_t i;

	if (mark->defined && object->gnu_hash)
		return is_defined_in_hash(object, mark->name);
	for (i = 0; i < object->count; i++) {
		const ElfW(Sym) *symbol = &object->symbols[i];

		if ((symbol->st_shndx != SHN_UNDEF) == mark->defined &&
			symbol->st_name < object->names_size &&
			strcmp(object->names + symbol->st_name, mark->name) == 0)
			return 1;
	}
	return 0;
}

static int contains(const struct dl_phdr_info *info, const void *address)
{
	size_t i;

	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

		if (segment->p_type == PT_LOAD &&
			(uintptr_t)address - (info->dlpi_addr + segment->p_vaddr) <
				segment->p_memsz)
			return 1;
	}
	return 0;
}

/*
 * An allocator with areas of its own that is the process's malloc has been in
 * each thread before us, since our own memory comes from it: either it has the
 * thread's area, which the kernel tells, or it has given up on rseq for good.
 * Where libc has no area, those who would use it do without.
 */
static int harms(const struct rseq_slice_user *user, const struct rseq_slice_libc *libc_state)
{
	if (user->kind == RSEQ_SLICE_USER_KIND_OWN_AREAS)
		return !user->is_allocator;
	return user->kind == RSEQ_SLICE_USER_KIND_LIBRSEQ || libc_state->registered;
}

static int is_program(const struct dl_phdr_info *info)
{
	return !info->dlpi_name || !*info->dlpi_name;
}

static void add_user(
	struct search *search, const struct dl_phdr_info *info, enum rseq_slice_user_kind kind)
{
	const char *name = is_program(info) ? "the program" : info->dlpi_name;
	struct rseq_slice_user user = { .kind = kind };
	size_t length = strlen(name);

	user.is_allocator = search->allocator && contains(info, search->allocator);
	/* The end of a long path says more than its beginning. */
	if (length >= sizeof(user.object))
		name += length - (sizeof(user.object) - 1);
	memcpy(user.object, name, strlen(name) + 1);
	search->harmed += search->libc_state && harms(&user, search->libc_state);
	if (search->found < search->room)
		copy_out((char *)search->users + search->found * search->stride, search->stride,
			&user, sizeof(user));
	search->found++;
}

static int look_at(struct dl_phdr_info *info, size_t size, void *argument)
{
	struct search *search = argument;
	struct object object;
	size_t i;

	(void)size;
	if (contains(info, search->libc) || !read_object(info, &object))
		return 0;
	for (i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		if (has_mark(&object, &marks[i])) {
			add_user(search, info, marks[i].kind);
			return 0;
		}
	}
	if (is_program(info) && has_mark(&object, &copy))
		add_user(search, info, copy.kind);
	return 0;
}

static void look(struct search *search)
{
	rseq_slice_lock_loader();
	/* One that no sanitizer has another of. */
	search->libc = dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
	search->allocator = dlsym(RTLD_DEFAULT, "malloc");
	dl_iterate_phdr(look_at, search);
	rseq_slice_unlock_loader();
}

size_t rseq_slice_get_users(struct rseq_slice_user *users, size_t count, size_t size)
{
	struct search search = { .users = users, .room = count, .stride = size };

	look(&search);
	return search.found;
}

int rseq_slice_has_harmed_users(const struct rseq_slice_libc *libc_state)
{
	struct search search = { .libc_state = libc_state };

	look(&search);
	return search.harmed > 0;
}
