// SPDX-License-Identifier: MIT
import type { ViteUserConfig } from 'vitest/config';

/** The tests that take long, and need no kernel with the feature either; they run on any host. */
const config: ViteUserConfig = {
  test: {
    // Programs that tests start answer on stdout, where a module that the user loads everywhere may
    // print.
    env: { NODE_OPTIONS: '' },
    include: ['test/**/*.long.test.ts'],
    exclude: ['test/kernel/**'],
    maxWorkers: '100%',
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
};
export default config;
