// SPDX-License-Identifier: MIT
/**
 * How `npm run vm` refuses before a guest starts: a sentence with what is wrong, and an exit code
 * that no command has.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

it('gives nobody a shell who has no terminal', async () => {
  expect(await run(['--shell'], true, '')).toEqual({
    code: ExitCode.usage,
    said: 'vm: --shell wants a terminal, and standard input or output is none. See --help.\n',
  });
});

it('ends in the same way where nobody reads what it says', async () => {
  expect(await run(['--fast'], false)).toEqual({ code: ExitCode.usage, said: '' });
});

it('is a module like others for a program whose words are no files', () => {
  const code = `import('./packages/vm/lib/main.mjs').then(({ main }) => main(['--fast']))
    .then(console.log)`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', code, 'word'], {
    cwd: root,
    encoding: 'utf8',
  });
  expect({ stdout, stderr }).toEqual({
    stdout: `${ExitCode.usage}\n`,
    stderr: "vm: Unknown option '--fast'. See --help.\n",
  });
});

it('names what is no kernel, before anything is installed for it', async () => {
  expect(await run(['--kernel', root], true, '')).toEqual({
    code: ExitCode.harness,
    said: `vm: There is no kernel image at ${root}.\n`,
  });
});

it('says how to get a kernel in words that are there without a checkout', async () => {
  const { code, said } = await run(['--kernel', join(root, 'package.json')], true, '');
  expect(code).toBe(ExitCode.harness);
  expect(said).toContain("Build one with 'npx rseq-slice-vm kernel'");
});

/** As /dev/kvm is there and opens, which is when KVM is tried first. */
function hasKvm(): boolean {
  try {
    accessSync('/dev/kvm', 6);
    return true;
  } catch {
    return false;
  }
}

it('tries emulation where KVM ends QEMU, with the same folders', async (context) => {
  if (!hasKvm()) context.skip('there is no /dev/kvm here, so nothing is tried before emulation');
  const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-vm-test-'));
  const cache = process.env['RSEQ_SLICE_CACHE'];
  try {
    // Neither gets anywhere: which one was started is what counts.
    writeFileSync(
      join(folder, 'qemu-system-x86_64'),
      '#!/bin/sh\ncase "$*" in *kvm*) kill -ABRT $$;; *) echo "emulated, too" >&2; exit 3;; esac\n',
      { mode: 0o755 },
    );
    const kernel = join(folder, 'bzImage');
    writeFileSync(kernel, `${'\0'.repeat(0x202)}HdrS`);
    // What other guests found out of KVM is not looked at, and not changed.
    process.env['RSEQ_SLICE_CACHE'] = folder;
    const PATH = `${folder}:${process.env['PATH'] ?? ''}`;
    const { code, said } = await run(['--kernel', kernel], true, PATH);
    expect(said).toContain('emulated (TCG)');
    expect(said).toContain('QEMU said: emulated, too');
    expect(code).toBe(ExitCode.harness);
  } finally {
    if (cache === undefined) delete process.env['RSEQ_SLICE_CACHE'];
    else process.env['RSEQ_SLICE_CACHE'] = cache;
    rmSync(folder, { recursive: true, force: true });
  }
});
