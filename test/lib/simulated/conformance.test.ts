// SPDX-License-Identifier: MIT
/**
 * The model of a kernel without the feature against this host's, where that is
 * one: the same program as in the guests, and a part of the table and random
 * sequences, which conformance.long.test.ts has as the guests have them.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { AREA_OFFSETS, LEGACY_LENGTH } from '../../../lib/abi/kernel.ts';
import {
  ENVIRONMENT,
  EXIT_UNUSABLE,
  compileProgram,
  judge,
  plan,
  programInput,
  summary,
} from '../../support/conformance/run.ts';
import { isLong } from '../../support/share.ts';

const MODEL = { feature: 'absent' } as const;

/** The part in `npm test`. */
const ONE_IN = 20;

interface Host {
  readonly featureSize: number;
  readonly alignment: number;
  /** What registering and unregistering an area gives: a sandbox may forbid it. */
  readonly register: number;
}

/** In a process of its own, without libc's registration, like the sequences. */
function askHost(program: string): Host | string {
  const child = spawnSync(program, ['host'], {
    encoding: 'utf8',
    env: { ...process.env, ...ENVIRONMENT },
  });
  if (child.signal !== null) return `The program was ended by ${child.signal}.`;
  if (child.status === EXIT_UNUSABLE) return child.stderr.trim();
  expect({ status: child.status, stderr: child.stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(child.stdout) as Host;
}

function reasonToSkip(host: Host | string): string | null {
  if (typeof host === 'string') return host;
  const { featureSize, alignment, register } = host;
  if (register !== 0)
    return `rseq(2) gives ${register} here: something has registered first, or forbids it.`;
  if (featureSize !== AREA_OFFSETS.slice_ctrl || alignment !== LEGACY_LENGTH) {
    return `This kernel is another: feature size ${featureSize}, alignment ${alignment}, not ${AREA_OFFSETS.slice_ctrl} and ${LEGACY_LENGTH}.`;
  }
  return null;
}

it('does what a kernel without the feature does', (context) => {
  if (process.platform !== 'linux') context.skip('This is not Linux.');
  const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-conformance-'));
  try {
    const [program, input, output] = ['conformance', 'sequences', 'found'].map((name) =>
      join(folder, name),
    ) as [string, string, string];
    compileProgram(program);
    const reason = reasonToSkip(askHost(program));
    if (reason !== null) {
      console.log(`skipped: ${reason}`);
      context.skip(reason);
    }
    const calls = isLong ? plan() : plan(ONE_IN);
    writeFileSync(input, programInput(calls, MODEL));
    const child = spawnSync(program, [input, output], {
      encoding: 'utf8',
      env: { ...process.env, ...ENVIRONMENT },
    });
    expect({ signal: child.signal, status: child.status, stderr: child.stderr }).toEqual({
      signal: null,
      status: 0,
      stderr: '',
    });
    const verdict = judge(calls, MODEL, readFileSync(output, 'utf8'));
    console.log(`this host: ${summary(calls, verdict)}`);
    expect(verdict.differences.slice(0, 3)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
