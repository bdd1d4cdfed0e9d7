// SPDX-License-Identifier: MIT
/**
 * The header alone, in the dialects and with the warnings that others may have. In `npm test` in
 * the oldest dialects, and each file with one of the compilers.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { isThere } from '../../scripts/native/compilers.mjs';
import { nodeHeaders } from '../../scripts/native/target.mjs';
import { share } from '../support/share.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const native = join(root, 'native');
const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-header-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Why a compiler is not tried; undefined when it is. */
function whyNot(compiler: string): string | undefined {
  if (process.platform !== 'linux') return 'slices are a feature of Linux';
  return isThere([compiler]) ? undefined : `there is no ${compiler}`;
}

const WARNINGS = [
  '-Wall',
  '-Wextra',
  '-Wpedantic',
  '-Wshadow',
  '-Wconversion',
  '-Wsign-conversion',
  '-Wstrict-aliasing',
  '-Wcast-align',
  '-Werror',
];
const USE = `#include <rseq_slice/rseq_percpu.h>
#include <rseq_slice/slice.h>
int use_pool(struct rseq_percpu_pool *pool, const struct rseq_slice_api *api, void *node);
int use_pool(struct rseq_percpu_pool *pool, const struct rseq_slice_api *api, void *node)
{
	int64_t found;

	if (rseq_percpu_create(pool, api, 4096) != 0 || rseq_percpu_make_rings(pool, 128, 8, 8) != 0)
		return 0;
	rseq_percpu_add(pool, 0, rseq_percpu_sum(pool, 0));
	rseq_percpu_push(pool, 64, node, 0);
	return rseq_percpu_compare_and_store(pool, 8, 0, 1, &found) + rseq_percpu_put(pool, 128, node) +
		rseq_percpu_take(pool, 0, 128, node) + rseq_percpu_fence(pool) +
		(rseq_percpu_pop(pool, 64, 0) == node);
}
int use(const struct rseq_slice_api *api, const struct rseq_slice_thread *thread)
{
	int error = rseq_slice_check_api(api);

	return error ? error : (int)rseq_slice_leave_section(thread, rseq_slice_enter_section(thread));
}
`;
const DIALECTS = [
  ...['gcc', 'clang'].flatMap((compiler) =>
    ['c11', 'c17', 'gnu11'].map((standard) => ({ compiler, standard, language: 'c' })),
  ),
  ...['g++', 'clang++'].flatMap((compiler) =>
    ['c++11', 'c++17', 'c++20'].map((standard) => ({ compiler, standard, language: 'c++' })),
  ),
];

it.for(share(DIALECTS, { every: 3 }))(
  'the headers compile with $compiler as $standard, and need nothing of the shim at run time',
  ({ compiler, standard, language }, context) => {
    const reason = whyNot(compiler);
    if (reason !== undefined) {
      console.log(`the headers with ${compiler}: skipped: ${reason}`);
      context.skip(reason);
    }
    // Not a folder of a checkout: what the package has.
    const copy = join(folder, `header-${compiler}-${standard}`);
    cpSync(join(native, 'include'), join(copy, 'include'), { recursive: true });
    const library = join(copy, 'use.so');
    // Undefined symbols are errors: an addon that has them does not load.
    const args = [
      '-x',
      language,
      `-std=${standard}`,
      ...WARNINGS,
      '-shared',
      '-fPIC',
      '-Wl,-z,defs',
      '-I',
      join(copy, 'include'),
      '-',
      '-o',
      library,
    ];
    const { status, stderr } = spawnSync(compiler, args, { encoding: 'utf8', input: USE });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  },
);

/**
 * Each file of ours by itself and in any order, and beside the headers of others who describe the
 * same things.
 */
const HEADERS = [
  'rseq_slice/slice.h',
  'rseq_slice/node.h',
  'rseq_slice/rseq_percpu.h',
  'rseq_slice/abi.h',
];
const NEIGHBOURS = [
  '"rseq-abi.h"',
  '"linux-rseq.h"',
  '"early-linux-rseq.h"',
  '"libc-wrapper.h"',
  '<sys/syscall.h>',
  '<sys/prctl.h>',
  '<linux/prctl.h>',
  '<linux/rseq.h>',
  '<sys/rseq.h>',
  '<rseq/rseq.h>',
];
const BESIDE = HEADERS.flatMap((header) => ['cc', 'c++'].map((compiler) => ({ header, compiler })));

// The first and the last: each header, and each compiler.
it.for(share(BESIDE, { every: BESIDE.length }))(
  '$header compiles beside those of others with $compiler, before and behind them',
  ({ header, compiler }, context) => {
    const reason = whyNot(compiler);
    if (reason !== undefined) context.skip(reason);
    const compile = (includes: readonly string[]): string => {
      const args = [
        '-x',
        compiler === 'cc' ? 'c' : 'c++',
        compiler === 'cc' ? '-std=c11' : '-std=c++17',
        '-Wall',
        '-Wextra',
        '-Werror',
        '-fsyntax-only',
        '-isystem',
        nodeHeaders(),
        '-I',
        join(native, 'include'),
        '-I',
        join(root, 'test/fixtures/shapes'),
        '-',
      ];
      return spawnSync(compiler, args, {
        encoding: 'utf8',
        input: includes.map((name) => `#include ${name}\n`).join(''),
      }).stderr;
    };
    const ours = `<${header}>`;
    expect(compile([ours])).toBe('');
    let neighbours = 0;
    for (const neighbour of NEIGHBOURS) {
      // Older systems have not all of them; and what is not about us is not ours to judge.
      if (compile(['<stddef.h>', neighbour]) !== '') continue;
      expect(compile(['<stddef.h>', neighbour, ours])).toBe('');
      expect(compile([ours, neighbour])).toBe('');
      neighbours++;
    }
    // Those of the project's own, and some of the system's.
    expect(neighbours).toBeGreaterThan(5);
    for (const other of HEADERS) expect(compile([ours, `<${other}>`])).toBe('');
  },
);

/** As it was published: later versions have more behind them. */
const MEMBERS_OF_1_0 = [
  'size',
  'major',
  'minor',
  'get_kernel',
  'get_libc',
  'get_users',
  'is_registered',
  'get_enabled',
  'restore_libc',
  'check_attach',
  'attach',
  'detach',
  'hold_memory',
  'release_memory',
  'get_area',
  'get_registration',
  'get_abi_version',
  'get_length',
  'is_owner',
  'yield_cpu',
];

it('begins the table with the members of version 1.0', () => {
  const text = readFileSync(join(native, 'include/rseq_slice/slice.h'), 'utf8');
  const table = /struct rseq_slice_api \{([^]*?)\n\};/.exec(text)?.[1] ?? '';
  const members = table
    .replaceAll(/\/\*[^]*?\*\//g, '')
    .split(';')
    .flatMap((member) => /\(\*(\w+)\)\(/.exec(member)?.[1] ?? /(\w+)\s*$/.exec(member)?.[1] ?? []);
  expect(members.slice(0, MEMBERS_OF_1_0.length)).toEqual(MEMBERS_OF_1_0);
});
