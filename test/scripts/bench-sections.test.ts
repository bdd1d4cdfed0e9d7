// SPDX-License-Identifier: MIT
/**
 * The developers' benchmark of sections in several processes: what it says of their records, and
 * what it refuses.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { SectionsRecord } from '../../packages/tools/lib/bench/sections/record.ts';
import { costIn, formatProcesses, isWithinBar, rowsOf } from '../../scripts/bench/processes.mjs';

const program = fileURLToPath(new URL('../../scripts/bench/main.mjs', import.meta.url));

/** A record of three rounds with this cost of a section. */
function recordOf(node: string, cost: number): SectionsRecord {
  const fixture = new URL('../fixtures/sections-host.json', import.meta.url);
  const record = JSON.parse(readFileSync(fixture, 'utf8')) as SectionsRecord;
  const result = (samples: readonly number[]) => ({ ...record.results['empty'], samples });
  return {
    ...record,
    node,
    results: {
      empty: result([1, 2, 9]),
      js: result([1 + cost, 2 + cost, 9 + cost]),
      critical: result([2 + cost, 3 + cost, 10 + cost]),
    } as unknown as SectionsRecord['results'],
  };
}

describe('several processes', () => {
  const records = [1, 3, 1.5].map((cost) => recordOf('v20.0.0', cost));

  it('are each told by the median above the empty loop, round by round', () => {
    expect(costIn(recordOf('v20.0.0', 1.5), 'js')).toBeCloseTo(1.5);
    expect(costIn(recordOf('v20.0.0', 1.5), 'empty')).toBe(2);
  });

  it('are summed up by Node, with the worst of them', () => {
    const rows = rowsOf([...records, recordOf('v22.0.0', 2)]);
    expect(
      rows.map(({ node, loop, median, least, most }) => [node, loop, median, least, most]),
    ).toEqual([
      ['v20.0.0', 'empty', 2, 2, 2],
      ['v20.0.0', 'js', 1.5, 1, 3],
      ['v20.0.0', 'critical', 2.5, 2, 4],
      ['v22.0.0', 'empty', 2, 2, 2],
      ['v22.0.0', 'js', 2, 2, 2],
      ['v22.0.0', 'critical', 3, 3, 3],
    ]);
    expect(rows.map(isWithinBar)).toEqual([true, false, false, true, true, true]);
    const table = formatProcesses(rows);
    expect(table).toMatch(/v20\.0\.0.*js.*1\.50.*1\.00.*3\.00.*<= 2, worst <= 2\.5: missed/);
    expect(table).toMatch(/v22\.0\.0.*critical.*3\.00.*: met/);
  });

  it.each([
    ['--processes', '0', /--processes wants a whole number from 1 on, not '0'/],
    ['--node', '/nowhere/node', /--node wants programs, and '\/nowhere\/node' is no file/],
  ])('are refused at %s %s', (name, value, complaint) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, name, value], {
      encoding: 'utf8',
    });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(complaint);
  });
});
