/**
 * The README's own words held against the product: its examples compile and do
 * what they say, and what it lists is what there is.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, describe, expect, it } from 'vitest';
import { Outcome } from '../../lib/index.ts';
import { REASONS } from '../../lib/linux/status.ts';
import { Thread } from '../../lib/thread.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');

/** A folder in which the package is installed, as far as module resolution can tell. */
const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-readme-'));
mkdirSync(join(folder, 'node_modules/@types'), { recursive: true });
symlinkSync(root, join(folder, 'node_modules/rseq-slice'));
symlinkSync(join(root, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'));
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** @returns the text below a heading, up to the next of its kind. */
function chapter(heading: string): string {
  const [, rest] = readme.split(`\n## ${heading}\n`);
  if (rest === undefined) throw new Error(`README.md has no chapter '${heading}'.`);
  return rest.split('\n## ')[0] ?? '';
}

const examples = [...readme.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code = '']) => code);

it.each(examples.map((code, index) => [index + 1, code] as const))('example %i compiles', (index, code) => {
  const file = join(folder, `example-${index}.ts`);
  writeFileSync(file, code);
  const program = ts.createProgram([file], {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    types: ['node'],
    typeRoots: [join(folder, 'node_modules/@types')],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
  });
  const complaints = ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  expect(complaints).toEqual([]);
});

it('has a quick start under 20 lines, whose workers count right', () => {
  const [, code = ''] = /^```ts\n([^]*?)^```$/m.exec(chapter('Quick start')) ?? [];
  expect(code.trim().split('\n').length).toBeLessThan(20);
  const file = join(folder, 'quick-start.mjs');
  writeFileSync(file, code);
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8' });
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  const totals = [...stdout.matchAll(/^(\d+) \{/gm)].map(([, total]) => Number(total));
  expect(totals).toHaveLength(4);
  // Only the last to finish sees everybody's work.
  expect(Math.max(...totals)).toBe(400_000);
});

describe('its lists', () => {
  /** Names in backquotes in the first column of the tables of a text. */
  const named = (text: string) =>
    [...text.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/`(\w+)/g)].map(([, name]) => name));

  it('name every outcome', () => {
    expect(named(chapter('API'))).toEqual(expect.arrayContaining(Object.keys(Outcome)));
  });

  it('name every method and property of a thread', () => {
    const members = Object.getOwnPropertyNames(Thread.prototype).filter((name) => name !== 'constructor');
    expect(named(chapter('API'))).toEqual(expect.arrayContaining(members));
  });

  it('name every reason that probe() gives', () => {
    for (const reason of REASONS) expect(chapter('What `probe()` tells')).toContain(`\`${reason}\``);
  });

  it('name every error code there is in the sources', () => {
    const declared = readFileSync(join(root, 'lib/errors.ts'), 'utf8').match(/ERR_RSEQ_\w+/g) ?? [];
    expect(declared.length).toBeGreaterThan(5);
    for (const code of declared) expect(chapter('API')).toContain(`\`${code}\``);
  });

  it('name only commands that are there', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    const mentioned = [...readme.matchAll(/npm (?:run (\S+?)|(start|test))(?=[\s`]|$)/gm)].map(([, run, short]) => run ?? short ?? '');
    expect(mentioned.length).toBeGreaterThan(5);
    for (const name of mentioned) expect(Object.keys(scripts)).toContain(name);
  });
});
