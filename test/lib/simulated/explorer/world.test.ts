// SPDX-License-Identifier: MIT
/**
 * What may befall the threads of a model beside the scheduler: that one dies,
 * that a waiter's time is up, that waiters look now and then; and in which order
 * they are woken. The naive locks here are wrong in the ways that these are for.
 *
 * @portable
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REQUEST_BIT, REQUEST_BYTE } from '../../../../lib/abi/kernel.ts';
import { replayed, seeded } from '../../../../lib/simulated/explorer/choices.ts';
import { explore, run } from '../../../../lib/simulated/explorer/explorer.ts';
import { formatRun } from '../../../../lib/simulated/explorer/print.ts';
import { AGAIN } from '../../../../lib/simulated/explorer/model.ts';
import { ExploredWorld } from '../../../../lib/simulated/explorer/world.ts';
import type { Model, Step } from '../../../../lib/simulated/explorer/model.ts';
import type { WorldThread } from '../../../../lib/simulated/explorer/model.ts';

const clean = { coverage: 'exhausted', violation: null };

/** Explores, and plays what was found once more. */
function findIn(model: Model): {
  readonly what: string;
  readonly moves: number;
  readonly disturbances: number;
  readonly text: string;
} {
  const { violation, coverage, states } = explore(model);
  console.log(
    `${model.name}: ${violation === null ? coverage : 'found'}, ${states.toLocaleString('en')} states`,
  );
  if (violation === null) return { what: '', moves: 0, disturbances: 0, text: '' };
  const again = run(model, replayed(violation.choices));
  expect(again).toMatchObject({ violation: violation.what, choices: violation.choices });
  return { ...violation, text: formatRun(again) };
}

/** Moves of a world by name, until it is where a test wants it. */
function play(
  world: ExploredWorld,
  moves: readonly (readonly [thread: number, event: string])[],
): string | null {
  const possible = new Int32Array(64);
  for (const [thread, event] of moves) {
    const all = [...possible.subarray(0, world.moves(possible))];
    const move = all.find(
      (each) => world.describe(each).thread === thread && world.describe(each).event === event,
    );
    if (move === undefined) throw new Error(`${thread} cannot: ${event}`);
    const broken = world.move(move);
    if (broken !== null) return broken;
  }
  return null;
}

function movesOf(world: ExploredWorld): readonly string[] {
  const possible = new Int32Array(64);
  return [...possible.subarray(0, world.moves(possible))].map(
    (move) => `${world.describe(move).thread} ${world.describe(move).event}`,
  );
}

// The naive locks: one word, 0 or 1 + the thread that has it.
const LOCK = 0;
/** A register: this thread is inside. It goes with a thread that dies. */
const INSIDE = 0;
const SEEN = 1;

const name = (thread: WorldThread): number => thread.index + 1;
/** The operations of a lock as a product has them: functions over its words. */
const tryTake = (words: Int32Array, holder: number): number =>
  Atomics.compareExchange(words, LOCK, 0, holder);
const takeOver = (words: Int32Array, dead: number, holder: number): boolean =>
  Atomics.compareExchange(words, LOCK, dead, holder) === dead;

function note(label: string, register: number, value: (thread: WorldThread) => number): Step {
  return {
    label,
    run(thread) {
      thread.registers[register] = value(thread);
      return undefined;
    },
  };
}

interface NaiveOptions extends Partial<Model> {
  /** What is done when a sleep has ended; default: it tries again. */
  readonly slept?: readonly Step[];
  readonly wake?: number;
  readonly parked?: Partial<Step>;
}

function naiveLock(
  title: string,
  { slept = [], wake = Infinity, parked = {}, ...options }: NaiveOptions,
): Model {
  const steps: Step[] = [
    {
      label: 'try',
      run(thread) {
        thread.registers[SEEN] = tryTake(thread.shared, name(thread));
        return thread.registers[SEEN] === 0 ? 'enter' : undefined;
      },
    },
    {
      label: 'sleep',
      ...parked,
      run: (thread) =>
        thread.park(LOCK, thread.registers[SEEN] ?? 0) === null ? AGAIN : undefined,
    },
    ...slept,
    { label: 'try again', run: () => 'try' },
    note('enter', INSIDE, () => 1),
    note('leave', INSIDE, () => 0),
    {
      label: 'release',
      run(thread) {
        Atomics.store(thread.shared, LOCK, 0);
        return undefined;
      },
    },
    {
      label: 'wake',
      run(thread) {
        thread.wake(LOCK, wake);
        return undefined;
      },
    },
    { label: 'out', run: () => undefined },
  ];
  return {
    name: title,
    shared: 1,
    threads: [0, 1].map((cpu) => ({ cpu, registers: 2, steps, unregistered: true })),
    invariant: ({ threads }) =>
      threads.filter(({ registers }) => registers[INSIDE] === 1).length > 1
        ? 'two are inside'
        : null,
    ...options,
  };
}

/** So many threads instead of two, on a CPU each. */
const crowd = (model: Model, count: number): Model => ({
  ...model,
  threads: Array.from({ length: count }, (_, cpu) => ({
    ...model.threads[0],
    cpu,
    steps: model.threads[0]?.steps ?? [],
  })),
});

const lookForDeath: Step = {
  label: 'take over from the dead',
  run(thread) {
    const holder = thread.shared[LOCK] ?? 0;
    return holder > 0 && thread.isDead(holder - 1) && takeOver(thread.shared, holder, name(thread))
      ? 'enter'
      : 'try';
  },
};

describe('death', () => {
  it('of a holder hangs the others, which is found', () => {
    const model = naiveLock('nobody asks whether the holder lives', {
      deaths: 1,
      parked: { polls: true },
    });
    const { what, moves, disturbances, text } = findIn(model);
    expect({ what, moves, disturbances }).toEqual({
      what: "nothing can go on: 1 waits at 'sleep', 0 is dead",
      moves: 4,
      disturbances: 1,
    });
    expect(text).toMatch(/ try\n! dies\n +try\n +sleep -> switched\n/);
    expect(findIn({ ...model, deaths: 0 }).what).toBe('');
  });

  it('is survived by a lock that polls and takes over', () => {
    const model = naiveLock('take-over', {
      deaths: 1,
      parked: { polls: true },
      slept: [lookForDeath],
    });
    expect(explore(model)).toMatchObject(clean);
    expect(explore(crowd({ ...model, deaths: 2 }, 3))).toMatchObject(clean);
    expect(explore(crowd({ ...model, deaths: 2, polls: 2 }, 3))).toMatchObject(clean);
  });

  it('is not survived by one that takes over without polling', () => {
    const { what, moves } = findIn(
      naiveLock('take-over without polls', { deaths: 1, slept: [lookForDeath] }),
    );
    expect({ what, moves }).toEqual({
      what: "nothing can go on: 1 waits at 'sleep', 0 is dead",
      moves: 4,
    });
  });

  it('lets two take over at once who only look before they write', () => {
    const slept: Step[] = [
      {
        label: 'is the holder dead?',
        run: (thread) => (thread.isDead((thread.registers[SEEN] ?? 0) - 1) ? undefined : 'try'),
      },
      {
        label: 'put our name in',
        run(thread) {
          thread.shared[LOCK] = name(thread);
          return 'enter';
        },
      },
    ];
    const careless = naiveLock('take-over in two steps', {
      deaths: 1,
      parked: { polls: true },
      slept,
    });
    expect(explore(careless)).toMatchObject(clean);
    const { what, text } = findIn(crowd(careless, 3));
    expect(what).toBe('two are inside');
    expect(text).toMatch(/! dies[^]*is the holder dead\?[^]*put our name in/);
  });

  it('comes at every step, takes a budget, and spares the immortal', () => {
    const { threads, ...model } = naiveLock('who dies', { deaths: 1, parked: { polls: true } });
    const world = new ExploredWorld({
      ...model,
      threads: threads.map((thread, index) => ({ ...thread, immortal: index === 0 })),
    });
    expect(movesOf(world)).toEqual(['0 step', '1 step', '1 dies']);
    play(world, [
      [0, 'step'],
      [1, 'step'],
      [1, 'step'],
    ]);
    expect(movesOf(world)).toEqual(['0 step', '1 dies']);
    play(world, [[1, 'dies']]);
    expect([world.isDead(0), world.isDead(1), world.hasEnded(1), world.label(1)]).toEqual([
      false,
      true,
      false,
      '(dead)',
    ]);
    expect(world.threads[1]?.registers).toEqual(new Int32Array(2));
    expect(movesOf(world)).toEqual(['0 step']);
  });

  it('gives the CPU to the next one, and takes the registration back', () => {
    const step = (label: string): Step => ({ label, run: () => undefined });
    const world = new ExploredWorld({
      name: 'one CPU',
      deaths: 1,
      threads: [0, 1].map(() => ({ steps: [step('a'), step('b')] })),
    });
    expect(
      play(world, [
        [0, 'step'],
        [0, 'dies'],
      ]),
    ).toBeNull();
    expect(world.machine.isRegistered(0)).toBe(false);
    expect(movesOf(world)).toEqual(['1 step']);
    expect(
      play(world, [
        [1, 'step'],
        [1, 'step'],
      ]),
    ).toBeNull();
    expect([movesOf(world), world.stuck()]).toEqual([[], null]);
  });

  it('of a woken one takes the wake-up with it', () => {
    const world = new ExploredWorld(
      crowd(naiveLock('woken, and dead', { deaths: 1, wake: 1, arrivalOrder: true }), 3),
    );
    play(world, [
      [0, 'step'],
      [1, 'step'],
      [1, 'step'],
      [2, 'step'],
      [2, 'step'],
    ]);
    while (!world.hasEnded(0)) play(world, [[0, 'step']]);
    expect(movesOf(world)).toEqual(['1 step', '1 dies', '2 dies']);
    play(world, [[1, 'dies']]);
    expect([movesOf(world), world.stuck()]).toEqual([
      [],
      "nothing can go on: 2 waits at 'sleep', 1 is dead",
    ]);
  });

  it('of a waiter makes room in the line', () => {
    const world = new ExploredWorld(
      crowd(naiveLock('in line, and dead', { deaths: 1, wake: 1, arrivalOrder: true }), 3),
    );
    play(world, [
      [0, 'step'],
      [1, 'step'],
      [1, 'step'],
      [2, 'step'],
      [2, 'step'],
      [1, 'dies'],
    ]);
    while (!world.hasEnded(0)) play(world, [[0, 'step']]);
    expect(movesOf(world)).toEqual(['2 step']);
  });

  it('ends an extension without blame where the kernel allows that', () => {
    const asking: Step = {
      label: 'ask',
      run(thread) {
        thread.bytes[REQUEST_BYTE] = 1;
        return undefined;
      },
    };
    const work: Step = { label: 'work', run: () => undefined };
    const stop: Step = {
      label: 'withdraw',
      run(thread) {
        thread.bytes[REQUEST_BYTE] = 0;
        thread.yieldSlice();
        return undefined;
      },
    };
    expect(
      explore({
        name: 'dies in its extension',
        deaths: 1,
        threads: [{ steps: [asking, work, stop] }],
      }),
    ).toMatchObject(clean);
  });

  it('in an extension on rfc ends the process: the exit makes system calls', () => {
    const asking: Step = {
      label: 'ask',
      run(thread) {
        thread.word[0] = REQUEST_BIT;
        return undefined;
      },
    };
    const model: Model = {
      name: 'dies in its extension (rfc)',
      abiVersion: 'rfc',
      deaths: 1,
      threads: [{ steps: [asking, { label: 'work', run: () => 'work' }] }],
    };
    const { what, moves } = findIn(model);
    expect(moves).toBe(3);
    expect(what).toMatch(/killed 0: it made a system call other than the yield/);
  });
});

describe('polling', () => {
  const forgetful = naiveLock('wakes nobody', {
    parked: { polls: true },
    slept: [lookForDeath],
    wake: 0,
    arrivalOrder: true,
  });

  it('does not hide that a wake-up was lost', () => {
    const lost = { what: "nothing can go on: 1 waits at 'sleep'", disturbances: 1 };
    expect(findIn(forgetful)).toMatchObject(lost);
    expect(findIn({ ...forgetful, deaths: 1, polls: 3, giveUps: 1 })).toMatchObject(lost);
  });

  it('in vain is being stuck, also when each waiter leaves marks and takes them back', () => {
    const count = (label: string, by: number): Step => ({
      label,
      run(thread) {
        Atomics.add(thread.shared, 1, by);
        return undefined;
      },
    });
    const { threads, ...model } = naiveLock('counts its waiters', {
      shared: 2,
      deaths: 1,
      parked: { polls: true },
      slept: [count('one less', -1)],
    });
    const [{ steps } = { steps: [] }] = threads;
    const [first, ...others] = steps;
    const counting = first === undefined ? [] : [first, count('one more', 1), ...others];
    const { what, moves } = findIn(
      crowd({ ...model, threads: threads.map((thread) => ({ ...thread, steps: counting })) }, 3),
    );
    expect(what).toBe("nothing can go on: 1 waits at 'sleep', 2 waits at 'sleep', 0 is dead");
    expect(moves).toBe(8);
  });

  it('leads somewhere also when it takes several polls', () => {
    const patience: Step = {
      label: 'have some patience',
      run(thread) {
        thread.registers[2] = (thread.registers[2] ?? 0) + 1;
        return thread.registers[2] < 4 ? 'try' : undefined;
      },
    };
    const { threads, ...model } = naiveLock('patient', {
      deaths: 1,
      parked: { polls: true },
      slept: [patience, lookForDeath],
    });
    expect(
      explore({ ...model, threads: threads.map((thread) => ({ ...thread, registers: 3 })) }),
    ).toMatchObject(clean);
  });

  it('helps if somebody never waits again', () => {
    const spin: Step = { label: 'spin', run: () => 'spin' };
    expect(
      explore(
        naiveLock('spins after the first poll', {
          deaths: 1,
          parked: { polls: true },
          slept: [spin],
        }),
      ),
    ).toMatchObject(clean);
  });

  it('shows in the run, and what happens after it does too', () => {
    const model = naiveLock('take-over', {
      deaths: 1,
      parked: { polls: true },
      slept: [lookForDeath],
    });
    const careful = {
      ...model,
      threads: model.threads.map((thread) => ({ ...thread, unregistered: false })),
    };
    // The other one takes the lock, dies, and this one sleeps, polls, and is scheduled out.
    const text = formatRun(run(careful, replayed('0 6 0 0 0 0 1'), 7));
    expect(text).toMatch(
      /try\n! dies.*\n +try\n +sleep -> switched\n +! polls\n +sleep\n +! preempt -> switched\n/,
    );
  });

  it('at any time, if so many are allowed: being awake means nothing', () => {
    const trusting: Model = {
      name: 'takes being awake for being called',
      shared: 1,
      threads: [
        {
          cpu: 0,
          steps: [
            {
              label: 'sleep',
              polls: true,
              run: (thread) => (thread.park(0, 0) === null ? AGAIN : undefined),
            },
            { label: 'called', run: () => undefined },
          ],
        },
        {
          cpu: 1,
          steps: [
            {
              label: 'call',
              run(thread) {
                thread.shared[0] = 1;
                return undefined;
              },
            },
            {
              label: 'wake',
              run(thread) {
                thread.wake(0);
                return undefined;
              },
            },
          ],
        },
      ],
      invariant: (world) =>
        world.label(0) === 'called' && world.shared[0] === 0 ? 'nobody called' : null,
    };
    expect(explore(trusting)).toMatchObject(clean);
    expect(findIn({ ...trusting, polls: 1 })).toMatchObject({ what: 'nobody called', moves: 3 });
    const world = new ExploredWorld({ ...trusting, polls: 1 });
    play(world, [
      [0, 'step'],
      [0, 'polls'],
    ]);
    const [sleeper] = world.threads;
    expect(sleeper?.park(0, 0)).toBe('timed-out');
    expect(sleeper?.park(0, 0)).toBeNull();
    expect(movesOf(world).filter((move) => move.startsWith('0'))).toEqual([]);
  });

  it('is offered to each waiter when a death is all that can be found, until somebody goes on', () => {
    const world = new ExploredWorld(
      crowd(naiveLock('three', { deaths: 1, parked: { polls: true }, slept: [lookForDeath] }), 3),
    );
    play(world, [
      [0, 'step'],
      [1, 'step'],
      [1, 'step'],
      [2, 'step'],
      [2, 'step'],
      [0, 'dies'],
    ]);
    expect(movesOf(world)).toEqual(['1 polls', '2 polls']);
    play(world, [[1, 'polls']]);
    expect(movesOf(world)).toEqual(['1 step', '2 polls']);
    play(world, [[1, 'step']]);
    expect(movesOf(world)).toEqual(['1 step']);
  });
});

describe('waiting for time', () => {
  /** Waits for a lease to run out that was never renewed. */
  const waiting = (timed?: Step['timed']): Model => ({
    name: 'waits for a lease to run out',
    shared: 1,
    arrivalOrder: true,
    threads: [
      {
        unregistered: true,
        steps: [
          {
            label: 'sleep',
            polls: true,
            ...(timed === undefined ? {} : { timed }),
            run: (thread) => (thread.park(0, 0) === null ? AGAIN : undefined),
          },
        ],
      },
    ],
  });

  it('leads on without a death where a step says so, and only then', () => {
    expect(explore(waiting(() => true))).toMatchObject(clean);
    expect(findIn(waiting(() => false)).what).toBe("nothing can go on: 0 waits at 'sleep'");
    expect(findIn(waiting()).what).toBe("nothing can go on: 0 waits at 'sleep'");
    expect(explore(waiting((thread) => thread.shared[0] === 0))).toMatchObject(clean);
  });
});

describe('an event loop that stays away', () => {
  const sleep = (word: number, more: Partial<Step> = {}): Step => ({
    label: 'sleep',
    ...more,
    run: (thread) => (thread.park(word, 0) === null ? AGAIN : undefined),
  });
  const wake = (word: number): Step => ({
    label: `wake ${word}`,
    run(thread) {
      thread.shared[word] = 1;
      thread.wake(word);
      return undefined;
    },
  });
  /** One wakes the next, who wakes a third one. */
  const relay = (away: boolean, last: Partial<Step> = {}): Model => ({
    name: 'relay',
    shared: 2,
    threads: [[wake(0)], [sleep(0, { away }), wake(1)], [sleep(1, last)]].map((steps, cpu) => ({
      cpu,
      unregistered: true,
      steps,
    })),
  });

  it('keeps whoever depends on it, which is found', () => {
    expect(explore(relay(false))).toMatchObject(clean);
    expect(findIn(relay(true)).what).toBe(
      "nothing can go on: 1 stays away at 'sleep', 2 waits at 'sleep'",
    );
  });

  it('may come back when nobody else is left, or those who wait may stay away too', () => {
    expect(explore(relay(true, { away: true }))).toMatchObject(clean);
    const { threads, ...model } = relay(true);
    expect(explore({ ...model, threads: threads.slice(0, 2) })).toMatchObject(clean);
  });

  it('may come back at any time', () => {
    const world = new ExploredWorld(relay(true));
    play(world, [
      [1, 'step'],
      [2, 'step'],
      [0, 'step'],
    ]);
    expect([movesOf(world), world.stuck()]).toEqual([
      [],
      "nothing can go on: 1 stays away at 'sleep', 2 waits at 'sleep'",
    ]);
    const early = new ExploredWorld(relay(true));
    play(early, [
      [1, 'step'],
      [0, 'step'],
    ]);
    expect(movesOf(early)).toEqual(['1 step', '2 step']);
  });

  it('does not help by its own polls, but those whom it keeps may poll', () => {
    const { threads, ...model } = relay(true, { polls: true, timed: () => true });
    expect(explore({ ...model, threads })).toMatchObject(clean);
    const asleep = {
      ...model,
      threads: [
        {
          cpu: 0,
          unregistered: true,
          steps: [sleep(0, { away: true, polls: true, timed: () => true }), wake(1)],
        },
        { cpu: 1, unregistered: true, steps: [sleep(1)] },
      ],
    };
    expect(findIn(asleep).what).toBe("nothing can go on: 0 waits at 'sleep', 1 waits at 'sleep'");
  });

  it('is awake before it sleeps', () => {
    const busy = new ExploredWorld({
      name: 'not asleep yet',
      shared: 2,
      threads: [[sleep(0, { away: true })], [sleep(1)]].map((steps, cpu) => ({
        cpu,
        unregistered: true,
        steps,
      })),
    });
    play(busy, [[1, 'step']]);
    expect(movesOf(busy)).toEqual(['0 step']);
  });
});

describe('giving up', () => {
  const giving = (heeds: readonly Step[]): Model =>
    crowd(
      naiveLock('a waiter gives up', {
        giveUps: 1,
        wake: 1,
        arrivalOrder: true,
        parked: { abortable: true },
        slept: heeds,
      }),
      3,
    );
  const isTimeUp: Step = {
    label: 'is our time up?',
    run: (thread) => (thread.gaveUp() ? 'out' : undefined),
  };

  it('of one who was woken swallows the wake-up, which is found', () => {
    const { what, disturbances, text } = findIn(giving([isTimeUp]));
    expect(what).toBe("nothing can go on: 2 waits at 'sleep'");
    expect(disturbances).toBeLessThanOrEqual(4);
    expect(text).toMatch(/wake[^]*! gives up[^]*is our time up/);
  });

  it('harms nobody when the wake-up is passed on', () => {
    const passing: Step = {
      label: 'pass the wake-up on',
      run(thread) {
        thread.wake(LOCK, 1);
        return 'out';
      },
    };
    expect(
      explore(
        giving([
          { label: 'is our time up?', run: (thread) => (thread.gaveUp() ? undefined : 'try') },
          passing,
        ]),
      ),
    ).toMatchObject(clean);
  });

  it('comes before, in and after the sleep, and tells how that ended', () => {
    const heard: (string | null)[] = [];
    const sleeper: Step = {
      label: 'sleep',
      abortable: true,
      run(thread) {
        const how = thread.park(0, 0);
        heard.push(how, thread.gaveUp() ? 'time is up' : 'time is left');
        return how === null ? AGAIN : undefined;
      },
    };
    const waker: Step = {
      label: 'wake',
      run(thread) {
        thread.wake(0);
        return undefined;
      },
    };
    const hear = (...moves: readonly (readonly [number, string])[]): readonly (string | null)[] => {
      heard.length = 0;
      play(
        new ExploredWorld({
          name: 'sleeper',
          shared: 1,
          giveUps: 1,
          threads: [{ steps: [sleeper] }, { cpu: 1, steps: [waker] }],
        }),
        moves,
      );
      return [...heard];
    };
    expect(hear([0, 'gives up'], [0, 'step'])).toEqual(['timed-out', 'time is up']);
    expect(hear([0, 'step'], [0, 'gives up'], [0, 'step'])).toEqual([
      null,
      'time is left',
      'timed-out',
      'time is up',
    ]);
    expect(hear([0, 'step'], [1, 'step'], [0, 'gives up'], [0, 'step'])).toEqual([
      null,
      'time is left',
      'ok',
      'time is up',
    ]);
    expect(hear([0, 'step'], [1, 'step'], [0, 'step'])).toEqual([
      null,
      'time is left',
      'ok',
      'time is left',
    ]);
  });

  it('comes at abortable steps only, takes a budget, and is told once', () => {
    const world = new ExploredWorld(giving([isTimeUp]));
    play(world, [[0, 'step']]);
    expect(movesOf(world)).toEqual(['0 step', '1 step', '2 step']);
    play(world, [
      [1, 'step'],
      [2, 'step'],
      [2, 'step'],
    ]);
    expect(movesOf(world)).toEqual(['0 step', '1 step', '1 gives up', '2 gives up']);
    play(world, [[2, 'gives up']]);
    expect(movesOf(world)).toEqual(['2 step', '0 step', '1 step']);
    expect([
      world.threads[1]?.gaveUp(),
      world.threads[2]?.gaveUp(),
      world.threads[2]?.gaveUp(),
    ]).toEqual([false, true, false]);
  });

  it('of one that never asks how its sleep ended leaves nothing for the next sleep', () => {
    const steps: Step[] = [
      {
        label: 'sleep',
        abortable: true,
        run: (thread) =>
          thread.gaveUp() ? 'sleep again' : thread.park(0, 0) === null ? AGAIN : undefined,
      },
      { label: 'sleep again', run: (thread) => (thread.park(0, 0) === null ? AGAIN : undefined) },
    ];
    const other: Step = { label: 'work', run: () => undefined };
    const world = new ExploredWorld({
      name: 'does not listen',
      shared: 1,
      giveUps: 1,
      threads: [{ steps }, { cpu: 1, steps: [other] }],
    });
    play(world, [
      [0, 'step'],
      [0, 'gives up'],
      [0, 'step'],
      [0, 'step'],
      [1, 'step'],
    ]);
    expect(movesOf(world)).toEqual([]);
    expect(world.stuck()).toBe("nothing can go on: 0 waits at 'sleep again'");
  });

  it('lets a step that waits on and on see it', () => {
    const steps: Step[] = [
      {
        label: 'wait',
        abortable: true,
        run: (thread) => (thread.gaveUp() ? 'out' : thread.wait(0, 0)),
      },
      { label: 'out', run: () => undefined },
    ];
    const model: Model = { name: 'waits for nobody', shared: 1, giveUps: 1, threads: [{ steps }] };
    // It need not give up, so it hangs; but it can.
    expect(findIn(model).what).toBe("nothing can go on: 0 waits at 'wait'");
    const world = new ExploredWorld(model);
    expect(
      play(world, [
        [0, 'gives up'],
        [0, 'step'],
        [0, 'step'],
      ]),
    ).toBeNull();
    expect(world.hasEnded(0)).toBe(true);
  });
});

describe('waking a number of waiters', () => {
  const LAST = 0;
  /** Each writes down when it began to wait, in which order it was woken shows against that. */
  const inLine = (arrivalOrder: boolean): Model => ({
    name: 'in line',
    shared: 3,
    arrivalOrder,
    threads: [
      ...[0, 1, 2].map((cpu) => ({
        cpu,
        registers: 1,
        steps: [
          {
            label: 'sleep',
            run(thread: WorldThread) {
              const how = thread.park(1, 0);
              if (how !== null) return undefined;
              thread.registers[0] = Atomics.add(thread.shared, 2, 1) + 1;
              return AGAIN;
            },
          },
        ],
      })),
      {
        cpu: 3,
        steps: [
          {
            label: 'are they all there?',
            run: (thread: WorldThread) => (thread.shared[2] === 3 ? undefined : AGAIN),
          },
          {
            label: 'wake one',
            run(thread: WorldThread) {
              const woken = thread.wake(1, 1);
              thread.shared[LAST] = (thread.shared[LAST] ?? 0) + woken;
              return woken === 0 ? undefined : AGAIN;
            },
          },
        ],
      },
    ],
    invariant(world) {
      const isEarly = world.threads.some(
        ({ index, registers }) =>
          index < 3 && world.hasEnded(index) && (registers[0] ?? 0) > (world.shared[LAST] ?? 0),
      );
      return isEarly ? 'one was woken before its turn' : null;
    },
  });

  it('wakes them in the order in which they came', () => {
    expect(explore(inLine(true))).toMatchObject(clean);
  });

  it('takes an order', () => {
    const invalid = expect.objectContaining({ code: 'ERR_RSEQ_INVALID_MODEL' }) as Error;
    expect(() => explore(inLine(false))).toThrow(invalid);
  });
});

it('a run with all of this is the same for the same choices, byte for byte', () => {
  const model = crowd(
    naiveLock('everything', {
      deaths: 2,
      giveUps: 2,
      polls: 2,
      arrivalOrder: true,
      wake: 1,
      parked: { polls: true, abortable: true },
      slept: [
        { label: 'is our time up?', run: (thread) => (thread.gaveUp() ? 'wake' : undefined) },
        lookForDeath,
      ],
    }),
    3,
  );
  expect(explore(model)).toMatchObject(clean);
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const first = run(model, seeded(seed), 300);
      expect(first.violation).toBeNull();
      expect(formatRun(run(model, replayed(first.choices), 300))).toBe(formatRun(first));
    }),
  );
});
