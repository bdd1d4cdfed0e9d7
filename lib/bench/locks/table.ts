/** What was found about locks, for people: one table of all cells, one of how slices on stands to slices off. */
import type { Paint } from '../../cli/command.ts';
import { formatTable } from '../../cli/table.ts';
import type { Summary } from '../statistics.ts';
import type { Cell, CellSummary, PairSummary, Run } from './aggregate.ts';
import type { LocksRecord } from './run.ts';

/** @param value of any size */
function short(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en');
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

const median = (summary: Summary | null | undefined, unit = 1): string => (summary === null || summary === undefined ? '-' : short(summary.median / unit));

const interval = (summary: Summary | null | undefined): string => (summary === null || summary === undefined ? '-' : summary.interval.map(short).join(' .. '));

const US = 1000;

const place = ({ kind, workers, section, gap }: Cell): string[] => [kind, String(workers), String(section), String(gap)];
const PLACE = ['lock', 'workers', 'section us', 'gap us'];

interface Column {
  readonly name: string;
  /** Also where there is little room. */
  readonly brief: boolean;
  readonly show: (figures: CellSummary['figures']) => string;
}

const COLUMNS: readonly Column[] = [
  { name: 'sections/s', brief: true, show: (figures) => median(figures['throughput']) },
  { name: '95 %', brief: true, show: (figures) => interval(figures['throughput']) },
  { name: 'wait us p50', brief: true, show: (figures) => median(figures['p50'], US) },
  { name: 'p99', brief: false, show: (figures) => median(figures['p99'], US) },
  { name: 'p99.9', brief: true, show: (figures) => median(figures['p999'], US) },
  { name: 'max', brief: true, show: (figures) => median(figures['max'], US) },
  { name: 'parks/s', brief: true, show: (figures) => median(figures['parks']) },
  { name: 'yields/s', brief: false, show: (figures) => median(figures['yielded']) },
  { name: 'switches/s own', brief: false, show: (figures) => median(figures['voluntary']) },
  { name: 'forced', brief: false, show: (figures) => median(figures['involuntary']) },
  { name: 'CPUs', brief: false, show: (figures) => median(figures['cpus']) },
  { name: 'least/most', brief: false, show: (figures) => median(figures['leastToMost']) },
  { name: 'Jain', brief: false, show: (figures) => median(figures['jain']) },
];

const styled = (paint: Paint | undefined): { readonly paint?: Paint } => (paint === undefined ? {} : { paint });

/** The columns that fit beside one another on most terminals. */
export function formatBriefly(cells: readonly CellSummary[]): string {
  const columns = COLUMNS.filter(({ brief }) => brief);
  const rows = cells.map(({ kind, workers, section, slices, figures }) => [kind, String(workers), String(section), slices, ...columns.map(({ show }) => show(figures))]);
  return formatTable(['lock', 'workers', 'section us', 'slices', ...columns.map(({ name }) => name)], rows);
}

export function formatCells(cells: readonly CellSummary[], paint?: Paint): string {
  const rows = cells.map(({ slices, figures, ...cell }) => [...place(cell), slices, ...COLUMNS.map(({ show }) => show(figures))]);
  return formatTable([...PLACE, 'slices', ...COLUMNS.map(({ name }) => name)], rows, styled(paint));
}

export function formatPairs(pairs: readonly PairSummary[], paint?: Paint): string {
  const compared = ['throughput', 'p50', 'p99', 'p999', 'max', 'parks'];
  const names = ['sections/s', 'wait p50', 'p99', 'p99.9', 'max', 'parks'];
  const head = [...PLACE, 'rounds', ...names.flatMap((name) => [`${name} on/off`, '95 %'])];
  const rows = pairs.map(({ ratios, rounds, ...cell }) => [
    ...place(cell),
    String(rounds),
    ...compared.flatMap((name) => [median(ratios[name]), interval(ratios[name])]),
  ]);
  return formatTable(head, rows, styled(paint));
}

/** What went wrong, one line each: a lock that did not exclude, or a run that failed. */
export function failuresOf(runs: readonly Run[]): string[] {
  return runs.flatMap(({ kind, workers, section, slices, round, measured, error }) => {
    const wrong = error ?? measured?.wrong.join('; ') ?? '';
    return wrong === '' ? [] : [`WRONG: ${kind}, ${workers} workers, ${section} us, slices ${slices}, round ${round + 1}: ${wrong}`];
  });
}

export function formatLocks(record: LocksRecord, paint?: Paint): string {
  const { cpu, cpus, kernel, node, workload, options, cells, pairs, notes, runs } = record;
  const out = [`${cpu}, ${cpus} CPUs, Linux ${kernel}, Node ${node}; workload ${workload}, ${options.rounds} rounds of ${options.seconds} s\n`];
  if (cells.length > 0) out.push(formatCells(cells, paint));
  if (pairs.length > 0) out.push(formatPairs(pairs, paint));
  if (notes.length > 0) out.push(notes.map((note) => `${note}\n`).join(''));
  const failures = failuresOf(runs);
  if (failures.length > 0) out.push(failures.map((line) => `${paint === undefined ? line : paint('red', line)}\n`).join(''));
  return out.join('\n');
}
