// SPDX-License-Identifier: MIT
/** The short tests, which need no kernel with the feature; they run on any host. */
import type { ViteUserConfig } from 'vitest/config';
import { env, resolve } from './vitest.shared.ts';

const config: ViteUserConfig = {
  resolve,
  test: {
    env,
    include: ['test/**/*.test.ts'],
    exclude: ['test/kernel/**', 'test/**/*.long.test.ts'],
    // Left to itself it takes one fewer than there are CPUs, though much of a test is to wait for
    // programs.
    maxWorkers: '100%',
    // One for all, which a test here may not exceed: eslint.config.mjs. It is for busy machines.
    testTimeout: 60_000,
    // To remove a folder of many files was seen to take 10 s on a busy machine.
    hookTimeout: 60_000,
  },
};
export default config;
