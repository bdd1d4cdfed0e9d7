/**
 * `Condition` as a model for the explorer: some wait, as often as they are told
 * something, and one tells them. Its steps call the functions of
 * `lib/locks/signals.ts`; the lock around it is left out, which allows more.
 */
import { CALLS, CONDITION_WORDS, leaveLine, lineUp, noteCall, signal, takeSignal } from '../../../../lib/locks/signals.ts';
import { AGAIN } from '../../../../lib/simulated/model.ts';
import type { Model, Step } from '../../../../lib/simulated/model.ts';

/** Behind the condition's words: notifications that somebody was promised, and that somebody got. */
const PROMISED = CONDITION_WORDS;
const GOT = CONDITION_WORDS + 1;
/** Who has lined up, a bit each; the notifier waits for all who live. */
const LINED_UP = CONDITION_WORDS + 2;
const SHARED = CONDITION_WORDS + 3;

// Registers.
const LINED_UP_AT = 0;
const SEEN = 1;
const COUNT = 2;

export interface ConditionOptions {
  readonly waiters: number;
  /** How many each notification is for, one after the other. */
  readonly notifications: readonly number[];
  readonly giveUps?: number;
  readonly deaths?: number;
  readonly mistake?: 'gives up silently' | 'looks, then sleeps';
}

export function conditionModel({ waiters, notifications, giveUps = 0, deaths = 0, mistake }: ConditionOptions): Model {
  const waiting: Step[] = [
    {
      label: 'line up',
      run(thread) {
        thread.registers[LINED_UP_AT] = lineUp(thread.shared);
        thread.shared[LINED_UP] = (thread.shared[LINED_UP] ?? 0) | (1 << thread.index);
        return undefined;
      },
    },
    {
      label: 'read the calls',
      run(thread) {
        thread.registers[SEEN] = thread.shared[CALLS] ?? 0;
        return undefined;
      },
    },
    {
      label: 'look',
      run: (thread) => (takeSignal(thread.shared, thread.registers[LINED_UP_AT] ?? 0) ? 'notified' : undefined),
    },
    {
      label: 'sleep',
      abortable: true,
      polls: true,
      run(thread) {
        const seen = mistake === 'looks, then sleeps' ? (thread.shared[CALLS] ?? 0) : (thread.registers[SEEN] ?? 0);
        if (thread.park(CALLS, seen) === null) return AGAIN;
        return thread.gaveUp() ? undefined : 'read the calls';
      },
    },
    {
      label: 'give up',
      run(thread) {
        if (mistake === 'gives up silently') {
          // As if nobody had been woken for it.
          thread.shared[1] = (thread.shared[1] ?? 0) - 1;
          return 'end';
        }
        return leaveLine(thread.shared, thread.registers[LINED_UP_AT] ?? 0) ? undefined : 'end';
      },
    },
    {
      label: 'notified',
      run(thread) {
        thread.shared[GOT] = (thread.shared[GOT] ?? 0) + 1;
        return undefined;
      },
    },
    { label: 'end', run: () => undefined },
  ];
  const notifying: Step[] = notifications.flatMap((count, index) => [
    {
      label: `signal ${index}`,
      run(thread): string | undefined {
        thread.registers[COUNT] = signal(thread.shared, count);
        thread.shared[PROMISED] = (thread.shared[PROMISED] ?? 0) + thread.registers[COUNT];
        return thread.registers[COUNT] === 0 ? `next ${index}` : undefined;
      },
    },
    {
      label: `note the call ${index}`,
      run(thread): string | undefined {
        noteCall(thread.shared);
        return undefined;
      },
    },
    {
      label: `wake ${index}`,
      run(thread): string | undefined {
        thread.wake(CALLS, thread.registers[COUNT] ?? 0);
        return undefined;
      },
    },
    { label: `next ${index}`, run: () => undefined },
  ]);
  // At last all are told, so that one who is left asleep is one whose notification was lost.
  const last: Step[] = [
    {
      label: 'has everybody lined up?',
      run(thread) {
        for (let waiter = 1; waiter <= waiters; waiter++) {
          if (((thread.shared[LINED_UP] ?? 0) & (1 << waiter)) === 0 && !thread.isDead(waiter)) return 'has everybody lined up?';
        }
        return undefined;
      },
    },
    {
      label: 'signal all',
      run(thread) {
        thread.registers[COUNT] = signal(thread.shared, Infinity);
        thread.shared[PROMISED] = (thread.shared[PROMISED] ?? 0) + thread.registers[COUNT];
        return undefined;
      },
    },
    {
      label: 'note the last call',
      run(thread) {
        noteCall(thread.shared);
        return undefined;
      },
    },
    {
      label: 'wake all',
      run(thread) {
        thread.wake(CALLS, thread.registers[COUNT] ?? 0);
        return undefined;
      },
    },
  ];
  const about = [`waiters ${waiters}`, `notifications ${notifications.join()}`, `give-ups ${giveUps}`, `deaths ${deaths}`, ...(mistake === undefined ? [] : [mistake])];
  return {
    name: `condition (${about.join(', ')})`,
    shared: SHARED,
    giveUps,
    deaths,
    arrivalOrder: true,
    threads: [
      { name: 'notifier', immortal: true, registers: 3, unregistered: true, steps: [...notifying, ...last] },
      ...Array.from({ length: waiters }, (_, index) => ({
        name: `waiter ${index}`,
        cpu: index + 1,
        registers: 3,
        unregistered: true,
        steps: waiting,
      })),
    ],
    invariant: ({ shared }) => ((shared[GOT] ?? 0) > (shared[PROMISED] ?? 0) ? 'more were notified than somebody was promised' : null),
  };
}
