// SPDX-License-Identifier: MIT
/**
 * The writer's word of a lock for readers and writers, against a model that keeps its parts apart.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { STATE, TURNSTILE_WORDS } from '../../../../lib/locks/engine/turnstile.ts';
import {
  claimWriting,
  clearWriter,
  confirmWriting,
  isClaimed,
  isWritten,
  leaveTorn,
  TORN,
  withdrawClaim,
  writerOf,
} from '../../../../lib/locks/engine/writer.ts';

const CLAIMED = 1 << 30;
/** The largest that there is. */
const LAST_ID = (1 << 29) - 1;

function create(state = 0): Int32Array {
  const words = new Int32Array(
    new SharedArrayBuffer(TURNSTILE_WORDS * Int32Array.BYTES_PER_ELEMENT),
  );
  words[STATE] = state;
  return words;
}

describe('the word', () => {
  it.each([
    ['nobody', 0, false, false, 0],
    ['nobody, after one that died', TORN, false, false, 0],
    ['a writer', 7, true, false, 7],
    ['a claim', 7 | CLAIMED, true, true, 7],
    ['a claim, after one that died', TORN | 7 | CLAIMED, true, true, 7],
    ['the last id', LAST_ID, true, false, LAST_ID],
    ['a claim of the last id', TORN | LAST_ID | CLAIMED, true, true, LAST_ID],
  ])('says %s', (_, state, written, claimed, writer) => {
    expect([isWritten(state), isClaimed(state), writerOf(state)]).toEqual([
      written,
      claimed,
      writer,
    ]);
  });

  it('changes only when it is as it was seen', () => {
    const states = [0, TORN, 7, 7 | CLAIMED, TORN | 7 | CLAIMED, 8, 8 | CLAIMED];
    for (const state of states) {
      for (const seen of states) {
        if (seen === state) continue;
        const words = create(state);
        expect(claimWriting(words, seen, 9, false)).toBe(0);
        expect(confirmWriting(words, seen)).toBe(false);
        expect(withdrawClaim(words, seen)).toBe(false);
        expect(leaveTorn(words, seen)).toBe(false);
        expect(words[STATE]).toBe(state);
      }
    }
  });
});

describe('writers that take turns', () => {
  const OPERATIONS = ['claim', 'confirm', 'withdraw', 'release', 'die'] as const;

  it('leave the word as the model says', () => {
    const done = new Map<string, number>();
    const ids = fc.constantFrom(1, 2, 1 << 22, LAST_ID - 1, LAST_ID);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(ids, fc.constantFrom(...OPERATIONS)), { maxLength: 60 }),
        (steps) => {
          const words = create();
          const model = { writer: 0, isClaimed: false, isTorn: false };
          for (const [id, operation] of steps) {
            const state = words[STATE] ?? 0;
            switch (operation) {
              case 'claim': {
                if (model.writer !== 0) continue;
                const claim = claimWriting(words, state, id, false);
                // Told apart from 'it has changed'.
                expect(claim).not.toBe(0);
                expect(claim).toBe(words[STATE]);
                // Its sign says to the writer what it will find.
                expect(claim < 0).toBe(model.isTorn);
                model.writer = id;
                model.isClaimed = true;
                break;
              }
              case 'confirm':
                if (!model.isClaimed) continue;
                expect(confirmWriting(words, state)).toBe(true);
                model.isClaimed = model.isTorn = false;
                break;
              case 'withdraw':
                if (!model.isClaimed) continue;
                expect(withdrawClaim(words, state)).toBe(true);
                model.writer = 0;
                model.isClaimed = false;
                break;
              case 'release':
                if (model.writer === 0 || model.isClaimed) continue;
                clearWriter(words);
                model.writer = 0;
                break;
              case 'die':
                if (model.writer === 0 || model.isClaimed) continue;
                expect(leaveTorn(words, state)).toBe(true);
                model.writer = 0;
                model.isTorn = true;
            }
            done.set(operation, (done.get(operation) ?? 0) + 1);
            const now = words[STATE] ?? 0;
            expect([isWritten(now), isClaimed(now), writerOf(now), now < 0]).toEqual([
              model.writer !== 0,
              model.isClaimed,
              model.writer,
              model.isTorn,
            ]);
          }
        },
      ),
      { numRuns: 300 },
    );
    expect(OPERATIONS.filter((operation) => (done.get(operation) ?? 0) < 5)).toEqual([]);
  });
});
