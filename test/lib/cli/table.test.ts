// SPDX-License-Identifier: MIT
/**
 * Tables for people: where their columns end, and that colours take no room.
 */
import { expect, it } from 'vitest';
import { painter } from '../../../lib/cli/command.ts';
import { formatLegend, formatTable } from '../../../lib/cli/table.ts';

const HEAD = ['lock', 'workers', 'rate'];
const ROWS = [
  ['mutex', '2', '1,000'],
  ['spin', '16', '7'],
];

it('has texts to the left and numbers to the right', () => {
  expect(formatTable(HEAD, ROWS)).toBe(
    'lock   workers   rate\nmutex        2  1,000\nspin        16      7\n',
  );
  expect(formatTable(HEAD, ROWS, { left: 3 })).toBe(
    'lock   workers  rate\nmutex  2        1,000\nspin   16       7\n',
  );
});

it('fills up rows that are shorter than the head', () => {
  expect(formatTable(HEAD, [['mutex']])).toBe('lock   workers  rate\nmutex\n');
  expect(formatTable(HEAD, [])).toBe('lock  workers  rate\n');
});

it('is aligned the same in colour', () => {
  const paint = painter(true);
  const coloured = formatTable(
    HEAD,
    ROWS.map(([name = '', ...rest]) => [paint('green', name), ...rest]),
    { paint },
  );
  expect(coloured).toContain('\x1b[1m');
  expect(coloured.replace(/\x1b\[\d+m/g, '')).toBe(formatTable(HEAD, ROWS));
});

it('continues below where the screen ends, with what names the rows', () => {
  const table = formatTable(['lock', 'one', 'two', 'three'], [['mutex', '1', '2', '3']], {
    width: 15,
  });
  expect(table).toBe('lock   one  two\nmutex    1    2\n\nlock   three\nmutex      3\n');
  // One column at least, however narrow it is.
  expect(formatTable(['lock', 'one', 'two'], [['mutex', '1', '2']], { width: 3 })).toBe(
    'lock   one\nmutex    1\n\nlock   two\nmutex    2\n',
  );
  expect(formatTable(['a', 'b', 'c'], [['1', '2', '3']], { width: 7, keys: 2 })).toBe(
    'a  b  c\n1  2  3\n',
  );
});

it('says what names mean below one another', () => {
  expect(
    formatLegend(
      [
        ['p50', 'half'],
        ['max', 'the longest of all'],
      ],
      { width: 14 },
    ),
  ).toBe('p50  half\nmax  the\n     longest\n     of all\n');
  expect(formatLegend([])).toBe('');
});
