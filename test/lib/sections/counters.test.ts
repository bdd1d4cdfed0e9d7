// SPDX-License-Identifier: MIT
/**
 * Slots for the counters of threads: used again for ever, with nothing lost and
 * nothing counted twice, whatever becomes of those who have them. Threads are
 * made up here; real ones are in `test/worker/process-stats.test.ts`.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Field, SlotTable } from '../../../lib/sections/counters.ts';
import type { ProcessStats, Slot } from '../../../lib/sections/counters.ts';

/** A table, and threads that attach one after another and end when they are told to. */
function create(slots: number) {
  let last = 0n;
  let nameless = false;
  const ended = new Set<bigint>();
  const buffer = new SharedArrayBuffer(SlotTable.byteLength(slots));
  const table = new SlotTable(buffer, {
    current: () => (nameless ? -1n : ++last),
    hasEnded: (owner) => ended.has(owner),
  });
  return {
    buffer,
    table,
    attach: (): Slot | null => table.open(),
    attachNameless: (): Slot | null => {
      nameless = true;
      const slot = table.open();
      nameless = false;
      return slot;
    },
    last: () => last,
    end: (owner: bigint) => void ended.add(owner),
  };
}

/** Enters and leaves so many sections, one field each, and tells. */
function count(slot: Slot | null, by: number): void {
  if (slot === null) return;
  for (const field of Object.values(Field))
    slot.counters[field] = (slot.counters[field] ?? 0) + by * (field + 1);
  slot.publish();
}

const totals = (threads: number, uncounted: number, by: number): ProcessStats => ({
  ...{ threads, uncounted },
  ...{
    entered: by,
    undisturbed: 2 * by,
    yielded: 3 * by,
    raced: 4 * by,
    preempted: 5 * by,
    nested: 6 * by,
  },
});

describe('a slot', () => {
  it('is used again when its thread is detached, 40,000 times', () => {
    const { table, attach } = create(2);
    for (let i = 0; i < 40_000; i++) {
      const slot = attach();
      count(slot, 1);
      slot?.close();
    }
    expect(table.sum()).toEqual(totals(40_000, 0, 40_000));
  });

  it('is used again when its thread has ended without that, 20,000 times', () => {
    const { table, attach, end, last } = create(16);
    for (let i = 0; i < 20_000; i++) {
      count(attach(), 1);
      end(last());
    }
    expect(table.sum()).toEqual(totals(20_000, 0, 20_000));
  });

  it('stays with a thread that may be alive', () => {
    const { table, attach, attachNameless, end } = create(2);
    const [named, nameless] = [attach(), attachNameless()];
    for (const slot of [named, nameless]) count(slot, 1);
    expect(attach()).toBeNull();
    end(-1n);
    expect(attach()).toBeNull();
    expect(table.sum()).toEqual(totals(4, 2, 2));
    nameless?.close();
    count(attach(), 1);
    count(named, 1);
    expect(table.sum()).toEqual(totals(5, 2, 4));
  });

  it('is not written by a thread that gave it back', () => {
    const { table, attach } = create(1);
    const old = attach();
    count(old, 1);
    old?.close();
    const next = attach();
    count(old, 100);
    old?.close();
    count(next, 1);
    expect(attach()).toBeNull();
    expect(table.sum()).toEqual(totals(3, 1, 2));
  });

  it('is read as it was before, while it is written or whoever wrote was terminated', () => {
    const { buffer, table, attach, end, last } = create(1);
    count(attach(), 1);
    // The copy that is not the latest, half written.
    const [words, version] = [new Int32Array(buffer, 128), 26];
    const other = words.subarray(((words[version] ?? 0) + 1) % 2 === 0 ? 0 : 12).subarray(0, 7);
    other.fill(-1);
    expect(table.sum()).toEqual(totals(1, 0, 1));
    end(last());
    count(attach(), 1);
    expect(table.sum()).toEqual(totals(2, 0, 2));
  });

  it('is written for ever', () => {
    const { buffer, table, attach } = create(1);
    const slot = attach();
    const version = new Int32Array(buffer, 128 + 26 * 4, 1);
    version[0] = 2 ** 31 - 3;
    for (let i = 1; i <= 6; i++) {
      count(slot, 1);
      expect(table.sum()).toEqual(totals(1, 0, i));
    }
    expect(version[0]).toBeLessThan(0);
  });
});

describe('the table', () => {
  it('is the same for all who have its memory', () => {
    const { buffer, table, attach } = create(4);
    const other = new SlotTable(buffer, { current: () => 1000n, hasEnded: () => false });
    count(attach(), 1);
    count(other.open(), 1);
    expect([table.sum(), other.sum()]).toEqual([totals(2, 0, 2), totals(2, 0, 2)]);
  });

  it('adds up whatever threads do', () => {
    const what = fc.constantFrom('attach', 'count', 'detach', 'end');
    const step = fc.record({ what, which: fc.nat(), by: fc.nat(1000) });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.array(step, { maxLength: 60 }),
        (slots, steps) => {
          const { table, attach, end, last } = create(slots);
          const living: { readonly slot: Slot | null; readonly owner: bigint }[] = [];
          let [threads, uncounted, counted] = [0, 0, 0];
          for (const { what, which, by } of steps) {
            const index = living.length === 0 ? -1 : which % living.length;
            const thread = living[index];
            if (what === 'attach') {
              // There is room as long as fewer are alive that have any.
              const isFull = living.filter((each) => each.slot !== null).length === slots;
              const slot = attach();
              expect(slot === null).toBe(isFull);
              living.push({ slot, owner: last() });
              threads++;
              if (slot === null) uncounted++;
            } else if (thread === undefined) continue;
            else if (what === 'count') {
              count(thread.slot, by);
              if (thread.slot !== null) counted += by;
            } else {
              if (what === 'detach') thread.slot?.close();
              else end(thread.owner);
              living.splice(index, 1);
            }
            expect(table.sum()).toEqual(totals(threads, uncounted, counted));
          }
        },
      ),
    );
  });
});
