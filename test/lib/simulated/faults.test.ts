// SPDX-License-Identifier: MIT
/**
 * The mutation run: each of the deliberate faults in `faults.ts` is put into a
 * copy of the library, and the checks of `checks.mjs` must catch it. In `npm test`
 * that is one for each file that has some.
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isLong } from '../../support/share.ts';
import { FAULTS } from './faults.ts';
import type { Fault } from './faults.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const checks = fileURLToPath(new URL('checks.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-faults-'));
const good = join(folder, 'good');

async function write(copy: string, file: string, source: string): Promise<void> {
  const tsconfigRaw = { compilerOptions: { verbatimModuleSyntax: true } };
  const { code } = await transform(source, { loader: 'ts', target: 'es2023', tsconfigRaw });
  const path = join(copy, file.replace(/\.ts$/, '.js'));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, code.replace(/((?:from|import\() ?["']\.[^"']*)\.ts(["'])/g, '$1.js$2'));
}

function check(copy: string): { check: string; what: string; choices: string } | null {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [checks, copy], {
    encoding: 'utf8',
  });
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  return JSON.parse(stdout) as ReturnType<typeof check>;
}

beforeAll(async () => {
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const files = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' });
  const sources = files.filter((file) => file.endsWith('.ts'));
  await Promise.all(
    sources.map((file) => write(good, file, readFileSync(join(root, 'lib', file), 'utf8'))),
  );
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A piece of code however the formatter has laid it out. */
function anyLayout(code: string): RegExp {
  const words = code.split(/\s+/).map((word) => word.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&'));
  return new RegExp(words.join('\\s+'));
}

const isFirst = ({ file }: Fault, index: number): boolean =>
  FAULTS.findIndex((other) => other.file === file) === index;
const faults = FAULTS.filter((fault, index) => isFirst(fault, index) !== isLong);

if (!isLong)
  it('finds nothing wrong with the library as it is', () => {
    expect(check(good)).toBeNull();
  });

it.each(faults.map((fault) => [fault.name, fault] as const))(
  'catches: %s',
  async (name, { file, from, to }) => {
    const source = readFileSync(join(root, 'lib', file), 'utf8');
    const text = anyLayout(from);
    expect(source.split(text), `${file} has the text to change exactly once`).toHaveLength(2);
    const copy = join(folder, name.replace(/\W+/g, '-'));
    cpSync(good, copy, { recursive: true });
    await write(
      copy,
      file,
      source.replace(text, () => to),
    );
    const caught = check(copy);
    expect(caught, 'nothing noticed').not.toBeNull();
    console.log(
      `${name}: ${caught?.check ?? ''}: ${caught?.what ?? ''} [${caught?.choices ?? ''}]`,
    );
  },
);
