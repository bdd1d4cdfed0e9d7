// SPDX-License-Identifier: MIT
/**
 * How `npm run vm` refuses before a guest starts: a sentence with what is wrong, and an exit code
 * that no command has.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { ExitCode } from '../../packages/vm/lib/guest/errors.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** @param PATH empty: a machine where nothing is installed, and nothing can be */
async function run(
  args: readonly string[],
  isRead = true,
  PATH = process.env['PATH'],
): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, ['packages/vm/lib/main.mjs', ...args, '--', 'true'], {
    cwd: root,
    env: { ...process.env, PATH },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  if (!isRead) child.stderr.destroy();
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said };
}

it('tells an option that it does not know', async () => {
  expect(await run(['--fast'])).toEqual({
    code: ExitCode.usage,
    said: "vm: Unknown option '--fast'. See --help.\n",
  });
});

it('ends in the same way where nobody reads what it says', async () => {
  expect(await run(['--fast'], false)).toEqual({ code: ExitCode.usage, said: '' });
});

it('names what is no kernel, before anything is installed for it', async () => {
  expect(await run(['--kernel', root], true, '')).toEqual({
    code: ExitCode.harness,
    said: `vm: There is no kernel image at ${root}.\n`,
  });
});
