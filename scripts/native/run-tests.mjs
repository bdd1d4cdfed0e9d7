// Runs tests of a checkout: `node run-tests.mjs CHECKOUT ENVIRONMENT FILE…`. The environment, in JSON, is for the
// programs that the tests start and not for the runner: a sanitizer's library is preloaded into those alone.

import { startVitest } from 'vitest/node';

const [root = '', environment = '{}', ...files] = process.argv.slice(2);

const vitest = await startVitest('test', files, {
  root,
  watch: false,
  reporters: ['dot'],
  env: JSON.parse(environment),
  // Sanitized programs take their time.
  testTimeout: 120_000,
});
const { unhandledErrors, testModules } = { unhandledErrors: vitest.state.getUnhandledErrors(), testModules: vitest.state.getTestModules() };
// Where no file was found, or one could not be loaded, nothing has failed that counts as a test.
if (testModules.length < files.length || unhandledErrors.length > 0 || !testModules.every((module) => module.ok())) process.exitCode = 1;
await vitest.close();
