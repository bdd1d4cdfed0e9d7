// SPDX-License-Identifier: MIT
/**
 * What was found about sections, for people: what each loop takes, and how the
 * loops stand to one another, compared round by round.
 */
import { formatLegend, formatTable, wrap } from 'rseq-slice/internal';
import type { TableStyle } from 'rseq-slice/internal';
import { cautionsAbout, describePlace, newsOf } from '../machine.ts';
import { summarize, titleOfIntervals } from '../statistics.ts';
import type { Summary } from '../statistics.ts';
import type { Samples } from './loops.ts';
import type { Comparison, SectionsRecord } from './record.ts';

/**
 * What is aimed at, where that is anybody's business: in the benchmarks of this project, not in
 * those of its users.
 */
export interface Target {
  readonly aim: string;
  readonly isMet: (value: number) => boolean;
}

/** How two loops compare. */
export interface Question {
  readonly name: string;
  readonly meaning: string;
  readonly of: string;
  readonly by: string;
  readonly unit: string;
  readonly compare: (of: number, by: number) => number;
  readonly target?: Target;
}

const ratio = (of: number, by: number): number => of / by;

/**
 * Says something where a thread has another kernel than the simulated one: else both sides are the
 * same.
 */
const OF_BOTH_KERNELS = 'lone / simulated';

/** Those that say something of a thread with this host. */
export function tellingOf<T extends { readonly name: string }>(
  comparisons: readonly T[],
  host: string,
): T[] {
  return comparisons.filter(({ name }) => host !== 'simulated' || name !== OF_BOTH_KERNELS);
}

/** What can be asked of the loops that every host has. */
export const QUESTIONS: readonly Question[] = [
  {
    name: 'JS - empty loop',
    meaning: 'what a section costs',
    of: 'js',
    by: 'empty',
    unit: ' ns',
    compare: (of, by) => of - by,
  },
  {
    name: OF_BOTH_KERNELS,
    meaning: "a section of this host's kernel, to one of the simulated kernel",
    of: 'lone',
    by: 'simulated',
    unit: '',
    compare: ratio,
  },
  {
    name: 'N-API pair / JS',
    meaning: 'a section of two native calls, to one of plain stores',
    of: 'napi',
    by: 'js',
    unit: '',
    compare: ratio,
  },
];

/**
 * Compares round by round, so that a slow moment of the machine is in both sides.
 * `least` compares the best of both: what a quiet machine would show.
 */
export function compareLoops(
  samples: Samples,
  questions: readonly Question[] = QUESTIONS,
): Comparison[] {
  return questions.map(({ name, meaning, of, by, unit, target, compare }) => {
    const about = { name, meaning, unit };
    const judge = (median: number | null): Pick<Comparison, 'aim' | 'met'> =>
      target === undefined
        ? {}
        : { aim: target.aim, met: median === null ? null : target.isMet(median) };
    const ours = samples.get(of);
    const theirs = samples.get(by);
    if (ours === undefined || theirs === undefined)
      return { ...about, value: null, ...judge(null) };
    const rounds = summarize(ours.map((time, round) => compare(time, theirs[round] ?? NaN)));
    const value = { ...rounds, least: compare(Math.min(...ours), Math.min(...theirs)) };
    return { ...about, value, ...judge(value.median) };
  });
}

function figures({ median, interval: [low, high], least }: Summary): string[] {
  return [median.toFixed(2), `${low.toFixed(2)} .. ${high.toFixed(2)}`, least.toFixed(2)];
}

type Named = readonly { readonly name: string; readonly what: string }[];

/** @param first what the rows are */
function headOf(first: string, summaries: readonly (Summary | null)[]): string[] {
  return [first, 'median', titleOfIntervals(summaries), 'least'];
}

function loopTable(loops: Named, samples: Samples, style: TableStyle): string {
  const all = loops.map(({ name }) => ({ name, summary: summarize(samples.get(name) ?? []) }));
  return formatTable(
    headOf(
      'ns per operation',
      all.map(({ summary }) => summary),
    ),
    all.map(({ name, summary }) => [name, ...figures(summary)]),
    style,
  );
}

/** While it goes on. */
export const formatLoops = (loops: Named, samples: Samples): string =>
  loopTable(loops, samples, {});

export function formatSections(
  loops: Named,
  samples: Samples,
  comparisons: readonly Comparison[],
  style: TableStyle = {},
): string {
  const hasTargets = comparisons.some(({ aim }) => aim !== undefined);
  const rows = comparisons.map(({ name, value, unit, aim = '', met = null }) => [
    `${name}${unit === '' ? '' : `,${unit}`}`,
    ...(value === null ? ['not measured', '', ''] : figures(value)),
    ...(hasTargets ? [`${aim}${met === null ? '' : met ? ': met' : ': missed'}`] : []),
  ]);
  const head = [
    ...headOf(
      'compared',
      comparisons.map(({ value }) => value),
    ),
    ...(hasTargets ? ['target'] : []),
  ];
  const legend = (entries: readonly (readonly [string, string])[]): string =>
    formatLegend(entries, style);
  return [
    loopTable(loops, samples, style),
    legend([
      ...loops.map(({ name, what }) => [name, what] as const),
      ['least', 'the best round: what a quieter machine would show'],
    ]),
    formatTable(head, rows, style),
    legend(comparisons.map(({ name, meaning }) => [name, meaning] as const)),
  ].join('\n');
}

/** What the simulated kernel calls its registration and ABI says nothing. */
function describeThread({ host, registration, abiVersion }: SectionsRecord['thread']): string {
  return host === 'simulated'
    ? 'host simulated'
    : `host ${host}, area ${registration}, ABI ${abiVersion}`;
}

/**
 * All that a record of sections says.
 * @param said what the reader was told before, and what this tells besides
 */
export function formatRecord(
  record: SectionsRecord,
  loops: Named,
  samples: Samples,
  style: TableStyle = {},
  said: Set<string> = new Set(),
): string {
  const { thread, rounds, comparisons, notes } = record;
  const { width = Infinity } = style;
  const about = `${describePlace(record)}; ${describeThread(thread)}; ${rounds} rounds`;
  const news = newsOf([...cautionsAbout(record), ...notes], said);
  return `${wrap(about, width)}\n\n${formatSections(loops, samples, comparisons, style)}${news.length > 0 ? `\n${news.map((note) => wrap(note, width)).join('\n')}\n` : ''}`;
}
