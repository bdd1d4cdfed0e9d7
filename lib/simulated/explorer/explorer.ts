// SPDX-License-Identifier: MIT
/**
 * Goes through every state that a model can get into, and looks at each. States
 * are visited in the order of how many disturbances lead to them, then of how
 * many moves, so the first violation has the shortest schedule there is. A state
 * that was seen is not gone through again, however it was reached.
 *
 * A run of a model is a list of choices, each a number among the moves of its
 * state. Such a list makes the same run again, in a replay, in a trace, or from
 * a property test.
 */
import { checkOptions, checkValue, orInfinity, wholeNumber } from '../../options.ts';
import type { OptionChecks } from '../../options.ts';
import { CHOOSER } from '../checks.ts';
import { ask, formatChoices } from './choices.ts';
import type { Chooser } from './choices.ts';
import type { MachineEvent } from '../machine.ts';
import { StateSet } from './state-set.ts';
import type { Model } from './model.ts';
import { EVENTS, ExploredWorld } from './world.ts';
import type { ThreadEvent } from './world.ts';

/** How far `explore` is to go. */
export interface ExploreOptions {
  /** How many choices of a schedule may be other than 0. Default: any number. */
  readonly disturbances?: number;
  /** Give up after so many states. Default 5,000,000; Infinity: never. */
  readonly states?: number;
}

const CHECKS: OptionChecks<ExploreOptions> = {
  disturbances: orInfinity(wholeNumber(0)),
  states: orInfinity(wholeNumber(1)),
};
const MOVES = orInfinity(wholeNumber(0));

/** A schedule that breaks something. */
export interface Violation {
  /** What it breaks, a sentence. */
  readonly what: string;
  /** The schedule, as `formatChoices` writes it. */
  readonly choices: string;
  /** How many of its choices are not the boring one. */
  readonly disturbances: number;
  /** How many moves it has. */
  readonly moves: number;
}

/** How far `explore` came, and what it found. */
export interface Exploration {
  /** The model's name. */
  readonly model: string;
  /**
   * `exhausted`: every state there is; `bounded`: every one within the disturbances; `capped`: the
   * limit of states came first, or a violation.
   */
  readonly coverage: 'exhausted' | 'bounded' | 'capped';
  /** Different states seen. */
  readonly states: number;
  /** Moves made from them. */
  readonly moves: number;
  /** The most disturbances on the way to a state. */
  readonly disturbances: number;
  /** What breaks, by the shortest schedule; null: nothing that was seen. */
  readonly violation: Violation | null;
}

const MOST_STATES = 5_000_000;

/** A move is something that happens to one thread. */
const mostMoves = ({ threads }: Model): number => threads.length * EVENTS.length;

/** Numbers that grow. */
class Numbers {
  length = 0;
  #values: Int32Array = new Int32Array(1 << 12);

  push(value: number): void {
    if (this.length === this.#values.length) {
      const values = new Int32Array(2 * this.length);
      values.set(this.#values);
      this.#values = values;
    }
    this.#values[this.length++] = value;
  }

  at(index: number): number {
    return this.#values[index] ?? 0;
  }

  set(index: number, value: number): void {
    this.#values[index] = value;
  }
}

/**
 * The states that wait to be gone through, by disturbances, then moves: Dijkstra's order, with
 * small whole distances.
 */
class Agenda {
  /**
   * Of the present number of disturbances: those that came from fewer, sorted, and those found
   * since, in order.
   */
  #early: number[] = [];
  #found = new Numbers();
  #nextEarly = 0;
  #nextFound = 0;
  #later: number[] = [];
  readonly #depths: Numbers;

  constructor(depths: Numbers) {
    this.#depths = depths;
  }

  addNow(state: number): void {
    this.#found.push(state);
  }

  addLater(state: number): void {
    this.#later.push(state);
  }

  /** @returns the next state of this number of disturbances; -1: none left. */
  take(): number {
    const early = this.#early[this.#nextEarly];
    if (this.#nextFound === this.#found.length) {
      if (early === undefined) return -1;
      this.#nextEarly++;
      return early;
    }
    const found = this.#found.at(this.#nextFound);
    if (early !== undefined && this.#depths.at(early) <= this.#depths.at(found)) {
      this.#nextEarly++;
      return early;
    }
    this.#nextFound++;
    return found;
  }

  /** Goes on to one disturbance more. @returns whether there is anything. */
  advance(): boolean {
    this.#early = this.#later.sort((a, b) => this.#depths.at(a) - this.#depths.at(b));
    this.#later = [];
    this.#nextEarly = 0;
    this.#found = new Numbers();
    this.#nextFound = 0;
    return this.#early.length > 0;
  }
}

/**
 * Explores a model.
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`; `ERR_RSEQ_INVALID_MODEL` when the model
 * contradicts itself.
 */
export function explore(model: Model, options: ExploreOptions = {}): Exploration {
  checkOptions('explore()', options, CHECKS);
  const { disturbances = Infinity, states: limit = MOST_STATES } = options;
  const world = new ExploredWorld(model);
  const seen = new StateSet(world.state.length);
  const parents = new Numbers();
  /** Which of the parent's moves led here. */
  const choices = new Numbers();
  const costs = new Numbers();
  const depths = new Numbers();
  const done = new Numbers();
  const agenda = new Agenda(depths);
  const base = new Int32Array(world.state.length);
  const moves = new Int32Array(mostMoves(model));
  let moved = 0;
  /** Whether a move was left out for its disturbance. */
  let bounded = false;

  const report = (
    coverage: Exploration['coverage'],
    cost: number,
    violation: Violation | null,
  ): Exploration => ({
    model: model.name,
    coverage,
    states: seen.size,
    moves: moved,
    disturbances: cost,
    violation,
  });
  const fail = (
    what: string,
    state: number,
    last: readonly number[],
    cost: number,
  ): Exploration => {
    const path = [...last];
    for (let at = state; at > 0; at = parents.at(at)) path.unshift(choices.at(at));
    const violation = {
      what,
      choices: formatChoices(path),
      disturbances: path.filter((choice) => choice > 0).length,
      moves: path.length,
    };
    return report('capped', cost, violation);
  };

  seen.add(world.state);
  for (const numbers of [parents, choices, costs, depths, done]) numbers.push(0);
  agenda.addNow(0);
  let cost = 0;
  for (;;) {
    for (let state = agenda.take(); state >= 0; state = agenda.take()) {
      if (done.at(state) !== 0) continue;
      done.set(state, 1);
      seen.read(state, base);
      world.state.set(base);
      const count = world.moves(moves);
      if (count === 0) {
        const stuck = world.stuck();
        if (stuck !== null) return fail(stuck, state, [], cost);
      }
      const depth = depths.at(state) + 1;
      for (let choice = 0; choice < count; choice++) {
        const total = choice === 0 ? cost : cost + 1;
        if (total > disturbances) {
          bounded = true;
          break;
        }
        if (choice > 0) world.state.set(base);
        const broken = world.move(moves[choice] ?? 0);
        moved++;
        if (broken !== null) return fail(broken, state, [choice], total);
        const number = seen.add(world.state);
        if (seen.wasNew) {
          if (seen.size > limit) return report('capped', cost, null);
          parents.push(state);
          choices.push(choice);
          costs.push(total);
          depths.push(depth);
          done.push(0);
        } else {
          // Known, and perhaps reached in a shorter way now.
          const known = costs.at(number);
          if (known < total || (known === total && depths.at(number) <= depth)) continue;
          parents.set(number, state);
          choices.set(number, choice);
          costs.set(number, total);
          depths.set(number, depth);
        }
        if (choice === 0) agenda.addNow(number);
        else agenda.addLater(number);
      }
    }
    if (!agenda.advance()) return report(bounded ? 'bounded' : 'exhausted', cost, null);
    cost++;
  }
}

/** One move of a run, for prints and traces. */
export interface Moment {
  /** The thread's number. */
  readonly thread: number;
  /** The CPU the thread had for it. */
  readonly cpu: number;
  /** What came: a step of the program, or something that happened to the thread. */
  readonly event: ThreadEvent;
  /** The step that was made, or before which the event came. */
  readonly label: string;
  /** What the machine did, in order. */
  readonly effects: readonly MachineEvent[];
  /** The thread's control word afterwards. */
  readonly word: number;
  /** Whether the kernel has a grant outstanding for the thread afterwards. */
  readonly granted: boolean;
}

/** One schedule of a model, moment by moment. */
export interface Run {
  /** What was run. */
  readonly model: Model;
  /** The choices that were made; the same make the same run. */
  readonly choices: string;
  /** What happened, in order. */
  readonly moments: readonly Moment[];
  /** What was broken, and by the last moment; null: nothing. */
  readonly violation: string | null;
}

/**
 * Runs a model once.
 * @param moves stop after so many; default 10,000. Infinity: when it ends.
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`; `ERR_RSEQ_INVALID_MODEL` when the model
 * contradicts itself.
 */
export function run(model: Model, chooser: Chooser, moves = 10_000): Run {
  checkValue('run()', 'chooser', chooser, CHOOSER);
  checkValue('run()', 'moves', moves, MOVES);
  const world = new ExploredWorld(model);
  const moments: Moment[] = [];
  const made: number[] = [];
  const possible = new Int32Array(mostMoves(model));
  let effects: MachineEvent[] = [];
  world.onEvent = (event) => effects.push(event);
  let violation: string | null = null;
  while (moments.length < moves && violation === null) {
    const count = world.moves(possible);
    if (count === 0) {
      violation = world.stuck();
      break;
    }
    const choice = ask(chooser, count, 'what happens next');
    const move = possible[choice] ?? 0;
    const { thread, event } = world.describe(move);
    const label = world.label(thread);
    // A model says which CPU a thread begins on; the machine knows only whether it has moved from
    // there.
    const cpu = (model.threads[thread]?.cpu ?? 0) ^ world.machine.cpu(thread);
    effects = [];
    violation = world.move(move);
    made.push(choice);
    moments.push({
      thread,
      cpu,
      event,
      label,
      effects,
      word: world.threads[thread]?.word[0] ?? 0,
      granted: world.machine.isGranted(thread),
    });
  }
  return { model, choices: formatChoices(made), moments, violation };
}
