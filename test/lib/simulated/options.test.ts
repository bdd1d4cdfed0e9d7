// SPDX-License-Identifier: MIT
/**
 * Whatever of `rseq-slice/simulated` takes options or numbers refuses what means
 * nothing, at once and in words; every function that is exported is in one of
 * the lists here.
 */
import fc from 'fast-check';
import { CONNECT } from '../../../lib/host/port.ts';
import { describe, expect, it } from 'vitest';
import { RseqSliceError } from '../../../lib/errors.ts';
import * as simulated from '../../../lib/simulated/index.ts';
import type { Chooser, Model } from '../../../lib/simulated/index.ts';

const {
  explore,
  exploreChoices,
  lockModel,
  Machine,
  priorityBased,
  run,
  sectionModel,
  SimulatedKernel,
} = simulated;

/** What none of the numbers may be, but for those that may be negative, a fraction or endless. */
const NO_NUMBERS = [null, '1', true, 1n, [1], {}, NaN, -Infinity, 2 ** 53, 1e300, -1e300];
const NO_WHOLE_NUMBERS = [...NO_NUMBERS, 0.5, 1.5, 2 ** 31 - 0.5];
const FROM_0 = [...NO_WHOLE_NUMBERS, -1];
const FROM_1 = [...FROM_0, 0];
const NO_BOOLEANS = [null, 'true', 0, 1, []];
const NO_ABI_VERSIONS = [null, 'mainlin', 7, ['rfc'], {}];
const NO_FUNCTIONS = [null, 'f', {}, 1];
const NO_CHOOSERS = [null, 1, {}, { pick: 1 }, () => 0];
const NO_CHOICES = [
  null,
  1,
  {},
  [NaN],
  [-1],
  [0.5],
  ['0'],
  [Infinity],
  new Array(1),
  new Int32Array(1),
];

interface Subject {
  readonly caller: string;
  readonly call: (options: object) => unknown;
  /** What each of its options cannot be. */
  readonly options: Readonly<Record<string, readonly unknown[]>>;
}

const ONE: Model = { name: 'one', threads: [{ steps: [{ label: 'a', run: () => undefined }] }] };
const nothing = (): void => undefined;

const SUBJECTS: readonly Subject[] = [
  {
    caller: 'new SimulatedKernel()',
    call: (options) => new SimulatedKernel(options),
    options: {
      abiVersion: NO_ABI_VERSIONS,
      feature: [null, 'off', true],
      debug: NO_BOOLEANS,
      sliceExtension: [...FROM_0, Infinity],
      threads: [...FROM_1, Infinity, 1025],
      chooser: NO_CHOOSERS,
      seed: [...NO_WHOLE_NUMBERS, Infinity],
      choices: NO_CHOICES,
    },
  },
  {
    caller: 'new Machine()',
    call: (options) => new Machine(options),
    options: {
      abiVersion: NO_ABI_VERSIONS,
      feature: [null, 'off', true],
      debug: NO_BOOLEANS,
      threads: [...FROM_1, Infinity],
      areas: [...FROM_0, Infinity],
    },
  },
  {
    caller: 'explore()',
    call: (options) => explore(ONE, options),
    options: { disturbances: FROM_0, states: FROM_1 },
  },
  {
    caller: 'exploreChoices()',
    call: (options) => exploreChoices(nothing, options),
    options: { disturbances: FROM_0, runs: FROM_1 },
  },
  {
    caller: 'priorityBased()',
    call: (options) => priorityBased(1, options),
    options: { depth: [...FROM_0, Infinity, 1_000_001], length: [...FROM_1, Infinity] },
  },
  {
    caller: 'lockModel()',
    call: (options) => lockModel('mainline', options),
    options: {
      threads: [...FROM_1, Infinity],
      cpus: [...FROM_1, Infinity],
      rounds: [...FROM_1, Infinity],
    },
  },
  {
    caller: 'sectionModel()',
    call: (options) => sectionModel('mainline', options),
    options: {
      threads: [...FROM_1, Infinity],
      layers: [...FROM_1, Infinity],
      migration: NO_BOOLEANS,
      systemCall: NO_BOOLEANS,
      debug: NO_BOOLEANS,
    },
  },
];

/** What is said of a call; null: nothing. Any other error is thrown on. */
function complaint(call: () => unknown): string | null {
  try {
    call();
    return null;
  } catch (error) {
    if (!RseqSliceError.is(error) || error.code !== 'ERR_RSEQ_INVALID_OPTION') throw error;
    return error.message;
  }
}

describe.each(SUBJECTS)('$caller', ({ caller, call, options }) => {
  const names = Object.keys(options);

  it.each(names)('refuses what %s cannot be', (name) => {
    for (const value of options[name] ?? []) {
      const said = complaint(() => call({ [name]: value }));
      expect(said, String(value)).toContain(`${caller} does not accept ${name}: `);
      expect(said).toMatch(/ It accepts .+\.$/);
    }
  });

  it('refuses names that it does not know, and says which it does', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.constantFrom('thread', 'Flavour', 'constructor', '__proto__')),
        (name) => {
          if (names.includes(name)) return;
          const said = complaint(() => call({ [name]: undefined }));
          expect(said).toContain(`${caller} has no option '`);
          expect(said).toContain(names.join(', '));
        },
      ),
    );
  });

  it('takes an object, or nothing', () => {
    for (const given of [null, 1, 'mainline', [], new Map(), nothing]) {
      expect(complaint(() => call(given as object))).toContain(
        `${caller} takes an object of options, not `,
      );
    }
    expect(complaint(() => call(undefined as unknown as object))).toBeNull();
    expect(
      complaint(() => call(Object.fromEntries(names.map((name) => [name, undefined])))),
    ).toBeNull();
  });
});

describe('arguments', () => {
  const chooser: Chooser = { pick: () => 0 };
  const as = (value: unknown): never => value as never;
  const ARGUMENTS: readonly [
    name: string,
    bad: readonly unknown[],
    call: (value: unknown) => unknown,
  ][] = [
    [
      'seeded() seed',
      [...NO_WHOLE_NUMBERS, Infinity, undefined],
      (value) => simulated.seeded(as(value)),
    ],
    [
      'seeded() rate',
      [...NO_NUMBERS, -0.1, 1.1, Infinity],
      (value) => simulated.seeded(1, as(value)),
    ],
    [
      'priorityBased() seed',
      [...NO_WHOLE_NUMBERS, Infinity, undefined],
      (value) => priorityBased(as(value)),
    ],
    ['replayed() choices', [...NO_CHOICES, undefined], (value) => simulated.replayed(as(value))],
    [
      'parseChoices() text',
      [null, 1, ['0'], undefined],
      (value) => simulated.parseChoices(as(value)),
    ],
    [
      'new Recorder() chooser',
      [...NO_CHOOSERS, undefined],
      (value) => new simulated.Recorder(as(value)),
    ],
    ['exploreChoices() run', [...NO_FUNCTIONS, undefined], (value) => exploreChoices(as(value))],
    ['run() chooser', [...NO_CHOOSERS, undefined], (value) => run(ONE, as(value))],
    ['run() moves', FROM_0, (value) => run(ONE, chooser, as(value))],
    ['lockModel() abiVersion', [...NO_ABI_VERSIONS, undefined], (value) => lockModel(as(value))],
    [
      'sectionModel() abiVersion',
      [...NO_ABI_VERSIONS, undefined],
      (value) => sectionModel(as(value)),
    ],
    [
      'greedyModel() abiVersion',
      [...NO_ABI_VERSIONS, undefined],
      (value) => simulated.greedyModel(as(value)),
    ],
    [
      'sectionProgram() abiVersion',
      [...NO_ABI_VERSIONS, undefined],
      (value) => simulated.sectionProgram(as(value), 1),
    ],
    [
      'sectionProgram() layers',
      [...FROM_1, Infinity],
      (value) => simulated.sectionProgram('rfc', as(value)),
    ],
    [
      'sectionProgram() body',
      [null, 1, [1], [{}], {}],
      (value) => simulated.sectionProgram('rfc', 1, as(value)),
    ],
    [
      'section() abiVersion',
      [...NO_ABI_VERSIONS, undefined],
      (value) => simulated.section(as(value), 'a', 0, []),
    ],
    [
      'section() layer',
      [null, 1, undefined],
      (value) => simulated.section('rfc', as(value), 0, []),
    ],
    [
      'section() first',
      [...FROM_0, Infinity, undefined],
      (value) => simulated.section('rfc', 'a', as(value), []),
    ],
    [
      'section() body',
      [null, 1, [1], [{}], undefined],
      (value) => simulated.section('rfc', 'a', 0, as(value)),
    ],
    ['thread() name', [null, 1, {}, []], (value) => new SimulatedKernel().thread(as(value))],
    [
      'advance() nanoseconds',
      [...FROM_0, Infinity, undefined],
      (value) => {
        new SimulatedKernel().advance(as(value));
      },
    ],
    [
      'migrate() cpu',
      [...FROM_0, Infinity, undefined],
      (value) => {
        new SimulatedKernel().thread().migrate(as(value));
      },
    ],
    [
      'inNextSection() action',
      [...NO_FUNCTIONS, undefined],
      (value) => {
        new SimulatedKernel().thread().inNextSection(as(value));
      },
    ],
    [
      'new Machine() memory',
      [null, [], new Int32Array(35), new Float64Array(99)],
      (value) => new Machine({}, as(value)),
    ],
  ];

  it.each(ARGUMENTS)('%s', (name, bad, call) => {
    const [caller = '', argument = ''] = name.split(/ (?=\w+$)/);
    for (const value of bad) {
      const said = complaint(() => call(value));
      expect(said, String(value)).toContain(`${caller} does not accept ${argument}: `);
    }
  });

  it('is not more than the clock can show', () => {
    const kernel = new SimulatedKernel();
    kernel.advance(Number.MAX_SAFE_INTEGER - 1);
    expect(
      complaint(() => {
        kernel.advance(2);
      }),
    ).toContain('from 0 to 1');
    kernel.advance(1);
    expect(kernel.now).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('at their bounds are accepted', () => {
    expect(simulated.seeded(Number.MIN_SAFE_INTEGER, 1).pick(2, '')).toBe(1);
    expect(
      new SimulatedKernel({ threads: 1024, seed: -1, sliceExtension: 50_000 }).sliceExtension,
    ).toBe(50_000);
    expect(new Machine({ threads: 2 }, new Int32Array(Machine.slots(2))).threads).toBe(2);
    const all = { disturbances: Infinity };
    expect(explore(ONE, { ...all, states: Infinity })).toMatchObject({
      coverage: 'exhausted',
      violation: null,
    });
    expect(exploreChoices(nothing, { ...all, runs: Infinity })).toMatchObject({
      coverage: 'exhausted',
      runs: 1,
    });
    expect(run(ONE, chooser, Infinity).moments).toHaveLength(1);
  });

  it('nothing is exported that is not looked at here', () => {
    const callers = [...SUBJECTS.map(({ caller }) => caller), ...ARGUMENTS.map(([name]) => name)];
    const looked = callers.map((name) => name.replace(/^new |\(\).*/g, ''));
    // What only prints what another function of this package has made.
    const printers = ['formatChoices', 'formatRun', 'traceOfKernel', 'traceOfRun'];
    const functions = Object.entries(simulated).flatMap(([name, value]) =>
      typeof value === 'function' ? [name] : [],
    );
    expect(functions.filter((name) => !looked.includes(name) && !printers.includes(name))).toEqual(
      [],
    );
  });
});

describe('a chooser that answers with no choice is found out', () => {
  it.each([NaN, -1, 0.5, 99, '0', null, undefined, Infinity])('%s', (answer) => {
    const chooser = { pick: () => answer } as unknown as Chooser;
    const answers = 'A chooser answers with a whole number from 0 to ';
    expect(complaint(() => run(sectionModel('mainline'), chooser))).toContain(answers);
    expect(complaint(() => new simulated.Recorder(chooser).pick(3, 'this'))).toContain(answers);
    const cpu = new SimulatedKernel({ chooser }).thread();
    expect(complaint(() => cpu[CONNECT]().enter())).toContain(answers);
  });
});

describe('a model', () => {
  const step = { label: 'a', run: () => undefined };
  const model = (part: object, program: object = {}, inStep: object = {}): Model => {
    const second = { steps: [step, { ...step, label: 'b', ...inStep }], ...program };
    return { name: 'mine', threads: [{ steps: [step] }, second], ...part };
  };
  const said = (made: Model): string | null => complaint(() => explore(made));

  it.each<[name: string, bad: readonly unknown[]]>([
    ['name', [null, 1, undefined]],
    ['abiVersion', NO_ABI_VERSIONS],
    ['feature', [null, 'off']],
    ['debug', NO_BOOLEANS],
    ['threads', [null, [], {}, [1], new Array(1), undefined]],
    ['shared', [...FROM_0, Infinity]],
    ['migration', NO_BOOLEANS],
    ['allowAborts', NO_BOOLEANS],
    ['deaths', [...FROM_0, Infinity]],
    ['giveUps', [...FROM_0, Infinity]],
    ['polls', [...FROM_0, Infinity]],
    ['arrivalOrder', NO_BOOLEANS],
    ['invariant', NO_FUNCTIONS],
  ])('is refused for its %s', (name, bad) => {
    for (const value of bad)
      expect(said(model({ [name]: value }))).toContain(` does not accept ${name}: `);
  });

  it.each<[name: string, bad: readonly unknown[]]>([
    ['name', [null, 1]],
    ['cpu', [...FROM_0, Infinity, 1024]],
    ['registers', [...FROM_0, Infinity]],
    ['unregistered', NO_BOOLEANS],
    ['immortal', NO_BOOLEANS],
    ['steps', [null, {}, [1], undefined]],
  ])("is refused for a program's %s", (name, bad) => {
    for (const value of bad) {
      expect(said(model({}, { [name]: value }))).toContain(
        `Thread 1 of the model 'mine' does not accept ${name}: `,
      );
    }
  });

  it.each<[name: string, bad: readonly unknown[]]>([
    ['label', [null, 1, undefined]],
    ['outside', NO_BOOLEANS],
    ['abortable', NO_BOOLEANS],
    ['polls', NO_BOOLEANS],
    ['run', [...NO_FUNCTIONS, undefined]],
  ])("is refused for a step's %s", (name, bad) => {
    const which = "Step 1 of thread 1 of the model 'mine'";
    for (const value of bad) {
      expect(said(model({}, {}, { [name]: value }))).toContain(
        `${which} does not accept ${name}: `,
      );
    }
  });

  it('is refused for names that are not known', () => {
    const which = "the model 'mine' has no option";
    expect(said(model({ arrivalorder: true }))).toContain(
      "The model 'mine' has no option 'arrivalorder'; it has ",
    );
    expect(said(model({}, { CPU: 1 }))).toContain(`Thread 1 of ${which} 'CPU'; it has `);
    expect(said(model({}, {}, { outsid: true }))).toContain(
      `Step 1 of thread 1 of ${which} 'outsid'; it has `,
    );
    for (const none of [null, undefined, 1, 'mine']) {
      expect(said(none as unknown as Model)).toContain('The explorer does not accept model: ');
    }
  });
});
