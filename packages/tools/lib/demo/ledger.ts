// SPDX-License-Identifier: MIT
/**
 * The records that the demonstration's workers share: accounts in a
 * SharedArrayBuffer, each spread over many words that only agree when nobody
 * looks in the middle of an update. What guards them is not decided here.
 */

export const ACCOUNTS = 64;
const OPENING_BALANCE = 1_000;

/**
 * Words of an account: how often it changed, what is on it, the last entries, and a checksum over
 * all that.
 */
const VERSION = 0;
const BALANCE = 1;
const ENTRIES = 2;
const CHECKSUM = 31;
const ACCOUNT_WORDS = 32;

/** The lock, whichever it is, has a cache line of its own. */
const HEADER_WORDS = 16;

/**
 * Books entries between accounts of one shared buffer; every worker makes its own over the same
 * buffer.
 */
export class Ledger {
  readonly words: Int32Array;
  /** Accounts found with a checksum that is not theirs, by this object. */
  torn = 0;

  /** @param buffer from {@link Ledger.create}; the lock is at its beginning. */
  constructor(buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer);
  }

  /** A buffer with every account opened, and room for a lock. */
  static create(): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer(
      (HEADER_WORDS + ACCOUNTS * ACCOUNT_WORDS) * Int32Array.BYTES_PER_ELEMENT,
    );
    const ledger = new Ledger(buffer);
    for (let account = 0; account < ACCOUNTS; account++) {
      const at = ledger.addressOf(account);
      ledger.words[at + BALANCE] = OPENING_BALANCE;
      ledger.words[at + CHECKSUM] = ledger.checksum(at);
    }
    return buffer;
  }

  /** Moves an amount between two different accounts. The lock must be held. */
  transfer(from: number, to: number, amount: number): void {
    this.book(from, -amount);
    this.book(to, amount);
  }

  book(account: number, amount: number): void {
    const { words } = this;
    const at = this.addressOf(account);
    if (words[at + CHECKSUM] !== this.checksum(at)) this.torn++;
    const version = (words[at + VERSION] = (this.word(at + VERSION) + 1) | 0);
    words[at + BALANCE] = (this.word(at + BALANCE) + amount) | 0;
    words[at + ENTRIES + ((version >>> 0) % (CHECKSUM - ENTRIES))] = amount;
    words[at + CHECKSUM] = this.checksum(at);
  }

  /** @param at index of an account's first word */
  checksum(at: number): number {
    let sum = 17;
    for (let i = 0; i < CHECKSUM; i++) sum = (Math.imul(sum, 31) + this.word(at + i)) | 0;
    return sum;
  }

  /** Index of an account's first word. */
  addressOf(account: number): number {
    return HEADER_WORDS + account * ACCOUNT_WORDS;
  }

  word(index: number): number {
    return this.words[index] ?? 0;
  }

  /**
   * Looks at every record, when all workers have ended.
   * @param transfers how many they say they made
   * @returns what is wrong; empty: nothing
   */
  check(transfers: number): string[] {
    const wrong: string[] = [];
    let versions = 0;
    let balance = 0;
    for (let account = 0; account < ACCOUNTS; account++) {
      const at = this.addressOf(account);
      versions += this.word(at + VERSION) >>> 0;
      balance += this.word(at + BALANCE);
      if (this.word(at + CHECKSUM) !== this.checksum(at))
        wrong.push(`account ${account} has a checksum that is not its own`);
    }
    if (versions !== 2 * transfers)
      wrong.push(`${versions} entries are in the records where ${2 * transfers} were made`);
    if (balance !== ACCOUNTS * OPENING_BALANCE)
      wrong.push(`the balances add up to ${balance}, not to ${ACCOUNTS * OPENING_BALANCE}`);
    return wrong;
  }
}
