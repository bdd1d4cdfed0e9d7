// SPDX-License-Identifier: MIT
/**
 * The short tests that are worth something where there is no Linux, which say so with `@portable`
 * in their head comments. The others compile C, look into /proc, or run programs that attach.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ViteUserConfig } from 'vitest/config';
import { limits } from './vitest.config.ts';
import { env, resolve } from './vitest.shared.ts';

const folder = fileURLToPath(new URL('test/', import.meta.url));
const MARK = /^ \* @portable\r?$/m;

const config: ViteUserConfig = {
  resolve,
  test: {
    ...limits,
    env,
    include: readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts') && MARK.test(readFileSync(folder + name, 'utf8')))
      .map((name) => `test/${name.replaceAll('\\', '/')}`),
  },
};
export default config;
