// SPDX-License-Identifier: MIT
/** The tests that run programs in guests on a kernel with the feature. */
import type { ViteUserConfig } from 'vitest/config';
import { env, resolve } from './vitest.shared.ts';

const config: ViteUserConfig = {
  resolve,
  test: {
    env,
    include: ['test/kernel/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 1_500_000,
  },
};
export default config;
