/**
 * What was found about sections, for people: what each loop takes, and how the
 * loops stand to one another, compared round by round.
 */
import { formatTable } from '../../cli/table.ts';
import type { Paint } from '../../cli/command.ts';
import { summarize } from '../statistics.ts';
import type { Summary } from '../statistics.ts';
import type { Samples } from './loops.ts';
import type { SectionsRecord } from './run.ts';

/** How two loops compare, and what is aimed at. */
export interface Question {
  readonly name: string;
  readonly of: string;
  readonly by: string;
  readonly unit: string;
  readonly aim: string;
  readonly target: (value: number) => boolean;
  readonly compare: (of: number, by: number) => number;
}

export interface Comparison {
  readonly name: string;
  /** null: one of the two was not measured. */
  readonly value: Summary | null;
  readonly unit: string;
  readonly aim: string;
  readonly met: boolean | null;
}

const ratio = (of: number, by: number): number => of / by;

/** What can be asked of the loops that every host has. */
export const QUESTIONS: readonly Question[] = [
  { name: 'JS - empty loop', of: 'js', by: 'empty', unit: ' ns', aim: '<= 2 ns', target: (value) => value <= 2, compare: (of, by) => of - by },
  { name: 'lone / simulated', of: 'lone', by: 'simulated', unit: '', aim: '0.8 .. 1.2', target: (value) => value >= 0.8 && value <= 1.2, compare: ratio },
  { name: 'N-API pair / JS', of: 'napi', by: 'js', unit: '', aim: '>= 8', target: (value) => value >= 8, compare: ratio },
];

/**
 * Compares round by round, so that a slow moment of the machine is in both sides.
 * `least` compares the best of both: what a quiet machine would show.
 */
export function compareLoops(samples: Samples, questions: readonly Question[] = QUESTIONS): Comparison[] {
  return questions.map(({ name, of, by, unit, aim, target, compare }) => {
    const ours = samples.get(of);
    const theirs = samples.get(by);
    if (ours === undefined || theirs === undefined) return { name, value: null, unit, aim, met: null };
    const rounds = summarize(ours.map((time, round) => compare(time, theirs[round] ?? NaN)));
    const value = { ...rounds, least: compare(Math.min(...ours), Math.min(...theirs)) };
    return { name, value, unit, aim, met: target(value.median) };
  });
}

function figures({ median, interval: [low, high], least }: Summary): string[] {
  return [median.toFixed(2), `${low.toFixed(2)} .. ${high.toFixed(2)}`, least.toFixed(2)];
}

/** The last column is a text, to the left. */
function withTexts(head: readonly string[], rows: readonly (readonly string[])[], paint?: Paint): string {
  const width = Math.max(...[head, ...rows].map((row) => row.at(-1)?.length ?? 0));
  const padded = [head, ...rows].map((row) => [...row.slice(0, -1), (row.at(-1) ?? '').padEnd(width)]);
  const [first = [], ...rest] = padded;
  return formatTable(first, rest, paint === undefined ? {} : { paint });
}

type Named = readonly { readonly name: string; readonly what: string }[];

export function formatLoops(loops: Named, samples: Samples, paint?: Paint): string {
  const rows = loops.map(({ name, what }) => [name, ...figures(summarize(samples.get(name) ?? [])), what]);
  return withTexts(['ns per operation', 'median', '95 % of median', 'least', 'loop'], rows, paint);
}

export function formatSections(loops: Named, samples: Samples, comparisons: readonly Comparison[], paint?: Paint): string {
  const rows = comparisons.map(({ name, value, unit, aim, met }) =>
    value === null
      ? [name, '', '', '', `not measured (target ${aim})`]
      : [name, ...figures(value), `${unit === '' ? '' : `${unit.trim()}; `}target ${aim}: ${met === true ? 'met' : 'missed'}`],
  );
  return `${formatLoops(loops, samples, paint)}\n${withTexts(['compared', 'median', '95 % of median', 'least', ''], rows, paint)}`;
}

/** All that a record of sections says. */
export function formatRecord(record: SectionsRecord, loops: Named, samples: Samples, paint?: Paint): string {
  const { cpu, kernel, node, thread, rounds, comparisons, notes } = record;
  const about = `${cpu}, Linux ${kernel}, Node ${node}; ${[thread.backend, thread.registration, thread.flavour].join(', ')}; ${rounds} rounds`;
  return `${about}\n\n${formatSections(loops, samples, comparisons, paint)}${notes.length > 0 ? `\n${notes.join('\n')}\n` : ''}`;
}
