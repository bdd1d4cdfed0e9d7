// SPDX-License-Identifier: MIT
// What there is of sanitizers: the builds, what a run of them is told, and the planted faults with
// the report that each must get. Which mistakes there are is said in native/test/faults/faults.h.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './target.mjs';

/**
 * @typedef {object} Build
 * @property {string} sanitize as -fsanitize= takes it
 * @property {string} library what is preloaded into Node, which is not sanitized itself
 * @property {string} variable what the library reads its options from
 * @property {string} inPrograms options for programs in C
 * @property {string} inNode options for Node and whatever it loads
 */

/** @type {readonly Build[]} */
export const BUILDS = [
  {
    sanitize: 'address,undefined',
    library: 'libasan.so',
    variable: 'ASAN_OPTIONS',
    inPrograms: 'detect_leaks=1',
    // Node ends without giving back what it has: all of its heap would be reported.
    inNode: 'detect_leaks=0',
  },
  {
    sanitize: 'thread',
    library: 'libtsan.so',
    variable: 'TSAN_OPTIONS',
    inPrograms: 'halt_on_error=0',
    // V8's atomics are not seen, so what Node frees in one thread and uses in another looks like a
    // race. Reports are wanted of the addon's own code only. Nor does each of some hundred
    // processes wait a second for races at its exit.
    inNode: 'ignore_noninstrumented_modules=1 atexit_sleep_ms=0',
  },
];

/**
 * @typedef {object} Fault
 * @property {string} name in enum fault
 * @property {string} sanitize the build that reports it
 * @property {RegExp} report
 * @property {string} [notInNode] why it cannot be seen in an addon
 */

/** @type {readonly Fault[]} */
export const FAULTS = [
  {
    name: 'HEAP_OVERFLOW',
    sanitize: 'address,undefined',
    report: /ERROR: AddressSanitizer: heap-buffer-overflow/,
  },
  {
    name: 'USE_AFTER_FREE',
    sanitize: 'address,undefined',
    report: /ERROR: AddressSanitizer: heap-use-after-free/,
  },
  {
    name: 'LEAK',
    sanitize: 'address,undefined',
    report: /ERROR: LeakSanitizer: detected memory leaks/,
    notInNode: 'Node gives back nothing at its end, so leaks are not looked for there',
  },
  {
    name: 'SIGNED_OVERFLOW',
    sanitize: 'address,undefined',
    report: /runtime error: signed integer overflow/,
  },
  {
    name: 'MISALIGNED',
    sanitize: 'address,undefined',
    report: /runtime error: load of misaligned address/,
  },
  { name: 'DATA_RACE', sanitize: 'thread', report: /WARNING: ThreadSanitizer: data race/ },
];

/**
 * @returns {readonly string[]} the names in enum fault, each at its number; the first is that of no
 * fault
 */
export function readFaultNames() {
  const header = readFileSync(join(root, 'native/test/faults/faults.h'), 'utf8');
  const names = [...header.matchAll(/^\tFAULT_(\w+),/gm)].map(([, name = '']) => name);
  const unknown = names.slice(1).filter((name) => !FAULTS.some((fault) => fault.name === name));
  if (names[0] === 'NONE' && unknown.length === 0 && names.length === FAULTS.length + 1)
    return names;
  throw new Error(
    `faults.h and scripts/native/sanitizers.mjs have not the same faults: ${names.join(', ')}`,
  );
}
