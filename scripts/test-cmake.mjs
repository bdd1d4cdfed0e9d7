// SPDX-License-Identifier: MIT
// The command `npm run test:cmake`: the addon as cmake-js builds it passes the C tests and the
// JavaScript tests that have to do with the addon.

import { join } from 'node:path';
import { buildWithCMake, runCTests } from './native/cmake.mjs';
import { testWithAddon } from './native/copied-checkout.mjs';
import { root } from './native/target.mjs';

const TESTS = [
  'test/lib/attach.test.ts',
  'test/lib/host/linux/binding.test.ts',
  'test/lib/mapping.test.ts',
  'test/worker/',
];

const folder = join(root, 'build/cmake');
try {
  buildWithCMake(folder);
  const passed = [runCTests(folder), testWithAddon(join(folder, 'Release/rseq_slice.node'), TESTS)];
  process.exitCode = passed.every(Boolean) ? 0 : 1;
} catch (error) {
  console.error(`test-cmake: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
