// SPDX-License-Identifier: MIT
/**
 * What is around the locks: that waiting costs nothing while nothing happens,
 * that an event loop that does not come round is in nobody's way, and that no
 * death or give-up keeps others out. Each program runs in a process of its own,
 * whose exit code and signal count. Here each kind is tried once and briefly;
 * all of it is in `lock-waiting.long.test.ts`.
 */
import { describe, expect, it } from 'vitest';
import { runProgram } from '../support/program.ts';
import { TOKENS } from './tokens.ts';

const TURNS = 250;
/** Two kilobytes a turn. */
const HEAP = TURNS * 2000;

describe('waits in the event loop', () => {
  it.each(['Condition.waitAsync'])('keep no memory: %s', (way) => {
    const { idle, repeated } = runProgram(
      'async-heap.mjs',
      [way, String(TURNS)],
      ['--expose-gc'],
    ) as Record<'idle' | 'repeated', number>;
    expect(idle).toBeLessThan(HEAP);
    expect(repeated).toBeLessThan(HEAP);
  });

  it('cost nothing while nothing happens, however many there are', () => {
    const { sleeps, timers, served } = runProgram('async-idle.mjs') as Record<
      'sleeps' | 'timers' | 'served',
      number
    >;
    console.log(`8,000 waits: ${sleeps} sleeps and ${timers} timers in a second`);
    expect(served).toBe(8000);
    // A sleep is begun anew every five seconds, of which some may fall into this one: 2,003 at
    // most.
    expect(sleeps).toBeLessThanOrEqual(2003);
    expect(timers).toBeLessThan(50);
  });

  it.each(['Mutex'])('are in nobody’s way while their event loop is busy: %s', (kind) => {
    const { waited, gaveUp, long } = runProgram('lock-busy-loop.mjs', [kind]) as Record<
      'waited' | 'gaveUp' | 'long',
      number
    >;
    console.log(
      `${kind}: a worker waited ${waited.toFixed(0)} ms for a free lock while an event loop that wants it computed for 1,500 ms; ${long} long waits after ${gaveUp} that gave up`,
    );
    expect(waited).toBeLessThan(750);
    // Each of them used to cost somebody a quarter of a second.
    expect(long).toBeLessThanOrEqual(gaveUp / 2);
  });
});

describe('nobody is kept out', () => {
  it.each(['Semaphore'])('by waits that end while the lock is released: %s', (kind) => {
    expect(runProgram('lock-give-up.mjs', [kind, '2000'])).toEqual({ refused: 0, enough: true });
  });

  it('by the dead and those who gave up, with the ways in taken in turns', () => {
    const results = runProgram('lock-ways.mjs', ['Mutex', '', '', 'in turns']) as readonly {
      readonly how: string;
      readonly way: string;
      readonly got: string;
    }[];
    expect(results.map(({ way }) => way)).toEqual([
      'lock',
      'lockAsync',
      'tryLock',
      'timeout 0',
      'lock',
    ]);
    for (const result of results)
      expect(result).toEqual({
        ...result,
        got: result.how === 'dead holder' ? 'abandoned' : 'free',
      });
  });

  it('nor let in, by old tokens', () => {
    expect(runProgram('lock-tokens.mjs')).toEqual(TOKENS);
  });

  it('and no notification goes to the dead', () => {
    expect(runProgram('condition-death.mjs', ['', '1'])).toEqual({
      nobody: [0, 0],
      first: 1,
      wokenByOne: 1,
      rest: 1,
      woken: 2,
    });
  });
});
