// SPDX-License-Identifier: MIT
/**
 * Deliberate faults, one small change of a source each, in the machine, in the
 * model of our flow, and in the flow itself. For each of them something must
 * break, or what we call checked is not.
 */
export interface Fault {
  readonly name: string;
  /** In `lib/`. */
  readonly file: string;
  /** Text that is there exactly once, and what stands there instead. */
  readonly from: string;
  readonly to: string;
}

const MACHINE = 'simulated/machine.ts';
const SECTION = 'simulated/models/section.ts';

export const FAULTS: readonly Fault[] = [
  {
    name: 'grants what nobody asked for',
    file: MACHINE,
    from: 'if (!this.#hasRequest(thread)) return false;',
    to: '',
  },
  {
    name: 'leaves the request in the word when it grants (bytes)',
    file: MACHINE,
    from: '(word & ~0xffff) | GRANTED_AS_BYTE',
    to: 'word | GRANTED_AS_BYTE',
  },
  {
    name: 'leaves the request in the word when it grants (bits)',
    file: MACHINE,
    from: '(word & ~REQUEST_BIT) | GRANTED_BIT',
    to: 'word | GRANTED_BIT',
  },
  {
    name: 'grants a second time',
    file: MACHINE,
    from: 'if (this.#get(thread, OTHER_WORK) !== 0 || this.isGranted(thread)) {',
    to: 'if (this.#get(thread, OTHER_WORK) !== 0) {',
  },
  {
    name: 'grants while there is other work',
    file: MACHINE,
    from: 'if (this.#get(thread, OTHER_WORK) !== 0 || this.isGranted(thread)) {',
    to: 'if (this.isGranted(thread)) {',
  },
  {
    name: 'does not start the timer',
    file: MACHINE,
    from: 'this.#set(thread, TIMER, 1);',
    to: '',
  },
  {
    name: 'lets a thread keep the CPU when its extension is over',
    file: MACHINE,
    from: `this.#count(1, 'expired', thread);
      this.#set(thread, NEED_RESCHED, 1);`,
    to: `this.#count(1, 'expired', thread);`,
  },
  {
    name: 'does not look at the word at a system call',
    file: MACHINE,
    from: 'this.#set(thread, SYSCALL_WORK, 1);',
    to: '',
  },
  {
    name: 'leaves the word as it is when the thread is scheduled out',
    file: MACHINE,
    from: 'if (this.#get(thread, SCHED_SWITCH) !== 0) this.#updateUser(thread);',
    to: 'if (this.#get(thread, SCHED_SWITCH) !== 0) this.#clearGrant(thread);',
  },
  {
    name: 'forgets that a grant is over',
    file: MACHINE,
    from: `this.#set(thread, GRANTED, 0);
    this.#count(2, 'revoked', thread);`,
    to: `this.#count(2, 'revoked', thread);`,
  },
  {
    name: 'answers every yield with 0',
    file: MACHINE,
    from: 'const yielded = this.#get(thread, YIELDED);',
    to: 'const yielded = 0;',
  },
  {
    name: 'answers a yield with 1 because of an earlier one',
    file: MACHINE,
    from: `const yielded = this.#get(thread, YIELDED);
      this.#set(thread, YIELDED, 0);`,
    to: 'const yielded = this.#get(thread, YIELDED);',
  },
  {
    name: 'takes a yield for any system call',
    file: MACHINE,
    from: 'if (isYield) {',
    to: 'if (isYield && this.abiVersion !== this.abiVersion) {',
  },
  {
    name: 'does not yield after a revocation (model)',
    file: SECTION,
    from: 'byte(thread, GRANTED_BYTE) === 0 && at(thread, first + ASKED) !== 0 ?',
    to: 'byte(thread, GRANTED_BYTE) === 0 ?',
  },
  {
    name: 'does not yield when granted (model)',
    file: SECTION,
    from: 'byte(thread, GRANTED_BYTE) === 0 && at(thread, first + ASKED) !== 0 ?',
    to: 'at(thread, first + ASKED) !== 0 ?',
  },
  {
    name: 'does not withdraw the request (model)',
    file: SECTION,
    from: 'thread.bytes[REQUEST_BYTE] = 0;',
    to: '',
  },
  {
    name: 'sets the request again instead of clearing it (model)',
    file: SECTION,
    from: 'thread.word[0] = found & ~REQUEST_BIT;',
    to: 'thread.word[0] = found | REQUEST_BIT;',
  },
  {
    name: 'looks for the grant before it withdraws',
    file: 'sections/control-word.ts',
    from: `    bytes[REQUEST] = 0;
    if (bytes[GRANTED] !== 0) return Cleared.Granted;`,
    to: `    const granted = bytes[GRANTED];
    bytes[REQUEST] = 0;
    if (granted !== 0) return Cleared.Granted;`,
  },
  {
    name: 'takes a grant for nothing',
    file: 'sections/control-word.ts',
    from: 'if (bytes[GRANTED] !== 0) return Cleared.Granted;',
    to: '',
  },
  {
    name: 'clears the whole word (bits)',
    file: 'sections/control-word.ts',
    from: 'Atomics.and(this.#word, 0, ~REQUEST_BIT)',
    to: 'Atomics.exchange(this.#word, 0, 0)',
  },
  {
    name: 'does not yield after a revocation',
    file: 'sections/thread.ts',
    from: `this.#hostThread.yieldSlice();
      return Outcome.Preempted;`,
    to: 'return Outcome.Preempted;',
  },
  {
    name: 'counts a yield that came too late as one in time',
    file: 'sections/thread.ts',
    from: 'if (this.#hostThread.yieldSlice() === 0) {',
    to: 'if (this.#hostThread.yieldSlice() === -1) {',
  },
];
