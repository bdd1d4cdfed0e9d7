// SPDX-License-Identifier: MIT
/**
 * examples/addon: compiled where it is installed, it runs to a good end. What its sections do on
 * this host and in guests is in test/native/example-addon.test.ts and test/kernel/.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { whyNoCompiler } from '../support/checkout.ts';
import { buildDirectly, expectWorkDone, installExample } from '../support/example.ts';
import type { ExampleReport } from '../support/example.ts';
import { runMain } from '../support/run-example.ts';

const reason = process.platform === 'linux' ? whyNoCompiler() : 'slices are a feature of Linux';
if (reason !== undefined) console.log(`examples/addon: skipped: ${reason}`);

describe.skipIf(reason !== undefined)('the addon', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-example-'));
  const example = join(folder, 'addon');
  beforeAll(() => {
    installExample(example);
    buildDirectly(example);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('books from three kinds of thread', async () => {
    const { stdout, ...ending } = await runMain(example, ['50']);
    expect(ending).toEqual({ status: 0, signal: null, stderr: '' });
    expectWorkDone(JSON.parse(stdout) as ExampleReport);
  });

  it('ends with 1 where a booking is missing', async () => {
    const file = join(example, 'main.mjs');
    const text = readFileSync(file, 'utf8');
    const changed = text.replace('after: ledger.balance()', 'after: { debit: 0, credit: 0 }');
    expect(changed).not.toBe(text);
    writeFileSync(file, changed);
    const { status, signal } = await runMain(example, ['20']);
    expect({ status, signal }).toEqual({ status: 1, signal: null });
  });
});
