/**
 * The mutation run: each of the deliberate faults in `faults.ts` is put into a
 * copy of the library, and the checks of `checks.mjs` must catch it.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FAULTS } from './faults.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const checks = fileURLToPath(new URL('checks.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-faults-'));
const good = join(folder, 'good');

function compile(source: string): string {
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2023,
      verbatimModuleSyntax: true,
      rewriteRelativeImportExtensions: true,
    },
  });
  return outputText;
}

function write(copy: string, file: string, source: string): void {
  const path = join(copy, file.replace(/\.ts$/, '.js'));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, compile(source));
}

function check(copy: string): { check: string; what: string; choices: string } | null {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [checks, copy], { encoding: 'utf8' });
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  return JSON.parse(stdout) as ReturnType<typeof check>;
}

beforeAll(() => {
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const file of readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })) {
    if (file.endsWith('.ts')) write(good, file, readFileSync(join(root, 'lib', file), 'utf8'));
  }
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

it('finds nothing wrong with the library as it is', () => {
  expect(check(good)).toBeNull();
});

it.each(FAULTS.map((fault) => [fault.name, fault] as const))('catches: %s', (name, { file, from, to }) => {
  const source = readFileSync(join(root, 'lib', file), 'utf8');
  expect(source.split(from), `${file} has the text to change exactly once`).toHaveLength(2);
  const copy = join(folder, name.replace(/\W+/g, '-'));
  cpSync(good, copy, { recursive: true });
  write(copy, file, source.replace(from, () => to));
  const caught = check(copy);
  expect(caught, 'nothing noticed').not.toBeNull();
  console.log(`${name}: ${caught?.check ?? ''}: ${caught?.what ?? ''} [${caught?.choices ?? ''}]`);
});
