// SPDX-License-Identifier: MIT
/**
 * The example addon as another team would build it, with node-gyp; and the versions of the header
 * that example-addon.test.ts leaves out.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, it } from 'vitest';
import {
  buildWithNodeGyp,
  expectWorkDone,
  installExample,
  run,
  whyNoNodeGyp,
} from '../support/example.ts';
import type { ExampleReport } from '../support/example.ts';
import './example-addon.test.ts';

const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-example-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

it('builds with node-gyp, and works', (context) => {
  const missing = process.platform === 'linux' ? whyNoNodeGyp() : 'slices are a feature of Linux';
  if (missing !== undefined) {
    console.log(`the example addon with node-gyp: skipped: ${missing}`);
    context.skip(missing);
  }
  const copy = join(folder, 'node-gyp');
  installExample(copy);
  buildWithNodeGyp(copy);
  expectWorkDone(run(copy, ['main.mjs', '20']) as ExampleReport);
});
