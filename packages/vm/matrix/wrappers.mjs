// SPDX-License-Identifier: MIT
// Programs and libraries that make an environment a special one, compiled into the folder that the
// guest sees as its job.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { nodeHeaders, readTarget, root } from '../../../scripts/native/target.mjs';
import { ensurePackages } from '../lib/guest/packages.mjs';

const guest = join(root, 'test/kernel/guest');
const IN_GUEST = '/run/job';

const target = readTarget();
const SHIM = target.sources.filter((file) => file.endsWith('.c')).map((file) => join(root, file));

/** @param {string} compiler @param {readonly string[]} args */
function compile(compiler, args) {
  const flags = [
    ...target.cflags,
    ...target.cflags_c,
    '-Werror',
    '-O2',
    '-pthread',
    '-I',
    join(root, 'native/include'),
  ];
  const { error, status, stderr } = spawnSync(compiler, [...flags, ...args], { encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`${args.at(-1) ?? ''} does not compile: ${error?.message ?? stderr}`);
}

/**
 * @param {import('./rows.mjs').Row} row
 * @param {string} job
 * @returns {{ prefix: readonly string[], env: Readonly<Record<string, string>> }} what goes before
 * the command, and its variables
 */
export function prepareWrapper({ wrap, wrapArgument = '' }, job) {
  if (wrap === 'seccomp') {
    compile('cc', [
      '-o',
      join(job, 'deny'),
      ...SHIM,
      join(root, 'native/test/harness.c'),
      join(guest, 'deny.c'),
      '-ldl',
    ]);
    return { prefix: [`${IN_GUEST}/deny`, wrapArgument], env: {} };
  }
  if (wrap === 'preload') {
    compile('cc', [
      '-shared',
      '-fPIC',
      '-DLIBC_AREA',
      '-o',
      join(job, 'neighbour.so'),
      join(root, 'native/test/neighbours/neighbour.c'),
    ]);
    return { prefix: [], env: { LD_PRELOAD: `${IN_GUEST}/neighbour.so` } };
  }
  return { prefix: [], env: {} };
}

/**
 * Addons that use rseq as others do.
 * @param {string} job
 */
export function compileNeighbours(job) {
  ensurePackages(['neighbours'], () => undefined);
  for (const [name, source, ...flags] of [
    ['counter', 'counter'],
    ['owner', 'owner'],
    ['hidden', 'owner', '-DHIDDEN'],
  ]) {
    compile('cc', [
      '-shared',
      '-fPIC',
      '-fvisibility=default',
      ...flags,
      '-isystem',
      nodeHeaders(),
      '-o',
      join(job, `${name}.node`),
      join(guest, `${source}.c`),
    ]);
  }
}

/** The shim's tests in C, which begin with a line of tell.c. */
const SHIM_TESTS = [
  ...SHIM,
  ...readdirSync(join(root, 'native/test'))
    .filter((file) => file.endsWith('.c') && !/_(check|exec)\.c$/.test(file))
    .map((file) => join(root, 'native/test', file)),
  join(guest, 'tell.c'),
];

/**
 * Against this machine's libc, for guests with it or a newer one.
 * @param {string} job
 * @returns {string} the program, as the guest sees it
 */
export function compileShimTests(job) {
  compile('cc', ['-o', join(job, 'shim_test'), ...SHIM_TESTS, '-ldl']);
  return `${IN_GUEST}/shim_test`;
}

/**
 * Against musl, which registers no area.
 * @param {string} job
 * @param {(message: string) => void} say
 * @returns {string} the program, as the guest sees it
 */
export function compileMuslTests(job, say) {
  ensurePackages(['musl'], say);
  // musl brings no headers of the kernel; those of the system come last, behind its own.
  const headers = ['/usr/include', '/usr/include/x86_64-linux-gnu'].flatMap((path) => [
    '-idirafter',
    path,
  ]);
  compile('musl-gcc', [...headers, '-static', '-o', join(job, 'shim_test'), ...SHIM_TESTS]);
  return `${IN_GUEST}/shim_test`;
}
