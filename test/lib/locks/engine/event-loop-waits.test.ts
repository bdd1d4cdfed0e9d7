// SPDX-License-Identifier: MIT
/**
 * The waits of one object in its event loop: in which order they are looked at, how each can end
 * and that it does so once, who is rung, and that nothing is left behind.
 */
import { getEventListeners } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { EventLoopWaits } from '../../../../lib/locks/engine/event-loop-waits.ts';

const BELL = 1;
const LISTENING = 3;

/** Someone who waits, and what others have done to it. */
interface Wait {
  readonly name: string;
  state: 'waits' | 'over';
}

const timers = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
const create = (name: string): Wait => ({ name, state: 'waits' });
const ending = (how: string, reason?: unknown): object => ({ how, reason });

function setUp(lookForDead?: (last: Wait) => void) {
  const words = new Int32Array(new SharedArrayBuffer(16));
  const looked: string[] = [];
  const over = (wait: Wait): 'over' | null => (wait.state === 'over' ? 'over' : null);
  const waits = new EventLoopWaits<Wait, 'over' | 'unlocked'>(
    { words, bell: BELL, listening: LISTENING },
    {
      look: (wait) => {
        looked.push(wait.name);
        return over(wait);
      },
      giveUp: over,
      ...(lookForDead === undefined ? {} : { lookForDead }),
    },
  );
  return { words, waits, looked };
}

describe('waits in the event loop', () => {
  it('are over when they begin, or when they are rung', async () => {
    const { words, waits } = setUp();
    const first = create('first');
    first.state = 'over';
    expect(await waits.wait(first, {})).toEqual(ending('over'));
    const second = create('second');
    const ended = waits.wait(second, {});
    expect(words[LISTENING]).toBe(1);
    second.state = 'over';
    waits.ring();
    expect(await ended).toEqual(ending('over'));
  });

  it('are looked at in their order, up to the first one that is not over', async () => {
    const { waits, looked } = setUp();
    const all = ['first', 'second', 'third'].map(create);
    const [first, second, third] = all as [Wait, Wait, Wait];
    const endings = all.map((wait) => waits.wait(wait, {}));
    looked.length = 0;
    first.state = 'over';
    third.state = 'over';
    waits.ring();
    await endings[0];
    expect(looked.slice(0, 2)).toEqual(['first', 'second']);
    expect(looked).not.toContain('third');
    second.state = 'over';
    waits.ring();
    expect(await Promise.all(endings)).toEqual(all.map(() => ending('over')));
  });

  it('end when the time is over or they are aborted, unless they were over by then', async () => {
    const { waits } = setUp();
    const controller = new AbortController();
    const { signal } = controller;
    const late = create('late');
    expect(await waits.wait(late, { timeout: 1, signal })).toEqual(ending('timed out'));
    const over = create('over');
    const aborted = waits.wait(create('aborted'), { signal });
    const justOver = waits.wait(over, { signal });
    over.state = 'over';
    controller.abort('why');
    expect(await aborted).toEqual(ending('aborted', 'why'));
    expect(await justOver).toMatchObject({ how: 'over' });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('end once, in whichever way', async () => {
    const { waits } = setUp();
    const wait = create('wait');
    expect(waits.end(wait, 'unlocked')).toBe(false);
    const ended = waits.wait(wait, {});
    expect(waits.end(wait, 'unlocked')).toBe(true);
    expect(waits.end(wait, 'over')).toBe(false);
    waits.giveUp(wait, 'timed out');
    expect(await ended).toEqual(ending('unlocked'));
  });

  it('are looked at now and then without a ring, after the last one has looked for the dead', async () => {
    const lookForDead = vi.fn((last: Wait) => {
      if (lookForDead.mock.calls.length === 2) last.state = 'over';
    });
    const { waits } = setUp(lookForDead);
    const [first, last] = [create('first'), create('last')];
    const endings = [waits.wait(first, {}), waits.wait(last, {})];
    first.state = 'over';
    expect(await Promise.all(endings)).toEqual([ending('over'), ending('over')]);
    expect(lookForDead.mock.calls).toEqual([[last], [last]]);
  });

  it('leave no timer and no listener behind', async () => {
    const { signal } = new AbortController();
    const before = timers();
    const { waits } = setUp();
    const wait = create('wait');
    const ended = waits.wait(wait, { timeout: 60_000, signal });
    expect(timers()).toBe(before + 2);
    waits.end(wait, 'unlocked');
    await ended;
    expect(timers()).toBe(before);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('ring all who listen, and nobody else', async () => {
    const { words, waits } = setUp();
    const asleep = Atomics.waitAsync(words, BELL, 0, 20_000).value;
    waits.ring();
    expect([...words]).toEqual([0, 0, 0, 0]);
    words[LISTENING] = 1;
    waits.ring();
    expect([...words]).toEqual([0, 1, 0, 0]);
    expect(await asleep).toBe('ok');
  });
});
