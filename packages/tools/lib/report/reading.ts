// SPDX-License-Identifier: MIT
/**
 * What the figures of a record say, in sentences: what was measured, where,
 * what slices changed, and how far that can be trusted. An interval that
 * contains 1 shows no difference, and is said to show none.
 */
import { cautionsAbout } from '../bench/machine.ts';
import { coverageOf, FEWEST_SAMPLES, isTelling, nameOfIntervals } from '../bench/statistics.ts';
import { DISTURBED, nameOf, perHundredThousand } from './figures.ts';
import type {
  CellFigures,
  GroupFigures,
  LockFigures,
  OutcomeFigures,
  RecordFigures,
  SettingFigures,
} from './figures.ts';
import { duration, listed, ratio as ratioText, short, whole, withInterval } from './format.ts';
import type { Write } from './format.ts';
import type { Environment, SectionRecord, Spread } from './records.ts';

export interface Reading {
  readonly title: string;
  readonly sentences: readonly string[];
  /** What to bear in mind. */
  readonly cautions: readonly string[];
}

export function readingOf(figures: RecordFigures): Reading {
  return figures.benchmark === 'locks' ? readingOfLocks(figures) : readingOfSections(figures);
}

/** Up to so many configurations, each has a sentence of its own. */
const FEW = 3;

/** What is looked at when slices are compared, in this order. */
const QUESTIONS = [
  { figure: 'throughput', what: 'throughput' },
  { figure: 'p99', what: 'the p99 wait' },
  { figure: 'p999', what: 'the p99.9 wait' },
  { figure: 'parks', what: 'the rate of parks' },
] as const;

export interface Ratio {
  readonly place: string;
  readonly ratio: Spread;
}

function readingOfLocks(figures: LockFigures): Reading {
  const { groups, environment, lane } = figures;
  const kinds = distinct(groups.map(({ kind }) => kind));
  const cells = placesOf(groups);
  const questions = QUESTIONS.map((question) => ({
    ...question,
    ratios: ratiosOf(cells, question.figure),
  }));
  return {
    title: `Locks: ${kinds.length === 0 ? 'nothing measured' : listed(kinds)}${lane === null ? '' : `, ${guestNamed(lane)}`}, Linux ${environment.kernel}`,
    sentences: [
      whatLocks(figures),
      where(environment, figures),
      ...questions.flatMap(({ what, ratios }, index) =>
        changes(what, ratios, cells.length > 1 || index === 0),
      ),
      ...outcomes(cells.map(({ cell }) => cell)),
    ],
    cautions: cautionsOf(
      figures,
      cells.map(({ cell }) => cell),
      questions.flatMap(({ ratios }) => ratios),
    ),
  };
}

function whatLocks({ groups, workload, rounds, seconds }: LockFigures): string {
  if (groups.length === 0) return 'No lock was measured.';
  const cells = groups.flatMap((group) => group.cells);
  const workers = distinct(cells.map((cell) => cell.workers)).sort((a, b) => a - b);
  const sections = distinct(groups.map(({ section }) => section)).sort((a, b) => a - b);
  const both = cells.some(({ on, off }) => on !== null && off !== null);
  const who = `${listed(workers)} ${workers.at(-1) === 1 ? 'worker' : 'workers'}`;
  return `Worker threads contended for a lock (${listed(distinct(groups.map(({ kind }) => kind)))}): ${who}, sections of ${listed(sections)} µs, workload '${workload}'. Each combination was to be measured for ${duration(seconds * 1e9)} in each of ${rounds} ${rounds === 1 ? 'round' : 'rounds'}${both ? ', with slices and without in turns' : ''}.`;
}

/** The guests that the project's own benchmarks run in, in words. */
export function guestNamed(lane: string): string {
  if (lane === 'icount') return 'guest whose clock counts instructions';
  return lane === 'smp' ? 'guest with several CPUs' : `guest '${lane}'`;
}

function where(
  { kernel, arch, cpu, cpus, node, date, guest }: Environment,
  { lane, extension }: { readonly lane: string | null; readonly extension: number | null },
): string {
  const guestIn = guest ? ` in a ${lane === null ? 'guest' : guestNamed(lane)},` : '';
  const extensions = extension === null ? '' : ` An extension lasts up to ${duration(extension)}.`;
  return `This was on ${date.slice(0, 10)}${guestIn} with Linux ${kernel} (${arch}), ${cpus} ${cpus === 1 ? 'CPU' : 'CPUs'} (${cpu}), Node ${node}.${extensions}`;
}

type Place = { readonly group: GroupFigures; readonly cell: CellFigures };

export function placesOf(groups: readonly GroupFigures[]): Place[] {
  return groups.flatMap((group) => group.cells.map((cell) => ({ group, cell })));
}

export function ratiosOf(cells: readonly Place[], figure: string): Ratio[] {
  return cells.flatMap(({ group, cell }) => {
    const ratio = cell.pair?.ratios[figure];
    return ratio === undefined || ratio === null
      ? []
      : [{ place: nameOf({ ...group, workers: cell.workers }), ratio }];
  });
}

/** Which side of 1 an interval is on, where it is sure enough to tell. */
export function sideOf({
  interval: [low, high],
  coverage,
}: Pick<Spread, 'interval' | 'coverage'>): 'more' | 'less' | 'unclear' {
  if (!isTelling({ coverage })) return 'unclear';
  if (low > 1) return 'more';
  return high < 1 ? 'less' : 'unclear';
}

/** What is known of a median besides; of one round, nothing is. */
export function aroundMedian(
  { interval: [low, high], coverage }: Pick<Spread, 'interval' | 'coverage'>,
  write: Write,
): string {
  return coverage === 0
    ? 'one round, no interval'
    : `${nameOfIntervals([{ coverage }])} interval ${write(low)} to ${write(high)}`;
}

const times = (ratio: Spread): string =>
  `${ratioText(ratio.median)} times (${aroundMedian(ratio, ratioText)})`;

/** @param isNamed whether each sentence says of which configuration it is */
function changes(what: string, ratios: readonly Ratio[], isNamed: boolean): string[] {
  if (ratios.length <= FEW) return ratios.map((each) => changeOf(what, each, isNamed));
  const sides = { more: [] as Ratio[], less: [] as Ratio[], unclear: [] as Ratio[] };
  for (const each of ratios) sides[sideOf(each.ratio)].push(each);
  const extremes = [
    ...extreme('most', sides.more, (a, b) => b.ratio.median - a.ratio.median),
    ...extreme('least', sides.less, (a, b) => a.ratio.median - b.ratio.median),
  ];
  const tail = extremes.length === 0 ? '' : ` ${extremes.join(' ')}`;
  return [
    `Of ${ratios.length} configurations, slices raised ${what} in ${sides.more.length} and lowered it in ${sides.less.length}; in ${sides.unclear.length} the interval contains 1${ratios.every(({ ratio }) => isTelling(ratio)) ? '' : ', or is of too few rounds'}, so that no difference is shown.${tail}`,
  ];
}

function changeOf(what: string, { place, ratio }: Ratio, isNamed: boolean): string {
  const side = sideOf(ratio);
  const verdict = !isTelling(ratio)
    ? 'Of so few rounds no difference is shown.'
    : side === 'unclear'
      ? 'The interval contains 1: no difference is shown.'
      : `That is ${side}.`;
  return `With slices, ${what} came to ${times(ratio)} what it was without${isNamed ? `: ${place}` : ''}. ${verdict}`;
}

function extreme(
  which: string,
  ratios: readonly Ratio[],
  order: (a: Ratio, b: Ratio) => number,
): string[] {
  const [first] = [...ratios].sort(order);
  return first === undefined
    ? []
    : [`At ${which} it came to ${times(first.ratio)} what it was without: ${first.place}.`];
}

/** null: no thread was attached. */
export function sumOfOutcomes(cells: readonly CellFigures[]): OutcomeFigures | null {
  const all = cells.flatMap(({ on }) =>
    on?.outcomes === null || on === null ? [] : [on.outcomes],
  );
  if (all.length === 0) return null;
  const sum = (name: keyof OutcomeFigures): number =>
    all.reduce((total, each) => total + each[name], 0);
  return {
    sections: sum('sections'),
    undisturbed: sum('undisturbed'),
    yielded: sum('yielded'),
    raced: sum('raced'),
    preempted: sum('preempted'),
  };
}

function outcomes(cells: readonly CellFigures[]): string[] {
  const total = sumOfOutcomes(cells);
  if (total === null) return [];
  const [yielded, raced, preempted] = DISTURBED.map((name) =>
    short(perHundredThousand(total, total[name])),
  );
  return [
    `Of 100,000 sections with slices, ${String(yielded)} were granted an extension and yielded at their end, ${String(raced)} had one that was over by then, and ${String(preempted)} were scheduled out inside; nothing disturbed the others.`,
  ];
}

function cautionsOf(
  figures: LockFigures,
  cells: readonly CellFigures[],
  ratios: readonly Ratio[],
): string[] {
  const { complete, rounds, failures, environment, notes } = figures;
  const settings = cells.flatMap(({ on, off }) => [on, off]).filter((setting) => setting !== null);
  return [
    ...(complete
      ? []
      : [
          `The benchmark was stopped before its ${rounds} rounds were over; these are the figures so far.`,
        ]),
    ...(failures.length === 0
      ? []
      : [
          `${failures.length} ${failures.length === 1 ? 'run' : 'runs'} failed, or the lock did not exclude in them. They are listed below and are in no figure.`,
        ]),
    ...coverage(settings),
    ...chance(ratios.length),
    ...thinTails(settings),
    ...aboutEnvironment(environment),
    ...notes,
  ];
}

/**
 * The interval of a median of few rounds reaches from the least to the most, and even that is not
 * enough.
 */
function coverage(settings: readonly SettingFigures[]): string[] {
  const rounds = Math.min(...settings.map((setting) => setting.rounds));
  if (rounds >= FEWEST_SAMPLES || settings.length === 0) return [];
  if (rounds === 1)
    return [
      'There is only one round, so intervals are no wider than a point and mean nothing. Measure at least six.',
    ];
  const percent = nameOfIntervals([{ coverage: coverageOf(rounds) }]);
  return [
    `With ${rounds} rounds an interval reaches from the least to the most, and contains the true median with a probability of ${percent} only. Measure at least six.`,
  ];
}

function chance(count: number): string[] {
  if (count < 20) return [];
  return [
    `These sentences go by ${count} ratios. If slices changed nothing at all, about ${Math.round(count / 20)} of their intervals would miss 1 by chance.`,
  ];
}

/** A percentile that fewer waits of a round lie beyond jumps from round to round. */
const BEYOND = 10;

/** How many waits a round has to time for a percentile that is worth a large figure. */
export const samplesFor = (percent: number): number => Math.round((BEYOND * 100) / (100 - percent));

function thinTails(settings: readonly SettingFigures[]): string[] {
  const samples = Math.min(
    ...settings
      .filter(({ waits }) => waits.some(({ percent }) => percent === 99.9))
      .map((setting) => setting.samples),
  );
  if (!(samples < samplesFor(99.9))) return [];
  const beyond = Math.max(1, Math.ceil(samples / 1000));
  const rests =
    beyond === 1
      ? 'The p99.9 and the longest rest on one of them each'
      : `The p99.9 rests on the longest ${beyond} of them, and the longest on one`;
  return [
    `A round timed as few as ${whole(Math.round(samples))} waits. ${rests}: such figures jump from round to round.`,
  ];
}

function aboutEnvironment({
  guest,
  emulated,
  hypervisor,
  load,
  cpus,
  modified,
}: Environment): string[] {
  return [
    ...cautionsAbout(
      {
        guest: guest && emulated !== null,
        emulated: emulated ?? false,
        hypervisor,
        load: load ?? 0,
      },
      cpus,
    ),
    // Older records do not tell what kind of guest it was.
    ...(guest && emulated === null
      ? [
          'Times in a guest are also those of the host and of the emulation: ratios say more than times do.',
        ]
      : []),
    ...(modified === true ? ['The sources were modified after the commit that is named.'] : []),
  ];
}

function readingOfSections(record: SectionRecord): Reading {
  const { environment, host, registration, abiVersion, rounds, comparisons, notes } = record;
  const thread =
    host === 'linux'
      ? `Sections asked the kernel for slices (area: ${registration}, ABI: ${abiVersion}).`
      : 'The thread had no slices of the kernel: sections ran on the simulated kernel, which grants nothing.';
  return {
    title: `Sections: what entering and leaving costs, Linux ${environment.kernel}`,
    sentences: [
      `Entering and leaving a section was measured without contention, in ${rounds} rounds that run every loop once. ${thread}`,
      where(environment, { lane: null, extension: null }),
      ...comparisons.map(({ name: loops, meaning, value, unit, aim, met }) => {
        const name =
          meaning === null
            ? loops
            : `${meaning.charAt(0).toUpperCase()}${meaning.slice(1)} (${loops})`;
        if (value === null)
          return `${name}: not measured${aim === null ? '' : ` (target ${aim})`}.`;
        const figure = `${name}: ${withInterval(value, (number) => `${short(number)}${unit}`)}`;
        if (aim === null) return `${figure}.`;
        const verdict = met === null ? 'whether that is met is not known' : met ? 'met' : 'missed';
        return `${figure}; target ${aim}, ${verdict}.`;
      }),
    ],
    cautions: [...aboutEnvironment(environment), ...notes],
  };
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
