// SPDX-License-Identifier: MIT
/**
 * docs/runtimes.md has what `npm run test:package` tries, and nothing else, and its recipes work.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { BUNDLES, USES } from '../../scripts/package/uses.mjs';
import { REASONS } from '../../lib/host/status.ts';
import { readDocument, root } from '../support/examples.ts';

const document = readDocument('docs/runtimes.md');

/** The cells of a chapter's first table, without its head. */
function rows(heading: string): readonly (readonly string[])[] {
  const [, chapter = ''] = document.split(`\n## ${heading}\n`);
  return [...(chapter.split('\n## ')[0] ?? '').matchAll(/^\| (.*) \|$/gm)]
    .slice(1)
    .map(([, row = '']) => row.split(' | '));
}

it('names every bundler with its formats', () => {
  const tried = new Map(
    BUNDLES.map(([bundler]) => [bundler, BUNDLES.filter(([other]) => other === bundler)] as const),
  );
  const told = rows('Bundlers and tracers').map(
    ([tool = '', formats = '']) => [tool.toLowerCase(), formats] as const,
  );
  for (const [bundler, all] of tried) {
    const formats = all.map(([, format]) => format).join(', ');
    expect(
      told.filter(
        ([tool, formatsTold]) =>
          tool.split(/[/,]\s*/).some((word) => word === bundler) && formatsTold === formats,
      ),
      bundler,
    ).toHaveLength(1);
  }
  const others = told
    .filter(([tool]) => ![...tried.keys()].some((bundler) => tool.includes(bundler)))
    .map(([tool]) => tool);
  expect(others).toEqual(['single executable', "@vercel/nft: next.js' standalone output, vercel"]);
  for (const name of ['single executable', '@vercel/nft'])
    expect(USES.filter((use) => use.name.startsWith(name))).toHaveLength(1);
});

it('names the runtimes and test runners that are tried', () => {
  const names = USES.map(({ name }) => name.toLowerCase());
  for (const [tool = ''] of [...rows('Other runtimes'), ...rows('Test runners')]) {
    expect(
      names.filter((name) => name.startsWith(tool.toLowerCase().replace(/ \d+$/, ''))).length,
      tool,
    ).toBeGreaterThan(0);
  }
});

it('names reasons that there are', () => {
  const named = [...document.matchAll(/reason (?:is )?`([\w-]+)`/g)].map(
    ([, reason = '']) => reason,
  );
  expect(named.length).toBeGreaterThan(2);
  for (const reason of named) expect(REASONS).toContain(reason);
});

const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-runtimes-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

it('has a recipe for esbuild that works in a project of ES modules', () => {
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/rseq-slice'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(
    join(folder, 'app.js'),
    "import { attach } from 'rseq-slice';\nconsole.log(attach({ host: 'simulated' }).critical(() => 'done'));\n",
  );
  const words = /^npx esbuild (.*)$/m.exec(document)?.[1]?.split(' ') ?? [];
  const [commonJs = ''] = /--outfile=\S+\.cjs/.exec(document) ?? [];
  for (const options of [
    words,
    [...words.filter((word) => !/^--(format|outfile)=/.test(word)), commonJs],
  ]) {
    const bundled = spawnSync(
      join(root, 'node_modules/.bin/esbuild'),
      ['--log-level=error', ...options],
      { cwd: folder, encoding: 'utf8' },
    );
    expect(bundled).toMatchObject({ status: 0, stderr: '' });
    const bundle =
      options.find((word) => word.startsWith('--outfile='))?.slice('--outfile='.length) ?? '';
    expect(spawnSync(process.execPath, [bundle], { cwd: folder, encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
      stdout: 'done\n',
    });
  }
});
