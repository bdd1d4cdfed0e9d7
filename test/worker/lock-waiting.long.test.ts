// SPDX-License-Identifier: MIT
/**
 * All of `lock-waiting.test.ts`: every kind of lock and every way to wait, with
 * the victims in other copies of the library and without an addon.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { copyLibrary, hasAddon, runProgram } from '../support/program.ts';
import { TOKENS } from './tokens.ts';

const PATIENCE = 180_000;
const HEAP = 2_000_000;
const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-copies-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const LOCKS = ['Mutex', 'SpinLock', 'RwLock', 'Semaphore'] as const;
const ASYNC_WAYS = [
  'Mutex.lockAsync',
  'Mutex.withLockAsync',
  'SpinLock.lockAsync',
  'RwLock.readLockAsync',
  'RwLock.withReadLockAsync',
  'RwLock.writeLockAsync',
  'RwLock.withWriteLockAsync',
  'Semaphore.acquireAsync',
  'Semaphore.withPermitAsync',
  'Condition.waitAsync',
];

it.each(ASYNC_WAYS)('keeps no memory in a thousand turns: %s', { timeout: PATIENCE }, (way) => {
  const { idle, repeated } = runProgram('async-heap.mjs', [way], ['--expose-gc']) as Record<
    'idle' | 'repeated',
    number
  >;
  expect(idle).toBeLessThan(HEAP);
  expect(repeated).toBeLessThan(HEAP);
});

it.each(['SpinLock', 'RwLock, written', 'RwLock, read', 'Semaphore', 'Semaphore of 4'])(
  'a busy event loop is in nobody’s way: %s',
  { timeout: PATIENCE },
  (kind) => {
    const { waited, gaveUp, long } = runProgram('lock-busy-loop.mjs', [kind]) as Record<
      'waited' | 'gaveUp' | 'long',
      number
    >;
    expect(waited).toBeLessThan(750);
    // Who spins may be preempted as well.
    expect(long).toBeLessThanOrEqual(kind === 'SpinLock' ? gaveUp : gaveUp / 2);
  },
);

it.each(['Mutex', 'SpinLock', 'RwLock, written'])(
  'waits that end while the lock is released keep nobody out: %s',
  { timeout: PATIENCE },
  (kind) => {
    expect(runProgram('lock-give-up.mjs', [kind, '5000'])).toEqual({ refused: 0, enough: true });
  },
);

const VICTIMS = [
  { who: 'the same copy', flags: '', isCopy: false },
  { who: 'another copy with an addon of its own', flags: '', isCopy: true },
  { who: 'a worker without an addon', flags: '--no-addons', isCopy: false },
];

describe.each(VICTIMS)('every way in, when the dead used $who', ({ flags, isCopy }) => {
  it.for(LOCKS)('%s', { timeout: PATIENCE }, (kind, context) => {
    if (isCopy && !hasAddon) context.skip('the addon is not built');
    const copy = isCopy ? copyLibrary(folder, kind) : '';
    const results = runProgram('lock-ways.mjs', [kind, copy, flags]) as readonly {
      readonly hold: string;
      readonly how: string;
      readonly way: string;
      readonly got: string;
    }[];
    expect(results).toHaveLength(kind === 'RwLock' ? 80 : 20);
    for (const result of results) {
      // A reader that died has left nothing half done.
      const isNews = result.how === 'dead holder' && result.hold !== 'readLock';
      expect(result).toEqual({ ...result, got: isNews ? 'abandoned' : 'free' });
    }
  });
});

it.for(VICTIMS)(
  'old tokens release nothing, beside $who',
  { timeout: PATIENCE },
  ({ flags, isCopy }, context) => {
    if (isCopy && !hasAddon) context.skip('the addon is not built');
    expect(
      runProgram(
        'lock-tokens.mjs',
        [isCopy ? copyLibrary(folder, 'tokens') : ''],
        flags === '' ? [] : [flags],
      ),
    ).toEqual(TOKENS);
  },
);

it.each(['', '--no-addons'])(
  'no notification goes to the dead: %j',
  { timeout: PATIENCE },
  (flags) => {
    expect(runProgram('condition-death.mjs', [flags])).toEqual({
      nobody: [0, 0],
      first: 1,
      wokenByOne: 1,
      rest: 1,
      woken: 2,
    });
  },
);
