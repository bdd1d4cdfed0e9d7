// SPDX-License-Identifier: MIT
/** The short tests, which need no kernel with the feature; they run on any host. */
import type { ViteUserConfig } from 'vitest/config';
import { env, resolve } from './vitest.shared.ts';

type TestOptions = NonNullable<ViteUserConfig['test']>;

export const limits: TestOptions = {
  // Left to itself it takes one fewer than there are CPUs, though much of a test is to wait for
  // programs.
  maxWorkers: '100%',
  // One for all, which a test here may not exceed: eslint.config.mjs. It is for busy machines.
  testTimeout: 60_000,
  // To remove a folder of many files was seen to take 10 s on a busy machine.
  hookTimeout: 60_000,
};

/** Those of the library attach the thread that they run in, each file in a process of its own. */
const LIBRARY = 'test/lib/**/*.test.ts';

const config: ViteUserConfig = {
  test: {
    ...limits,
    projects: [
      {
        resolve,
        test: { name: 'library', env, include: [LIBRARY], exclude: ['**/*.long.test.ts'] },
      },
      {
        resolve,
        test: {
          name: 'programs',
          env,
          include: ['test/**/*.test.ts'],
          exclude: [LIBRARY, 'test/kernel/**', '**/*.long.test.ts'],
          // What they test runs in processes that they start, and to start one more for each file
          // would take a quarter of a second.
          isolate: false,
        },
      },
    ].map(({ test, ...project }) => ({ ...project, test: { ...limits, ...test } })),
  },
};
export default config;
