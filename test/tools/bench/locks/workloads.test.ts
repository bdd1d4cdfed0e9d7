// SPDX-License-Identifier: MIT
/** What is done inside the locks: that it notices when its data was damaged. */
import { describe, expect, it } from 'vitest';
import { LruCache, lruWorkload } from '../../../../packages/tools/lib/bench/locks/lru.ts';
import { OrderBook, ordersWorkload } from '../../../../packages/tools/lib/bench/locks/orders.ts';
import { loopWorkload } from '../../../../packages/tools/lib/bench/locks/work.ts';
import type { Workload } from '../../../../packages/tools/lib/bench/locks/work.ts';

/** A workload after two actors took turns, as a lock makes them. */
function used(workload: Workload) {
  const words = new Int32Array(workload.words);
  workload.prepare(words);
  const actors = [0, 1].map((index) => workload.open(words, index));
  for (let turn = 0; turn < 2000; turn++) actors[turn % 2]?.work(3);
  const totals: Record<string, number> = {};
  for (const actor of actors)
    for (const [name, value] of Object.entries(actor.counts()))
      totals[name] = (totals[name] ?? 0) + value;
  return { words, totals, check: () => workload.check(words, totals) };
}

describe.each([
  ['loop', loopWorkload],
  ['orders', ordersWorkload],
  ['lru', lruWorkload],
])('the workload %s', (_, workload) => {
  it('is right when nobody was in it at the same time', () => {
    const { check, totals } = used(workload);
    expect(check()).toEqual([]);
    for (const [name, total] of Object.entries(totals))
      if (name !== 'torn') expect(total, name).toBeGreaterThan(100);
  });

  it('notices a lost update', () => {
    const { words, totals } = used(workload);
    const [name = ''] = Object.keys(totals);
    expect(workload.check(words, { ...totals, [name]: (totals[name] ?? 0) + 1 })).not.toEqual([]);
  });

  it('notices any damage to what is in use', () => {
    const { words, check } = used(workload);
    let noticed = 0;
    for (let index = 0; index < words.length; index++) {
      const value = words[index] ?? 0;
      words[index] = value ^ 1;
      if (check().length > 0) noticed++;
      words[index] = value;
    }
    expect(check()).toEqual([]);
    // Padding, free orders and spare words may be anything.
    expect(noticed / words.length).toBeGreaterThan(workload === loopWorkload ? 0.99 : 0.15);
  });
});

describe('the order book', () => {
  it('trades at the best price first, and in the order of arrival', () => {
    const words = new Int32Array(OrderBook.words);
    OrderBook.prepare(words);
    const book = new OrderBook(words);
    book.enter(1, 130, 5);
    book.enter(1, 129, 5);
    book.enter(1, 129, 5);
    book.enter(0, 129, 12);
    expect([book.traded, book.entered]).toEqual([10, 27]);
    expect(book.check({ entered: 27, traded: 10, cancelled: 0 })).toEqual([]);
    book.cancel(0);
    expect(book.check({ entered: 27, traded: 10, cancelled: 5 })).toEqual([]);
  });

  it('must not be crossed', () => {
    const words = new Int32Array(OrderBook.words);
    OrderBook.prepare(words);
    const book = new OrderBook(words);
    book.rest(0, 130, 5);
    book.rest(1, 120, 5);
    expect(book.check({}).join()).toMatch(/crossed: 130 is bid and 120 asked/);
  });
});

it('the cache drops what was used longest ago', () => {
  const words = new Int32Array(LruCache.words);
  LruCache.prepare(words);
  const cache = new LruCache(words);
  for (let key = 0; key < 256; key++) cache.get(key);
  cache.get(0);
  cache.get(300);
  cache.get(0);
  cache.get(1);
  expect([cache.hits, cache.misses]).toEqual([2, 258]);
  expect(cache.check({ hits: 2, misses: 258, torn: 0 })).toEqual([]);
});
