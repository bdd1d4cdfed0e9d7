// SPDX-License-Identifier: MIT
/**
 * The loops that are timed, each a function of its own so that V8 specializes it
 * for what it does, and the way they are timed: in rounds, every loop once a round,
 * so that whatever else the machine does meanwhile hits all alike.
 *
 * mitata and tinybench measure one task to its end and then the next. On a busy
 * machine, whose speed changes by half from one second to the next, their ratios
 * are ratios of moments; therefore this is written by hand.
 */
import type { Thread } from 'rseq-slice';
import type { Binding } from 'rseq-slice/internal';

export interface Loop {
  readonly name: string;
  readonly what: string;
  /** Runs so many operations; nanoseconds. */
  readonly run: (count: number) => number | Promise<number>;
}

/** For each loop ns per operation, round by round. */
export type Samples = ReadonlyMap<string, readonly number[]>;

export function timed(loop: (count: number) => void): (count: number) => number {
  return (count) => {
    const start = process.hrtime.bigint();
    loop(count);
    return Number(process.hrtime.bigint() - start);
  };
}

/**
 * Calls a loop for some operations at a time. V8 compiles a function that is called often for what
 * it is called with. A single long call runs in code that replaced it meanwhile, which is more
 * general and up to twice as slow; which of the two a process had was chance.
 */
function inPieces(loop: (count: number) => void): (count: number) => void {
  const piece = 1000;
  return (count) => {
    for (let left = count; left > 0; left -= piece) loop(left < piece ? left : piece);
  };
}

export function emptyLoop(): Loop {
  return {
    name: 'empty',
    what: 'the loop alone',
    run: timed(
      inPieces((count) => {
        for (let i = 0; i < count; i++);
      }),
    ),
  };
}

export function sectionLoop(thread: Pick<Thread, 'enter' | 'leave'>): Loop {
  return {
    name: 'js',
    what: 'thread.enter(); thread.leave()',
    run: timed(
      inPieces((count) => {
        for (let i = 0; i < count; i++) {
          thread.enter();
          thread.leave();
        }
      }),
    ),
  };
}

export function criticalLoop(thread: Pick<Thread, 'critical'>): Loop {
  const work = (): void => {};
  return {
    name: 'critical',
    what: 'thread.critical(() => {})',
    run: timed(
      inPieces((count) => {
        for (let i = 0; i < count; i++) thread.critical(work);
      }),
    ),
  };
}

/**
 * Two native calls that do in C what a section does in JavaScript.
 * @param attached without an area clear() always answers that the request is gone
 */
export function nativeLoop(binding: Binding, attached: boolean): Loop {
  return {
    name: 'napi',
    what: 'two Node-API calls, enter and clear',
    run: timed((count) => {
      for (let i = 0; i < count; i++) {
        binding.enter();
        // A grant that is not given back would cost the process its life on the first ABI.
        if (binding.clear() !== 0 && attached) binding.yieldSlice();
      }
    }),
  };
}

/**
 * Long enough that V8 has optimized the loop, thrown that code away for what it
 * learned later, and optimized it again: from Node 24 on in two steps, of which
 * the second comes after some tenths of a second.
 * @param batch how long one measurement is to be, ns
 * @returns how many operations that takes
 */
async function warmUp(loop: Loop, batch: number): Promise<number> {
  let count = 1000;
  let spent = 0;
  for (let calls = 0; calls < 10 || spent < 60 * batch; calls++) {
    const time = Math.max(1, await loop.run(count));
    spent += time;
    count = Math.max(1000, Math.round((count * batch) / time / 2) * 2);
  }
  return count;
}

export interface MeasureOptions {
  readonly rounds: number;
  /** How long one measurement is, ns. */
  readonly batch: number;
  /** Called between two rounds, with what was measured up to then. */
  readonly onRound?: (done: number, samples: Samples) => void;
}

export async function measure(
  loops: readonly Loop[],
  { rounds, batch, onRound }: MeasureOptions,
): Promise<Samples> {
  const samples = new Map<string, number[]>(loops.map((loop) => [loop.name, []]));
  // Every loop is warm before any count is fixed: warming one up can change what V8 made of
  // another.
  for (const loop of loops) await warmUp(loop, batch);
  const counts = new Map<string, number>();
  for (const loop of loops) counts.set(loop.name, await warmUp(loop, batch));
  for (let round = 0; round < rounds; round++) {
    for (let place = 0; place < loops.length; place++) {
      // Each round begins with another loop, so that none always follows the same neighbour.
      const loop = loops[(place + round) % loops.length];
      if (loop === undefined) continue;
      const count = counts.get(loop.name) ?? 1;
      samples.get(loop.name)?.push((await loop.run(count)) / count);
    }
    onRound?.(round + 1, samples);
  }
  return samples;
}
