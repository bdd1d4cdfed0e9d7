// SPDX-License-Identifier: MIT
/**
 * Sections, nesting, outcomes and counters against a kernel the test plays itself.
 *
 * @portable
 */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { AbiVersion } from '../../../lib/abi/interface.ts';
import type { HostThread } from '../../../lib/host/port.ts';
import { SlotTable } from '../../../lib/sections/counters.ts';
import { Outcome, Thread } from '../../../lib/sections/thread.ts';

/** A kernel whose grants and revocations the test makes by hand. */
function createKernel(abiVersion: AbiVersion, answer = 1) {
  const buffer = new ArrayBuffer(4);
  const word = new Uint32Array(buffer);
  const granted = abiVersion === 'rfc' ? 2 : 0x100;
  let yields = 0;
  const kernel: HostThread = {
    host: 'simulated',
    registration: 'simulated',
    abiVersion,
    controlWord: new Uint8Array(buffer),
    enter: () => 0,
    clear: () => 0,
    yieldSlice: () => {
      yields++;
      word[0] = 0;
      return answer;
    },
    cpu: () => 3,
    node: () => 1,
    concurrencyId: () => 2,
    detach: () => undefined,
  };
  return {
    kernel,
    word,
    grant: () => {
      expect(word[0]).toBe(1);
      word[0] = granted;
    },
    revoke: () => {
      word[0] = 0;
    },
    yields: () => yields,
  };
}

const create = (abiVersion: AbiVersion, answer?: number) => {
  const fake = createKernel(abiVersion, answer);
  const onDetach = vi.fn();
  return {
    ...fake,
    thread: new Thread(fake.kernel, onDetach),
    detached: () => onDetach.mock.calls.length,
  };
};

const DETACHED: unknown = expect.objectContaining({ code: 'ERR_RSEQ_DETACHED' });

describe.each(['mainline', '7.0', 'rfc'] as const)('sections on %s', (abiVersion) => {
  it('asks on entry and withdraws on leaving', () => {
    const { thread, word } = create(abiVersion);
    thread.enter();
    expect(word[0]).toBe(1);
    expect(thread.leave()).toBe(Outcome.Undisturbed);
    expect(word[0]).toBe(0);
  });

  it('yields when granted', () => {
    const { thread, grant, yields } = create(abiVersion);
    thread.enter();
    grant();
    expect(thread.leave()).toBe(Outcome.Yielded);
    expect(yields()).toBe(1);
  });

  it('tells a yield that came too late', () => {
    const { thread, grant } = create(abiVersion, 0);
    thread.enter();
    grant();
    expect(thread.leave()).toBe(Outcome.Raced);
  });

  it('counts a yield whose answer a filter hid as yielded', () => {
    const { thread, grant } = create(abiVersion, -38);
    thread.enter();
    grant();
    expect(thread.leave()).toBe(Outcome.Yielded);
  });

  it('tells a preempted section, and lets the kernel look at the word', () => {
    const { thread, revoke, yields } = create(abiVersion);
    thread.enter();
    revoke();
    expect(thread.leave()).toBe(Outcome.Preempted);
    expect(yields()).toBe(1);
  });

  it('leaves the word to the outermost of its own layers', () => {
    const { thread, word } = create(abiVersion);
    thread.enter();
    thread.enter();
    expect(thread.leave()).toBe(Outcome.Nested);
    expect(word[0]).toBe(1);
    expect(thread.leave()).toBe(Outcome.Undisturbed);
  });

  it('touches nothing inside a foreign section', () => {
    const { thread, word } = create(abiVersion);
    word[0] = 1;
    thread.enter();
    thread.enter();
    expect(thread.leave()).toBe(Outcome.Nested);
    expect(thread.leave()).toBe(Outcome.Nested);
    expect(word[0]).toBe(1);
    word[0] = 0;
    thread.enter();
    expect(thread.leave()).toBe(Outcome.Undisturbed);
    expect(thread.stats()).toMatchObject({ entered: 3, nested: 2, undisturbed: 1 });
  });

  it('adds its counters up while sections are open', () => {
    const { thread, grant } = create(abiVersion);
    thread.enter();
    grant();
    thread.leave();
    thread.enter();
    thread.enter();
    thread.leave();
    expect(thread.stats()).toEqual({
      entered: 3,
      undisturbed: 0,
      yielded: 1,
      raced: 0,
      preempted: 0,
      nested: 1,
    });
    thread.leave();
    expect(thread.stats().undisturbed).toBe(1);
  });
});

describe('misuse', () => {
  it('refuses leave without enter and harms nothing', () => {
    const { thread, word } = create('mainline');
    expect(() => thread.leave()).toThrow(
      expect.objectContaining({ code: 'ERR_RSEQ_NOT_IN_SECTION' }),
    );
    expect(word[0]).toBe(0);
    expect(thread.stats().entered).toBe(0);
    thread.enter();
    expect(thread.leave()).toBe(Outcome.Undisturbed);
  });

  it('refuses a promise, having left the section', () => {
    const { thread, word } = create('mainline');
    const run = (): never => Promise.resolve(1) as never;
    expect(() => thread.critical(run)).toThrow(
      expect.objectContaining({ code: 'ERR_RSEQ_ASYNC_SECTION' }),
    );
    expect(word[0]).toBe(0);
    expect(thread.stats()).toMatchObject({ entered: 1, undisturbed: 1 });
  });

  it('leaves the section when the function throws', () => {
    const { thread, word } = create('mainline');
    expect(() =>
      thread.critical(() => {
        throw new Error('mine');
      }),
    ).toThrow('mine');
    expect(word[0]).toBe(0);
  });

  it('refuses everything after detach, but stats', () => {
    const { thread, word, detached } = create('mainline');
    thread.critical(() => 1);
    thread.detach();
    expect(() => {
      thread.enter();
    }).toThrow(DETACHED);
    expect(() => thread.leave()).toThrow(DETACHED);
    expect(() => thread.cpu()).toThrow(DETACHED);
    expect(() => {
      thread.detach();
    }).toThrow(DETACHED);
    expect(word[0]).toBe(0);
    expect(thread.stats()).toMatchObject({ entered: 1, undisturbed: 1 });
    expect(detached()).toBe(1);
  });

  it('refuses detach inside a section, and changes nothing', () => {
    const { thread, detached } = create('mainline');
    thread.enter();
    expect(() => {
      thread.detach();
    }).toThrow(expect.objectContaining({ code: 'ERR_RSEQ_IN_SECTION' }));
    expect(thread.leave()).toBe(Outcome.Undisturbed);
    expect(detached()).toBe(0);
    thread.detach();
    expect(detached()).toBe(1);
  });

  it('cannot be copied to another thread', () => {
    const { thread } = create('mainline');
    expect(() => structuredClone(thread)).toThrow(
      expect.objectContaining({ code: 'ERR_RSEQ_WRONG_THREAD' }),
    );
  });
});

it('leaves a section at the end of a using block', () => {
  const { thread, word } = create('mainline');
  {
    using section = thread.section();
    expect(section).toBeDefined();
    expect(word[0]).toBe(1);
  }
  expect(word[0]).toBe(0);
});

describe('with several users', () => {
  it('is detached by the last of them', () => {
    const { thread, word, detached } = create('mainline');
    thread.retain();
    thread.retain();
    thread.detach();
    thread.enter();
    // Its turn to go does not come at a bad moment: somebody else has the section.
    thread.detach();
    expect(word[0]).toBe(1);
    expect(() => {
      thread.detach();
    }).toThrow(expect.objectContaining({ code: 'ERR_RSEQ_IN_SECTION' }));
    expect(thread.leave()).toBe(Outcome.Undisturbed);
    expect(detached()).toBe(0);
    thread.detach();
    expect(detached()).toBe(1);
    expect(() => {
      thread.detach();
    }).toThrow(DETACHED);
    expect(detached()).toBe(1);
  });
});

describe.each(['mainline', '7.0', 'rfc'] as const)(
  'a section that is taken back on %s',
  (abiVersion) => {
    const none = { entered: 0, undisturbed: 0, yielded: 0, raced: 0, preempted: 0, nested: 0 };

    it('was none', () => {
      const { thread, word } = create(abiVersion);
      thread.enter();
      expect(word[0]).toBe(1);
      expect(thread.retract()).toBe(Outcome.Undisturbed);
      expect(word[0]).toBe(0);
      expect(thread.stats()).toEqual(none);
    });

    it('was none inside another one, of its own or of somebody else', () => {
      const { thread, word } = create(abiVersion);
      thread.enter();
      thread.enter();
      expect(thread.retract()).toBe(Outcome.Nested);
      expect(thread.stats()).toEqual({ ...none, entered: 1 });
      expect(thread.leave()).toBe(Outcome.Undisturbed);
      word[0] = 1;
      thread.enter();
      expect(thread.retract()).toBe(Outcome.Nested);
      expect(word[0]).toBe(1);
      expect(thread.stats()).toEqual({ ...none, entered: 1, undisturbed: 1 });
    });

    it('counts when it was disturbed', () => {
      const { thread, grant, revoke, yields } = create(abiVersion);
      thread.enter();
      grant();
      expect(thread.retract()).toBe(Outcome.Yielded);
      thread.enter();
      revoke();
      expect(thread.retract()).toBe(Outcome.Preempted);
      expect(yields()).toBe(2);
      expect(thread.stats()).toEqual({ ...none, entered: 2, yielded: 1, preempted: 1 });
    });

    it('cannot be one that was not entered', () => {
      const { thread } = create(abiVersion);
      expect(() => thread.retract()).toThrow(
        expect.objectContaining({ code: 'ERR_RSEQ_NOT_IN_SECTION' }),
      );
      expect(thread.stats()).toEqual(none);
      thread.detach();
      expect(() => thread.retract()).toThrow(DETACHED);
    });

    it('is not seen by others either', () => {
      const buffer = new SharedArrayBuffer(SlotTable.byteLength(1));
      const table = new SlotTable(buffer, { current: () => 1n, hasEnded: () => false });
      const thread = new Thread(createKernel(abiVersion).kernel, () => undefined, table.open());
      for (let i = 0; i < 5; i++) {
        thread.enter();
        thread.retract();
      }
      thread.critical(() => 1);
      thread.publish();
      expect(table.sum()).toEqual({
        ...none,
        threads: 1,
        uncounted: 0,
        entered: 1,
        undisturbed: 1,
      });
    });
  },
);

it('counts what it is told to count, whatever happens', () => {
  const call = fc.constantFrom(
    'enter',
    'leave',
    'retract',
    'grant',
    'revoke',
    'somebody else asks',
  );
  const abiVersions = fc.constantFrom<AbiVersion[]>('mainline', '7.0', 'rfc');
  fc.assert(
    fc.property(fc.array(call, { maxLength: 60 }), abiVersions, (calls, abiVersion) => {
      const { thread, word } = create(abiVersion);
      /** Whether each open layer asked, the outermost first. */
      const open: boolean[] = [];
      const seen = { entered: 0, undisturbed: 0, yielded: 0, raced: 0, preempted: 0, nested: 0 };
      const FIELDS = ['undisturbed', 'yielded', 'raced', 'preempted', 'nested'] as const;
      for (const name of calls) {
        if (name === 'enter') {
          open.push(open.length === 0 && word[0] === 0);
          thread.enter();
          seen.entered++;
        } else if (name === 'leave' || name === 'retract') {
          if (open.length === 0) continue;
          const outcome = thread[name]();
          const wasAsked = open.pop();
          expect(outcome === Outcome.Nested).toBe(wasAsked === false);
          const isNone =
            name === 'retract' && (outcome === Outcome.Undisturbed || outcome === Outcome.Nested);
          if (isNone) seen.entered--;
          else seen[FIELDS[outcome]]++;
        } else if (name === 'somebody else asks') {
          if (open.length === 0) word[0] = word[0] === 0 ? 1 : 0;
        } else if (open[0] === true && word[0] === 1)
          word[0] = name === 'revoke' ? 0 : abiVersion === 'rfc' ? 2 : 0x100;
        const stats = thread.stats();
        expect(stats).toEqual(seen);
        const { entered, ...ended } = stats;
        expect(Object.values(ended).reduce((sum, count) => sum + count, 0)).toBe(
          entered - open.length,
        );
      }
    }),
  );
});
