// SPDX-License-Identifier: MIT
/**
 * The developers' benchmark of locks: locks that are not of this library beside
 * those that are. What it measures with is tested with the package's own.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Run } from '../../packages/tools/lib/bench/locks/aggregate.ts';
import { complaintsAbout } from '../support/schema.ts';
import { isLong, share } from '../support/share.ts';

const program = fileURLToPath(new URL('../../scripts/bench/locks/main.mjs', import.meta.url));

function bench(...args: readonly string[]) {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
  });
  return { status, signal, stdout, stderr };
}

if (!isLong)
  describe('the command line', () => {
    it('knows more locks than the package has', () => {
      const { status, stdout } = bench('--help');
      expect(status).toBe(0);
      for (const name of [
        ...['mutex', 'spin', 'textbook', 'async-mutex', 'node-locks', 'pthread-spin'],
        ...['rw-95', 'semaphore-2', 'condition', 'multithreading-queue'],
      ])
        expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
    });

    it.each([
      ['--rounds', 'many', /--rounds wants whole numbers/],
      ['--lock', 'padlock', /--lock wants one of mutex, .*spin, .*textbook.*not 'padlock'/],
      ['--nothing', 'x', /nothing/],
    ])('ends with 2 at %s %s', (name, value, complaint) => {
      const { status, stdout, stderr } = bench(name, value);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toMatch(/^bench locks: .*See --help\.\n$/);
      expect(stderr).toMatch(complaint);
    });
  });

describe('a run', () => {
  interface Output {
    readonly complete: boolean;
    readonly command: string;
    readonly unitsPerMicrosecond: { readonly loop: number };
    readonly cells: readonly {
      readonly kind: string;
      readonly figures: Readonly<Record<string, { readonly median: number } | null>>;
    }[];
    readonly runs: readonly Run[];
    readonly countedRuns: readonly Run[];
    readonly comparisons: readonly unknown[];
  }

  it.each(share(['loop', 'orders', 'lru'], { every: 3 }))(
    'of %s gives a table and a record that agree',
    (workload) => {
      const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-test-'));
      const file = join(folder, 'record.json');
      try {
        const { status, signal, stdout } = bench(
          ...[
            '--lock',
            'mutex,textbook,bare-cas',
            '--slices',
            'off',
            '--workload',
            workload,
            '--workers',
            '2',
            '--section',
            '1',
          ],
          ...[
            '--rounds',
            '1',
            '--seconds',
            '0.2',
            '--warm',
            '0.05',
            '--sample',
            '2',
            '--json',
            file,
          ],
        );
        expect({ status, signal }, stdout).toEqual({ status: 0, signal: null });
        const text = readFileSync(file, 'utf8');
        expect(text).not.toContain(folder);
        const output = JSON.parse(text) as Output;
        expect(complaintsAbout(output)).toEqual([]);
        expect(output.complete).toBe(true);
        expect(output.command).toContain(`--workload ${workload}`);
        expect(output.unitsPerMicrosecond.loop).toBeGreaterThan(0);
        expect(output.runs.map(({ kind }) => kind)).toEqual(['mutex', 'textbook', 'bare-cas']);
        let done = 0;
        for (const { measured, error } of output.runs) {
          expect(error).toBeNull();
          expect(measured?.wrong).toEqual([]);
          expect(measured?.workers).toHaveLength(2);
          const sections = measured?.workers.reduce((sum, worker) => sum + worker.sections, 0) ?? 0;
          done += sections;
          expect(measured?.waits.samples).toBeGreaterThanOrEqual(Math.floor(sections / 2));
          const cell = output.cells.find(
            ({ kind }) => kind === output.runs.find((run) => run.measured === measured)?.kind,
          );
          expect(cell?.figures['throughput']?.median).toBeCloseTo(
            sections / (measured?.seconds ?? NaN),
            5,
          );
        }
        expect(output.countedRuns.map(({ kind }) => kind)).toEqual([
          'mutex',
          'textbook',
          'bare-cas',
        ]);
        for (const { measured } of output.countedRuns) {
          const { sections, operations, fewest, contended } = measured?.sections ?? {};
          expect(fewest).toBe(2 * (sections ?? NaN));
          expect(operations).toBeGreaterThanOrEqual(2 * (sections ?? NaN));
          expect(contended).toBeGreaterThanOrEqual(0);
        }
        expect(output.comparisons).toMatchObject([{ kind: 'mutex', workers: 2 }]);
        // Of all: on a busy machine nobody may get a CPU in one of them.
        expect(done).toBeGreaterThan(0);
        expect(stdout).toMatch(/lock .* sections\/s .* p50 .* p99/);
        expect(stdout).toMatch(/^textbook +2 +off/m);
        expect(stdout).toMatch(/^lock .* best others/m);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );

  const checked = [
    ['reads', 'rw-50,mutex-50,textbook-rw-50'],
    ['permits', 'semaphore-2,textbook-semaphore-2'],
    ['a queue', 'condition,textbook-queue'],
  ] as const;
  it.each(isLong ? checked : [])(
    'of %s does what the locks are for, which is checked',
    (_, locks) => {
      const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-test-'));
      const file = join(folder, 'record.json');
      try {
        const { status, signal, stdout } = bench(
          ...['--lock', locks, '--slices', 'off', '--workers', '4', '--section', '1'],
          ...['--rounds', '1', '--seconds', '0.2', '--warm', '0.05', '--json', file],
        );
        expect({ status, signal }, stdout).toEqual({ status: 0, signal: null });
        const output = JSON.parse(readFileSync(file, 'utf8')) as Output;
        expect(complaintsAbout(output)).toEqual([]);
        const runs = [...output.runs, ...output.countedRuns];
        expect(runs).toHaveLength(2 * locks.split(',').length);
        for (const { measured, error } of runs) {
          expect(error).toBeNull();
          expect(measured?.wrong).toEqual([]);
          expect(measured?.workers).toHaveLength(4);
        }
        for (const { measured } of output.countedRuns) {
          const { sections = NaN, operations, fewest = NaN } = measured?.sections ?? {};
          expect(fewest).toBeGreaterThanOrEqual(2 * sections);
          expect(operations).toBeGreaterThanOrEqual(fewest);
        }
        expect(output.comparisons).toHaveLength(1);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );

  if (!isLong)
    it('has other work for locks that one at a time can have only', () => {
      const { status, stderr } = bench('--lock', 'rw-95', '--workload', 'lru', '--rounds', '1');
      expect(status).toBe(1);
      expect(stderr).toMatch(/rw-95 was skipped: it has the workload 'loop' only/);
    });

  if (!isLong)
    it('says what it skipped, and fails when nothing is left', () => {
      const { status, stderr } = bench('--lock', 'textbook', '--slices', 'on', '--rounds', '1');
      expect(status).toBe(1);
      expect(stderr).toMatch(/nothing to measure/);
      expect(stderr).toMatch(/textbook was skipped: it has no slices/);
    });
});
