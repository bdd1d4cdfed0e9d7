// SPDX-License-Identifier: MIT
/**
 * Every order in which the steps of several threads can happen, over one piece of shared memory.
 * The code that is tried is the real one: it runs against an `Atomics` that counts its steps and
 * stops after so many, so each order is the code itself, cut into pieces.
 */

/** One thread: the code, run from its begin each time. */
export interface Actor<T> {
  readonly run: () => T;
}

/** What the step of a thread was, so that it can be given again without being made. */
type Step = number;

class Paused extends Error {}

const METHODS = ['add', 'load'] as const;

/**
 * Goes through all orders of the threads' steps on the words.
 * @param check what the threads returned, in the order in which they ended; thrown errors end it
 * @returns how many orders there were
 */
export function everyOrder<T>(
  words: Int32Array,
  actors: readonly Actor<T>[],
  check: (ended: readonly { readonly actor: number; readonly result: T }[]) => void,
): number {
  const initial = [...words];
  // Neither of them looks at `this`.
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const real = Object.fromEntries(METHODS.map((name) => [name, Atomics[name]])) as Pick<
    typeof Atomics,
    (typeof METHODS)[number]
  >;
  /** Lets a thread make its next step: it repeats those that it has made, by what they returned. */
  const advance = (actor: Actor<T>, made: readonly Step[]): { result: T } | { step: Step } => {
    let at = 0;
    let step: Step | undefined;
    const stepping =
      (name: (typeof METHODS)[number]) =>
      (array: Int32Array, ...rest: number[]): number => {
        if (array !== words) throw new Error('It used other memory.');
        if (at < made.length) return made[at++] as Step;
        if (step !== undefined) throw new Paused();
        at++;
        step = (real[name] as (...args: unknown[]) => number)(array, ...rest);
        return step;
      };
    try {
      for (const name of METHODS)
        Atomics[name] = stepping(name) as unknown as typeof Atomics.add & typeof Atomics.load;
      return { result: actor.run(), ...(step === undefined ? {} : { step }) };
    } catch (error) {
      if (!(error instanceof Paused) || step === undefined) throw error;
      return { step };
    } finally {
      Object.assign(Atomics, real);
    }
  };
  let orders = 0;
  const visit = (
    memory: readonly number[],
    made: readonly (readonly Step[])[],
    ended: readonly { readonly actor: number; readonly result: T }[],
  ): void => {
    if (ended.length === actors.length) {
      orders++;
      words.set(memory);
      check(ended);
      return;
    }
    actors.forEach((actor, index) => {
      if (ended.some((one) => one.actor === index)) return;
      words.set(memory);
      const outcome = advance(actor, made[index] ?? []);
      const after = [...words];
      if ('result' in outcome)
        visit(after, made, [...ended, { actor: index, result: outcome.result }]);
      else
        visit(
          after,
          made.map((steps, other) => (other === index ? [...steps, outcome.step] : steps)),
          ended,
        );
    });
  };
  visit(
    initial,
    actors.map(() => []),
    [],
  );
  words.set(initial);
  return orders;
}
