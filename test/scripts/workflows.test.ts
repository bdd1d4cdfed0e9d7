// SPDX-License-Identifier: MIT
/**
 * The workflows of .github/ name scripts that are there. What actionlint says of them:
 * workflows.long.test.ts.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { complainOf } from '../support/commands.ts';
import { readDocument, root } from '../support/examples.ts';

const workflows = readdirSync(join(root, '.github/workflows')).map(
  (file) => `.github/workflows/${file}`,
);

it.each(workflows)('%s names scripts that are there', (workflow) => {
  const commands = [...readDocument(workflow).matchAll(/npm run [\w:-]+/g)].map(
    ([command]) => command,
  );
  expect(commands).not.toEqual([]);
  for (const command of commands) expect(complainOf(command, { isAny: false })).toBeNull();
});
