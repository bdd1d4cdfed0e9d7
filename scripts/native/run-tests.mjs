// SPDX-License-Identifier: MIT
// Runs tests of a checkout: `node run-tests.mjs CHECKOUT ENVIRONMENT FILE…`. The environment, in
// JSON, is for the programs that the tests start and not for the runner: a sanitizer's library is
// preloaded into those alone. Files are of either suite; those of the long one are named in full.

import { startVitest } from 'vitest/node';

const [root = '', environment = '{}', ...files] = process.argv.slice(2);

/** @param {string} config of the suite @param {readonly string[]} names */
async function runSuite(config, names) {
  if (names.length === 0) return;
  const vitest = await startVitest('test', [...names], {
    root,
    config,
    watch: false,
    reporters: ['dot'],
    env: JSON.parse(environment),
    // Sanitized programs take their time.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  });
  // A name that is no file's would be passed over in silence.
  const found = vitest.state.getTestModules().map(({ moduleId }) => moduleId);
  const missing = names.filter((name) => !found.some((id) => id.includes(name)));
  if (missing.length > 0) {
    console.error(`no tests in ${missing.join(', ')}`);
    process.exitCode = 1;
  }
  await vitest.close();
}

/** @param {string} file */
const isLong = (file) => file.endsWith('.long.test.ts');
await runSuite(
  'vitest.config.ts',
  files.filter((file) => !isLong(file)),
);
await runSuite('vitest.long.config.ts', files.filter(isLong));
