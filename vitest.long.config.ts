// SPDX-License-Identifier: MIT
/** The tests that take long, and need no kernel with the feature either; they run on any host. */
import type { ViteUserConfig } from 'vitest/config';
import { env, resolve } from './vitest.shared.ts';

const config: ViteUserConfig = {
  resolve,
  test: {
    env,
    include: ['test/**/*.long.test.ts'],
    exclude: ['test/kernel/**'],
    maxWorkers: '100%',
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
};
export default config;
