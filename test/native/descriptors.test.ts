// SPDX-License-Identifier: MIT
/**
 * The descriptors of restartable sequences in a linked library, next to the instructions they
 * describe. Here for this host's processor, where it has sequences; `npm run test:cross` does the
 * same for the others.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { isThere } from '../../scripts/native/compilers.mjs';
import { checkDescriptors, checkSequences } from '../../scripts/native/descriptors.mjs';

const native = fileURLToPath(new URL('../../native', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-descriptors-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const reason =
  process.platform !== 'linux' || process.arch !== 'x64'
    ? 'the host is not Linux on x64'
    : isThere(['gcc']) && isThere(['g++']) && isThere(['objdump'])
      ? undefined
      : 'there is no gcc, g++ or objdump';
if (reason !== undefined) console.log(`descriptors: skipped: ${reason}`);

const COMPILERS = { c: ['gcc'], cxx: ['g++'] };

it.skipIf(reason !== undefined)('describe the instructions that were linked', () => {
  const { descriptors, mistakes } = checkSequences(COMPILERS, folder);
  expect(mistakes).toEqual([]);
  // Five functions, in C and in C++, with and without optimization.
  expect(descriptors).toBeGreaterThanOrEqual(20);
});

/** What is changed in rseq_percpu_sequences.h or its neighbour, and what is found. */
const MISTAKES = [
  ['.quad 1f, 2f - 1f, 4f', '.quad 2f, 1f - 2f, 4f', /it is -\d+ bytes long/],
  ['.quad 1f, 2f - 1f, 4f', '.quad 1f, 6f - 1f, 4f', /before its end.* is no store/],
  ['.quad 1f, 2f - 1f, 4f', '.quad 1f, 2f - 1f, 5f', /before its abort address, not the signature/],
  ['.quad 1f, 2f - 1f, 4f', '.quad 5f, 2f - 5f, 4f', /does not lead to just before its start/],
  ['.long 0, 0', '.long 0, 1', /its flags are not 0/],
  ['.long %c[signature]', '.long 0', /0x0 is before its abort address/],
  ['jmp 5f', 'jmp 2f', /does not lead to just before its start/],
  ['.quad 3b', '.quad 0', /__rseq_cs_ptr_array does not have it/],
] as const;

it.skipIf(reason !== undefined).for(MISTAKES)('are wrong if %s is %s', ([from, to, message]) => {
  const copy = mkdtempSync(join(folder, 'mistake-'));
  const include = join(copy, 'include');
  cpSync(join(native, 'include'), include, { recursive: true });
  let changes = 0;
  for (const name of ['rseq_percpu_sequences.h', 'rseq_percpu_x86_64.h']) {
    const path = join(include, 'rseq_slice', name);
    const text = readFileSync(path, 'utf8');
    changes += text.split(from).length - 1;
    writeFileSync(path, text.replaceAll(from, to));
  }
  expect(changes).toBe(1);
  const library = join(copy, 'percpu.so');
  const source = join(native, 'test/percpu_check.c');
  const flags = ['-O2', '-fPIC', '-shared', '-DPERCPU_CHECK_NO_MAIN', '-I', include];
  const { status, stderr } = spawnSync('gcc', [...flags, source, '-o', library]);
  expect(status, String(stderr)).toBe(0);
  expect(checkDescriptors(library).mistakes.join('\n')).toMatch(message);
});

it.skipIf(reason !== undefined)('are not there where a processor has no sequences', () => {
  const object = join(folder, 'atomics.o');
  // As another processor looks to the headers.
  const flags = ['-U__LP64__', '-std=gnu11', '-Wall', '-Wextra', '-Werror', '-O2', '-fPIC'];
  const { status, stderr } = spawnSync(
    'gcc',
    [
      ...flags,
      '-I',
      join(native, 'include'),
      '-c',
      join(native, 'test/percpu_check.c'),
      '-o',
      object,
    ],
    { encoding: 'utf8' },
  );
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(readFileSync(object).includes('rseq_cs')).toBe(false);
});
