// SPDX-License-Identifier: MIT
/**
 * Lines that are rewritten on a terminal: that they are taken back as they were
 * written, and never where nothing can be taken back.
 */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { LiveLines } from '../../../lib/cli/live.ts';

/** A screen that keeps what was written to it. */
function screen(isTTY: boolean, columns = 20, rows = 5) {
  const written: string[] = [];
  return { written, isTTY, columns, rows, write: (text: string) => written.push(text) };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubEnv('TERM', 'xterm');
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

it('takes back as many lines as it wrote', () => {
  const to = screen(true);
  const live = new LiveLines(to);
  live.show(() => 'one\ntwo\n');
  vi.advanceTimersByTime(1000);
  live.show(() => 'three');
  live.clear();
  live.clear();
  expect(to.written).toEqual(['one\ntwo\n', '\x1b[2F\x1b[Jthree\n', '\x1b[1F\x1b[J']);
});

it('fits into the terminal, with what is at the end', () => {
  const to = screen(true, 6, 3);
  new LiveLines(to).show(() => 'first\nsecond line\nthird');
  expect(to.written).toEqual(['secon\nthird\n']);
  const line = screen(true, 6, 1);
  new LiveLines(line).show(() => 'first\nsecond line\nthird');
  expect(line.written).toEqual(['third\n']);
});

it('keeps the names of columns where rows have to go', () => {
  const rows = Array.from({ length: 9 }, (_, index) => `row ${index}`);
  const to = screen(true, 20, 4);
  new LiveLines(to).show(() => ['head', ...rows].join('\n'), 1);
  expect(to.written).toEqual(['head\nrow 7\nrow 8\n']);
  const line = screen(true, 20, 2);
  new LiveLines(line).show(() => ['head', ...rows].join('\n'), 1);
  expect(line.written).toEqual(['row 8\n']);
});

it('takes a terminal that was not told its size for a usual one', () => {
  const to = screen(true, 0, 0);
  new LiveLines(to).show(() => `${'x'.repeat(100)}\nlast`);
  expect(to.written).toEqual([`${'x'.repeat(79)}\nlast\n`]);
});

it('leaves out what goes on faster than anybody reads', () => {
  const to = screen(true);
  const live = new LiveLines(to);
  const picture = vi.fn(() => 'so far');
  for (let i = 0; i < 100; i++) {
    live.show(picture);
    vi.advanceTimersByTime(5);
  }
  expect(picture).toHaveBeenCalledTimes(5);
  expect(to.written).toHaveLength(5);
});

it.each([
  ['no terminal', false, 'xterm'],
  ['a terminal that cannot move its cursor', true, 'dumb'],
])('writes nothing to %s', (_, isTTY, term) => {
  vi.stubEnv('TERM', term);
  const to = screen(isTTY);
  const live = new LiveLines(to);
  live.show(() => 'one');
  live.clear();
  expect(live.isOn).toBe(false);
  expect(to.written).toEqual([]);
});
