// SPDX-License-Identifier: MIT
/**
 * Read-write locks and conditions in every state there is, as `models.test.ts`
 * has the other locks. Larger models are in `models-rw-condition.long.test.ts`.
 *
 * @portable
 */
import { describe, it } from 'vitest';
import type { ExploreOptions } from '../../../../lib/simulated/explorer/explorer.ts';
import type { Model } from '../../../../lib/simulated/explorer/model.ts';
import { exploreAloud, findAloud } from './models/aloud.ts';
import { conditionModel } from './models/condition.ts';
import { rwLockModel } from './models/rw-lock.ts';

const STUCK = /^nothing can go on/;
const READ_AND_WRITTEN = /write and \d read at once/;
const NOTIFICATION_LOST = /^one was promised a notification, and nobody got it/;

describe('holds in every state', () => {
  it.each<{ readonly model: Model; readonly options?: ExploreOptions }>([
    { model: rwLockModel({ turns: [['read'], ['write']], places: 2, deaths: 1, giveUps: 1 }) },
    { model: rwLockModel({ turns: [['write'], ['write']], places: 1, deaths: 1, giveUps: 1 }) },
    {
      model: rwLockModel({ turns: [['read'], ['async write']], places: 1, deaths: 1 }),
      options: { disturbances: 4 },
    },
    { model: rwLockModel({ turns: [['async read'], ['write']], places: 1, giveUps: 1 }) },
    {
      model: rwLockModel({ turns: [['read'], ['write'], ['read']], places: 1 }),
      options: { disturbances: 2 },
    },
    {
      model: rwLockModel({
        turns: [['write'], ['write', 'read try', 'write last try']],
        places: 1,
        giveUps: 1,
      }),
    },
    {
      model: rwLockModel({
        turns: [['write'], ['read try', 'write try', 'read last try']],
        places: 1,
        deaths: 1,
      }),
    },
    {
      model: conditionModel({
        waiters: ['thread', 'event loop'],
        notifications: [[1]],
        giveUps: 1,
      }),
      options: { disturbances: 4 },
    },
    {
      model: conditionModel({ waiters: ['thread', 'unlocked'], notifications: [[1]], giveUps: 1 }),
      options: { disturbances: 4 },
    },
    {
      model: conditionModel({
        waiters: ['thread', 'thread'],
        notifications: [[1]],
        places: 2,
        deaths: 1,
      }),
      options: { disturbances: 4 },
    },
  ])('$model.name', ({ model, options }) => {
    exploreAloud(model, options);
  });
});

describe('finds', () => {
  it.each<{ readonly model: Model; readonly what: RegExp }>([
    {
      model: conditionModel({
        waiters: ['thread', 'thread'],
        notifications: [[1]],
        giveUps: 1,
        mistake: 'gives up silently',
      }),
      what: NOTIFICATION_LOST,
    },
    {
      model: conditionModel({
        waiters: ['thread'],
        notifications: [[1]],
        mistake: 'looks, then sleeps',
      }),
      what: STUCK,
    },
    {
      model: conditionModel({
        waiters: ['thread', 'thread'],
        notifications: [[1]],
        mistake: 'reads the calls when it has lined up',
      }),
      what: STUCK,
    },
    {
      model: conditionModel({
        waiters: ['thread'],
        notifications: [[1]],
        mistake: 'sleeps before it is counted',
      }),
      what: STUCK,
    },
    {
      model: conditionModel({
        waiters: ['thread', 'thread'],
        notifications: [[1, 1]],
        mistake: 'is counted out twice',
      }),
      what: STUCK,
    },
    {
      model: conditionModel({
        waiters: ['thread'],
        notifications: [[1]],
        mistake: 'wakes before it notes the call',
      }),
      what: STUCK,
    },
    {
      model: conditionModel({
        waiters: ['event loop'],
        notifications: [[1]],
        mistake: 'listens after looking',
      }),
      what: STUCK,
    },
    {
      model: conditionModel({
        waiters: ['event loop'],
        notifications: [[1]],
        mistake: 'rings nobody',
      }),
      what: STUCK,
    },
    {
      model: conditionModel({
        waiters: ['thread', 'unlocked'],
        notifications: [[1]],
        giveUps: 1,
        mistake: 'keeps what an unlocked one was told',
      }),
      what: NOTIFICATION_LOST,
    },
    {
      model: conditionModel({
        waiters: ['thread', 'thread'],
        notifications: [[1]],
        places: 2,
        deaths: 1,
        mistake: 'counts before it lines up',
      }),
      what: STUCK,
    },
    {
      model: conditionModel({
        waiters: ['thread', 'thread'],
        notifications: [[1]],
        places: 2,
        deaths: 1,
        mistake: 'counts until it has left',
      }),
      what: STUCK,
    },
    {
      model: rwLockModel({
        turns: [['read'], ['write']],
        places: 1,
        mistake: 'looks before it has its place',
      }),
      what: READ_AND_WRITTEN,
    },
    {
      model: rwLockModel({
        turns: [['read'], ['async write']],
        places: 1,
        mistake: 'confirms without comparing',
      }),
      what: READ_AND_WRITTEN,
    },
    {
      model: rwLockModel({
        turns: [['write'], ['read'], ['write']],
        places: 1,
        deaths: 1,
        mistake: 'clears what is torn',
      }),
      what: /or was not told/,
    },
    {
      model: rwLockModel({
        turns: [['write'], ['write']],
        places: 1,
        deaths: 1,
        mistake: 'forgets what is torn',
      }),
      what: /or was not told/,
    },
    {
      model: rwLockModel({
        turns: [['read'], ['write']],
        places: 1,
        mistake: 'reads the drain after looking',
      }),
      what: STUCK,
    },
    {
      model: rwLockModel({ turns: [['read'], ['write']], places: 1, mistake: 'sleeps unheard' }),
      what: STUCK,
    },
    {
      model: rwLockModel({ turns: [['read'], ['write']], places: 1, mistake: 'tells no writer' }),
      what: STUCK,
    },
    {
      model: rwLockModel({
        turns: [['read'], ['write']],
        places: 1,
        mistake: 'steps back silently',
      }),
      what: STUCK,
    },
    {
      model: rwLockModel({
        turns: [['write'], ['read meet'], ['read meet']],
        places: 2,
        mistake: 'does not call the next',
      }),
      what: STUCK,
    },
    {
      model: rwLockModel({
        turns: [['read'], ['write'], ['read']],
        places: 1,
        giveUps: 1,
        mistake: 'leaves its claim behind',
      }),
      what: STUCK,
    },
    {
      model: rwLockModel({
        turns: [['read'], ['write'], ['read']],
        places: 1,
        giveUps: 1,
        mistake: 'withdraws silently',
      }),
      what: STUCK,
    },
    {
      model: rwLockModel({
        turns: [['write'], ['read']],
        places: 1,
        deaths: 1,
        mistake: 'keeps the claims of the dead',
      }),
      what: STUCK,
    },
    {
      model: rwLockModel({
        turns: [['async write'], ['read', 'read']],
        places: 2,
        mistake: 'keeps the claims of event loops',
      }),
      what: /0 stays away/,
    },
  ])('$model.name', ({ model, what }) => {
    findAloud(model, what);
  });
});
