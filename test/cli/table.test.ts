/**
 * Tables for people: where their columns end, and that colours take no room.
 */
import { expect, it } from 'vitest';
import { painter } from '../../lib/cli/command.ts';
import { formatTable } from '../../lib/cli/table.ts';

const HEAD = ['lock', 'workers', 'rate'];
const ROWS = [['mutex', '2', '1,000'], ['spin', '16', '7']];

it('has texts to the left and numbers to the right', () => {
  expect(formatTable(HEAD, ROWS)).toBe('lock   workers   rate\nmutex        2  1,000\nspin        16      7\n');
  expect(formatTable(HEAD, ROWS, { left: 3 })).toBe('lock   workers  rate\nmutex  2        1,000\nspin   16       7\n');
});

it('fills up rows that are shorter than the head', () => {
  expect(formatTable(HEAD, [['mutex']])).toBe('lock   workers  rate\nmutex\n');
  expect(formatTable(HEAD, [])).toBe('lock  workers  rate\n');
});

it('is aligned the same in colour', () => {
  const paint = painter(true);
  const coloured = formatTable(HEAD, ROWS.map(([name = '', ...rest]) => [paint('green', name), ...rest]), { paint });
  expect(coloured).toContain('\x1b[1m');
  expect(coloured.replace(/\x1b\[\d+m/g, '')).toBe(formatTable(HEAD, ROWS));
});
