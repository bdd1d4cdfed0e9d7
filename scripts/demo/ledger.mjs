// The records that the demonstration's workers share: accounts in a SharedArrayBuffer, each spread over many words that
// only agree when nobody looks in the middle of an update. One lock word guards them all. Whoever asks for a slice
// extension around the lock is not decided here.

export const ACCOUNTS = 64;
const OPENING_BALANCE = 1_000;

/** Words of an account: how often it changed, what is on it, the last entries, and a checksum over all that. */
const VERSION = 0;
const BALANCE = 1;
const ENTRIES = 2;
const CHECKSUM = 31;
const ACCOUNT_WORDS = 32;

const LOCK = 0;
/** The lock has a cache line of its own. */
const HEADER_WORDS = 16;
const FREE = 0;
const HELD = 1;

/** Books entries between accounts of one shared buffer; every worker makes its own over the same buffer. */
export class Ledger {
  /** @param {SharedArrayBuffer} buffer from {@link Ledger.create} */
  constructor(buffer) {
    this.words = new Int32Array(buffer);
    /** Accounts found with a checksum that is not theirs, by this object. */
    this.torn = 0;
  }

  /** @returns {SharedArrayBuffer} with every account opened */
  static create() {
    const buffer = new SharedArrayBuffer((HEADER_WORDS + ACCOUNTS * ACCOUNT_WORDS) * Int32Array.BYTES_PER_ELEMENT);
    const ledger = new Ledger(buffer);
    for (let account = 0; account < ACCOUNTS; account++) {
      const at = ledger.addressOf(account);
      ledger.words[at + BALANCE] = OPENING_BALANCE;
      ledger.words[at + CHECKSUM] = ledger.checksum(at);
    }
    return buffer;
  }

  /** @returns {boolean} whether the lock is ours now; it never waits */
  tryLock() {
    return Atomics.compareExchange(this.words, LOCK, FREE, HELD) === FREE;
  }

  unlock() {
    Atomics.store(this.words, LOCK, FREE);
  }

  /** Waits until the lock looks free, or for a moment. Not for use in a section: it may sleep. */
  waitForLock() {
    for (let i = 0; i < 100; i++) if (Atomics.load(this.words, LOCK) === FREE) return;
    // Nobody notifies, so that releasing stays one store: the holder is running, or about to be, and soon done.
    Atomics.wait(this.words, LOCK, HELD, 0.2);
  }

  /**
   * Moves an amount between two different accounts. The lock must be held.
   * @param {number} from @param {number} to @param {number} amount
   */
  transfer(from, to, amount) {
    this.book(from, -amount);
    this.book(to, amount);
  }

  /** @param {number} account @param {number} amount */
  book(account, amount) {
    const { words } = this;
    const at = this.addressOf(account);
    if (words[at + CHECKSUM] !== this.checksum(at)) this.torn++;
    const version = (words[at + VERSION] = (this.word(at + VERSION) + 1) | 0);
    words[at + BALANCE] = (this.word(at + BALANCE) + amount) | 0;
    words[at + ENTRIES + ((version >>> 0) % (CHECKSUM - ENTRIES))] = amount;
    words[at + CHECKSUM] = this.checksum(at);
  }

  /** @param {number} at index of an account's first word */
  checksum(at) {
    let sum = 17;
    for (let i = 0; i < CHECKSUM; i++) sum = (Math.imul(sum, 31) + this.word(at + i)) | 0;
    return sum;
  }

  /** @param {number} account @returns {number} index of its first word */
  addressOf(account) {
    return HEADER_WORDS + account * ACCOUNT_WORDS;
  }

  /** @param {number} index @returns {number} */
  word(index) {
    return this.words[index] ?? 0;
  }

  /**
   * Looks at every record, when all workers have ended.
   * @param {number} transfers how many they say they made
   * @returns {string[]} what is wrong; empty: nothing
   */
  check(transfers) {
    const wrong = [];
    let versions = 0;
    let balance = 0;
    for (let account = 0; account < ACCOUNTS; account++) {
      const at = this.addressOf(account);
      versions += this.word(at + VERSION) >>> 0;
      balance += this.word(at + BALANCE);
      if (this.word(at + CHECKSUM) !== this.checksum(at)) wrong.push(`account ${account} has a checksum that is not its own`);
    }
    if (versions !== 2 * transfers) wrong.push(`${versions} entries are in the records where ${2 * transfers} were made`);
    if (balance !== ACCOUNTS * OPENING_BALANCE) wrong.push(`the balances add up to ${balance}, not to ${ACCOUNTS * OPENING_BALANCE}`);
    if (this.word(LOCK) !== FREE) wrong.push('the lock is still held');
    return wrong;
  }
}
