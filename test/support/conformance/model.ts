// SPDX-License-Identifier: MIT
/**
 * Runs a sequence on the model and gives what `conformance.c` should write for
 * it: how it ended, and after each call its result and all user memory that is
 * not zero.
 */
import { Machine } from '../../../lib/simulated/machine.ts';
import type { MachineOptions } from '../../../lib/simulated/machine.ts';
import { AREAS, AREA_BYTES, AREA_SLOTS, Field } from './sequence.ts';
import type { Call } from './sequence.ts';

const SIGSEGV = 11;
/** Where the processes start; not 0, which is what the kernel writes when it forgets an area. */
const START_CPU = 1;

export function expectation(calls: readonly Call[], options: MachineOptions): string {
  return new Run(calls, options).text();
}

/** A thread of the sequence that waits for the one it has started, or runs. */
interface Frame {
  readonly thread: number;
  cpu: number;
  /** The area it has registered, so that fork knows which one the model shall copy. */
  area: number | null;
}

class Run {
  readonly #calls: readonly Call[];
  readonly #machine: Machine;
  readonly #results: string[] = [];
  #frames: Frame[] = [{ thread: 0, cpu: START_CPU, area: null }];
  #threads = 1;
  /** The first area of this process: each has its own in the model. */
  #base = 0;

  constructor(calls: readonly Call[], options: MachineOptions) {
    const forks = calls.filter(({ what }) => what === 'f').length;
    const threads = calls.filter(({ what }) => what === 't').length;
    this.#calls = calls;
    this.#machine = new Machine({
      ...options,
      threads: 1 + forks + threads,
      areas: AREAS * (1 + forks),
    });
    this.#machine.migrate(0, START_CPU);
  }

  text(): string {
    for (const [index, { what, args }] of this.#calls.entries()) {
      const result = this.#perform(what, args);
      if (this.#machine.isDead(this.#top().thread))
        return [`signal:${SIGSEGV}:${index}`, ...this.#results].join(' ');
      this.#results.push(`${result}${this.#memory()}`);
    }
    return ['exit:0', ...this.#results].join(' ');
  }

  #top(): Frame {
    const frame = this.#frames.at(-1);
    if (frame === undefined) throw new Error("An 'x' without a 't'.");
    return frame;
  }

  #perform(what: Call['what'], args: readonly number[]): number {
    const machine = this.#machine;
    const frame = this.#top();
    const { thread } = frame;
    const [a = 0, b = 0, c = 0, d = 0, e = 0] = args;
    switch (what) {
      case 'r': {
        const result = machine.rseq(thread, a < 0 ? a : this.#base + a, b, c, d, e);
        if (result === 0) frame.area = (d & 1) === 0 ? a : null;
        return result;
      }
      case 'p':
        return machine.prctl(thread, a, b, c, d);
      case 'y':
        return machine.yieldSlice(thread);
      case 'z':
        machine.systemCall(thread);
        return -1;
      case 'g':
      case 'd':
        return machine.systemCall(thread);
      case 'b':
        return machine.systemCall(thread, true);
      case 's':
        machine.state[this.#base * AREA_SLOTS + a] = b;
        return 0;
      case 'w':
        machine.memory(this.#base + Math.floor(a / AREA_BYTES))[a % AREA_BYTES] = b;
        return 0;
      case 'i':
        // The other task is woken by a system call.
        machine.systemCall(thread);
        machine.interrupt(thread, true);
        if (machine.isTimerArmed(thread)) machine.expire(thread);
        return 0;
      case 'm':
        machine.systemCall(thread);
        if (a !== frame.cpu) machine.migrate(thread, a);
        frame.cpu = a;
        return 0;
      case 'f':
        this.#fork(frame);
        return 0;
      case 'e':
        machine.execute(thread);
        if (machine.isDead(thread)) return 0;
        for (let area = 0; area < AREAS; area++) machine.memory(this.#base + area).fill(0);
        this.#frames = [{ ...frame, area: null }];
        return 0;
      case 't':
        machine.systemCall(thread, true);
        if (machine.isDead(thread)) return 0;
        this.#frames.push({ thread: this.#threads++, cpu: frame.cpu, area: null });
        // Unregistered, nothing can happen to it: it only is there.
        machine.migrate(this.#top().thread, frame.cpu);
        return 0;
      case 'x':
        this.#frames.pop();
        return machine.systemCall(this.#top().thread, true);
    }
  }

  #fork({ thread, cpu, area }: Frame): void {
    const machine = this.#machine;
    const base = this.#base + AREAS;
    const child = this.#threads++;
    // The model copies what is registered; the rest of a process's memory is ours.
    machine.state.copyWithin(base * AREA_SLOTS, this.#base * AREA_SLOTS, base * AREA_SLOTS);
    machine.fork(thread, child, base + (area ?? 0));
    if (machine.isDead(thread)) return;
    this.#base = base;
    this.#frames = [{ thread: child, cpu, area }];
  }

  #memory(): string {
    const from = this.#base * AREA_SLOTS;
    const words: string[] = [];
    for (let slot = 0; slot < AREAS * AREA_SLOTS; slot++) {
      const word = (this.#machine.state[from + slot] ?? 0) >>> 0;
      // Which small number a thread's concurrency ID is, is the scheduler's affair.
      const isSmallId = slot % 8 === Field.concurrencyId && word < 8;
      if (word !== 0 && !isSmallId) words.push(`${slot}=${word.toString(16)}`);
    }
    return words.length === 0 ? '' : `;${words.join(',')}`;
  }
}
