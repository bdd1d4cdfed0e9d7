// SPDX-License-Identifier: MIT
/**
 * What was found about locks, for people: one table of all cells, one of how slices on stands to
 * slices off.
 */
import { formatLegend, formatTable, wrap } from 'rseq-slice/internal';
import type { TableStyle } from 'rseq-slice/internal';
import { cautionsAbout, describePlace, newsOf } from '../machine.ts';
import { FEWEST_SAMPLES, nameOfIntervals, titleOfIntervals } from '../statistics.ts';
import type { Summary } from '../statistics.ts';
import type { Cell, CellSummary, CountSummary, PairSummary, Summaries } from './aggregate.ts';
import type { Against, Comparison, Overall } from './compare.ts';
import type { LocksRecord } from './run.ts';

/** @param value of any size */
function short(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en');
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

const NOTHING = '-';

const median = (summary: Summary | null | undefined, unit = 1): string =>
  summary === null || summary === undefined ? NOTHING : short(summary.median / unit);

/** With its interval, where there is one. */
function spread(summary: Summary | null | undefined): string {
  if (summary === null || summary === undefined) return NOTHING;
  const [low, high] = summary.interval.map(short);
  return summary.coverage === 0
    ? short(summary.median)
    : `${short(summary.median)} (${String(low)} .. ${String(high)})`;
}

const US = 1000;

/** What tells rows apart; what is the same in all of them is said above the table. */
function placeColumns(cells: readonly Cell[]): {
  readonly names: string[];
  readonly of: (cell: Cell) => string[];
  readonly common: string;
} {
  const isOne = new Set(cells.map(({ section, gap }) => JSON.stringify([section, gap]))).size === 1;
  const isSame = cells.every(({ section, gap }) => section === gap);
  const [first] = cells;
  return {
    names: ['lock', 'workers', ...(isOne ? [] : ['section', ...(isSame ? [] : ['gap'])])],
    of: ({ kind, workers, section, gap }) => [
      kind,
      String(workers),
      ...(isOne ? [] : [String(section), ...(isSame ? [] : [String(gap)])]),
    ],
    common:
      first === undefined || !isOne
        ? ''
        : `sections of ${first.section} us, ${first.gap === first.section ? 'as much' : `${first.gap} us`} between them`,
  };
}

interface Column {
  readonly name: string;
  readonly meaning: string;
  /** Also while it goes on, where there is little room. */
  readonly brief: boolean;
  readonly show: (figures: Summaries, slices: CellSummary['slices']) => string;
}

const YIELDS = 'yields/s';

const COLUMNS: readonly Column[] = [
  {
    name: 'p50',
    meaning: 'us from wanting the lock to having it: half of the waits were no longer',
    brief: true,
    show: (figures) => median(figures['p50'], US),
  },
  {
    name: 'p99',
    meaning: '99 % of the waits were no longer, and so on',
    brief: false,
    show: (figures) => median(figures['p99'], US),
  },
  { name: 'p99.9', meaning: '', brief: true, show: (figures) => median(figures['p999'], US) },
  {
    name: 'max',
    meaning: 'the longest of the waits that were timed',
    brief: true,
    show: (figures) => median(figures['max'], US),
  },
  {
    name: 'parks/s',
    meaning: 'waits a second in which the worker went to sleep',
    brief: true,
    show: (figures) => median(figures['parks']),
  },
  {
    name: YIELDS,
    meaning: 'sections a second that were finished in an extension',
    brief: false,
    show: (figures, slices) => (slices === 'off' ? NOTHING : median(figures['yielded'])),
  },
  {
    name: 'gave up/s',
    meaning: 'times a second that a worker gave up its CPU by itself',
    brief: false,
    show: (figures) => median(figures['voluntary']),
  },
  {
    name: 'preempted/s',
    meaning: 'times a second that the scheduler took it away',
    brief: false,
    show: (figures) => median(figures['involuntary']),
  },
  {
    name: 'CPUs',
    meaning: 'how many were busy on average',
    brief: false,
    show: (figures) => median(figures['cpus']),
  },
  {
    name: 'fairness',
    meaning: 'sections of the worker that had fewest, to those of the one that had most',
    brief: false,
    show: (figures) => median(figures['leastToMost']),
  },
];
const BRIEF = COLUMNS.filter(({ brief }) => brief);

/** A few columns, for what goes on. */
export function formatBriefly(cells: readonly CellSummary[]): string {
  const place = placeColumns(cells);
  const rows = cells.map(({ slices, figures, ...cell }) => [
    ...place.of(cell),
    slices,
    median(figures['throughput']),
    ...BRIEF.map(({ show }) => show(figures, slices)),
  ]);
  return formatTable(
    [...place.names, 'slices', 'sections/s', ...BRIEF.map(({ name }) => name)],
    rows,
  );
}

const TIMES = [
  ['section, gap', 'us of work with the lock held, and between two sections'],
] as const;

export function formatCells(cells: readonly CellSummary[], style: TableStyle = {}): string {
  const place = placeColumns(cells);
  const sure = nameOfIntervals(cells.map(({ figures }) => figures['throughput']));
  const throughput = `sections/s (${titleOfIntervals(cells.map(({ figures }) => figures['throughput']))})`;
  // Without slices there is nothing in it.
  const columns = COLUMNS.filter(
    ({ name }) => name !== YIELDS || cells.some(({ slices }) => slices === 'on'),
  );
  const rows = cells.map(({ slices, figures, ...cell }) => [
    ...place.of(cell),
    slices,
    spread(figures['throughput']),
    ...columns.map(({ show }) => show(figures, slices)),
  ]);
  const head = [...place.names, 'slices', throughput, ...columns.map(({ name }) => name)];
  const table = formatTable(head, rows, { ...style, keys: place.names.length + 1 });
  const legend = formatLegend(
    [
      ...(place.common === '' ? TIMES : []),
      [
        'sections/s',
        `of all workers together. All figures are medians over the rounds${sure === 'no interval' ? '' : `; the brackets contain the true median with a probability of ${sure}`}`,
      ],
      ...columns
        .filter(({ meaning }) => meaning !== '')
        .map(({ name, meaning }) => [name, meaning] as const),
    ],
    style,
  );
  return `${table}\n${legend}`;
}

const COMPARED = [
  ['throughput', 'sections/s'],
  ['p50', 'p50'],
  ['p99', 'p99'],
  ['p999', 'p99.9'],
  ['max', 'max'],
  ['parks', 'parks'],
] as const;

export function formatPairs(pairs: readonly PairSummary[], style: TableStyle = {}): string {
  const place = placeColumns(pairs);
  const rounds = new Set(pairs.map((pair) => pair.rounds));
  const counts = rounds.size > 1;
  const sure = COMPARED.map(([figure]) =>
    nameOfIntervals(pairs.map(({ ratios }) => ratios[figure])),
  );
  const head = [
    ...place.names,
    ...(counts ? ['rounds'] : []),
    ...COMPARED.map(([, name], index) => `${name} (${String(sure[index])})`),
  ];
  const rows = pairs.map(({ ratios, rounds, ...cell }) => [
    ...place.of(cell),
    ...(counts ? [String(rounds)] : []),
    ...COMPARED.map(([figure]) => spread(ratios[figure])),
  ]);
  const table = formatTable(head, rows, { ...style, keys: place.names.length + (counts ? 1 : 0) });
  const about =
    'With slices to without: medians of the ratios within a round. 1: no difference; an interval that contains 1 shows none.';
  return `${wrap(about, style.width ?? Infinity)}\n${table}`;
}

/** Per section, and per contended one. */
const COUNTED = [
  ['parks', 'parks', 'times that a waiter fell asleep'],
  ['wakes', 'wakes', 'calls that woke someone'],
  [
    'vain',
    'in vain',
    'calls that found nobody asleep, and woken waiters that fell asleep again before they had the lock',
  ],
  ['systemCalls', 'calls', 'system calls of the lock: to sleep, to wake, to yield'],
  ['operations', 'ops', 'operations on shared words, Atomics without wait and notify'],
] as const;

/** Counts are small, and differences between small ones matter. */
const count = (summary: Summary | null | undefined): string =>
  summary === null || summary === undefined ? NOTHING : summary.median.toFixed(3);

/** What does not depend on the machine's speed. */
export function formatCounts(counts: readonly CountSummary[], style: TableStyle = {}): string {
  const place = placeColumns(counts);
  const head = [
    ...place.names,
    'slices',
    'contended',
    ...COUNTED.flatMap(([, name]) => [name, `${name}/cont.`]),
  ];
  const rows = counts.map(({ slices, figures, ...cell }) => [
    ...place.of(cell),
    slices,
    count(figures['contended']),
    ...COUNTED.flatMap(([figure]) => [
      count(figures[figure]),
      count(figures[`${figure}PerContended`]),
    ]),
  ]);
  const about =
    'Counted in runs of their own, which are slower than those that are timed. Medians over these rounds, each per section, and with /cont. per contended section.';
  const legend = formatLegend(
    [
      [
        'contended',
        'share of sections whose lock() took more operations than that of a lock nobody else wants',
      ],
      ...COUNTED.map(([, name, meaning]) => [name, meaning] as const),
      ['ops/cont.', 'those beyond what a section takes that is not contended'],
    ],
    style,
  );
  return `${wrap(about, style.width ?? Infinity)}\n${formatTable(head, rows, { ...style, keys: place.names.length + 1 })}\n${legend}`;
}

const named = (against: Against | null): string => against?.kind ?? NOTHING;

/** Throughput first: more is better; then waits, of which less is. */
export function formatComparisons(
  comparisons: readonly Comparison[],
  overall: readonly Overall[],
  style: TableStyle = {},
): string {
  const { width = Infinity } = style;
  const place = placeColumns(comparisons);
  const head = [
    ...place.names,
    'slices',
    ...['best others', 'sections/s to it', 'least waits', 'p99.9 to it'],
    ...['own hands', 'sections/s to it', 'p99.9 to it'],
  ];
  const rows = comparisons.map(({ slices, best, baseline, ...cell }) => [
    ...place.of(cell),
    slices,
    named(best.throughput),
    spread(best.throughput?.ratio),
    named(best.p999),
    spread(best.p999?.ratio),
    named(baseline.throughput ?? baseline.p999),
    spread(baseline.throughput?.ratio),
    spread(baseline.p999?.ratio),
  ]);
  const about =
    'Our locks to others in the same cell, medians of the ratios within a round. Of sections more is better, of waits less.';
  const legend = formatLegend(
    [
      [
        'best others',
        'the lock with most sections/s of those that could be used instead, which locks in C and between tasks of one thread could not',
      ],
      ['least waits', 'the one of them with the lowest p99.9'],
      ['own hands', 'the lock that a program would write for itself'],
    ],
    style,
  );
  const sums = overall.map((each) => wrap(overallLine(each), width, 2)).join('\n');
  return `${wrap(about, width)}\n${formatTable(head, rows, { ...style, keys: place.names.length + 1 })}\n${legend}${sums}\n`;
}

function overallLine({ kind, slices, against, figure, cells, mean, worst }: Overall): string {
  const what = figure === 'throughput' ? 'sections/s' : 'p99.9 wait';
  const to = against === 'best' ? 'the best of the others' : worst.against;
  const where = `${worst.workers} workers, ${worst.section} us${worst.gap === worst.section ? '' : `, gap ${worst.gap} us`}`;
  return `${kind}, slices ${slices}: ${what} ${mean.toFixed(2)} of ${to} (geometric mean of ${cells} ${cells === 1 ? 'cell' : 'cells'}); worst ${worst.ratio.toFixed(2)} at ${where}${against === 'best' ? `, of ${worst.against}` : ''}`;
}

/** What went wrong, one line each: a lock that did not exclude, or a run that failed. */
export function failuresOf({
  runs,
  countedRuns,
}: Pick<LocksRecord, 'runs' | 'countedRuns'>): string[] {
  return [...runs, ...countedRuns].flatMap(
    ({ kind, workers, section, slices, round, measured, error }) => {
      const wrong = error ?? measured?.wrong.join('; ') ?? '';
      return wrong === ''
        ? []
        : [
            `WRONG: ${kind}, ${workers} workers, ${section} us, slices ${slices}, round ${round + 1}: ${wrong}`,
          ];
    },
  );
}

/** Said where a difference would be read out of too little. */
const TOO_FEW = `Of fewer than ${FEWEST_SAMPLES} rounds no interval is sure enough to show a difference: --rounds ${FEWEST_SAMPLES}, or more.`;

/** @param said what the reader was told before, and what this tells besides */
export function formatLocks(
  record: LocksRecord,
  style: TableStyle = {},
  said: Set<string> = new Set(),
): string {
  const { paint, width = Infinity } = style;
  const { workload, options, cells, pairs, counts, comparisons, overall, notes } = record;
  const { common } = placeColumns(cells);
  const rounds = `${options.rounds} ${options.rounds === 1 ? 'round' : 'rounds'} of ${options.seconds} s`;
  const about = `${describePlace(record)}; workload ${workload}${common === '' ? '' : `, ${common}`}; ${rounds}`;
  const out = [`${wrap(about, width)}\n`];
  if (cells.length > 0) out.push(formatCells(cells, style));
  if (pairs.length > 0) out.push(formatPairs(pairs, style));
  if (comparisons.length > 0) out.push(formatComparisons(comparisons, overall, style));
  if (counts.length > 0) out.push(formatCounts(counts, style));
  const news = newsOf(
    [...(options.rounds < FEWEST_SAMPLES ? [TOO_FEW] : []), ...cautionsAbout(record), ...notes],
    said,
  );
  if (news.length > 0) out.push(news.map((note) => `${wrap(note, width)}\n`).join(''));
  const failures = failuresOf(record).map((line) => wrap(line, width, 2));
  if (failures.length > 0)
    out.push(
      failures.map((line) => `${paint === undefined ? line : paint('red', line)}\n`).join(''),
    );
  return out.join('\n');
}
