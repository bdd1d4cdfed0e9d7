/**
 * The locks in every state there is, with threads that die and waiters that give
 * up: one holder at a time, no wake-up lost, nobody overtaken more often than is
 * said. And what would be wrong is found.
 */
import { describe, expect, it } from 'vitest';
import { FLAVOURS } from '../../../lib/abi.ts';
import { replayed } from '../../../lib/simulated/choices.ts';
import { explore, run } from '../../../lib/simulated/explorer.ts';
import type { ExploreOptions } from '../../../lib/simulated/explorer.ts';
import { formatRun } from '../../../lib/simulated/print.ts';
import type { Model } from '../../../lib/simulated/model.ts';
import { conditionModel } from './models/condition.ts';
import { exclusiveModel } from './models/exclusive.ts';
import { rwLockModel, semaphoreModel } from './models/slots.ts';

const MINUTES = 60_000;

function exploreAloud(model: Model, options?: ExploreOptions): void {
  const started = performance.now();
  const { coverage, states, violation } = explore(model, options);
  console.log(`${model.name}: ${coverage}, ${states.toLocaleString('en')} states, ${((performance.now() - started) / 1000).toFixed(1)} s`);
  // With the schedule, so that a failure shows it.
  expect(violation === null ? null : formatRun(run(model, replayed(violation.choices)))).toBeNull();
  expect(coverage).toBe(options?.disturbances === undefined ? 'exhausted' : 'bounded');
}

describe('holds in every state', { timeout: 5 * MINUTES }, () => {
  it.each([
    exclusiveModel({ rounds: [2, 2], limit: 1 }),
    exclusiveModel({ rounds: [2, 2], limit: 1, deaths: 1, giveUps: 1 }),
    exclusiveModel({ rounds: [1, 1, 1], limit: 1 }),
    exclusiveModel({ rounds: [1, 1, 1], limit: 1, giveUps: 1 }),
    exclusiveModel({ rounds: [1, 1, 1], limit: 1, deaths: 1 }),
    exclusiveModel({ rounds: [2, 2], limit: 1, spins: true, deaths: 1, giveUps: 1 }),
    exclusiveModel({ rounds: [1, 1, 1], limit: 1, spins: true, deaths: 1 }),
    conditionModel({ waiters: 2, notifications: [1, 1], giveUps: 2 }),
    conditionModel({ waiters: 2, notifications: [1], giveUps: 1, deaths: 1 }),
    rwLockModel({ readers: 2, writers: 1, giveUps: 1 }),
    rwLockModel({ readers: 1, writers: 2 }),
    rwLockModel({ readers: 1, writers: 1, deaths: 1, giveUps: 1 }),
    rwLockModel({ readers: 2, writers: 1, deaths: 1, places: 1 }),
    semaphoreModel({ threads: 3, permits: 1, giveUps: 1 }),
    semaphoreModel({ threads: 3, permits: 2 }),
    semaphoreModel({ threads: 2, permits: 1, deaths: 1, giveUps: 1 }),
    semaphoreModel({ threads: 3, permits: 1, deaths: 1 }),
  ])('$name', (model) => {
    exploreAloud(model);
  });
});

describe('nobody is overtaken more often than is said', { timeout: 5 * MINUTES }, () => {
  it.each([
    { model: exclusiveModel({ rounds: [9, 1], limit: 1 }), options: undefined },
    { model: exclusiveModel({ rounds: [9, 1], limit: 2 }), options: undefined },
    { model: exclusiveModel({ rounds: [9, 1], limit: 2, spins: true }), options: undefined },
    { model: exclusiveModel({ rounds: [4, 4, 1], limit: 1 }), options: { disturbances: 3 } },
    { model: exclusiveModel({ rounds: [9, 1, 1], limit: 1 }), options: { disturbances: 3 } },
  ])('$model.name', ({ model, options }) => {
    exploreAloud(model, options);
  });
});

describe.each(FLAVOURS)('with sections on %s', { timeout: 5 * MINUTES }, (flavour) => {
  it('no system call ends an extension, and nobody is killed', () => {
    exploreAloud(exclusiveModel({ flavour, rounds: [1, 1], limit: 1, giveUps: 1 }));
    exploreAloud(exclusiveModel({ flavour, rounds: [2, 2], limit: 1 }), { disturbances: 4 });
    exploreAloud(exclusiveModel({ flavour, rounds: [1, 1, 1], limit: 1 }), { disturbances: 4 });
  });
});

describe('finds', () => {
  it.each([
    { model: exclusiveModel({ rounds: [2, 2], limit: 1, mistake: 'answers first' }), what: /^nothing can go on/ },
    { model: exclusiveModel({ rounds: [1, 1], limit: 1, mistake: 'releases unseen' }), what: /^nothing can go on/ },
    { model: exclusiveModel({ rounds: [1, 1, 1], limit: 1, giveUps: 1, mistake: 'gives up silently' }), what: /^nothing can go on/ },
    { model: exclusiveModel({ rounds: [12, 1], limit: 2, mistake: 'never closes the gate' }), what: /^1 was overtaken more than 6 times/ },
    { model: exclusiveModel({ flavour: 'mainline', rounds: [1, 1], limit: 1, mistake: 'wakes in the section' }), what: /made a system call in its extension/ },
    { model: conditionModel({ waiters: 2, notifications: [1], giveUps: 1, mistake: 'gives up silently' }), what: /^nothing can go on/ },
    { model: conditionModel({ waiters: 1, notifications: [1], mistake: 'looks, then sleeps' }), what: /^nothing can go on/ },
    { model: rwLockModel({ readers: 1, writers: 1, mistake: 'looks before it says so' }), what: /^1 write and 1 read at once/ },
    { model: rwLockModel({ readers: 1, writers: 1, mistake: 'tells nobody' }), what: /^nothing can go on/ },
  ])('$model.name', ({ model, what }) => {
    expect(explore(model).violation?.what).toMatch(what);
  });
});
