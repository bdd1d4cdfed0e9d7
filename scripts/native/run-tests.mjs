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
  hookTimeout: 120_000,
});
// A name that is no file's would be passed over in silence.
const found = vitest.state.getTestModules().map(({ moduleId }) => moduleId);
const missing = files.filter((file) => !found.some((id) => id.includes(file)));
if (missing.length > 0) {
  console.error(`no tests in ${missing.join(', ')}`);
  process.exitCode = 1;
}
await vitest.close();
