/**
 * Tables for people: columns below one another, texts to the left and numbers to
 * the right. What is in them and where they go is left to the commands.
 */
import type { Paint } from './command.ts';

/** Between two columns. */
const GAP = '  ';

export interface TableOptions {
  /** How many of the first columns are texts. Default: 1. */
  readonly left?: number;
  /** Colours the head. Default: none. */
  readonly paint?: Paint;
}

/** Colours do not take room; all that is printed is of width one. Source: ECMA-48, SGR. */
const widthOf = (text: string): number => text.replace(/\x1b\[[\d;]*m/g, '').length;

/**
 * @param head one name a column; a row may have fewer cells
 * @returns lines, each with its end, none with spaces before it
 */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[], options: TableOptions = {}): string {
  const { left = 1, paint } = options;
  const widths = head.map((name, column) => Math.max(widthOf(name), ...rows.map((row) => widthOf(row[column] ?? ''))));
  const line = (cells: readonly string[]): string => {
    const padded = widths.map((width, column) => {
      const cell = cells[column] ?? '';
      const room = ' '.repeat(width - widthOf(cell));
      return column < left ? cell + room : room + cell;
    });
    return padded.join(GAP).trimEnd();
  };
  const first = line(head);
  return [paint === undefined ? first : paint('bold', first), ...rows.map(line)].map((text) => `${text}\n`).join('');
}
