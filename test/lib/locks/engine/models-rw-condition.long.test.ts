// SPDX-License-Identifier: MIT
/**
 * The models of `models-rw-condition.test.ts` with more threads, more turns and
 * more that may befall them: minutes of work.
 */
import { describe, it } from 'vitest';
import type { ExploreOptions } from '../../../../lib/simulated/explorer/explorer.ts';
import type { Model } from '../../../../lib/simulated/explorer/model.ts';
import { exploreAloud, findAloud } from './models/aloud.ts';
import { conditionModel } from './models/condition.ts';
import { rwLockModel } from './models/rw-lock.ts';

const MINUTES = 60_000;

const STUCK = /^nothing can go on/;

describe('holds in every state', { timeout: 10 * MINUTES }, () => {
  it.each<{ readonly model: Model; readonly options?: ExploreOptions }>([
    {
      model: rwLockModel({
        turns: [
          ['read', 'read'],
          ['write', 'write'],
        ],
        places: 1,
        limit: 1,
      }),
    },
    { model: conditionModel({ waiters: ['thread', 'thread'], notifications: [[1]], giveUps: 1 }) },
    {
      model: rwLockModel({
        turns: [
          ['write', 'write'],
          ['read', 'read'],
        ],
        places: 1,
        limit: 1,
        giveUps: 1,
      }),
    },
    { model: rwLockModel({ turns: [['read'], ['read'], ['write']], places: 1 }) },
    { model: rwLockModel({ turns: [['read'], ['write'], ['write']], places: 1 }) },
    { model: rwLockModel({ turns: [['write'], ['write'], ['read']], places: 1, deaths: 1 }) },
    { model: rwLockModel({ turns: [['write'], ['read meet'], ['read meet']], places: 2 }) },
    { model: rwLockModel({ turns: [['read'], ['async write']], places: 1, giveUps: 1 }) },
    { model: rwLockModel({ turns: [['read'], ['async write']], places: 1, deaths: 1 }) },
    { model: rwLockModel({ turns: [['async read'], ['write', 'write']], places: 1, giveUps: 1 }) },
    {
      model: rwLockModel({
        turns: [['async write'], ['read', 'read']],
        places: 1,
        limit: 1,
        giveUps: 1,
      }),
    },
    {
      model: rwLockModel({
        turns: [['write'], ['read', 'read'], ['async write']],
        places: 1,
        limit: 1,
      }),
      options: { disturbances: 5 },
    },
    {
      model: rwLockModel({ turns: [['read'], ['read'], ['async write']], places: 1, deaths: 1 }),
      options: { disturbances: 5 },
    },
    {
      model: rwLockModel({
        turns: [['async write', 'async write'], ['read'], ['write']],
        places: 1,
        polls: 1,
      }),
      options: { disturbances: 5 },
    },
    {
      model: rwLockModel({
        turns: [['read'], ['write'], ['read try', 'read last try']],
        places: 1,
      }),
      options: { disturbances: 5 },
    },
    {
      model: rwLockModel({
        turns: [['read'], ['write'], ['write try', 'write last try']],
        places: 1,
        deaths: 1,
      }),
      options: { disturbances: 5 },
    },
    {
      model: rwLockModel({
        turns: [['read'], ['async write'], ['read try', 'write last try']],
        places: 1,
      }),
      options: { disturbances: 5 },
    },
    {
      model: conditionModel({ waiters: ['thread', 'thread'], notifications: [[1, 1]], giveUps: 2 }),
    },
    {
      model: conditionModel({
        waiters: ['thread', 'event loop'],
        notifications: [[1, 1]],
        giveUps: 1,
      }),
    },
    {
      model: conditionModel({
        waiters: ['event loop', 'event loop'],
        notifications: [[1]],
        giveUps: 1,
      }),
    },
    {
      model: conditionModel({ waiters: ['thread', 'unlocked'], notifications: [[1]], giveUps: 1 }),
    },
    {
      model: conditionModel({
        waiters: ['event loop', 'unlocked'],
        notifications: [[1]],
        giveUps: 1,
      }),
    },
    {
      model: conditionModel({
        waiters: ['thread', 'thread'],
        notifications: [[1]],
        places: 2,
        deaths: 1,
        giveUps: 1,
      }),
    },
    {
      model: conditionModel({
        waiters: ['thread', 'event loop'],
        notifications: [[1]],
        places: 2,
        deaths: 1,
      }),
    },
    {
      model: conditionModel({
        waiters: ['thread', 'thread'],
        notifications: [[1], [1]],
        places: 1,
        deaths: 1,
      }),
      options: { disturbances: 5 },
    },
    {
      model: conditionModel({
        waiters: ['thread', 'thread', 'thread'],
        notifications: [[2]],
        giveUps: 1,
      }),
      options: { disturbances: 5 },
    },
  ])('$model.name', ({ model, options }) => {
    exploreAloud(model, options);
  });
});

describe('finds', { timeout: 10 * MINUTES }, () => {
  it.each<{ readonly model: Model; readonly what: RegExp }>([
    {
      model: rwLockModel({
        turns: [['read'], ['read'], ['async write']],
        places: 1,
        deaths: 1,
        mistake: 'counts dead readers',
      }),
      what: STUCK,
    },
    {
      model: conditionModel({
        waiters: ['thread', 'thread'],
        notifications: [[1]],
        places: 2,
        deaths: 1,
        mistake: 'tells nobody when all are told',
      }),
      what: STUCK,
    },
    {
      model: conditionModel({
        waiters: ['thread', 'thread'],
        notifications: [[1], [1]],
        places: 1,
        deaths: 1,
        mistake: 'forgets without the place',
      }),
      what: STUCK,
    },
    {
      model: rwLockModel({
        turns: [['read'], ['read'], ['write']],
        places: 1,
        polls: 1,
        mistake: 'withdraws the claims of threads',
      }),
      what: /2 waits at 'sleep on the drain'/,
    },
  ])('$model.name', ({ model, what }) => {
    findAloud(model, what);
  });
});
