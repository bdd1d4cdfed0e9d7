// SPDX-License-Identifier: MIT
import type { ViteUserConfig } from 'vitest/config';

/** The tests that run programs in guests on a kernel with the feature. */
const config: ViteUserConfig = {
  test: {
    // Programs that tests start answer on stdout, where a module that the user loads everywhere may
    // print.
    env: { NODE_OPTIONS: '' },
    include: ['test/kernel/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 1_500_000,
  },
};
export default config;
