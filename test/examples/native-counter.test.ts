// SPDX-License-Identifier: MIT
/**
 * examples/native-counter: threads of C count by restartable sequences in a counter that workers of
 * JavaScript count in, too, and nothing is missing from the sum.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { whyNoCompiler } from '../support/checkout.ts';
import { buildDirectly, installExample } from '../support/example.ts';
import { runMain } from '../support/run-example.ts';

const reason =
  process.platform === 'linux' ? whyNoCompiler() : 'restartable sequences are of Linux';
if (reason !== undefined) console.log(`examples/native-counter: skipped: ${reason}`);

describe.skipIf(reason !== undefined)('the native counter', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-example-'));
  const example = join(folder, 'native-counter');
  beforeAll(() => {
    installExample(example, undefined, 'native-counter');
    buildDirectly(example);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('has what C and JavaScript have added', async () => {
    const { stdout, ...ending } = await runMain(example);
    expect(ending).toEqual({ status: 0, signal: null, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ sum: 600_000, expected: 600_000 });
  });

  it('ends with 1 where something is missing', async () => {
    const file = join(example, 'main.mjs');
    const text = readFileSync(file, 'utf8');
    const changed = text.replace('i < ADDS', 'i < ADDS - 1');
    expect(changed).not.toBe(text);
    writeFileSync(file, changed);
    const { status, signal } = await runMain(example);
    expect({ status, signal }).toEqual({ status: 1, signal: null });
  });
});
