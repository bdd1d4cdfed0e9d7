// SPDX-License-Identifier: MIT
/**
 * Where locks may live and where not, what names them in another thread, and
 * that none touches memory beside its own.
 *
 * @portable
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Barrier,
  Condition,
  Mutex,
  Queue,
  RwLock,
  Semaphore,
  SpinLock,
} from '../../../../lib/index.ts';
import type {
  ErrorCode,
  LockHandle,
  LockKind,
  PlacementOptions,
  UseOptions,
} from '../../../../lib/index.ts';
import { withArticle } from '../../../../lib/options.ts';

interface Kind {
  readonly kind: LockKind;
  readonly byteLength: number;
  readonly create: (options?: PlacementOptions) => { readonly handle: LockHandle };
  readonly from: (handle: LockHandle, options?: UseOptions) => { readonly handle: LockHandle };
  /** How a lock of the kind is made in memory that there is, as messages say it. */
  readonly written: string;
  /** The class, for callers without types. */
  readonly Class: new (...given: never[]) => { readonly handle: LockHandle };
  /** Takes and gives back, or whatever else changes its words; throws when it cannot. */
  readonly use: (handle: LockHandle) => void;
}

function taken<T>(token: T | null): T {
  if (token === null) throw new Error('the lock could not be acquired');
  return token;
}

const exclusive = (create: (handle: LockHandle) => Mutex | SpinLock) => (handle: LockHandle) => {
  const lock = create(handle);
  const token = taken(lock.tryLock());
  expect(lock.tryLock()).toBeNull();
  token.unlock();
};

const KINDS: readonly Kind[] = [
  {
    kind: 'Mutex',
    byteLength: Mutex.byteLength,
    create: (options) => new Mutex(options),
    written: 'new Mutex({ buffer, byteOffset })',
    Class: Mutex,
    from: (...given) => Mutex.from(...given),
    use: exclusive((handle) => Mutex.from(handle)),
  },
  {
    kind: 'SpinLock',
    byteLength: SpinLock.byteLength,
    create: (options) => new SpinLock(options),
    written: 'new SpinLock({ buffer, byteOffset })',
    Class: SpinLock,
    from: (...given) => SpinLock.from(...given),
    use: exclusive((handle) => SpinLock.from(handle)),
  },
  {
    kind: 'RwLock',
    byteLength: RwLock.byteLength,
    create: (options) => new RwLock(options),
    written: 'new RwLock({ buffer, byteOffset })',
    Class: RwLock,
    from: (...given) => RwLock.from(...given),
    use: (handle) => {
      const lock = RwLock.from(handle);
      const readers = Array.from({ length: RwLock.maxReaders }, () => taken(lock.tryReadLock()));
      expect(lock.tryReadLock()).toBeNull();
      for (const reader of readers) reader.unlock();
      taken(lock.tryWriteLock()).unlock();
    },
  },
  {
    kind: 'Semaphore',
    byteLength: Semaphore.byteLength(3),
    create: (options) => new Semaphore({ permits: 3, ...options }),
    written: 'new Semaphore({ permits, buffer, byteOffset })',
    Class: Semaphore,
    from: (...given) => Semaphore.from(...given),
    use: (handle) => {
      const semaphore = Semaphore.from(handle);
      const tokens = Array.from({ length: 3 }, () => taken(semaphore.tryAcquire()));
      expect(semaphore.tryAcquire()).toBeNull();
      for (const token of tokens) token.unlock();
    },
  },
  {
    kind: 'Condition',
    byteLength: Condition.byteLength,
    create: (options) => new Condition(options),
    written: 'new Condition({ buffer, byteOffset })',
    Class: Condition,
    from: (...given) => Condition.from(...given),
    use: (handle) => {
      expect(Condition.from(handle).notifyAll()).toBe(0);
    },
  },
  {
    kind: 'Barrier',
    byteLength: Barrier.byteLength(3),
    create: (options) => new Barrier({ parties: 3, ...options }),
    written: 'new Barrier({ parties, buffer, byteOffset })',
    Class: Barrier,
    from: (...given) => Barrier.from(...given),
    use: (handle) => {
      const barrier = Barrier.from(handle);
      barrier.abort();
      expect(barrier.broken).toBe(true);
      barrier.reset();
      expect([barrier.broken, barrier.waiting, barrier.parties]).toEqual([false, 0, 3]);
    },
  },
  {
    kind: 'Queue',
    byteLength: Queue.byteLength({ capacity: 3, recordBytes: 8 }),
    create: (options) => new Queue({ capacity: 3, recordBytes: 8, ...options }),
    written: 'new Queue({ capacity, recordBytes, buffer, byteOffset })',
    Class: Queue,
    from: (...given) => Queue.from(...given),
    use: (handle) => {
      const queue = Queue.from(handle);
      queue.push(new Uint8Array(8));
      expect(queue.tryPop()).toEqual(new Uint8Array(8));
    },
  },
];

function withCode(code: ErrorCode): unknown {
  return expect.objectContaining({ name: 'RseqSliceError', code });
}

const bytesOf = (buffer: SharedArrayBuffer): number[] => [...new Uint8Array(buffer)];
const areZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

/** Callers without types can pass anything. */
const asBuffer = (value: unknown): SharedArrayBuffer => value as SharedArrayBuffer;
const asHandle = (value: unknown): LockHandle => value as LockHandle;

it.each([
  ['Mutex', Mutex.byteLength, 64],
  ['SpinLock', SpinLock.byteLength, 64],
  ['RwLock', RwLock.byteLength, (16 + 16 * 16) * 4],
  ['Semaphore', Semaphore.byteLength(1), (16 + 1) * 4],
  ['Semaphore of 1024', Semaphore.byteLength(1024), (16 + 1024) * 4],
  ['Condition', Condition.byteLength, 512],
  ['Barrier', Barrier.byteLength(3), (16 + 3) * 4],
  ['Queue', Queue.byteLength({ capacity: 3, recordBytes: 5 }), (64 + 3 * 3) * 4],
])('a %s takes so many bytes as programs have reserved for it', (_, byteLength, expected) => {
  expect(byteLength).toBe(expected);
});

describe.each(KINDS)('a $kind', ({ kind, byteLength, create, from, use, written, Class }) => {
  it('makes memory of its own, just large enough', () => {
    const { handle } = create();
    expect(handle).toEqual({ lock: kind, buffer: handle.buffer, byteOffset: 0 });
    expect(handle.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(handle.buffer.byteLength).toBe(byteLength);
    expect(byteLength % Int32Array.BYTES_PER_ELEMENT).toBe(0);
  });

  it('has no place in memory that it makes itself', () => {
    for (const byteOffset of [0, 12]) {
      expect(() => create({ byteOffset })).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
      expect(() => create({ byteOffset })).toThrow(`new ${kind}() has byteOffset without buffer`);
    }
  });

  it('is told by name where it lives, and not by position', () => {
    const buffer = new SharedArrayBuffer(4096);
    const make = Class as new (...given: unknown[]) => unknown;
    const permits = kind === 'Semaphore' ? { permits: 3 } : {};
    for (const [given, description] of [
      [[buffer], 'a SharedArrayBuffer of 4096 bytes'],
      [[new ArrayBuffer(4096)], 'an ArrayBuffer of 4096 bytes'],
      [[3], '3'],
      [[undefined, 0, { blockMainThread: true }], '3 arguments'],
      [[permits, buffer], '2 arguments'],
      [[permits, undefined], '2 arguments'],
    ] as const) {
      const open = () => new make(...given);
      expect(open).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
      expect(open).toThrow(
        `new ${kind}() takes one object of options, not ${description}: ${written}.`,
      );
    }
    expect(areZero(new Uint8Array(buffer))).toBe(true);
  });

  it('takes the room it says, and no byte less', () => {
    const offset = 4;
    expect(
      create({ buffer: new SharedArrayBuffer(offset + byteLength), byteOffset: offset }).handle
        .byteOffset,
    ).toBe(offset);
    const narrow = () =>
      create({ buffer: new SharedArrayBuffer(offset + byteLength - 1), byteOffset: offset });
    expect(narrow).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
    expect(narrow).toThrow(
      `${kind} takes ${byteLength} bytes; at 4 this buffer of ${offset + byteLength - 1} bytes has room for ${byteLength - 1}`,
    );
    expect(() => create({ buffer: new SharedArrayBuffer(0) })).toThrow(
      withCode('ERR_RSEQ_INVALID_OPTION'),
    );
  });

  it.each([1, 2, 3, 6, -4, 0.5, 4.5, NaN, Infinity, -Infinity, 2 ** 53, 1e300, '4', null, true])(
    'cannot begin at %s',
    (offset) => {
      const byteOffset = offset as number;
      const shown = typeof offset === 'string' ? `'${offset}'` : String(offset);
      const buffer = new SharedArrayBuffer(1024 + byteLength);
      for (const options of [{ buffer, byteOffset }, { byteOffset }]) {
        expect(() => create(options)).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
        expect(() => create(options)).toThrow(
          `new ${kind}() does not accept byteOffset: ${shown}. It accepts a multiple of 4 from 0 on.`,
        );
      }
      expect(areZero(new Uint8Array(buffer))).toBe(true);
      const { handle } = create();
      expect(() => from({ ...handle, byteOffset })).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
      expect(() => from({ ...handle, byteOffset })).toThrow(
        `${kind}.from() does not accept byteOffset of the handle: ${shown}.`,
      );
    },
  );

  it('begins at any number that is a place for it, and at no other', () => {
    const size = byteLength + 256;
    const anyNumber = fc.oneof(
      fc.nat({ max: 80 }).map((n) => n * 4),
      fc.nat({ max: size }),
      fc.double(),
      fc.maxSafeInteger(),
      fc.constantFrom(Number.MAX_SAFE_INTEGER - 3, Number.MIN_SAFE_INTEGER, Number.MAX_VALUE),
    );
    fc.assert(
      fc.property(anyNumber, (offset) => {
        const buffer = new SharedArrayBuffer(size);
        const fits =
          Number.isSafeInteger(offset) &&
          offset >= 0 &&
          offset % 4 === 0 &&
          offset + byteLength <= size;
        if (fits) expect(create({ buffer, byteOffset: offset }).handle.byteOffset).toBe(offset);
        else
          expect(() => create({ buffer, byteOffset: offset })).toThrow(
            withCode('ERR_RSEQ_INVALID_OPTION'),
          );
        expect(areZero(new Uint8Array(buffer))).toBe(!fits);
      }),
    );
  });

  it.each([
    ['an ArrayBuffer', new ArrayBuffer(8192), 'an ArrayBuffer of 8192 bytes'],
    [
      'an array over a shared one',
      new Int32Array(new SharedArrayBuffer(8192)),
      'an Int32Array of 8192 bytes',
    ],
    ['null', null, 'null'],
    ['a number', 8192, '8192'],
    ['a string', 'buffer', "'buffer'"],
  ])('does not live in %s', (_, given, description) => {
    const buffer = asBuffer(given);
    expect(() => create({ buffer })).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
    expect(() => create({ buffer })).toThrow(
      `new ${kind}() does not accept buffer: ${description}. It accepts a SharedArrayBuffer`,
    );
  });

  it('finds one that is there, in use or not', () => {
    const { handle } = create();
    const again = create({ buffer: handle.buffer, byteOffset: 0 });
    expect(again.handle).toEqual(handle);
    use(again.handle);
    use(handle);
  });

  it('does not take other data for a lock', () => {
    const buffer = new SharedArrayBuffer(byteLength);
    new Uint8Array(buffer)[0] = 1;
    const before = bytesOf(buffer);
    expect(() => create({ buffer })).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
    expect(() => create({ buffer })).toThrow(
      `There is no ${kind} at byte 0 of this buffer but other data`,
    );
    expect(bytesOf(buffer)).toEqual(before);
  });

  it('does not begin where a single byte is in use', () => {
    const buffer = new SharedArrayBuffer(byteLength + 16);
    const bytes = new Uint8Array(buffer);
    const inside = [
      ...Array.from({ length: 68 }, (_, index) => index),
      byteLength - 5,
      byteLength - 4,
      byteLength - 1,
    ].filter((index) => index < byteLength);
    for (const index of inside) {
      bytes[8 + index] = 1;
      const before = bytesOf(buffer);
      expect(() => create({ buffer, byteOffset: 8 })).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
      expect(() => create({ buffer, byteOffset: 8 })).toThrow(
        'lock begins in memory that is all zero',
      );
      expect(bytesOf(buffer)).toEqual(before);
      bytes[8 + index] = 0;
    }
    // What is beside it is nobody's business.
    bytes.fill(7, 0, 8).fill(7, 8 + byteLength);
    create({ buffer, byteOffset: 8 });
    expect([bytesOf(buffer).slice(0, 8), bytesOf(buffer).slice(8 + byteLength)]).toEqual([
      new Array(8).fill(7),
      new Array(8).fill(7),
    ]);
  });

  it('is not found by a handle where none was made, and does not make one', () => {
    const buffer = new SharedArrayBuffer(byteLength + 16);
    expect(() => from({ lock: kind, buffer, byteOffset: 8 })).toThrow(
      withCode('ERR_RSEQ_INVALID_OPTION'),
    );
    expect(() => from({ lock: kind, buffer, byteOffset: 8 })).toThrow(
      `There is no ${kind} at byte 8 of this buffer but memory that no lock has used`,
    );
    new Uint8Array(buffer)[8] = 1;
    expect(() => from({ lock: kind, buffer, byteOffset: 8 })).toThrow('other data');
    const bytes = bytesOf(buffer);
    expect(bytes.reduce((sum, byte) => sum + byte, 0)).toBe(1);
  });

  it('is not found by a handle where another kind is, with all as it was', () => {
    for (const other of KINDS) {
      if (other.kind === kind) continue;
      const { buffer } = other.create({ buffer: new SharedArrayBuffer(2048) }).handle;
      const before = bytesOf(buffer);
      expect(() => from({ lock: kind, buffer, byteOffset: 0 })).toThrow(
        withCode('ERR_RSEQ_INVALID_OPTION'),
      );
      expect(() => from({ lock: kind, buffer, byteOffset: 0 })).toThrow(
        `There is no ${kind} at byte 0 of this buffer but ${withArticle(other.kind)}`,
      );
      expect(bytesOf(buffer)).toEqual(before);
    }
  });

  it('does not take a lock of a later layout for one of its own', () => {
    const { handle } = create();
    const words = new Int32Array(handle.buffer);
    words[0] = (words[0] ?? 0) + 0x100;
    expect(() => create({ buffer: handle.buffer })).toThrow('other data');
  });

  it.each(KINDS)('is not a $kind', (other) => {
    const { buffer } = create({ buffer: new SharedArrayBuffer(2048) }).handle;
    const before = [...new Uint8Array(buffer)];
    const make = () => other.create({ buffer });
    if (other.kind === kind) {
      make();
      return;
    }
    expect(make).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
    expect(make).toThrow(
      `There is no ${other.kind} at byte 0 of this buffer but ${withArticle(kind)}`,
    );
    expect([...new Uint8Array(buffer)]).toEqual(before);
  });

  it('is found by a handle that was posted', () => {
    const { handle } = create({ buffer: new SharedArrayBuffer(byteLength + 64), byteOffset: 64 });
    expect(Object.getPrototypeOf(handle)).toBe(Object.prototype);
    const posted = structuredClone(handle);
    expect(posted).toEqual(handle);
    const found = from(posted);
    expect(found.handle.byteOffset).toBe(64);
    // The very same memory, not a copy.
    new Int32Array(handle.buffer)[0] = 77;
    expect(new Int32Array(found.handle.buffer)[0]).toBe(77);
  });

  it.each(KINDS)('is not found by the handle of a $kind', (other) => {
    if (other.kind === kind) return;
    const { handle } = other.create();
    expect(() => from(handle)).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
    expect(() => from(handle)).toThrow(
      `${kind}.from() takes the handle of ${withArticle(kind)}, not that of ${withArticle(other.kind)}`,
    );
  });

  it.each([
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a buffer', new SharedArrayBuffer(8192), 'a SharedArrayBuffer of 8192 bytes'],
    ['no buffer', { lock: kind, byteOffset: 0 }, 'does not accept buffer of the handle: undefined'],
    [
      'no offset',
      { lock: kind, buffer: new SharedArrayBuffer(8192) },
      'does not accept byteOffset of the handle: undefined',
    ],
    [
      'an object without a class',
      Object.create(null),
      `takes the handle of ${withArticle(kind)}, not an object.`,
    ],
    [
      'a handle of no kind',
      { lock: 7, buffer: new SharedArrayBuffer(8192), byteOffset: 0 },
      `takes the handle of ${withArticle(kind)}, not an object.`,
    ],
    ['a function', () => 1, `takes the handle of ${withArticle(kind)}, not a function.`],
  ])('is not found by what is no handle: %s', (_, given, description) => {
    expect(() => from(asHandle(given))).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
    expect(() => from(asHandle(given))).toThrow(description);
  });

  it('is not found by a lock in the place of its handle', () => {
    const make = () => from(asHandle(create()));
    expect(make).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
    expect(make).toThrow(
      `${kind}.from() takes the handle of ${withArticle(kind)}, not an object of type ${kind}`,
    );
  });

  it('is checked as the memory it names is', () => {
    const { handle } = create();
    expect(() => from({ ...handle, byteOffset: 2 })).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
    expect(() => from({ ...handle, byteOffset: 4 })).toThrow(kind);
    expect(() => from({ ...handle, byteOffset: handle.buffer.byteLength })).toThrow(
      withCode('ERR_RSEQ_INVALID_OPTION'),
    );
    expect(() => from({ ...handle, buffer: asBuffer(new ArrayBuffer(8192)) })).toThrow(
      withCode('ERR_RSEQ_INVALID_OPTION'),
    );
  });

  it.each([
    [{ thread: {} }, 'thread: an object'],
    [{ thread: null }, 'thread: null'],
    [{ blockMainThread: 1 }, 'blockMainThread: 1'],
    [{ blockMainThread: null }, 'blockMainThread: null'],
    [{ blockMainthread: true }, `has no option 'blockMainthread'; it has `],
    [{ timeout: 5 }, `has no option 'timeout'`],
  ])('refuses options %j, and makes no lock', (options, message) => {
    const given = options as PlacementOptions;
    const buffer = new SharedArrayBuffer(byteLength);
    const { handle } = create();
    for (const make of [() => create({ ...given, buffer }), () => create(given)]) {
      expect(make).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
      expect(make).toThrow(`new ${kind}() `);
      expect(make).toThrow(message);
    }
    expect(() => from(handle, given)).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
    expect(() => from(handle, given)).toThrow(`${kind}.from() `);
    expect(() => from(handle, given)).toThrow(message);
    expect(areZero(new Uint8Array(buffer))).toBe(true);
  });

  it.each([
    [null, 'takes an object of options, not null.'],
    [5, 'takes an object of options, not 5.'],
    [new SharedArrayBuffer(64), 'takes an object of options, not a SharedArrayBuffer of 64 bytes'],
    [
      { buffer: new SharedArrayBuffer(64) },
      "has no option 'buffer'; it has thread, blockMainThread.",
    ],
    [{ byteOffset: 4 }, "has no option 'byteOffset'"],
    [{ permits: 4 }, "has no option 'permits'"],
  ])('is opened with nothing else: %j', (options, message) => {
    const open = () => from(create().handle, options as UseOptions);
    expect(open).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
    expect(open).toThrow(`${kind}.from() ${message}`);
  });

  it('takes options that say nothing', () => {
    for (const options of [{}, undefined, { thread: undefined, blockMainThread: undefined }]) {
      expect(create(options as PlacementOptions).handle.lock).toBe(kind);
    }
  });
});

describe('two side by side', () => {
  const pairs = KINDS.flatMap((left) =>
    KINDS.map((right) => [left.kind, right.kind, left, right] as const),
  );

  it.each(pairs)(
    '%s and %s do not disturb each other, wherever they begin',
    (_, __, left, right) => {
      const size = left.byteLength + right.byteLength + 72;
      for (let offset = 0; offset <= 64; offset += 4) {
        const buffer = new SharedArrayBuffer(size);
        const bytes = new Uint8Array(buffer);
        const end = offset + left.byteLength;
        const first = left.create({ buffer, byteOffset: offset });
        expect(bytes.subarray(0, offset).every((byte) => byte === 0)).toBe(true);
        expect(bytes.subarray(end).every((byte) => byte === 0)).toBe(true);
        const second = right.create({ buffer, byteOffset: end });

        const own = bytes.slice(offset, end);
        right.use(second.handle);
        expect(bytes.slice(offset, end)).toEqual(own);
        const other = bytes.slice(end);
        left.use(first.handle);
        expect(bytes.slice(end)).toEqual(other);
        expect(bytes.subarray(0, offset).every((byte) => byte === 0)).toBe(true);
        expect(bytes.subarray(end + right.byteLength).every((byte) => byte === 0)).toBe(true);
      }
    },
  );
});

describe('one upon another', () => {
  const pairs = KINDS.flatMap((first) =>
    KINDS.map((second) => [second.kind, first.kind, first, second] as const),
  );

  it.each(pairs)(
    'a %s does not begin within a %s, nor so that it reaches into one',
    (_, __, first, second) => {
      const start = second.byteLength;
      const size = start + first.byteLength + second.byteLength;
      const { buffer } = first.create({
        buffer: new SharedArrayBuffer(size),
        byteOffset: start,
      }).handle;
      first.use(first.from({ lock: first.kind, buffer, byteOffset: start }).handle);
      const before = bytesOf(buffer);
      const last = start + first.byteLength;
      for (let offset = 4; offset < last; offset += 4) {
        // There it is found, if it is of that kind.
        if (offset === start) continue;
        const make = () => second.create({ buffer, byteOffset: offset });
        expect(make).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
        if (new Int32Array(buffer, offset)[0] !== 0) continue;
        expect(make).toThrow(
          `${withArticle(second.kind, 'A')} does not fit at byte ${offset} of this buffer: `,
        );
        if (offset > start && areZero(new Uint8Array(buffer, offset, second.byteLength))) {
          expect(make).toThrow(
            `it would lie in the ${first.kind} at byte ${start}, which takes ${first.byteLength} bytes.`,
          );
        }
      }
      expect(bytesOf(buffer)).toEqual(before);
      // Right before it and right behind it is room.
      second.use(second.create({ buffer, byteOffset: 0 }).handle);
      second.use(second.create({ buffer, byteOffset: last }).handle);
    },
  );

  it('is found however long the one before is', () => {
    const size = Semaphore.byteLength(1024);
    const buffer = new SharedArrayBuffer(size + Mutex.byteLength);
    const semaphore = new Semaphore({ permits: 1024, buffer });
    expect(() => new Mutex({ buffer, byteOffset: size - 4 })).toThrow(
      `in the Semaphore at byte 0, which takes ${size} bytes.`,
    );
    expect(() => new Mutex({ buffer, byteOffset: size - 64 })).toThrow(
      withCode('ERR_RSEQ_INVALID_OPTION'),
    );
    taken(new Mutex({ buffer, byteOffset: size }).tryLock()).unlock();
    expect(semaphore.available).toBe(1024);
  });
});

describe('a row of locks', () => {
  it('is used in any order, each as if it were alone', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 9 }), { maxLength: 60 }), (uses) => {
        const buffer = new SharedArrayBuffer(10 * Mutex.byteLength);
        const locks = Array.from(
          { length: 10 },
          (_, index) => new Mutex({ buffer, byteOffset: index * Mutex.byteLength }),
        );
        const held = new Map<number, { unlock: () => void }>();
        for (const index of uses) {
          const token = locks[index]?.tryLock() ?? null;
          expect(token === null).toBe(held.has(index));
          if (token === null) {
            held.get(index)?.unlock();
            held.delete(index);
          } else {
            held.set(index, token);
          }
        }
        for (const token of held.values()) token.unlock();
        for (const lock of locks) taken(lock.tryLock()).unlock();
      }),
    );
  });
});

describe('a semaphore', () => {
  it.each([0, -1, 1.5, NaN, 1025, Infinity, -Infinity, 2 ** 53, 2 ** 32 + 1, '2', null, undefined])(
    'cannot have %s permits',
    (permits) => {
      const given = permits as number;
      const buffer = new SharedArrayBuffer(8192);
      for (const make of [
        () => new Semaphore({ permits: given }),
        () => new Semaphore({ permits: given, buffer }),
        () => Semaphore.byteLength(given),
      ]) {
        expect(make).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
        expect(make).toThrow(
          / does not accept permits: .*\. It accepts a whole number from 1 to 1024\.$/,
        );
      }
      expect(areZero(new Uint8Array(buffer))).toBe(true);
    },
  );

  it('has any number of permits from 1 to 1024, and no other', () => {
    const anyNumber = fc.oneof(
      fc.integer({ min: -2, max: 1026 }),
      fc.double(),
      fc.maxSafeInteger(),
    );
    fc.assert(
      fc.property(anyNumber, (permits) => {
        if (Number.isInteger(permits) && permits >= 1 && permits <= 1024) {
          expect(new Semaphore({ permits }).handle.buffer.byteLength).toBe(
            Semaphore.byteLength(permits),
          );
          return;
        }
        expect(() => new Semaphore({ permits })).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
        expect(() => Semaphore.byteLength(permits)).toThrow(withCode('ERR_RSEQ_INVALID_OPTION'));
      }),
    );
  });

  it('has as many permits in every thread, and its handle knows them', () => {
    const { handle } = new Semaphore({ permits: 5 });
    expect(Semaphore.from(structuredClone(handle)).permits).toBe(5);
    const before = bytesOf(handle.buffer);
    expect(() => new Semaphore({ permits: 4, buffer: handle.buffer })).toThrow(
      'has 5 permits, not 4',
    );
    expect(() => new Semaphore({ permits: 6, buffer: handle.buffer })).toThrow(
      withCode('ERR_RSEQ_INVALID_OPTION'),
    );
    expect(bytesOf(handle.buffer)).toEqual(before);
    expect(new Semaphore({ permits: 5, buffer: handle.buffer }).available).toBe(5);
    expect(new Semaphore({ permits: 1024 }).handle.buffer.byteLength).toBe(
      Semaphore.byteLength(1024),
    );
  });
});
