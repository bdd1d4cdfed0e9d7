/**
 * Where locks may live and where not, what names them in another thread, and
 * that none touches memory beside its own.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Condition, Mutex, RwLock, Semaphore, SpinLock } from '../../../lib/index.ts';
import type { LockHandle, LockKind } from '../../../lib/index.ts';

interface Kind {
  readonly kind: LockKind;
  readonly byteLength: number;
  readonly create: (buffer?: SharedArrayBuffer, byteOffset?: number) => { readonly handle: LockHandle };
  readonly from: (handle: LockHandle) => { readonly handle: LockHandle };
  /** Takes and gives back, or whatever else changes its words; throws when it cannot. */
  readonly use: (handle: LockHandle) => void;
}

function taken<T>(token: T | null): T {
  if (token === null) throw new Error('the lock was not to be had');
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
    create: (...where) => new Mutex(...where),
    from: (handle) => Mutex.from(handle),
    use: exclusive((handle) => Mutex.from(handle)),
  },
  {
    kind: 'SpinLock',
    byteLength: SpinLock.byteLength,
    create: (...where) => new SpinLock(...where),
    from: (handle) => SpinLock.from(handle),
    use: exclusive((handle) => SpinLock.from(handle)),
  },
  {
    kind: 'RwLock',
    byteLength: RwLock.byteLength,
    create: (...where) => new RwLock(...where),
    from: (handle) => RwLock.from(handle),
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
    create: (...where) => new Semaphore(3, ...where),
    from: (handle) => Semaphore.from(handle),
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
    create: (...where) => new Condition(...where),
    from: (handle) => Condition.from(handle),
    use: (handle) => {
      expect(Condition.from(handle).notifyAll()).toBe(0);
    },
  },
];

/** Callers without types can pass anything. */
const asBuffer = (value: unknown): SharedArrayBuffer => value as SharedArrayBuffer;
const asHandle = (value: unknown): LockHandle => value as LockHandle;

describe.each(KINDS)('a $kind', ({ kind, byteLength, create, from, use }) => {
  it('makes memory of its own, just large enough', () => {
    const { handle } = create();
    expect(handle).toEqual({ lock: kind, buffer: handle.buffer, byteOffset: 0 });
    expect(handle.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(handle.buffer.byteLength).toBe(byteLength);
    expect(byteLength % Int32Array.BYTES_PER_ELEMENT).toBe(0);
    expect(create(undefined, 12).handle.buffer.byteLength).toBe(byteLength + 12);
  });

  it('takes the room it says, and no byte less', () => {
    const offset = 4;
    expect(create(new SharedArrayBuffer(offset + byteLength), offset).handle.byteOffset).toBe(offset);
    const narrow = () => create(new SharedArrayBuffer(offset + byteLength - 1), offset);
    expect(narrow).toThrow(RangeError);
    expect(narrow).toThrow(`${kind} takes ${byteLength} bytes; at 4 this buffer of ${offset + byteLength - 1} bytes has room for ${byteLength - 1}`);
    expect(() => create(new SharedArrayBuffer(0))).toThrow(RangeError);
  });

  it.each([1, 2, 3, 6, -4, 0.5, NaN, Infinity, '4'])('cannot begin at %s', (offset) => {
    const given = offset as number;
    const buffer = new SharedArrayBuffer(1024 + byteLength);
    expect(() => create(buffer, given)).toThrow(RangeError);
    expect(() => create(buffer, given)).toThrow(`${kind} begins at a multiple of 4 bytes, not at ${offset}`);
    expect([...new Uint8Array(buffer)].every((byte) => byte === 0)).toBe(true);
  });

  it.each([
    ['an ArrayBuffer', new ArrayBuffer(8192), 'an object of ArrayBuffer'],
    ['an array over a shared one', new Int32Array(new SharedArrayBuffer(8192)), 'an object of Int32Array'],
    ['null', null, 'null'],
    ['a number', 8192, 'a number'],
    ['a string', 'buffer', 'a string'],
  ])('does not live in %s', (_, given, description) => {
    // null asks for the default as undefined does.
    if (given === null) {
      expect(create(asBuffer(given)).handle.buffer.byteLength).toBe(byteLength);
      return;
    }
    expect(() => create(asBuffer(given))).toThrow(TypeError);
    expect(() => create(asBuffer(given))).toThrow(`A ${kind} lives in a SharedArrayBuffer, not in ${description}`);
  });

  it('finds one that is there, in use or not', () => {
    const { handle } = create();
    const again = create(handle.buffer, 0);
    expect(again.handle).toEqual(handle);
    use(again.handle);
    use(handle);
  });

  it('does not take other data for a lock', () => {
    const buffer = new SharedArrayBuffer(byteLength);
    new Uint8Array(buffer)[0] = 1;
    const before = [...new Uint8Array(buffer)];
    expect(() => create(buffer)).toThrow(TypeError);
    expect(() => create(buffer)).toThrow(`There is no ${kind} at byte 0 of this buffer but other data`);
    expect([...new Uint8Array(buffer)]).toEqual(before);
  });

  it('does not take a lock of a later layout for one of its own', () => {
    const { handle } = create();
    const words = new Int32Array(handle.buffer);
    words[0] = (words[0] ?? 0) + 0x100;
    expect(() => create(handle.buffer)).toThrow('other data');
  });

  it.each(KINDS)('is not a $kind', (other) => {
    const { buffer } = create(new SharedArrayBuffer(1024)).handle;
    const before = [...new Uint8Array(buffer)];
    const make = () => other.create(buffer);
    if (other.kind === kind) {
      make();
      return;
    }
    expect(make).toThrow(TypeError);
    expect(make).toThrow(`There is no ${other.kind} at byte 0 of this buffer but a ${kind}`);
    expect([...new Uint8Array(buffer)]).toEqual(before);
  });

  it('is found by a handle that was posted', () => {
    const { handle } = create(new SharedArrayBuffer(byteLength + 64), 64);
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
    expect(() => from(handle)).toThrow(TypeError);
    expect(() => from(handle)).toThrow(`${kind}.from() takes the handle of a ${kind}, not that of a ${other.kind}`);
  });

  it.each([
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a buffer', new SharedArrayBuffer(8192), 'an object of SharedArrayBuffer'],
    ['no buffer', { lock: kind, byteOffset: 0 }, kind],
    ['no offset', { lock: kind, buffer: new SharedArrayBuffer(8192) }, kind],
  ])('is not found by what is no handle: %s', (_, given, description) => {
    expect(() => from(asHandle(given))).toThrow(TypeError);
    expect(() => from(asHandle(given))).toThrow(description);
  });

  // Not yet for those that have a property `lock`, too: the message then has the source of the method in it.
  (kind === 'Mutex' || kind === 'SpinLock' ? it.fails : it)('is not found by a lock in the place of its handle', () => {
    const make = () => from(asHandle(create()));
    expect(make).toThrow(TypeError);
    expect(make).toThrow(`${kind}.from() takes the handle of a ${kind}, not an object of ${kind}`);
  });

  it('is checked as the memory it names is', () => {
    const { handle } = create();
    expect(() => from({ ...handle, byteOffset: 2 })).toThrow(RangeError);
    expect(() => from({ ...handle, byteOffset: 4 })).toThrow(kind);
    expect(() => from({ ...handle, byteOffset: handle.buffer.byteLength })).toThrow(RangeError);
    expect(() => from({ ...handle, buffer: asBuffer(new ArrayBuffer(8192)) })).toThrow(TypeError);
  });

  it.each([
    [{ thread: {} }, "option 'thread'"],
    [{ thread: null }, "option 'thread'"],
    [{ blockMainThread: 1 }, "option 'blockMainThread'"],
  ])('refuses options %j', (options, message) => {
    const constructors = { Mutex, SpinLock, RwLock, Condition };
    const given = options as object;
    const make = () => (kind === 'Semaphore' ? new Semaphore(3, undefined, 0, given) : new constructors[kind](undefined, 0, given));
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });
});

describe('two side by side', () => {
  const pairs = KINDS.flatMap((left) => KINDS.map((right) => [left.kind, right.kind, left, right] as const));

  it.each(pairs)('%s and %s do not disturb each other, wherever they begin', (_, __, left, right) => {
    const size = left.byteLength + right.byteLength + 72;
    for (let offset = 0; offset <= 64; offset += 4) {
      const buffer = new SharedArrayBuffer(size);
      const bytes = new Uint8Array(buffer);
      const end = offset + left.byteLength;
      const first = left.create(buffer, offset);
      expect(bytes.subarray(0, offset).every((byte) => byte === 0)).toBe(true);
      expect(bytes.subarray(end).every((byte) => byte === 0)).toBe(true);
      const second = right.create(buffer, end);

      const own = bytes.slice(offset, end);
      right.use(second.handle);
      expect(bytes.slice(offset, end)).toEqual(own);
      const other = bytes.slice(end);
      left.use(first.handle);
      expect(bytes.slice(end)).toEqual(other);
      expect(bytes.subarray(0, offset).every((byte) => byte === 0)).toBe(true);
      expect(bytes.subarray(end + right.byteLength).every((byte) => byte === 0)).toBe(true);
    }
  });
});

describe('a row of locks', () => {
  it('is used in any order, each as if it were alone', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 9 }), { maxLength: 60 }), (uses) => {
        const buffer = new SharedArrayBuffer(10 * Mutex.byteLength);
        const locks = Array.from({ length: 10 }, (_, index) => new Mutex(buffer, index * Mutex.byteLength));
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
  it.each([0, -1, 1.5, NaN, 1025, Infinity, '2'])('cannot have %s permits', (permits) => {
    const make = () => new Semaphore(permits as number);
    expect(make).toThrow(RangeError);
    expect(make).toThrow(`A Semaphore has from 1 to 1024 permits, not ${permits}`);
  });

  it('has as many permits in every thread, and its handle knows them', () => {
    const { handle } = new Semaphore(5);
    expect(Semaphore.from(structuredClone(handle)).permits).toBe(5);
    expect(() => new Semaphore(4, handle.buffer)).toThrow('has 5 permits, not 4');
    expect(() => new Semaphore(6, handle.buffer)).toThrow(RangeError);
    expect(new Semaphore(5, handle.buffer).available).toBe(5);
    expect(new Semaphore(1024).handle.buffer.byteLength).toBe(Semaphore.byteLength(1024));
  });
});
