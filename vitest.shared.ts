// SPDX-License-Identifier: MIT
/** What the suites have in common. */
import { fileURLToPath } from 'node:url';
import type { ViteUserConfig } from 'vitest/config';

const source = (path: string): string => fileURLToPath(new URL(`lib/${path}`, import.meta.url));

export const resolve: NonNullable<ViteUserConfig['resolve']> = {
  // The sources of the packages get those of the library, as the tests do, and not a second copy.
  alias: [
    { find: /^rseq-slice$/, replacement: source('index.ts') },
    { find: /^rseq-slice\/simulated$/, replacement: source('simulated/index.ts') },
    { find: /^rseq-slice\/(internal|native)$/, replacement: source('$1.ts') },
  ],
};

// Programs that tests start answer on stdout, where a module that the user loads everywhere may
// print.
export const env = { NODE_OPTIONS: '' };
