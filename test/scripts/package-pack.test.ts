// SPDX-License-Identifier: MIT
/**
 * What is written into the packages while they are packed: the repository they are of, and links
 * that lead somewhere from there; that they have one version, and how they are published.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { PACKAGES } from '../../scripts/package/pack.mjs';
import { linksOf, relink } from '../../scripts/package/pages.mjs';
import {
  describeRepository,
  findRepository,
  webAddress,
} from '../../scripts/package/repository.mjs';
import { spreadVersion } from '../../scripts/package/version.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

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
    expect(describeRepository('https://git.example/owner/name', 'packages/tools')).toEqual({
      repository: {
        type: 'git',
        url: 'git+https://git.example/owner/name.git',
        directory: 'packages/tools',
      },
      homepage: 'https://git.example/owner/name/tree/HEAD/packages/tools#readme',
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

  it('links from the folder of its own package', () => {
    const source = 'https://git.example/owner/name/blob/v1';
    const text = 'Read [this](../../docs/locks.md#how) and [that](other.md).';
    expect(relink(text, 'README.md', new Set(['other.md']), source, 'packages/tools')).toBe(
      text.replace('(../../docs/', `(${source}/docs/`),
    );
  });

  it('has words instead where that is not known', () => {
    const told = relink(page, 'docs/page.md', files, null);
    expect(told).toContain('[up](../README.md), outside, part,');
    expect(linksOf(told, 'docs/page.md').every((file) => files.has(file))).toBe(true);
  });
});

interface Description {
  readonly name: string;
  readonly version: string;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}
interface Lock extends Description {
  readonly packages: Readonly<Record<string, Description>>;
}

describe('the version', () => {
  const read = (from: string, name: string): unknown =>
    JSON.parse(readFileSync(join(from, name), 'utf8'));
  /** Every place that has it, and what it says there. */
  function versionsOf(from: string): readonly (readonly [string, string | undefined])[] {
    const lock = read(from, 'package-lock.json') as Lock;
    const said = PACKAGES.flatMap(({ name, folder: own }) => {
      const description = read(from, join(own, 'package.json')) as Description;
      expect(description.name).toBe(name);
      const locked = lock.packages[own === '.' ? '' : own];
      return [
        [own, description.version],
        [`${own}, locked`, locked?.version],
        ...[description, locked].flatMap((each) =>
          Object.entries(each?.peerDependencies ?? {}).map(
            ([peer, version]) => [`${own} wants ${peer}`, version] as const,
          ),
        ),
      ] as const;
    });
    return [['package-lock.json', lock.version], ...said];
  }

  it('is the one of package.json wherever it stands', () => {
    const { version } = read(root, 'package.json') as Description;
    const versions = versionsOf(root);
    expect(versions.map(([place]) => place)).toContain('packages/tools wants rseq-slice');
    expect(versions.filter(([, said]) => said !== version)).toEqual([]);
  });

  it('goes everywhere when npm version has changed it', () => {
    const files = [
      'package-lock.json',
      ...PACKAGES.map((each) => join(each.folder, 'package.json')),
    ];
    for (const file of files) cpSync(join(root, file), join(folder, file));
    const description = read(folder, 'package.json') as Description;
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ ...description, version: '9.8.7' }),
    );
    spreadVersion(folder);
    expect(new Set(versionsOf(folder).map(([, said]) => said))).toEqual(new Set(['9.8.7']));
  });

  it('is left as it is, to the byte, when it is there already', () => {
    for (const file of ['package-lock.json', 'packages/tools/package.json'])
      cpSync(join(root, file), join(folder, file));
    for (const { folder: own } of PACKAGES)
      cpSync(join(root, own, 'package.json'), join(folder, own, 'package.json'));
    spreadVersion(folder);
    for (const file of ['package-lock.json', 'packages/tools/package.json'])
      expect(readFileSync(join(folder, file), 'utf8')).toBe(readFileSync(join(root, file), 'utf8'));
  });
});

it('are made for a release before anything is published, and what was tried is what is published', () => {
  const workflow = readFileSync(join(root, '.github/workflows/release.yml'), 'utf8');
  const steps = [
    ...workflow.matchAll(/^ +(?:- run: )?(.*npm (?:run package|run test:package|publish).*)$/gm),
  ].map(([, command = '']) => command);
  expect(steps).toEqual([
    'npm run package -- --release',
    'npm run test:package -- --tarballs .',
    expect.stringMatching(/npm publish "\.\/\$name-\$VERSION\.tgz" --provenance /),
  ]);
  // The library first: until it is there, nothing that needs it can be installed.
  const names = PACKAGES.map(({ name }) => name).join(' ');
  expect(workflow).toContain(`for name in ${names}; do`);
});
