// SPDX-License-Identifier: MIT
/**
 * The locks in every state there is, with threads that die, waiters that give up
 * and event loops that do not come round: one holder at a time, no wake-up lost,
 * no try that fails without a reason, nobody overtaken more often than is said.
 * And what would be wrong is found. Larger models are in `models.long.test.ts`, read-write locks
 * and conditions in `models-rw-condition.test.ts`.
 *
 * @portable
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

const PASSED_WRONGLY = /^one passed before all had come, or was told without a cause/;
const NOT_WHAT_WAS_PUSHED = /^what was popped is not what was pushed/;
const PUSHED_TOO_LATE = /^pushed into a queue that is closed and empty/;
const STUCK = /^nothing can go on/;
const TWO_HOLDERS = /have the lock at once/;
const FAILED_TRY = /^a try failed, and the lock was free all the time, or its holder dead/;

describe('holds in every state', () => {
  it.each<{ readonly model: Model; readonly options?: ExploreOptions }>([
    { model: exclusiveModel({ turns: [2, 1], limit: 1, spins: true, giveUps: 1 }) },
    { model: exclusiveModel({ turns: [2, 1], limit: 1, deaths: 1 }) },
    { model: exclusiveModel({ turns: [2, 1], limit: 9, giveUps: 1 }) },
    { model: exclusiveModel({ turns: [2, 1], limit: 9, deaths: 1 }) },
    { model: exclusiveModel({ turns: [['async'], 2], limit: 9 }) },
    { model: exclusiveModel({ turns: [1, 1, 1], limit: 9 }), options: { disturbances: 3 } },
    { model: exclusiveModel({ turns: [1, 1, 1], limit: 1 }), options: { disturbances: 3 } },
    { model: exclusiveModel({ turns: [['async'], 1], limit: 1, giveUps: 1 }) },
    { model: exclusiveModel({ turns: [['async'], 1], limit: 1, spins: true, deaths: 1 }) },
    {
      model: exclusiveModel({ turns: [['async and late try'], 2], limit: 1 }),
      options: { disturbances: 5 },
    },
    {
      model: exclusiveModel({ turns: [1, 1, ['try', 'last try']], limit: 1, giveUps: 1 }),
      options: { disturbances: 3 },
    },
    { model: exclusiveModel({ turns: [2, ['try', 'last try']], limit: 1, deaths: 1 }) },
    {
      model: exclusiveModel({
        turns: [['token', 'lock, old token'], ['token']],
        limit: 1,
        deaths: 1,
      }),
    },
    { model: semaphoreModel({ turns: [2, 1], permits: 1, limit: 1, giveUps: 1 }) },
    { model: queueModel({ turns: [['lock'], ['push']], capacity: 1, limit: 1, polls: 1 }) },
    {
      model: queueModel({
        turns: [
          ['lock', 'lock'],
          ['push', 'push'],
        ],
        capacity: 1,
        limit: 1,
        giveUps: 1,
      }),
      options: { disturbances: 4 },
    },
    {
      model: queueModel({
        turns: [['lock'], ['lock'], ['push', 'push']],
        capacity: 2,
        limit: 1,
        deaths: 1,
      }),
      options: { disturbances: 2 },
    },
    {
      model: queueModel({ turns: [['lock'], ['async'], ['push', 'push']], capacity: 1, limit: 1 }),
      options: { disturbances: 2 },
    },
    {
      model: queueModel({
        turns: [['async', 'lock'], ['push', 'push'], ['close']],
        capacity: 2,
        limit: 1,
        deaths: 1,
        mortal: true,
      }),
      options: { disturbances: 2 },
    },
    {
      model: barrierModel({
        turns: [
          ['thread', 'event loop'],
          ['event loop', 'thread'],
        ],
      }),
    },
    {
      model: barrierModel({
        turns: [
          ['thread', 'thread'],
          ['thread', 'thread'],
        ],
        deaths: 1,
      }),
    },
    { model: barrierModel({ turns: [['thread'], ['event loop']], giveUps: 1 }) },
    {
      model: barrierModel({
        turns: [
          ['thread', 'thread'],
          ['thread', 'drop'],
        ],
      }),
    },
    {
      model: barrierModel({ turns: [['thread'], ['thread']], resets: true }),
      options: { disturbances: 3 },
    },
    { model: semaphoreModel({ turns: [2, 1], permits: 1, limit: 1, deaths: 1 }) },
    { model: semaphoreModel({ turns: [['async'], 1], permits: 1, limit: 1, giveUps: 1 }) },
    {
      model: semaphoreModel({
        turns: [1, 1, ['try', 'last try']],
        permits: 1,
        limit: 1,
        giveUps: 1,
      }),
      options: { disturbances: 3 },
    },
    { model: semaphoreModel({ turns: [2, ['try', 'last try']], permits: 1, limit: 1, deaths: 1 }) },
  ])('$model.name', ({ model, options }) => {
    exploreAloud(model, options);
  });
});

describe('nobody is overtaken more often than is said', () => {
  it.each([
    { model: exclusiveModel({ turns: [8, 1], limit: 2 }), options: undefined },
    { model: exclusiveModel({ turns: [8, 1], limit: 2, spins: true }), options: undefined },
    { model: exclusiveModel({ turns: [5, 5, 1], limit: 1 }), options: { disturbances: 2 } },
  ])('$model.name', ({ model, options }) => {
    exploreAloud(model, options);
  });
});

describe.each(ABI_VERSIONS)('with sections on %s', (abiVersion) => {
  it('no system call ends an extension, and nobody is killed', () => {
    exploreAloud(exclusiveModel({ abiVersion, turns: [1, 1], limit: 1, giveUps: 1 }), {
      disturbances: 4,
    });
    exploreAloud(exclusiveModel({ abiVersion, turns: [2, 2], limit: 1 }), { disturbances: 3 });
  });
});

describe('finds', () => {
  it.each<{ readonly model: Model; readonly what: RegExp }>([
    {
      model: queueModel({
        turns: [['lock'], ['lock'], ['push', 'push']],
        capacity: 2,
        limit: 9,
        mistake: 'does not call the next',
      }),
      what: STUCK,
    },
    {
      model: queueModel({
        turns: [['lock'], ['push']],
        capacity: 1,
        limit: 1,
        mistake: 'looks who waits before it commits',
      }),
      what: STUCK,
    },
    {
      model: queueModel({
        turns: [['lock'], ['lock'], ['push', 'push']],
        capacity: 2,
        limit: 9,
        mistake: 'gives the end back silently',
      }),
      what: STUCK,
    },
    {
      model: queueModel({
        turns: [
          ['lock', 'lock'],
          ['push', 'push'],
        ],
        capacity: 1,
        limit: 1,
        mistake: 'moves on before it copies',
      }),
      what: NOT_WHAT_WAS_PUSHED,
    },
    {
      model: queueModel({
        turns: [['lock'], ['lock'], ['push', 'push']],
        capacity: 1,
        limit: 1,
        deaths: 1,
        mistake: 'asks nobody',
      }),
      what: STUCK,
    },
    {
      model: queueModel({
        turns: [['lock'], ['push'], ['close']],
        capacity: 1,
        limit: 1,
        mistake: 'pushes into what is closed',
      }),
      what: PUSHED_TOO_LATE,
    },
    {
      model: queueModel({
        turns: [['async'], ['push']],
        capacity: 1,
        limit: 1,
        mistake: 'rings nobody',
      }),
      what: STUCK,
    },
    {
      model: queueModel({
        turns: [['lock'], ['async'], ['push', 'push']],
        capacity: 1,
        limit: 1,
        mistake: 'looks again silently',
      }),
      what: STUCK,
    },
    {
      model: barrierModel({
        turns: [['thread'], ['thread']],
        mistake: 'wakes before the last has arrived',
      }),
      what: STUCK,
    },
    {
      model: barrierModel({
        turns: [['thread'], ['thread']],
        mistake: 'reads the calls after looking',
      }),
      what: STUCK,
    },
    {
      model: barrierModel({
        turns: [['event loop'], ['thread']],
        mistake: 'listens after looking',
      }),
      what: STUCK,
    },
    {
      model: barrierModel({ turns: [['event loop'], ['thread']], mistake: 'rings nobody' }),
      what: STUCK,
    },
    {
      model: barrierModel({
        turns: [
          ['thread', 'thread'],
          ['thread', 'thread'],
        ],
        giveUps: 1,
        mistake: 'gives up silently',
      }),
      what: STUCK,
    },
    {
      model: barrierModel({
        turns: [
          ['thread', 'thread'],
          ['thread', 'thread'],
        ],
        giveUps: 1,
        mistake: 'breaks what has ended',
      }),
      what: PASSED_WRONGLY,
    },
    {
      model: barrierModel({ turns: [['thread'], ['thread']], deaths: 1, mistake: 'asks nobody' }),
      what: STUCK,
    },
    {
      model: barrierModel({
        turns: [
          ['thread', 'thread'],
          ['thread', 'thread'],
        ],
        deaths: 1,
        mistake: 'asks only after those who have come',
      }),
      what: STUCK,
    },
    {
      model: barrierModel({
        turns: [
          ['thread', 'thread'],
          ['thread', 'thread'],
        ],
        deaths: 1,
        mistake: 'takes its place when it has arrived',
      }),
      what: STUCK,
    },
    {
      model: barrierModel({
        turns: [['thread'], ['thread']],
        resets: true,
        mistake: 'does not look for resets',
      }),
      what: PASSED_WRONGLY,
    },
    {
      model: barrierModel({
        turns: [['thread'], ['thread']],
        resets: true,
        mistake: 'counts the reset when it is done',
      }),
      what: PASSED_WRONGLY,
    },
    {
      model: barrierModel({ turns: [['thread'], ['drop']], mistake: 'drops silently' }),
      what: STUCK,
    },
    { model: exclusiveModel({ turns: [2, 2], limit: 9, mistake: 'answers first' }), what: STUCK },
    { model: exclusiveModel({ turns: [1, 1], limit: 1, mistake: 'releases unseen' }), what: STUCK },
    {
      model: exclusiveModel({
        turns: [['async'], 1, 1],
        limit: 9,
        mistake: 'calls nobody outside',
      }),
      what: /0 stays away/,
    },
    {
      model: exclusiveModel({ turns: [12, 1], limit: 2, mistake: 'never closes the gate' }),
      what: /^1 was overtaken more than 4 times/,
    },
    {
      model: exclusiveModel({
        abiVersion: 'mainline',
        turns: [1, 1],
        limit: 1,
        mistake: 'wakes in the section',
      }),
      what: /made a system call in its extension/,
    },
    {
      model: exclusiveModel({
        turns: [['async'], 1],
        limit: 1,
        mistake: 'rings before it is free',
      }),
      what: STUCK,
    },
    {
      model: exclusiveModel({ turns: [['async'], 1], limit: 1, mistake: 'rings nobody' }),
      what: STUCK,
    },
    {
      model: exclusiveModel({ turns: [['async'], 1], limit: 1, mistake: 'listens after looking' }),
      what: STUCK,
    },
    {
      model: exclusiveModel({
        turns: [['async'], 1],
        limit: 1,
        mistake: 'reads the bell after looking',
      }),
      what: STUCK,
    },
    {
      model: exclusiveModel({ turns: [['async'], 2], limit: 1, mistake: 'waits for event loops' }),
      what: /0 stays away/,
    },
    {
      model: exclusiveModel({
        turns: [1, 1, ['try']],
        limit: 1,
        giveUps: 1,
        mistake: 'leaves the state behind',
      }),
      what: FAILED_TRY,
    },
    {
      model: exclusiveModel({
        turns: [1, 1, ['last try']],
        limit: 1,
        giveUps: 1,
        mistake: 'leaves the state behind',
      }),
      what: /^a try failed, and nobody else was left/,
    },
    {
      model: exclusiveModel({
        turns: [2, 1, ['try']],
        limit: 1,
        giveUps: 1,
        mistake: 'gives up and stays in the line',
      }),
      what: FAILED_TRY,
    },
    {
      model: exclusiveModel({
        turns: [1, ['try']],
        limit: 1,
        deaths: 1,
        mistake: 'tries ask nobody',
      }),
      what: FAILED_TRY,
    },
    {
      model: exclusiveModel({
        turns: [['token', 'lock, old token'], 1],
        limit: 1,
        mistake: 'does not check the hold',
      }),
      what: TWO_HOLDERS,
    },
    {
      model: exclusiveModel({
        turns: [['token'], 1],
        limit: 1,
        mistake: 'releases what a token holds',
      }),
      what: TWO_HOLDERS,
    },
    {
      model: exclusiveModel({
        turns: [['token'], 1],
        limit: 1,
        deaths: 1,
        mistake: 'keeps the hold of the dead',
      }),
      what: /^a holder was told wrongly whether the one before had died/,
    },
    {
      model: exclusiveModel({
        turns: [['token'], 2],
        limit: 1,
        deaths: 1,
        mistake: 'keeps saying that one died',
      }),
      what: /^a holder was told wrongly whether the one before had died/,
    },
    {
      model: exclusiveModel({
        turns: [['async and late try'], 2],
        limit: 1,
        mistake: 'takes the one who waits for its own',
      }),
      what: STUCK,
    },
    {
      model: semaphoreModel({
        turns: [1, 1, ['meet'], ['meet']],
        permits: 2,
        limit: 9,
        mistake: 'does not call the next',
      }),
      what: STUCK,
    },
    {
      model: semaphoreModel({
        turns: [1, 1],
        permits: 1,
        limit: 1,
        mistake: 'looks who waits before it is free',
      }),
      what: STUCK,
    },
    {
      model: semaphoreModel({
        turns: [1, ['try']],
        permits: 1,
        limit: 1,
        deaths: 1,
        mistake: 'tries ask nobody',
      }),
      what: FAILED_TRY,
    },
    {
      model: semaphoreModel({
        turns: [['async'], 1],
        permits: 1,
        limit: 1,
        mistake: 'listens after looking',
      }),
      what: STUCK,
    },
    {
      model: semaphoreModel({
        turns: [['async'], 2],
        permits: 1,
        limit: 1,
        mistake: 'waits for event loops',
      }),
      what: /0 stays away/,
    },
    {
      model: semaphoreModel({
        turns: [['async'], 2, 1],
        permits: 1,
        limit: 1,
        mistake: 'calls event loops like threads',
      }),
      what: /0 stays away/,
    },
  ])('$model.name', ({ model, what }) => {
    findAloud(model, what);
  });
});
