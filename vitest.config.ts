import type { ViteUserConfig } from 'vitest/config';

/** The tests that need no kernel with the feature; they run on any host. */
const config: ViteUserConfig = {
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/kernel/**'],
    testTimeout: 30_000,
    // To remove a folder of many files was seen to take 10 s on a busy machine.
    hookTimeout: 60_000,
  },
};
export default config;
