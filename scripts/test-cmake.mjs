// SPDX-License-Identifier: MIT
// The command `npm run test:cmake`: the addon as cmake-js builds it passes the C tests and the
// JavaScript tests that have to do with the addon.

import { join } from 'node:path';
import { buildWithCMake, runCTests } from './native/cmake.mjs';
import { testWithAddon } from './native/copied-checkout.mjs';
import { root } from './native/target.mjs';
import { readFlags } from './read-flags.mjs';

const HELP = `Builds the addon with cmake-js and runs the C tests and the JavaScript tests of it.

  node scripts/test-cmake.mjs

It needs cmake. Exit codes: 0 all passed, 1 something failed, 2 wrong usage.
`;

const TESTS = [
  'test/lib/attach.test.ts',
  'test/lib/host/linux/binding.test.ts',
  'test/lib/mapping.test.ts',
  'test/worker/',
];

/** @returns {boolean} whether all passed */
function test() {
  const folder = join(root, 'build/cmake');
  try {
    buildWithCMake(folder);
    const addon = join(folder, 'Release/rseq_slice.node');
    return [runCTests(folder), testWithAddon(addon, TESTS)].every(Boolean);
  } catch (error) {
    console.error(`test-cmake: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

if (readFlags('test-cmake', HELP) !== null) process.exitCode = test() ? 0 : 1;
