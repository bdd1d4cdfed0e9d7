// SPDX-License-Identifier: MIT
/**
 * A cache of the entries that were used last, in shared memory: a hash table whose
 * chains and whose list from the newest to the oldest are links in one Int32Array.
 * Every look-up changes it, so that one lock guards it all. The check at the end
 * finds what a section that was not alone leaves behind.
 */
import type { Workload } from './work.ts';

const CAPACITY = 256;
/** How many keys are asked for: the cache has room for half of them. */
const KEYS = 512;
const BUCKETS = 256;
const NONE = -1;

const SIZE = 0;
const NEWEST = 1;
const OLDEST = 2;
const HITS = 3;
const MISSES = 4;
const BUCKETS_AT = 16;
const ENTRIES_AT = BUCKETS_AT + BUCKETS;

/** Words of an entry. */
const KEY = 0;
const VALUE = 1;
/** In the bucket's chain. */
const CHAINED = 2;
/** In the list of all, towards older and towards newer. */
const OLDER = 3;
const NEWER = 4;
const ENTRY_WORDS = 8;

/** What a key's value is: computed, so that a value that belongs to another key shows. */
const valueOf = (key: number): number => Math.imul(key + 1, 0x85ebca6b) ^ key;

const bucketOf = (key: number): number => (Math.imul(key, 0x9e3779b1) >>> 16) % BUCKETS;

/** The cache over shared words. Every method but `check` wants the lock held. */
export class LruCache {
  static readonly words: number = ENTRIES_AT + CAPACITY * ENTRY_WORDS;

  // Only declared: a field that is made empty first would have another shape in V8.
  declare readonly words: Int32Array;
  declare hits: number;
  declare misses: number;
  /** Values found that are not their key's, by this object. */
  declare torn: number;

  constructor(words: Int32Array) {
    this.words = words;
    this.hits = 0;
    this.misses = 0;
    this.torn = 0;
  }

  /** @param words that are to be an empty cache */
  static prepare(words: Int32Array): void {
    words.fill(0);
    words[NEWEST] = NONE;
    words[OLDEST] = NONE;
    words.fill(NONE, BUCKETS_AT, ENTRIES_AT);
  }

  word(index: number): number {
    return this.words[index] ?? 0;
  }

  /** @returns index of its first word */
  entryAt(entry: number): number {
    return ENTRIES_AT + entry * ENTRY_WORDS;
  }

  /** @returns its value, which is made and kept when it was not there */
  get(key: number): number {
    const { words } = this;
    let entry = this.word(BUCKETS_AT + bucketOf(key));
    while (entry !== NONE && this.word(this.entryAt(entry) + KEY) !== key)
      entry = this.word(this.entryAt(entry) + CHAINED);
    if (entry === NONE) {
      words[MISSES] = (this.word(MISSES) + 1) | 0;
      this.misses++;
      entry = this.makeRoom();
      this.fill(entry, key);
    } else {
      words[HITS] = (this.word(HITS) + 1) | 0;
      this.hits++;
      this.unlink(entry);
    }
    this.linkAsNewest(entry);
    const value = this.word(this.entryAt(entry) + VALUE);
    if (value !== valueOf(key)) this.torn++;
    return value;
  }

  /** @returns an entry in no list */
  makeRoom(): number {
    const size = this.word(SIZE);
    if (size < CAPACITY) {
      this.words[SIZE] = size + 1;
      return size;
    }
    const entry = this.word(OLDEST);
    this.unlink(entry);
    this.unchain(entry);
    return entry;
  }

  fill(entry: number, key: number): void {
    const at = this.entryAt(entry);
    const bucket = BUCKETS_AT + bucketOf(key);
    this.words[at + KEY] = key;
    this.words[at + VALUE] = valueOf(key);
    this.words[at + CHAINED] = this.word(bucket);
    this.words[bucket] = entry;
  }

  unchain(entry: number): void {
    let link = BUCKETS_AT + bucketOf(this.word(this.entryAt(entry) + KEY));
    while (this.word(link) !== entry) link = this.entryAt(this.word(link)) + CHAINED;
    this.words[link] = this.word(this.entryAt(entry) + CHAINED);
  }

  unlink(entry: number): void {
    const [older, newer] = [
      this.word(this.entryAt(entry) + OLDER),
      this.word(this.entryAt(entry) + NEWER),
    ];
    this.words[older === NONE ? OLDEST : this.entryAt(older) + NEWER] = newer;
    this.words[newer === NONE ? NEWEST : this.entryAt(newer) + OLDER] = older;
  }

  linkAsNewest(entry: number): void {
    const newest = this.word(NEWEST);
    this.words[this.entryAt(entry) + OLDER] = newest;
    this.words[this.entryAt(entry) + NEWER] = NONE;
    this.words[newest === NONE ? OLDEST : this.entryAt(newest) + NEWER] = entry;
    this.words[NEWEST] = entry;
  }

  /**
   * Looks at everything, when all workers have ended.
   * @param totals what the workers say they did
   * @returns what is wrong; empty: nothing
   */
  check(totals: Readonly<Record<string, number>>): string[] {
    const wrong: string[] = [];
    const size = this.word(SIZE);
    const { hits = 0, misses = 0, torn = 0 } = totals;
    if (torn > 0) wrong.push(`${torn} times a worker found the value of another key`);
    if (this.word(HITS) !== (hits | 0))
      wrong.push(`the cache has ${this.word(HITS)} hits where the workers have ${hits}`);
    if (this.word(MISSES) !== (misses | 0))
      wrong.push(`the cache has ${this.word(MISSES)} misses where the workers have ${misses}`);
    if (size !== Math.min(CAPACITY, misses))
      wrong.push(`the cache has ${size} entries after ${misses} misses`);
    wrong.push(
      ...this.checkList(NEWEST, OLDER, NEWER, size, 'newest'),
      ...this.checkList(OLDEST, NEWER, OLDER, size, 'oldest'),
    );
    wrong.push(...this.checkChains(size));
    return wrong;
  }

  checkList(start: number, onward: number, back: number, size: number, name: string): string[] {
    let [count, previous] = [0, NONE];
    for (
      let entry = this.word(start);
      entry !== NONE;
      entry = this.word(this.entryAt(entry) + onward)
    ) {
      if (entry < 0 || entry >= CAPACITY || ++count > CAPACITY)
        return [`the list from the ${name} does not end`];
      if (this.word(this.entryAt(entry) + back) !== previous)
        return [`entry ${entry} does not point back on the way from the ${name}`];
      previous = entry;
    }
    return count === size ? [] : [`the list from the ${name} has ${count} entries, not ${size}`];
  }

  checkChains(size: number): string[] {
    const wrong: string[] = [];
    const keys = new Set<number>();
    let count = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      for (
        let entry = this.word(BUCKETS_AT + bucket);
        entry !== NONE;
        entry = this.word(this.entryAt(entry) + CHAINED)
      ) {
        if (entry < 0 || entry >= CAPACITY || ++count > CAPACITY)
          return [...wrong, `the chain of bucket ${bucket} does not end`];
        const at = this.entryAt(entry);
        const key = this.word(at + KEY);
        keys.add(key);
        if (bucketOf(key) !== bucket)
          wrong.push(`key ${key} is in bucket ${bucket}, not in its own`);
        if (this.word(at + VALUE) !== valueOf(key))
          wrong.push(`key ${key} has the value of another`);
      }
    }
    if (count !== size) wrong.push(`the chains have ${count} entries, not ${size}`);
    if (keys.size !== count) wrong.push(`${count - keys.size} keys are there twice`);
    return wrong;
  }
}

export const lruWorkload: Workload = {
  name: 'lru',
  unit: 'look-ups',
  words: LruCache.words,
  prepare(words) {
    LruCache.prepare(words);
  },
  open(words, index) {
    const cache = new LruCache(words);
    let random = Math.imul(index + 1, 0x9e3779b1);
    return {
      work(units) {
        for (let i = 0; i < units; i++) {
          random ^= random << 13;
          random ^= random >>> 17;
          random ^= random << 5;
          // The product of two: some keys are asked for much more often than others.
          cache.get((((random >>> 4) & 511) * ((random >>> 16) & 511)) % KEYS);
        }
      },
      counts: () => ({ hits: cache.hits, misses: cache.misses, torn: cache.torn }),
    };
  },
  check: (words, totals) => new LruCache(words).check(totals),
};
