// SPDX-License-Identifier: MIT
/**
 * The models of `models.test.ts` with more threads, more turns and more that may
 * befall them: minutes of work.
 */
import { describe, it } from 'vitest';
import { ABI_VERSIONS } from '../../../../lib/abi/interface.ts';
import type { ExploreOptions } from '../../../../lib/simulated/explorer/explorer.ts';
import type { Model } from '../../../../lib/simulated/explorer/model.ts';
import { exploreAloud, findAloud } from './models/aloud.ts';
import { barrierModel } from './models/barrier.ts';
import { exclusiveModel } from './models/exclusive.ts';
import { queueModel } from './models/queue.ts';
import { semaphoreModel } from './models/semaphore.ts';

const MINUTES = 60_000;

const STUCK = /^nothing can go on/;
const FAILED_TRY = /^a try failed, and the lock was free all the time, or its holder dead/;

describe('holds in every state', { timeout: 10 * MINUTES }, () => {
  it.each<{ readonly model: Model; readonly options?: ExploreOptions }>([
    { model: barrierModel({ turns: [['thread'], ['thread']], resets: true }) },
    {
      model: queueModel({
        turns: [
          ['lock', 'lock'],
          ['push', 'push'],
        ],
        capacity: 1,
        limit: 1,
        polls: 1,
        giveUps: 1,
      }),
    },
    {
      model: queueModel({
        turns: [
          ['async', 'lock'],
          ['push', 'push'],
        ],
        // The event loop may stay away, so there must be room for both.
        capacity: 2,
        limit: 1,
        giveUps: 1,
      }),
    },
    {
      model: queueModel({
        turns: [['lock'], ['lock'], ['push', 'push']],
        capacity: 2,
        limit: 1,
        deaths: 1,
      }),
      options: { disturbances: 3 },
    },
    {
      model: queueModel({
        turns: [['lock'], ['lock'], ['push', 'push']],
        capacity: 2,
        limit: 9,
        giveUps: 1,
      }),
      options: { disturbances: 3 },
    },
    {
      model: queueModel({ turns: [['lock'], ['async'], ['push', 'push']], capacity: 1, limit: 1 }),
      options: { disturbances: 3 },
    },
    {
      model: queueModel({
        turns: [['lock', 'lock'], ['push', 'push'], ['close']],
        capacity: 2,
        limit: 1,
        deaths: 1,
        mortal: true,
      }),
      options: { disturbances: 3 },
    },
    {
      model: queueModel({
        turns: [['async'], ['push'], ['close']],
        capacity: 2,
        limit: 1,
        giveUps: 1,
      }),
      options: { disturbances: 3 },
    },
    {
      model: barrierModel({
        turns: [
          ['thread', 'event loop'],
          ['thread', 'thread'],
        ],
        deaths: 1,
        giveUps: 1,
      }),
    },
    {
      model: barrierModel({
        turns: [
          ['thread', 'thread'],
          ['thread', 'thread'],
        ],
        polls: 2,
        giveUps: 1,
      }),
    },
    { model: barrierModel({ turns: [['thread'], ['event loop'], ['thread']], giveUps: 1 }) },
    {
      model: barrierModel({
        turns: [
          ['thread', 'thread'],
          ['thread', 'thread'],
          ['thread', 'thread'],
        ],
        deaths: 1,
      }),
      options: { disturbances: 4 },
    },
    {
      model: barrierModel({
        turns: [['thread', 'thread'], ['thread', 'thread'], ['drop']],
        deaths: 1,
      }),
      options: { disturbances: 4 },
    },
    // Nobody dies or gives up: after a reset the others would wait for who does not come any more.
    {
      model: barrierModel({ turns: [['event loop'], ['thread']], resets: true }),
      options: { disturbances: 5 },
    },
    { model: exclusiveModel({ turns: [2, 2], limit: 1 }) },
    { model: exclusiveModel({ turns: [['async twice'], 1], limit: 1, giveUps: 1 }) },
    { model: semaphoreModel({ turns: [1, ['meet'], ['meet']], permits: 2, limit: 1 }) },
    { model: exclusiveModel({ turns: [2, 2], limit: 1, deaths: 1, giveUps: 1 }) },
    { model: exclusiveModel({ turns: [2, 2], limit: 1, polls: 2 }) },
    { model: exclusiveModel({ turns: [1, 1, 1], limit: 1, giveUps: 1 }) },
    { model: exclusiveModel({ turns: [1, 1, 1], limit: 1, deaths: 1 }) },
    {
      model: exclusiveModel({ turns: [2, 1, 1], limit: 1, giveUps: 1 }),
      options: { disturbances: 6 },
    },
    {
      model: exclusiveModel({ turns: [2, 1, 1], limit: 1, polls: 1 }),
      options: { disturbances: 6 },
    },
    { model: exclusiveModel({ turns: [2, 2], limit: 1, spins: true, deaths: 1, giveUps: 1 }) },
    { model: exclusiveModel({ turns: [1, 1, 1], limit: 1, spins: true, deaths: 1 }) },
    { model: exclusiveModel({ turns: [['async', 'async'], 2], limit: 1, giveUps: 1 }) },
    { model: exclusiveModel({ turns: [['async'], 2], limit: 1, deaths: 1, giveUps: 1 }) },
    {
      model: exclusiveModel({
        turns: [['async'], 2],
        limit: 1,
        spins: true,
        deaths: 1,
        giveUps: 1,
      }),
    },
    { model: exclusiveModel({ turns: [['async'], ['async'], 1], limit: 1 }) },
    { model: exclusiveModel({ turns: [['async'], 2, 1], limit: 1 }), options: { disturbances: 6 } },
    {
      model: exclusiveModel({ turns: [['async'], 2, 1], limit: 1, spins: true }),
      options: { disturbances: 6 },
    },
    { model: exclusiveModel({ turns: [['async twice'], 2], limit: 1 }) },
    { model: exclusiveModel({ turns: [['async twice'], ['async twice']], limit: 1, giveUps: 1 }) },
    { model: exclusiveModel({ turns: [['async and late try'], 2], limit: 1, polls: 1 }) },
    { model: exclusiveModel({ turns: [1, 1, ['try', 'last try']], limit: 1, giveUps: 1 }) },
    { model: exclusiveModel({ turns: [1, 1, ['try', 'last try']], limit: 1, deaths: 1 }) },
    { model: exclusiveModel({ turns: [['async'], 1, ['try', 'last try']], limit: 1 }) },
    { model: semaphoreModel({ turns: [2, 2], permits: 1, limit: 1, deaths: 1, giveUps: 1 }) },
    { model: semaphoreModel({ turns: [2, 2], permits: 1, limit: 1, polls: 2 }) },
    { model: semaphoreModel({ turns: [1, 1, 1], permits: 1, limit: 1, giveUps: 1 }) },
    { model: semaphoreModel({ turns: [1, 1, 1], permits: 1, limit: 1, deaths: 1 }) },
    {
      model: semaphoreModel({ turns: [2, 1, 1], permits: 2, limit: 1, giveUps: 1 }),
      options: { disturbances: 6 },
    },
    {
      model: semaphoreModel({ turns: [1, 1, ['meet'], ['meet']], permits: 2, limit: 9 }),
      options: { disturbances: 5 },
    },
    { model: semaphoreModel({ turns: [['async'], 1, 1], permits: 1, limit: 1 }) },
    {
      model: semaphoreModel({ turns: [['async'], ['async'], 1], permits: 2, limit: 1, giveUps: 1 }),
    },
    {
      model: semaphoreModel({ turns: [['async'], 2], permits: 1, limit: 1, deaths: 1, giveUps: 1 }),
    },
    {
      model: semaphoreModel({
        turns: [1, 1, ['try', 'last try']],
        permits: 1,
        limit: 1,
        giveUps: 1,
      }),
    },
    {
      model: semaphoreModel({
        turns: [1, 1, ['try', 'last try']],
        permits: 1,
        limit: 1,
        deaths: 1,
      }),
    },
  ])('$model.name', ({ model, options }) => {
    exploreAloud(model, options);
  });
});

describe('nobody is overtaken more often than is said', { timeout: 10 * MINUTES }, () => {
  it.each([
    { model: exclusiveModel({ turns: [9, 1], limit: 1 }), options: undefined },
    { model: exclusiveModel({ turns: [9, 1], limit: 2 }), options: undefined },
    { model: exclusiveModel({ turns: [9, 1], limit: 2, spins: true }), options: undefined },
    { model: exclusiveModel({ turns: [4, 4, 1], limit: 1 }), options: { disturbances: 4 } },
    { model: exclusiveModel({ turns: [9, 1, 1], limit: 1 }), options: { disturbances: 4 } },
    {
      model: exclusiveModel({ turns: [9, 1, 1], limit: 1, spins: true }),
      options: { disturbances: 4 },
    },
  ])('$model.name', ({ model, options }) => {
    exploreAloud(model, options);
  });
});

describe.each(ABI_VERSIONS)('with sections on %s', { timeout: 10 * MINUTES }, (abiVersion) => {
  it('no system call ends an extension, and nobody is killed', () => {
    exploreAloud(exclusiveModel({ abiVersion, turns: [1, 1], limit: 1, giveUps: 1 }));
    exploreAloud(exclusiveModel({ abiVersion, turns: [2, 2], limit: 1 }), { disturbances: 5 });
    exploreAloud(exclusiveModel({ abiVersion, turns: [1, 1, 1], limit: 1 }), { disturbances: 4 });
  });
});

describe('finds', { timeout: 10 * MINUTES }, () => {
  it.each<{ readonly model: Model; readonly what: RegExp }>([
    {
      model: queueModel({
        turns: [['lock'], ['async'], ['push', 'push']],
        capacity: 1,
        limit: 1,
        mistake: 'does not look again',
      }),
      what: STUCK,
    },
    {
      model: exclusiveModel({
        turns: [['async'], 2, 1],
        limit: 1,
        mistake: 'calls event loops like threads',
      }),
      what: /0 stays away/,
    },
    {
      model: exclusiveModel({
        turns: [['async', 'async'], 2],
        limit: 1,
        mistake: 'forces the gate silently',
      }),
      what: STUCK,
    },
    {
      model: exclusiveModel({
        turns: [2, 1, 1],
        limit: 1,
        giveUps: 1,
        mistake: 'gives up silently',
      }),
      what: STUCK,
    },
    {
      model: semaphoreModel({
        turns: [2, 1, ['try']],
        permits: 1,
        limit: 1,
        giveUps: 1,
        mistake: 'gives up and stays in the line',
      }),
      what: FAILED_TRY,
    },
    {
      model: exclusiveModel({ turns: [9, 1, 1], limit: 1, mistake: 'is free at once' }),
      what: /^1 was overtaken more than 4 times/,
    },
    {
      model: semaphoreModel({
        turns: [2, 1, 1],
        permits: 1,
        limit: 1,
        giveUps: 1,
        mistake: 'gives up silently',
      }),
      what: STUCK,
    },
  ])('$model.name', ({ model, what }) => {
    findAloud(model, what);
  });
});
