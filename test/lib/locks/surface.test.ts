// SPDX-License-Identifier: MIT
/**
 * What there is to be called on locks, tokens and holds, by name: each class
 * declares all of it itself, and has nothing beside it that is for the library
 * alone.
 */
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  Barrier,
  Condition,
  Mutex,
  Queue,
  RwLock,
  Semaphore,
  SpinLock,
} from '../../../lib/index.ts';
import type { Hold, Lock, LockToken } from '../../../lib/index.ts';

const options = { blockMainThread: true };

const EXCLUSIVE = [
  'abandoned',
  'enter',
  'leave',
  'lock',
  'lockAsync',
  'stats',
  'tryLock',
  'withLock',
  'withLockAsync',
];
const SURFACE: readonly (readonly [string, object, readonly string[]])[] = [
  ['Mutex', new Mutex(options), EXCLUSIVE],
  ['SpinLock', new SpinLock(options), EXCLUSIVE],
  [
    'RwLock',
    new RwLock(options),
    [
      'readLock',
      'readLockAsync',
      'stats',
      'tryReadLock',
      'tryWriteLock',
      'withReadLock',
      'withReadLockAsync',
      'withWriteLock',
      'withWriteLockAsync',
      'writeLock',
      'writeLockAsync',
    ],
  ],
  [
    'Semaphore',
    new Semaphore({ permits: 1, ...options }),
    [
      'acquire',
      'acquireAsync',
      'available',
      'stats',
      'tryAcquire',
      'withPermit',
      'withPermitAsync',
    ],
  ],
  [
    'Condition',
    new Condition(options),
    ['notify', 'notifyAll', 'wait', 'waitAsync', 'waitFor', 'waitForAsync'],
  ],
  [
    'Barrier',
    new Barrier({ parties: 1, ...options }),
    ['abort', 'broken', 'drop', 'parties', 'reset', 'wait', 'waitAsync', 'waiting'],
  ],
  [
    'Queue',
    new Queue({ capacity: 1, recordBytes: 1, ...options }),
    [
      'close',
      'closed',
      'length',
      'pop',
      'popAsync',
      'push',
      'pushAsync',
      'stats',
      'tryPop',
      'tryPush',
    ],
  ],
  ['LockToken', new Mutex(options).lock(), ['abandoned', 'locked', 'unlock']],
];

const prototypeOf = (object: object): object => Object.getPrototypeOf(object) as object;

describe.each(SURFACE)('a %s', (_, object, members) => {
  it('declares what can be called, and nothing else', () => {
    const names = Object.getOwnPropertyNames(prototypeOf(object));
    expect(names.filter((name) => name !== 'constructor').sort()).toEqual(members);
  });

  it('extends nothing', () => {
    expect(prototypeOf(prototypeOf(object))).toBe(Object.prototype);
  });

  it('tells of itself what nobody can write', () => {
    const words = members.filter((name) =>
      [
        'abandoned',
        'available',
        'broken',
        'closed',
        'length',
        'locked',
        'parties',
        'waiting',
      ].includes(name),
    );
    expect(words.map((name) => Reflect.set(object, name, true))).toEqual(words.map(() => false));
  });
});

it('lets code take either of the two locks that one at a time can have', () => {
  const count = (lock: Lock): number => {
    lock.enter();
    lock.leave();
    return lock.withLock(({ abandoned }) => (abandoned ? -1 : 1));
  };
  expect([count(new Mutex(options)), count(new SpinLock(options))]).toEqual([1, 1]);
});

it('has types that say so', () => {
  expectTypeOf<LockToken>().toExtend<Hold>();
  expectTypeOf<Mutex>().toExtend<Lock>();
  expectTypeOf<SpinLock>().toExtend<Lock>();
  expectTypeOf<keyof Mutex>().toEqualTypeOf<keyof Lock>();
  expectTypeOf<keyof SpinLock>().toEqualTypeOf<keyof Lock>();
  expectTypeOf<keyof LockToken>().toEqualTypeOf<
    'abandoned' | 'locked' | 'unlock' | typeof Symbol.dispose
  >();
  expectTypeOf<ReturnType<LockToken['unlock']>>().toEqualTypeOf<boolean>();
  expectTypeOf<Lock['enter']>().returns.toBeVoid();
  expectTypeOf<Parameters<Parameters<Lock['withLock']>[0]>>().toEqualTypeOf<[Hold]>();
});
