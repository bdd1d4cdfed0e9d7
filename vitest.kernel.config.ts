import type { ViteUserConfig } from 'vitest/config';

/** The tests that run programs in guests on a kernel with the feature. */
const config: ViteUserConfig = {
  test: {
    include: ['test/kernel/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 1_500_000,
  },
};
export default config;
