/**
 * The README's own words held against the product: its examples compile and do
 * what they say, and what it lists is what there is.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { Outcome } from '../../lib/index.ts';
import { REASONS } from '../../lib/linux/status.ts';
import { Thread } from '../../lib/thread.ts';
import { ExampleFolder, examplesOf, readDocument } from '../support/examples.ts';

const readme = readDocument('README.md');
const folder = new ExampleFolder();
afterAll(() => {
  folder.remove();
});

/** @returns the text below a heading, up to the next of its kind. */
function chapter(heading: string): string {
  const [, rest] = readme.split(`\n## ${heading}\n`);
  if (rest === undefined) throw new Error(`README.md has no chapter '${heading}'.`);
  return rest.split('\n## ')[0] ?? '';
}

it.each(examplesOf(readme).map((code, index) => [index + 1, code] as const))('example %i compiles', (_, code) => {
  expect(folder.complaints(code)).toEqual([]);
});

it('has a quick start under 20 lines, whose workers count right', () => {
  const [code = ''] = examplesOf(chapter('Quick start'));
  expect(code.trim().split('\n').length).toBeLessThan(20);
  const { stdout, ...ending } = folder.run(code);
  expect(ending).toEqual({ status: 0, signal: null, stderr: '' });
  const totals = [...stdout.matchAll(/^(\d+) \{/gm)].map(([, total]) => Number(total));
  expect(totals).toHaveLength(4);
  // Only the last to finish sees everybody's work.
  expect(Math.max(...totals)).toBe(400_000);
});

it('has an example of locks whose workers count right', () => {
  const [code = ''] = examplesOf(chapter('Locks'));
  const { stdout, ...ending } = folder.run(code);
  expect(ending).toEqual({ status: 0, signal: null, stderr: '' });
  const balances = stdout.trim().split('\n').map(Number);
  expect(balances).toHaveLength(4);
  expect(Math.max(...balances)).toBe(400_000);
});

describe('its lists', () => {
  /** Names in backquotes in the first column of the tables of a text. */
  const named = (text: string) =>
    [...text.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/`(\w+)/g)].map(([, name]) => name));

  it('name every outcome', () => {
    expect(named(chapter('API'))).toEqual(expect.arrayContaining(Object.keys(Outcome)));
  });

  it('name every method and property of a thread', () => {
    const source = readDocument('lib/thread.ts');
    const isPublic = (name: string) => name !== 'constructor' && !new RegExp(`@internal (?:[^*]|\\*(?!/))*\\*/\\s+${name}\\(`).test(source);
    const members = Object.getOwnPropertyNames(Thread.prototype).filter(isPublic);
    expect(members).toContain('enter');
    expect(members).not.toContain('pause');
    expect(named(chapter('API'))).toEqual(expect.arrayContaining(members));
  });

  it('name every reason that probe() gives', () => {
    for (const reason of REASONS) expect(chapter('What `probe()` tells')).toContain(`\`${reason}\``);
  });

  it('name every error code there is in the sources', () => {
    const declared = readDocument('lib/errors.ts').match(/ERR_RSEQ_\w+/g) ?? [];
    expect(declared.length).toBeGreaterThan(5);
    for (const code of declared) expect(chapter('API')).toContain(`\`${code}\``);
  });

  it('name only commands that are there', () => {
    const { scripts } = JSON.parse(readDocument('package.json')) as { scripts: Record<string, string> };
    const mentioned = [...readme.matchAll(/npm (?:run (\S+?)|(start|test))(?=[\s`]|$)/gm)].map(([, run, short]) => run ?? short ?? '');
    expect(mentioned.length).toBeGreaterThan(5);
    for (const name of mentioned) expect(Object.keys(scripts)).toContain(name);
  });
});
