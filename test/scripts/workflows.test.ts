/** The workflows of .github/ are what actionlint reads without complaint, and name scripts that are there. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { complainOf } from '../support/commands.ts';
import { readDocument, root } from '../support/examples.ts';

const workflows = readdirSync(join(root, '.github/workflows')).map((file) => `.github/workflows/${file}`);

it('are clean', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/lint-workflows.mjs'], { cwd: root, encoding: 'utf8' });
  expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' });
});

it.each(workflows)('%s names scripts that are there', (workflow) => {
  const commands = [...readDocument(workflow).matchAll(/npm run [\w:-]+/g)].map(([command]) => command);
  expect(commands).not.toEqual([]);
  for (const command of commands) expect(complainOf(command, { isAny: false })).toBeNull();
});
