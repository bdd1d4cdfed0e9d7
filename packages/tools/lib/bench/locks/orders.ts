// SPDX-License-Identifier: MIT
/**
 * A limit order book in shared memory, as a matching engine has one: price levels
 * with first-in-first-out queues of orders in preallocated arrays, and three things
 * that happen: an order comes and is matched, rests, or is cancelled. One lock
 * guards it all. The check at the end finds what a section that was not alone leaves
 * behind.
 */
import type { Workload } from './work.ts';

const LEVELS = 256;
const ORDERS = 1024;
const NONE = -1;
const BUY = 0;
const SELL = 1;

/** The first words: the best prices, the pool, and quantities since the start. */
const BEST_BID = 0;
const BEST_ASK = 1;
const FREE = 2;
const LIVE = 3;
const SEQUENCE = 4;
const ENTERED = 5;
const TRADED = 6;
const CANCELLED = 7;
const LEVELS_AT = 16;

/** Words of a price level. */
const HEAD = 0;
const TAIL = 1;
const VOLUME = 2;
const LEVEL_WORDS = 4;

/** Words of an order. In the pool only NEXT means something, and LEVEL is NONE. */
const NEXT = 0;
const PREVIOUS = 1;
const LEVEL = 2;
const SIDE = 3;
const QUANTITY = 4;
const NUMBER = 5;
const ORDER_WORDS = 8;
const ORDERS_AT = LEVELS_AT + LEVELS * LEVEL_WORDS;

/** The book over shared words. Every method but `check` wants the lock held. */
export class OrderBook {
  static readonly words: number = ORDERS_AT + ORDERS * ORDER_WORDS;

  // Only declared: a field that is made empty first would have another shape in V8.
  declare readonly words: Int32Array;
  /** Quantities that came in, were traded (one side) and were cancelled, by this object. */
  declare entered: number;
  declare traded: number;
  declare cancelled: number;

  constructor(words: Int32Array) {
    this.words = words;
    this.entered = 0;
    this.traded = 0;
    this.cancelled = 0;
  }

  /** @param words that are to be an empty book */
  static prepare(words: Int32Array): void {
    words.fill(0);
    words[BEST_BID] = -1;
    words[BEST_ASK] = LEVELS;
    for (let level = 0; level < LEVELS; level++) {
      words[LEVELS_AT + level * LEVEL_WORDS + HEAD] = NONE;
      words[LEVELS_AT + level * LEVEL_WORDS + TAIL] = NONE;
    }
    for (let order = 0; order < ORDERS; order++) {
      words[ORDERS_AT + order * ORDER_WORDS + NEXT] = order + 1 < ORDERS ? order + 1 : NONE;
      words[ORDERS_AT + order * ORDER_WORDS + LEVEL] = NONE;
    }
  }

  word(index: number): number {
    return this.words[index] ?? 0;
  }

  add(index: number, amount: number): void {
    this.words[index] = (this.word(index) + amount) | 0;
  }

  /** @returns index of its first word */
  orderAt(order: number): number {
    return ORDERS_AT + order * ORDER_WORDS;
  }

  /** @returns index of its first word */
  levelAt(level: number): number {
    return LEVELS_AT + level * LEVEL_WORDS;
  }

  /**
   * An order comes in at a price, which is a level: it is matched with what is there, and the rest
   * of it waits.
   */
  enter(side: number, price: number, quantity: number): void {
    this.add(ENTERED, quantity);
    this.entered += quantity;
    const rest = this.match(side, price, quantity);
    if (rest > 0) this.rest(side, price, rest);
  }

  /** @returns what is left */
  match(side: number, price: number, quantity: number): number {
    const best = side === BUY ? BEST_ASK : BEST_BID;
    while (quantity > 0) {
      const level = this.word(best);
      if (side === BUY ? level > price : level < price) break;
      // No price at all is beyond every other one, so that it never gets here.
      const order = this.word(this.levelAt(level) + HEAD);
      const at = this.orderAt(order);
      const taken = Math.min(quantity, this.word(at + QUANTITY));
      quantity -= taken;
      this.add(at + QUANTITY, -taken);
      this.add(this.levelAt(level) + VOLUME, -taken);
      this.add(TRADED, taken);
      this.traded += taken;
      if (this.word(at + QUANTITY) === 0) this.remove(order);
    }
    return quantity;
  }

  rest(side: number, price: number, quantity: number): void {
    const order = this.word(FREE);
    if (order === NONE) {
      this.add(CANCELLED, quantity);
      this.cancelled += quantity;
      return;
    }
    const at = this.orderAt(order);
    const level = this.levelAt(price);
    const last = this.word(level + TAIL);
    this.words[FREE] = this.word(at + NEXT);
    this.words[at + NEXT] = NONE;
    this.words[at + PREVIOUS] = last;
    this.words[at + LEVEL] = price;
    this.words[at + SIDE] = side;
    this.words[at + QUANTITY] = quantity;
    this.add(SEQUENCE, 1);
    this.words[at + NUMBER] = this.word(SEQUENCE);
    if (last === NONE) this.words[level + HEAD] = order;
    else this.words[this.orderAt(last) + NEXT] = order;
    this.words[level + TAIL] = order;
    this.add(level + VOLUME, quantity);
    this.add(LIVE, 1);
    if (side === BUY) this.words[BEST_BID] = Math.max(this.word(BEST_BID), price);
    else this.words[BEST_ASK] = Math.min(this.word(BEST_ASK), price);
  }

  /** Takes an order out, whatever is left of it. */
  cancel(order: number): void {
    const at = this.orderAt(order);
    const level = this.word(at + LEVEL);
    if (level === NONE) return;
    const quantity = this.word(at + QUANTITY);
    this.add(this.levelAt(level) + VOLUME, -quantity);
    this.add(CANCELLED, quantity);
    this.cancelled += quantity;
    this.remove(order);
  }

  /** Unlinks an order and gives it back to the pool. */
  remove(order: number): void {
    const { words } = this;
    const at = this.orderAt(order);
    const price = this.word(at + LEVEL);
    const level = this.levelAt(price);
    const [next, previous] = [this.word(at + NEXT), this.word(at + PREVIOUS)];
    if (previous === NONE) words[level + HEAD] = next;
    else words[this.orderAt(previous) + NEXT] = next;
    if (next === NONE) words[level + TAIL] = previous;
    else words[this.orderAt(next) + PREVIOUS] = previous;
    words[at + LEVEL] = NONE;
    words[at + NEXT] = this.word(FREE);
    words[FREE] = order;
    this.add(LIVE, -1);
    if (this.word(level + HEAD) === NONE) this.leaveLevel(this.word(at + SIDE), price);
  }

  /** Finds the next best price when the best one has no orders any more. */
  leaveLevel(side: number, price: number): void {
    if (side === BUY && price === this.word(BEST_BID)) {
      while (price >= 0 && this.word(this.levelAt(price) + HEAD) === NONE) price--;
      this.words[BEST_BID] = price;
    } else if (side === SELL && price === this.word(BEST_ASK)) {
      while (price < LEVELS && this.word(this.levelAt(price) + HEAD) === NONE) price++;
      this.words[BEST_ASK] = price;
    }
  }

  /**
   * Looks at everything, when all workers have ended.
   * @param totals what the workers say they did
   * @returns what is wrong; empty: nothing
   */
  check(totals: Readonly<Record<string, number>>): string[] {
    const wrong: string[] = [];
    const [bid, ask] = [this.word(BEST_BID), this.word(BEST_ASK)];
    if (bid >= ask) wrong.push(`the book is crossed: ${bid} is bid and ${ask} asked`);
    const resting = { orders: 0, quantity: 0 };
    for (let level = 0; level < LEVELS; level++) wrong.push(...this.checkLevel(level, resting));
    let free = 0;
    for (
      let order = this.word(FREE);
      order !== NONE && free <= ORDERS;
      order = this.word(this.orderAt(order) + NEXT)
    )
      free++;
    if (resting.orders !== this.word(LIVE))
      wrong.push(`${resting.orders} orders rest where ${this.word(LIVE)} were counted`);
    if (resting.orders + free !== ORDERS)
      wrong.push(`${resting.orders} orders rest and ${free} are free, of ${ORDERS}`);
    const [entered, traded, cancelled] = [
      this.word(ENTERED),
      this.word(TRADED),
      this.word(CANCELLED),
    ];
    // A trade takes its quantity from the order that came and from the one that was there.
    if (entered !== ((2 * traded + cancelled + resting.quantity) | 0)) {
      wrong.push(
        `quantities do not add up: ${entered} came in, 2 x ${traded} were traded, ${cancelled} cancelled, ${resting.quantity} rest`,
      );
    }
    for (const [name, value] of Object.entries({ entered, traded, cancelled })) {
      const said = totals[name] ?? 0;
      if (value !== (said | 0))
        wrong.push(`the book has ${value} ${name} where the workers have ${said}`);
    }
    return wrong;
  }

  /** @param resting is added to */
  checkLevel(level: number, resting: { orders: number; quantity: number }): string[] {
    const wrong: string[] = [];
    const at = this.levelAt(level);
    const [bid, ask] = [this.word(BEST_BID), this.word(BEST_ASK)];
    let [previous, number, volume] = [NONE, 0, 0];
    let orders = 0;
    for (
      let order = this.word(at + HEAD);
      order !== NONE;
      order = this.word(this.orderAt(order) + NEXT)
    ) {
      if (order < 0 || order >= ORDERS || ++orders > ORDERS)
        return [...wrong, `level ${level} has a queue that does not end`];
      const start = this.orderAt(order);
      if (this.word(start + PREVIOUS) !== previous)
        wrong.push(`order ${order} does not point back to the one before it`);
      if (this.word(start + LEVEL) !== level)
        wrong.push(`order ${order} is in the queue of level ${level} but belongs to another`);
      if (this.word(start + QUANTITY) <= 0) wrong.push(`order ${order} rests with nothing left`);
      if (orders > 1 && ((this.word(start + NUMBER) - number) | 0) <= 0)
        wrong.push(`order ${order} stands behind a later one`);
      const side = this.word(start + SIDE);
      if (side === BUY ? level > bid : level < ask)
        wrong.push(`order ${order} is better than the best price`);
      number = this.word(start + NUMBER);
      volume += this.word(start + QUANTITY);
      previous = order;
    }
    if (this.word(at + TAIL) !== previous)
      wrong.push(`level ${level} ends elsewhere than its queue`);
    if (this.word(at + VOLUME) !== volume)
      wrong.push(
        `level ${level} has ${volume} in its orders and ${this.word(at + VOLUME)} in its sum`,
      );
    if (orders === 0 && (level === bid || level === ask))
      wrong.push(`level ${level} is the best price and has no orders`);
    resting.orders += orders;
    resting.quantity += volume;
    return wrong;
  }
}

export const ordersWorkload: Workload = {
  name: 'orders',
  unit: 'orders that come or are cancelled',
  words: OrderBook.words,
  prepare(words) {
    OrderBook.prepare(words);
  },
  open(words, index) {
    const book = new OrderBook(words);
    let random = Math.imul(index + 1, 0x9e3779b1);
    return {
      work(units) {
        for (let i = 0; i < units; i++) {
          random ^= random << 13;
          random ^= random >>> 17;
          random ^= random << 5;
          const what = random >>> 8;
          // A third of the orders is cancelled, or the book would only grow; most of the others
          // meet around the middle.
          if (what % 3 === 0) book.cancel((what >>> 4) % ORDERS);
          else
            book.enter(what & 1, LEVELS / 2 + ((what >>> 4) & 31) - 16, 1 + ((what >>> 10) & 15));
        }
      },
      counts: () => ({ entered: book.entered, traded: book.traded, cancelled: book.cancelled }),
    };
  },
  check: (words, totals) => new OrderBook(words).check(totals),
};
