// SPDX-License-Identifier: MIT
/**
 * The restartable sequences of `rseq_percpu.h` as models for the explorer, instruction by
 * instruction: threads of one CPU that add to the same counter, pop and push the same nodes, or put
 * records into the same ring, and are scheduled out, have a signal or come back on another CPU
 * between any two instructions. Each stripe is in the shared words, and so is what a program knows
 * beyond its own: who has a node, what has been put.
 *
 * They all have one CPU's turns, so that one goes on only when the other was scheduled out, which
 * is what makes a sequence work. A migration changes the id of the thread that has the CPU. So
 * what cannot be seen here is a thread that works on the stripe of a CPU that it has left: the
 * tests in C have that.
 */
import { AREA_OFFSETS } from '../../../../lib/abi/kernel.ts';
import type { Model, Step, World, WorldThread } from '../../../../lib/simulated/explorer/model.ts';

const RSEQ_CS = AREA_OFFSETS.rseq_cs / 4;
const CPU_ID = AREA_OFFSETS.cpu_id / 4;

/** CPUs that a thread of a model can be on. */
const STRIPES = 2;

// Registers.
const STRIPE = 0;
const SEEN = 1;
const NEXT = 2;
const DONE = 3;
const NODE = 4;
const COPIED = 5;
const REGISTERS = 6;

export type Mistake =
  /** Nothing is noted in the area: no sequence at all. */
  | 'plain'
  /** Something is done behind the store that commits. */
  | 'commits too early'
  /** What stands there is not compared with what was expected. */
  | 'compares nothing'
  /** The first node is read before the descriptor is noted. */
  | 'reads the list first';

const at = (thread: WorldThread, register: number): number => thread.registers[register] ?? 0;

const set = (thread: WorldThread, register: number, value: number): void => {
  thread.registers[register] = value;
};

const NOTE = 'note the descriptor';

/** An instruction outside of the sequence. */
const step = (label: string, run: Step['run']): Step => ({ label, run });

/** An instruction of the sequence. */
const inside = (label: string, run: Step['run']): Step => ({ label, restart: NOTE, run });

const readId = (thread: WorldThread): undefined => {
  set(thread, STRIPE, thread.area[CPU_ID] ?? 0);
  return undefined;
};

/** From the descriptor to the id; what follows is the sequence's own. */
const begin = (mistake: Mistake | undefined): Step[] => [
  step(NOTE, (thread) => {
    if (mistake !== 'plain') thread.area[RSEQ_CS] = 1;
    return undefined;
  }),
  inside('read the id', readId),
];

/** Does everything again until it was done so often. */
const again = (rounds: number, label: string): Step =>
  step('once more?', (thread) => {
    set(thread, DONE, at(thread, DONE) + 1);
    for (const register of [STRIPE, SEEN, NEXT, NODE, COPIED]) set(thread, register, 0);
    return at(thread, DONE) < rounds ? label : 'end';
  });

const END = step('end', () => undefined);

const sum = (words: Int32Array, from: number, to: number): number =>
  words.subarray(from, to).reduce((total, word) => total + word, 0);

const haveAllEnded = (world: World): boolean =>
  world.threads.every(({ index }) => world.hasEnded(index));

interface Options {
  readonly threads?: number;
  readonly rounds?: number;
  readonly mistake?: Mistake;
}

function model(
  what: string,
  { threads = 2, mistake }: Options,
  shared: number,
  steps: readonly Step[],
  invariant: (world: World) => string | null,
): Model {
  return {
    name: [what, `${threads} threads`, ...(mistake === undefined ? [] : [mistake])].join(', '),
    migration: true,
    shared,
    threads: Array.from({ length: threads }, () => ({ registers: REGISTERS, steps })),
    invariant,
  };
}

/** Each adds one to the word of its stripe, so often. */
export function addModel(options: Options): Model {
  const { threads = 2, rounds = 2, mistake } = options;
  const steps = [
    ...begin(mistake),
    inside('load', (thread) => {
      set(thread, SEEN, thread.shared[at(thread, STRIPE)] ?? 0);
      return undefined;
    }),
    inside('store', (thread) => {
      thread.shared[at(thread, STRIPE)] = at(thread, SEEN) + 1;
      return undefined;
    }),
    again(rounds, NOTE),
    END,
  ];
  return model('add', options, STRIPES, steps, (world) => {
    const total = sum(world.shared, 0, STRIPES);
    if (total > threads * rounds) return `${total} were added, and ${threads * rounds} tried to`;
    if (!haveAllEnded(world) || total === threads * rounds) return null;
    return `${total} of ${threads * rounds} were added`;
  });
}

/** Each claims its stripe's word if that is free, and gives it back. */
export function claimModel(options: Options): Model {
  const { rounds = 1, mistake } = options;
  /** Who has claimed the stripe, as the one who did knows. */
  const claims = STRIPES;
  const steps = [
    ...begin(mistake),
    inside('load', (thread) => {
      set(thread, SEEN, thread.shared[at(thread, STRIPE)] ?? 0);
      return undefined;
    }),
    inside('compare', (thread) =>
      at(thread, SEEN) !== 0 && mistake !== 'compares nothing' ? 'once more?' : undefined,
    ),
    inside('store', (thread) => {
      const { shared } = thread;
      const stripe = at(thread, STRIPE);
      shared[stripe] = thread.index + 1;
      // It knows by the next instruction, which is its own and cannot be seen by others.
      shared[claims + stripe] = (shared[claims + stripe] ?? 0) + 1;
      return undefined;
    }),
    step('use it', () => undefined),
    step('give it back', (thread) => {
      const { shared } = thread;
      const stripe = at(thread, STRIPE);
      shared[claims + stripe] = (shared[claims + stripe] ?? 0) - 1;
      shared[stripe] = 0;
      return undefined;
    }),
    again(rounds, NOTE),
    END,
  ];
  return model('claim', options, 2 * STRIPES, steps, (world) =>
    world.shared.subarray(claims).some((count) => count > 1) ? 'two have claimed a stripe' : null,
  );
}

/** Each pops a node and pushes it again, on whatever stripe it is then, so often. */
export function listModel(options: Options): Model {
  const { rounds = 1, mistake } = options;
  const nodes = 2;
  /** Behind the heads, by nodes from 1 on: what follows, and who has it. */
  const links = STRIPES - 1;
  const owners = links + nodes;
  const readFirst = (thread: WorldThread): undefined => {
    set(thread, NODE, thread.shared[at(thread, STRIPE)] ?? 0);
    return undefined;
  };
  const popping =
    mistake === 'reads the list first'
      ? [
          step('read the id', readId),
          step('load the first', readFirst),
          step(NOTE, (thread) => {
            thread.area[RSEQ_CS] = 1;
            return undefined;
          }),
        ]
      : [...begin(mistake), inside('load the first', readFirst)];
  const pushing = (label: string, run: Step['run']): Step => ({
    label: `push: ${label}`,
    ...(label === NOTE ? {} : { restart: `push: ${NOTE}` }),
    run,
  });
  const steps = [
    ...popping,
    inside('is there one?', (thread) => (at(thread, NODE) === 0 ? 'once more?' : undefined)),
    inside('load its link', (thread) => {
      set(thread, NEXT, thread.shared[links + at(thread, NODE)] ?? 0);
      return undefined;
    }),
    inside('store the rest', (thread) => {
      const { shared } = thread;
      const node = at(thread, NODE);
      shared[at(thread, STRIPE)] = at(thread, NEXT);
      shared[owners + node] = (shared[owners + node] ?? 0) + 1;
      return undefined;
    }),
    step('forget the way', (thread) => {
      for (const register of [STRIPE, NEXT]) set(thread, register, 0);
      return undefined;
    }),
    pushing(NOTE, (thread) => {
      if (mistake !== 'plain') thread.area[RSEQ_CS] = 1;
      return undefined;
    }),
    pushing('read the id', readId),
    pushing('load the first', (thread) => {
      set(thread, SEEN, thread.shared[at(thread, STRIPE)] ?? 0);
      return undefined;
    }),
    pushing('store the link', (thread) => {
      thread.shared[links + at(thread, NODE)] = at(thread, SEEN);
      return undefined;
    }),
    pushing('store the first', (thread) => {
      const { shared } = thread;
      const node = at(thread, NODE);
      shared[at(thread, STRIPE)] = node;
      shared[owners + node] = (shared[owners + node] ?? 0) - 1;
      return undefined;
    }),
    again(rounds, mistake === 'reads the list first' ? 'read the id' : NOTE),
    END,
  ];
  const words = owners + nodes + 1;
  /** The nodes are put there first, by the one that begins. */
  const FILLED = words;
  const fill = step('fill the list', (thread) => {
    const { shared } = thread;
    if (shared[FILLED] !== 0) return undefined;
    shared[FILLED] = 1;
    shared[0] = 1;
    for (let node = 1; node < nodes; node++) shared[links + node] = node + 1;
    return undefined;
  });
  return model('pop and push', options, words + 1, [fill, ...steps], (world) => {
    const { shared } = world;
    const found: number[] = [];
    for (let stripe = 0; stripe < STRIPES; stripe++) {
      for (let node = shared[stripe] ?? 0; node !== 0; node = shared[links + node] ?? 0) {
        if (found.includes(node)) return `node ${node} is in the lists twice`;
        found.push(node);
      }
    }
    for (let node = 1; node <= nodes; node++) {
      const owned = shared[owners + node] ?? 0;
      if (owned > 1) return `two have node ${node}`;
      if (owned > 0 && found.includes(node))
        return `node ${node} is in a list, and somebody has it`;
    }
    if (!haveAllEnded(world) || shared[FILLED] === 0 || found.length === nodes) return null;
    return `${nodes - found.length} nodes were lost`;
  });
}

/** Each puts records of two words into the ring of its stripe, so often, and nobody takes one. */
export function ringModel(options: Options): Model {
  const { threads = 2, rounds = 1, mistake } = options;
  const capacity = 2;
  const record = 2;
  const stripeWords = 1 + capacity * record;
  const slot = (thread: WorldThread): number =>
    at(thread, STRIPE) * stripeWords + 1 + (at(thread, SEEN) % capacity) * record;
  /** Number of the record: whose, and which. */
  const value = (thread: WorldThread): number => thread.index * rounds + at(thread, DONE) + 1;
  const copy = (word: number): Step =>
    inside(`copy word ${word}`, (thread) => {
      thread.shared[slot(thread) + word] = value(thread);
      return undefined;
    });
  const commit = inside('store the count', (thread) => {
    thread.shared[at(thread, STRIPE) * stripeWords] = at(thread, SEEN) + 1;
    return undefined;
  });
  const steps = [
    ...begin(mistake),
    inside('load the count', (thread) => {
      set(thread, SEEN, thread.shared[at(thread, STRIPE) * stripeWords] ?? 0);
      return at(thread, SEEN) === capacity ? 'once more?' : undefined;
    }),
    ...(mistake === 'commits too early' ? [copy(0), commit, copy(1)] : [copy(0), copy(1), commit]),
    again(rounds, NOTE),
    END,
  ];
  return model('put', options, STRIPES * stripeWords, steps, (world) => {
    const { shared } = world;
    const all: number[] = [];
    for (let stripe = 0; stripe < STRIPES; stripe++) {
      const from = stripe * stripeWords;
      for (let i = 0; i < (shared[from] ?? 0); i++) {
        const [one, other] = shared.subarray(from + 1 + i * record);
        if (one !== other) return `a record is torn: ${one} and ${other}`;
        if (all.includes(one ?? 0)) return `record ${one} is there twice`;
        all.push(one ?? 0);
      }
    }
    if (!haveAllEnded(world) || threads * rounds > capacity || all.length === threads * rounds)
      return null;
    return `${threads * rounds - all.length} records were lost`;
  });
}
