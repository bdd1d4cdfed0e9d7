// SPDX-License-Identifier: MIT
/**
 * Tables of a report: their cells with the exact numbers beside what is read, and how they become
 * HTML.
 */
import { FEWEST_SAMPLES, nameOfIntervals } from '../bench/statistics.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import { ratio, short, unbroken, whole } from './format.ts';
import type { Write } from './format.ts';
import type { GroupFigures } from './figures.ts';
import { sideOf } from './reading.ts';
import type { Spread } from './records.ts';

export interface NumberCell {
  /** One number; or a median with the two ends of its interval. */
  readonly values: readonly (readonly [value: number, text: string])[];
  /** Of a ratio: which side of 1 its interval is on. */
  readonly side?: 'more' | 'less' | 'unclear';
}

export type Cell = string | NumberCell;

export interface Table {
  readonly caption: string;
  readonly head: readonly string[];
  /** The first cell names the row. */
  readonly rows: readonly (readonly Cell[])[];
}

/** What stands where nothing was measured. */
const NOTHING = '–';

export function numberCell(value: number | null | undefined, write: Write = short): Cell {
  return value === null || value === undefined ? NOTHING : { values: [[value, write(value)]] };
}

export function spreadCell(
  spread:
    { readonly median: number; readonly interval: Spread['interval'] | null } | null | undefined,
  write: Write = short,
): Cell {
  if (spread === null || spread === undefined) return NOTHING;
  const { median, interval } = spread;
  const values = [median, ...(interval ?? [])].map((value) => [value, write(value)] as const);
  return { values };
}

export function ratioCell(spread: Spread | null | undefined): Cell {
  const cell = spreadCell(spread, ratio);
  return typeof cell === 'string' || spread === null || spread === undefined
    ? cell
    : { ...cell, side: sideOf(spread) };
}

const RATIOS = [
  ['throughput', 'throughput'],
  ['p50', 'wait p50'],
  ['p99', 'p99'],
  ['p999', 'p99.9'],
  ['max', 'longest'],
  ['parks', 'parks'],
] as const;

/** How on stands to off, everywhere. */
export function ratioTable(groups: readonly GroupFigures[]): Table {
  const rows = groups.flatMap((group) =>
    group.cells.flatMap(({ workers, pair }): (readonly Cell[])[] =>
      pair === null
        ? []
        : [
            [
              placeName(group, workers),
              numberCell(pair.rounds, whole),
              ...RATIOS.map(([name]) => ratioCell(pair.ratios[name])),
            ],
          ],
    ),
  );
  const sure = nameOfIntervals(
    groups.flatMap(({ cells }) =>
      cells.flatMap(({ pair }) => RATIOS.map(([name]) => pair?.ratios[name])),
    ),
  );
  const caption = `With slices to without: medians of the ratios within a round, and their intervals (${sure}). Unclear: the interval contains 1, or is of fewer than ${FEWEST_SAMPLES} rounds, so that no difference is shown.`;
  return {
    caption,
    head: ['lock, workers, section', 'rounds', ...RATIOS.map(([, title]) => title)],
    rows,
  };
}

function placeName({ kind, section, gap }: GroupFigures, workers: number): string {
  return `${kind}, ${workers}, ${section} µs${gap === section ? '' : `, gap ${gap} µs`}`;
}

const SIDES = { more: '▲ more', less: '▼ less', unclear: '◇ unclear' } as const;

function cellHtml(cell: Cell): Html {
  if (typeof cell === 'string') return html`<td>${cell}</td>`;
  const [median, low, high] = cell.values.map(
    ([value, text]) => html`<data value="${value}">${text}</data>`,
  );
  const interval =
    low === undefined || high === undefined
      ? html``
      : html` <span class="interval">(${low} to ${high})</span>`;
  const side =
    cell.side === undefined ? html`` : html` <span class="side">${SIDES[cell.side]}</span>`;
  return html`<td${cell.side === undefined ? html`` : html` class="${cell.side}"`}>${median ?? html``}${interval}${side}</td>`;
}

/** @param label tells this table from the others of the page */
export function tableHtml({ caption, head, rows }: Table, label: string): Html {
  const [corner = '', ...columns] = head;
  const hasGaps = rows.some((row) => row.includes(NOTHING));
  return html`<div class="table" role="region" aria-label="${label}" tabindex="0">
<table>
<caption><span>${unbroken(caption)}${hasGaps ? `${caption.endsWith('.') ? '' : '.'} ${NOTHING}: not measured, or not in every round.` : ''}</span></caption>
<thead><tr><th scope="col">${corner}</th>${columns.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead>
<tbody>
${rows.map(
  ([
    name = '',
    ...cells
  ]) => html`<tr><th scope="row">${typeof name === 'string' ? name : ''}</th>${cells.map(cellHtml)}</tr>
`,
)}</tbody>
</table>
</div>`;
}
