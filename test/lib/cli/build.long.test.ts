// SPDX-License-Identifier: MIT
/**
 * `rseq-slice build` with this host's compiler: what it makes of an installed package is what the
 * library loads.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ADDON, whyNoCompiler } from '../../support/checkout.ts';
import { Installation } from '../../support/installed.ts';

const whyNot = whyNoCompiler();
const installation = new Installation();
afterAll(() => {
  installation.remove();
});

it('compiles what was installed, and the library loads it', (context) => {
  if (whyNot !== undefined) context.skip(whyNot);
  const { stdout, ...ended } = installation.build(
    ['sh', 'cc', 'c++', 'as', 'ld'],
    {},
    { args: ['--json'] },
  );
  expect(ended).toEqual({ status: 0, signal: null, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({ path: join(installation.path, ADDON), error: null });
  expect(readdirSync(join(installation.path, 'build')), 'nothing is left over').toEqual([
    'Release',
  ]);
  const source =
    "import('rseq-slice').then(({ probe }) => console.log(JSON.stringify(probe().addon)))";
  const child = spawnSync(process.execPath, ['-e', source], {
    cwd: installation.folder,
    encoding: 'utf8',
  });
  expect(JSON.parse(child.stdout)).toEqual({
    state: 'loaded',
    path: join(installation.path, ADDON),
    origin: 'build',
  });
});
