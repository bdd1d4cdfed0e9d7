// SPDX-License-Identifier: MIT
/**
 * The model against Linux: the same calls on both, and no difference allowed in
 * what they return, in user memory after each, and in who dies where.
 */
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { MachineOptions } from '../../lib/simulated/machine.ts';
import {
  compileProgram,
  environmentFor,
  judge,
  plan,
  programInput,
  summary,
} from '../support/conformance/run.ts';
import { expectSelftestPassed } from './checks.ts';
import { EXTENSION, runLane } from './lane.ts';

interface Case {
  readonly name: string;
  readonly append: string;
  readonly model: MachineOptions;
  /** The kernel's own test wants the feature. */
  readonly selftest: boolean;
}

const LANES: readonly Case[] = [
  { name: 'as booted', append: '', model: {}, selftest: true },
  { name: 'rseq_debug=1', append: 'rseq_debug=1', model: { debug: true }, selftest: true },
  {
    name: '7.0, rseq_debug=1',
    append: 'rseq_debug=1',
    model: { abiVersion: '7.0', debug: true },
    selftest: true,
  },
  {
    name: 'rfc, rseq_debug=1',
    append: 'rseq_debug=1',
    model: { abiVersion: 'rfc', debug: true },
    selftest: true,
  },
  {
    name: 'rseq_slice_ext=0',
    append: 'rseq_slice_ext=0',
    model: { feature: 'off-at-boot' },
    selftest: false,
  },
];

describe.each(LANES)('$name', ({ name, append, model, selftest }) => {
  it('does what the model does', { timeout: 600_000 }, async () => {
    const calls = plan();
    const lane = await runLane(
      { extension: EXTENSION, append, flavour: model.abiVersion ?? 'mainline' },
      [
        {
          name: 'conformance',
          command: ['/run/job/conformance', '/run/job/sequences', '/run/job/found'],
          env: environmentFor(model),
          seconds: 300,
        },
      ],
      {
        selftest,
        leaves: ['found'],
        prepare(job) {
          compileProgram(join(job, 'conformance'));
          writeFileSync(join(job, 'sequences'), programInput(calls, model));
        },
      },
    );
    if (selftest) expectSelftestPassed(lane);
    expect(lane.ending('conformance')).toMatchObject({
      exitCode: 0,
      signal: null,
      timedOut: false,
      stderr: '',
    });
    const verdict = judge(calls, model, lane.file('found'));
    console.log(`${name}: ${summary(calls, verdict)}`);
    expect(verdict.differences.slice(0, 3)).toEqual([]);
  });
});
