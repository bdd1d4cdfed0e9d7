// SPDX-License-Identifier: MIT
/**
 * What is written into the package while it is packed: the repository it is of, and links that lead
 * somewhere from there.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { linksOf, relink } from '../../scripts/package/pages.mjs';
import {
  describeRepository,
  findRepository,
  webAddress,
} from '../../scripts/package/repository.mjs';

const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-pack-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the repository', () => {
  it.each([
    ['https://git.example/owner/name.git', 'https://git.example/owner/name'],
    ['https://git.example/owner/name/', 'https://git.example/owner/name'],
    ['https://git.example:8443/owner/name', 'https://git.example:8443/owner/name'],
    ['git+https://git.example/owner/name.git', 'https://git.example/owner/name'],
    ['git@git.example:owner/name.git', 'https://git.example/owner/name'],
    ['ssh://git@git.example:2222/group/owner/name.git', 'https://git.example/group/owner/name'],
    ['https://user:token@git.example/owner/name', 'https://git.example/owner/name'],
    ['https://git.example/', null],
    ['/srv/git/name.git', null],
    ['../name', null],
    ['file:///srv/git/name.git', null],
    ['', null],
  ])('of the remote %j is %j', (remote, address) => {
    expect(webAddress(remote)).toBe(address);
  });

  it("is the workflow's, else that of origin, else not known", () => {
    const git = (...args: string[]) => spawnSync('git', args, { cwd: folder, encoding: 'utf8' });
    expect(git('init', '-q').status).toBe(0);
    expect(findRepository(folder, {})).toBeNull();
    git('remote', 'add', 'origin', 'git@git.example:owner/name.git');
    expect(findRepository(folder, {})).toBe('https://git.example/owner/name');
    expect(
      findRepository(folder, {
        GITHUB_SERVER_URL: 'https://github.example',
        GITHUB_REPOSITORY: 'a/b',
      }),
    ).toBe('https://github.example/a/b');
  });

  it('is described as npm compares it, and where people look', () => {
    expect(describeRepository('https://git.example/owner/name')).toEqual({
      repository: { type: 'git', url: 'git+https://git.example/owner/name.git' },
      homepage: 'https://git.example/owner/name#readme',
      bugs: 'https://git.example/owner/name/issues',
    });
  });
});

describe('a page', () => {
  const page = [
    '[inside](locks.md#how) and [up](../README.md), [outside](../test/a.c), [part](../lib/a.ts#L1),',
    '[address](https://a.example/b.md) [here](#part) [mail](mailto:a@b.example)',
  ].join('\n');
  const files = new Set(['README.md', 'docs/locks.md', 'docs/page.md']);

  it('links to files, from where it is', () => {
    expect(linksOf(page, 'docs/page.md')).toEqual([
      'docs/locks.md',
      'README.md',
      'test/a.c',
      'lib/a.ts',
    ]);
  });

  it('links into the repository for what is not in the package', () => {
    const source = 'https://git.example/owner/name/blob/v1';
    expect(relink(page, 'docs/page.md', files, source)).toBe(
      page
        .replace('(../test/a.c)', `(${source}/test/a.c)`)
        .replace('(../lib/a.ts#L1)', `(${source}/lib/a.ts#L1)`),
    );
  });

  it('has words instead where that is not known', () => {
    const told = relink(page, 'docs/page.md', files, null);
    expect(told).toContain('[up](../README.md), outside, part,');
    expect(linksOf(told, 'docs/page.md').every((file) => files.has(file))).toBe(true);
  });
});

it('is made for a release before anything is published, and what was tried is what is published', () => {
  const workflow = readFileSync(
    fileURLToPath(new URL('../../.github/workflows/release.yml', import.meta.url)),
    'utf8',
  );
  const steps = [
    ...workflow.matchAll(/^ +- run: (npm (?:run package|run test:package|publish).*)$/gm),
  ].map(([, command = '']) => command);
  expect(steps).toEqual([
    'npm run package -- --release',
    expect.stringMatching(/^npm run test:package -- --tarball "\$\(ls rseq-slice-\*\.tgz\)"$/),
    expect.stringMatching(/^npm publish "\.\/\$\(ls rseq-slice-\*\.tgz\)" --provenance /),
  ]);
});
