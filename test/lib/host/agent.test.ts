// SPDX-License-Identifier: MIT
/**
 * Who a thread is in the words of locks, and whether it has ended: as the kernel
 * tells it, with answers that are made up, and of real threads.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { agentByKernel, currentAgent } from '../../../lib/host/agent.ts';
import { TRUST } from '../../../lib/host/port.ts';
import type { Agent } from '../../../lib/host/port.ts';
import { canAskKernel, endedThread } from '../../support/ended-thread.ts';

/** A `stat` file, with the fields that matter. */
function stat(
  tid: number,
  start: number,
  { name = 'node', state = 'S' }: { readonly name?: string; readonly state?: string } = {},
): string {
  // State is field 3, the start field 22.
  const fields = [
    state,
    ...Array.from({ length: 18 }, (_, index) => String(index)),
    String(start),
    'more',
    '0',
  ];
  return `${tid} (${name}) ${fields.join(' ')}\n`;
}

const idOf = (tid: number, start: number): number => tid | ((1 + (start % 127)) << 22);

function agent(read: (tid?: number) => string | null): Agent {
  const made = agentByKernel(read);
  if (made === null) throw new Error('there is no agent');
  return made;
}

/** One that asks a table of the living. */
function agentAmong(alive: Map<number, string>): {
  readonly agent: Agent;
  readonly read: ReturnType<typeof vi.fn>;
} {
  const read = vi.fn((tid?: number) => (tid === undefined ? stat(1, 1) : (alive.get(tid) ?? null)));
  return { agent: agent(read), read };
}

describe('an id', () => {
  it('is of the thread and of when it began, whatever its program is called', () => {
    expect(agent(() => stat(4711, 1234)).id).toBe(idOf(4711, 1234));
    for (const name of ['', 'a b', ') R 1 2', '((', 'x\n) Z', 'ünï']) {
      expect(agent(() => stat(4711, 1234, { name })).id).toBe(idOf(4711, 1234));
    }
  });

  it('leaves room for a flag and a sign beside it, and is another one for every thread', () => {
    const tids = fc.integer({ min: 1, max: (1 << 22) - 1 });
    const starts = fc.oneof(fc.nat(), fc.maxSafeInteger().map(Math.abs));
    fc.assert(
      fc.property(tids, tids, starts, starts, (one, other, start, otherStart) => {
        const id = agent(() => stat(one, start)).id;
        expect(Number.isInteger(id) && id >= 1 << 22 && id < 1 << 29).toBe(true);
        const next = agent(() => stat(other, otherStart)).id;
        expect(next === id).toBe(one === other && start % 127 === otherStart % 127);
      }),
    );
  });

  it.each([
    ['there is no such file', () => null],
    [
      'it cannot be read',
      () => {
        throw new Error('EACCES');
      },
    ],
    ['it is empty', () => ''],
    ['it is something else', () => 'what is this?'],
    ['it has too few fields', () => '12 (node) S 1 2 3\n'],
    ['the thread is dead', () => stat(12, 34, { state: 'Z' })],
    ['the thread is dying', () => stat(12, 34, { state: 'X' })],
    ['the number of the thread is 0', () => stat(0, 34)],
    ['the number of the thread is too large', () => stat(1 << 22, 34)],
  ])('is not the kernel’s when %s', (_, read) => {
    expect(agentByKernel(read)).toBeNull();
  });
});

describe('hasEnded', () => {
  it.each([
    ['is there', stat(77, 1000), false],
    ['is running', stat(77, 1000, { state: 'R' }), false],
    ['is gone', null, true],
    ['is a zombie', stat(77, 1000, { state: 'Z' }), true],
    ['is dying', stat(77, 1000, { state: 'X' }), true],
    ['is another one that got its number', stat(77, 1001), true],
  ])('of a thread that %s', (_, found, hasEnded) => {
    const { agent: one } = agentAmong(new Map(found === null ? [] : [[77, found] as const]));
    expect(one.hasEnded(idOf(77, 1000))).toBe(hasEnded);
    expect(one.hasEnded(idOf(77, 1000))).toBe(hasEnded);
  });

  it('of nobody when the kernel cannot be asked any more', () => {
    let isBroken = false;
    const one = agent((tid) => {
      if (isBroken) throw new Error('EMFILE');
      return tid === undefined ? stat(1, 1) : null;
    });
    isBroken = true;
    expect(one.hasEnded(idOf(77, 1000))).toBe(false);
    isBroken = false;
    expect(one.hasEnded(idOf(77, 1000))).toBe(true);
  });

  it('of nobody whom Node has numbered, without asking', () => {
    const { agent: one, read } = agentAmong(new Map());
    read.mockClear();
    for (const id of [1, 2, 0xfffff, (1 << 22) - 1]) expect(one.hasEnded(id)).toBe(false);
    expect(read).not.toHaveBeenCalled();
    expect(one.hasEnded(1 << 22)).toBe(true);
  });

  it('asks once in a while about one that was alive, and hears of its end', async () => {
    const alive = new Map([[77, stat(77, 5)]]);
    const { agent: one, read } = agentAmong(alive);
    read.mockClear();
    for (let i = 0; i < 1000; i++) expect(one.hasEnded(idOf(77, 5))).toBe(false);
    expect(read.mock.calls.length).toBeLessThan(500);
    expect(read.mock.calls.every(([tid]) => tid === 77)).toBe(true);
    alive.clear();
    await sleep(TRUST + 2);
    expect(one.hasEnded(idOf(77, 5))).toBe(true);
  });

  it('remembers as many as there are, and mistakes none for another', () => {
    const alive = new Map(
      Array.from({ length: 1000 }, (_, index) => [index + 1, stat(index + 1, index)] as const),
    );
    const { agent: one } = agentAmong(alive);
    for (let round = 0; round < 2; round++) {
      for (let index = 0; index < 1000; index++)
        expect(one.hasEnded(idOf(index + 1, index))).toBe(false);
      for (let index = 0; index < 1000; index += 100)
        expect(one.hasEnded(idOf(index + 1, index + 1))).toBe(true);
      expect(one.hasEnded(idOf(1001, 0))).toBe(true);
    }
  });
});

describe.runIf(canAskKernel)('real threads', () => {
  it('know themselves', () => {
    const me = currentAgent();
    expect(currentAgent()).toBe(me);
    expect(me.id).toBe(agent(() => readFileSync('/proc/thread-self/stat', 'latin1')).id);
    expect(me.hasEnded(me.id)).toBe(false);
  });

  it('are alive until they end, however busy', async () => {
    const end = new Int32Array(new SharedArrayBuffer(4));
    const source = `
      const { parentPort, workerData } = require('node:worker_threads');
      parentPort.postMessage(require('node:fs').readFileSync('/proc/thread-self/stat', 'latin1'));
      while (Atomics.load(workerData, 0) === 0);`;
    const worker = new Worker(source, { eval: true, workerData: end });
    const [text] = (await once(worker, 'message')) as [string];
    const { id } = agent(() => text);
    expect(id).not.toBe(currentAgent().id);
    for (let i = 0; i < 3; i++) {
      expect(currentAgent().hasEnded(id)).toBe(false);
      await sleep(TRUST + 1);
    }
    Atomics.store(end, 0, 1);
    await once(worker, 'exit');
    await vi.waitFor(() => {
      expect(currentAgent().hasEnded(id)).toBe(true);
    }, 5000);
  });

  it('stay ended', async () => {
    const id = await endedThread();
    for (let i = 0; i < 3; i++) expect(currentAgent().hasEnded(id)).toBe(true);
  });
});
