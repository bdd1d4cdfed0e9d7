// SPDX-License-Identifier: MIT
/**
 * The explorer: our flow, nesting and a lock hold in every state there is; what
 * is known to be wrong is found, by the shortest schedule; a line replays it.
 *
 * @portable
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ABI_VERSIONS } from '../../../../lib/abi/interface.ts';
import { replayed, seeded } from '../../../../lib/simulated/explorer/choices.ts';
import { explore, run } from '../../../../lib/simulated/explorer/explorer.ts';
import type { Exploration } from '../../../../lib/simulated/explorer/explorer.ts';
import { lockModel } from '../../../../lib/simulated/models/lock.ts';
import {
  freedWhileRegistered,
  grantedFirst,
  MISTAKES,
  readModifyWrite,
  wakeInsideGrant,
} from '../../../../lib/simulated/models/mistakes.ts';
import { greedyModel, sectionModel } from '../../../../lib/simulated/models/section.ts';
import { formatRun } from '../../../../lib/simulated/explorer/print.ts';
import type { Model, Step } from '../../../../lib/simulated/explorer/model.ts';

/** Explores and says how far that went. */
function exploreAloud(model: Model, options?: Parameters<typeof explore>[1]): Exploration {
  const started = performance.now();
  const found = explore(model, options);
  const seconds = (performance.now() - started) / 1000;
  console.log(
    `${model.name}: ${found.coverage}, ${found.states.toLocaleString('en')} states, ${found.moves.toLocaleString('en')} moves, ${seconds.toFixed(2)} s`,
  );
  return found;
}

const clean = { coverage: 'exhausted', violation: null };

describe.each(ABI_VERSIONS)('on %s, with rseq_debug', (abiVersion) => {
  it('two threads in two layers are never harmed', () => {
    expect(exploreAloud(sectionModel(abiVersion))).toMatchObject(clean);
  });

  it('nor are three layers, with migration', () => {
    expect(
      exploreAloud(sectionModel(abiVersion, { threads: 1, layers: 3, migration: true })),
    ).toMatchObject(clean);
  });

  it('a lock lets one in at a time and forgets nobody', () => {
    expect(exploreAloud(lockModel(abiVersion, { rounds: 1 }))).toMatchObject(clean);
  });

  it('the kernel keeps its promises to a thread that does not', () => {
    expect(exploreAloud(greedyModel(abiVersion))).toMatchObject(clean);
  });
});

// With more disturbances: explorer.long.test.ts.
it('a lock holds on two CPUs', () => {
  const model = lockModel('mainline', { cpus: 2, rounds: 1 });
  expect(exploreAloud(model, { disturbances: 2 })).toMatchObject({ violation: null });
});

describe('a system call inside a section', () => {
  it.each(['7.0', 'mainline'] as const)('is allowed on %s', (abiVersion) => {
    expect(
      exploreAloud(sectionModel(abiVersion, { layers: 1, systemCall: true, debug: false })),
    ).toMatchObject(clean);
  });

  it('kills on rfc', () => {
    const { violation } = explore(
      sectionModel('rfc', { layers: 1, systemCall: true, debug: false }),
    );
    expect(violation).toMatchObject({ disturbances: 1 });
    expect(violation?.what).toMatch(/killed 0: it made a system call other than the yield/);
  });

  it('may kill with rseq_debug: a grant that comes and goes between two loads leaves no trace', () => {
    const model = sectionModel('mainline', { threads: 1, layers: 1, systemCall: true });
    const { violation } = explore(model);
    expect(violation).toMatchObject({ disturbances: 2 });
    const text = formatRun(run(model, replayed(violation?.choices ?? '')));
    expect(text).toMatch(
      /look whether still asked\n! preempt -> granted.*\n.*withdraw.*\n! \S.*revoked.*\n.*look for a grant/,
    );
  });
});

describe('finds', () => {
  it.each([
    [readModifyWrite, 7, /^the kernel killed 0: it left a control word/],
    [
      { ...readModifyWrite, debug: false },
      7,
      /^the kernel killed 0: it made a system call other than the yield/,
    ],
    [grantedFirst, 6, /^0 has left its section, and keeps the CPU/],
    [wakeInsideGrant, 7, /^0 made a system call in its extension/],
    [freedWhileRegistered, 3, /^the kernel wrote to memory that is no longer/],
  ] as const)('$name, by the shortest schedule', (model, moves, what) => {
    const { violation } = explore(model);
    expect(violation).toMatchObject({ disturbances: 1, moves });
    expect(violation?.what).toMatch(what);
    const text = formatRun(run(model, replayed(violation?.choices ?? '')));
    console.log(`\n${text}\n`);
  });

  it('nothing within fewer disturbances than it takes', () => {
    for (const model of MISTAKES)
      expect(explore(model, { disturbances: 0 })).toMatchObject({
        coverage: 'bounded',
        violation: null,
      });
  });

  it('a deadlock', () => {
    const model: Model = {
      name: 'two wait for each other',
      shared: 1,
      threads: [0, 1].map(() => ({
        steps: [{ label: 'wait', run: (thread) => thread.wait(0, 0) }],
      })),
    };
    expect(explore(model).violation?.what).toBe(
      "nothing can go on: 0 waits at 'wait', 1 waits at 'wait'",
    );
  });

  it('what a model says must hold', () => {
    const model: Model = {
      name: 'lost update',
      shared: 1,
      threads: [0, 1].map((cpu) => ({
        cpu,
        registers: 1,
        steps: [
          {
            label: 'load',
            run(thread) {
              thread.registers[0] = thread.shared[0] ?? 0;
              return undefined;
            },
          },
          {
            label: 'store',
            run(thread) {
              thread.shared[0] = (thread.registers[0] ?? 0) + 1;
              return undefined;
            },
          },
        ],
      })),
      invariant: (world) =>
        world.hasEnded(0) && world.hasEnded(1) && world.shared[0] !== 2
          ? 'an update was lost'
          : null,
    };
    expect(explore(model).violation).toMatchObject({
      what: 'an update was lost',
      moves: 4,
      disturbances: 1,
    });
  });
});

it('says when it has not seen everything', () => {
  const model = sectionModel('mainline');
  expect(explore(model, { states: 1000 })).toMatchObject({ coverage: 'capped', violation: null });
  expect(explore(model, { disturbances: 2 })).toMatchObject({
    coverage: 'bounded',
    disturbances: 2,
    violation: null,
  });
});

it('sees the same states whatever the order: bounds add up to the whole', () => {
  const model = sectionModel('rfc', { layers: 1 });
  const whole = explore(model);
  expect(explore(model, { disturbances: whole.disturbances }).states).toBe(whole.states);
  expect(explore(model, { disturbances: whole.disturbances - 1 }).states).toBeLessThan(
    whole.states,
  );
});

it('goes on to the last thread, however many there are', () => {
  const threads = 30;
  const first = (mark: number): Step => ({
    label: 'a',
    run({ shared }) {
      if (shared[0] === 0) shared[0] = mark;
      return undefined;
    },
  });
  const last: Model = {
    name: 'last',
    shared: 1,
    threads: Array.from({ length: threads }, (_, cpu) => ({ cpu, steps: [first(cpu + 1)] })),
    invariant: ({ shared }) => (shared[0] === threads ? 'the last one came first' : null),
  };
  expect(explore(last, { disturbances: 1 }).violation).toMatchObject({
    what: 'the last one came first',
    moves: 1,
  });
});

it('refuses models that contradict themselves', () => {
  const invalid = expect.objectContaining({ code: 'ERR_RSEQ_INVALID_MODEL' }) as Error;
  const step = { label: 'a', run: () => undefined };
  expect(() => explore({ name: 'twice', threads: [{ steps: [step, step] }] })).toThrow(invalid);
  expect(() =>
    explore({ name: 'nowhere', threads: [{ steps: [{ label: 'a', run: () => 'b' }] }] }),
  ).toThrow(invalid);
});

describe('a run', () => {
  it('is the same for the same choices, byte for byte', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...MISTAKES, sectionModel('mainline'), lockModel('rfc', { cpus: 2 })),
        fc.integer(),
        (model, seed) => {
          const first = run(model, seeded(seed), 300);
          expect(formatRun(run(model, replayed(first.choices), 300))).toBe(formatRun(first));
        },
      ),
    );
  });

  it('of our flow breaks nothing, whatever happens', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ABI_VERSIONS),
        fc.array(fc.nat({ max: 7 }), { maxLength: 400 }),
        (abiVersion, choices) => {
          const { violation } = run(
            sectionModel(abiVersion, { migration: true }),
            replayed(choices),
            400,
          );
          expect(violation).toBeNull();
        },
      ),
      { numRuns: 300 },
    );
  });

  it('of a mistake is shrunk by fast-check to the one disturbance it takes', () => {
    const property = fc.property(
      fc.array(fc.nat({ max: 3 }), { maxLength: 60 }),
      (choices) => run(readModifyWrite, replayed(choices)).violation === null,
    );
    const { failed, counterexample } = fc.check(property, { numRuns: 10_000, seed: 1 });
    expect(failed).toBe(true);
    expect(counterexample?.[0].filter((choice) => choice > 0)).toHaveLength(1);
  });
});
