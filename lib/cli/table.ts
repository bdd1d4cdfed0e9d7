// SPDX-License-Identifier: MIT
/**
 * Tables for people: columns below one another, texts to the left and numbers to
 * the right, and what the columns mean. What is in them and where they go is left
 * to the commands.
 */
import type { Paint } from './command.ts';
import { lengthOf, wrap } from './output.ts';

/** Between two columns. */
const GAP = '  ';

export interface TableOptions {
  /** How many of the first columns are texts. Default: 1. */
  readonly left?: number;
  /** Colours the head. Default: none. */
  readonly paint?: Paint;
  /**
   * Columns of the screen: what does not fit goes into a further table below. Default: as many as
   * it takes.
   */
  readonly width?: number;
  /** How many of the first columns name a row, and are in each of these tables. Default: `left`. */
  readonly keys?: number;
}

/** How it looks on the stream it is for. */
export type TableStyle = Pick<TableOptions, 'paint' | 'width'>;

/**
 * @param head one name a column; a row may have fewer cells
 * @returns lines, each with its end, none with spaces before it; tables with an empty line between
 */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  options: TableOptions = {},
): string {
  const { left = 1, paint, width = Infinity, keys = left } = options;
  const widths = head.map((name, column) =>
    Math.max(lengthOf(name), ...rows.map((row) => lengthOf(row[column] ?? ''))),
  );
  const line = (cells: readonly string[], columns: readonly number[]): string => {
    const padded = columns.map((column) => {
      const cell = cells[column] ?? '';
      const room = ' '.repeat((widths[column] ?? 0) - lengthOf(cell));
      return column < left ? cell + room : room + cell;
    });
    return padded.join(GAP).trimEnd();
  };
  const part = (columns: readonly number[]): string => {
    const first = line(head, columns);
    return [
      paint === undefined ? first : paint('bold', first),
      ...rows.map((row) => line(row, columns)),
    ]
      .map((text) => `${text}\n`)
      .join('');
  };
  return fold(widths, keys, width).map(part).join('\n');
}

/**
 * The columns of each table: the keys, and as many of the others as fit beside them, one at least.
 */
function fold(widths: readonly number[], keys: number, width: number): number[][] {
  const all = widths.map((_, column) => column);
  const [names, others] = [all.slice(0, keys), all.slice(keys)];
  const lengthWith = (columns: readonly number[]): number =>
    [...names, ...columns].reduce(
      (sum, column) => sum + (widths[column] ?? 0) + GAP.length,
      -GAP.length,
    );
  const parts: number[][] = [[]];
  for (const column of others) {
    const last = parts.at(-1) ?? [];
    if (last.length > 0 && lengthWith([...last, column]) > width) parts.push([column]);
    else last.push(column);
  }
  return parts.map((columns) => [...names, ...columns]);
}

/** What names mean, a line each or more. */
export function formatLegend(
  entries: readonly (readonly [name: string, meaning: string])[],
  { width = Infinity, paint }: TableStyle = {},
): string {
  const room = Math.max(0, ...entries.map(([name]) => name.length)) + GAP.length;
  const lines = entries.map(([name, meaning]) =>
    wrap(`${name.padEnd(room)}${meaning}`, width, room),
  );
  return lines.map((line) => `${paint === undefined ? line : paint('dim', line)}\n`).join('');
}
