// SPDX-License-Identifier: MIT
/**
 * The runner of guests itself: what a command says and how it ends come through
 * unchanged, and a guest that fails never looks like a command that passed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, vi } from 'vitest';
import { ensureKernel } from '../../packages/vm/lib/kernel/ensure-kernel.mjs';
import { flavourNamed } from '../../packages/vm/lib/kernel/flavours.mjs';
import { isObjectLine } from '../../packages/vm/lib/kernel/run-logged.mjs';
import { runInGuest } from '../../packages/vm/lib/guest/run-in-guest.mjs';
import { createJob, node } from './lane.ts';

const vm = fileURLToPath(new URL('../../packages/vm/lib/main.mjs', import.meta.url));

function run(...args: readonly string[]): {
  status: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
} {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [vm, '--quiet', ...args], {
    encoding: 'utf8',
  });
  return { status, signal, stdout, stderr };
}

it('passes exit code, stdout and stderr through, apart', () => {
  const script = "process.stdout.write('out\\n'); process.stderr.write('err\\n'); process.exit(7)";
  expect(run('--', 'node', '-e', script)).toEqual({
    status: 7,
    signal: null,
    stdout: 'out\n',
    stderr: 'err\n',
  });
});

it('puts a shell on this terminal, with its size, its keys and its exit code', async (context) => {
  const { error } = spawnSync('script', ['--version']);
  if (error !== undefined) {
    console.log('a shell in a guest: skipped: there is no script(1) to have a terminal by');
    context.skip();
  }
  const command = `stty rows 33 cols 101; exec '${process.execPath}' '${vm}' --quiet --shell -- sh`;
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null']);
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text));
  const closed = once(child, 'close');
  /** Types when something was shown that was not there before. */
  const answer = async (question: string, typed: string): Promise<void> => {
    await vi.waitFor(
      () => {
        expect(shown).toContain(question);
      },
      { timeout: 60_000, interval: 50 },
    );
    shown = '';
    child.stdin.write(typed);
  };
  await answer('# ', 'stty size; tty\n');
  await answer('33 101\r\n/dev/hvc0\r\n# ', 'echo slee"ps"; sleep 100\n');
  await answer('sleeps\r\n', '\x03');
  await answer('# ', 'exit 7\n');
  expect(await closed).toEqual([7, null]);
});

it('ends a guest with a shell at Ctrl-]', async (context) => {
  const { error } = spawnSync('script', ['--version']);
  if (error !== undefined) context.skip('there is no script(1)');
  const command = `'${process.execPath}' '${vm}' --quiet --shell -- sh`;
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null']);
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
    if (text.includes('# ')) child.stdin.write('\x1d');
  });
  expect(await once(child, 'close')).toEqual([130, null]);
  expect(shown).toContain('vm: interrupted');
});

it('says on stderr what it does until the command prints', () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [vm, '--accelerator', 'tcg', '--', 'sh', '-c', 'echo out; sleep 1; echo err >&2'],
    { encoding: 'utf8' },
  );
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'out\n' });
  expect(stderr).toMatch(
    /^vm: starting a guest with Linux \d\S+ \(mainline\), 2 CPUs, emulated \(TCG\).*\nvm: booting \(0 s\)\n(vm: booting .*\n)*vm: setting up .*\n(vm: setting up .*\n)*vm: running the command .*\nerr\n$/,
  );
});

it('knows about how many objects a kernel consists of', async () => {
  const { directory, flavour } = await ensureKernel();
  const [, log = ''] =
    /\n\$ make [^\n]*bzImage\n([^]*?)\n\$ /.exec(
      readFileSync(join(directory, 'build.log'), 'utf8'),
    ) ?? [];
  const objects = log.split('\n').filter(isObjectLine).length;
  const expected = flavourNamed(flavour).objects ?? 0;
  expect(
    Math.abs(objects / expected - 1),
    `${objects} objects, ${expected} in the table of flavours`,
  ).toBeLessThan(0.15);
});

it('tells a signal from an exit code', () => {
  const ended = run('--', 'sh', '-c', 'kill -SEGV $$');
  expect(ended).toMatchObject({ status: 139, stdout: '' });
  expect(ended.stderr).toMatch(/SIGSEGV/);
  expect(run('--', 'sh', '-c', 'exit 139')).toEqual({
    status: 139,
    signal: null,
    stdout: '',
    stderr: '',
  });
});

it('lets the command hear SIGINT and SIGQUIT, and its children', () => {
  const script = 'sh -c "kill -QUIT \\$\\$"; echo $?; kill -INT $$; echo deaf';
  expect(run('--', 'sh', '-c', script)).toMatchObject({ status: 130, stdout: '131\n' });
});

it('has the command line of the checkout, for npx and within scripts', () => {
  const { status, stdout, stderr } = run('--', 'npx', 'rseq-slice', '--version');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(run('--', 'sh', '-c', 'rseq-slice --version')).toEqual({
    status,
    signal: null,
    stdout,
    stderr,
  });
});

it('has the CPUs that were asked for', () => {
  expect(run('--cpus', '8', '--', 'nproc')).toEqual({
    status: 0,
    signal: null,
    stdout: '8\n',
    stderr: '',
  });
});

it.each([
  ['nr_cpus=2', 4],
  ['maxcpus=1', undefined],
])('does not run the command with fewer CPUs: %s', async (append, cpus) => {
  const summary = `it has ${cpus === undefined ? 1 : 2} CPUs, not the ${cpus ?? 2} that were asked for (--cpus). Its kernel has room for 64`;
  const guest = runInGuest({ command: ['true'], append, ...(cpus === undefined ? {} : { cpus }) });
  await expect(guest).rejects.toMatchObject({
    kind: 'init',
    exitCode: 120,
    summary: expect.stringContaining(summary) as string,
  });
});

it('never passes when the deadline does', () => {
  const ended = run('--timeout', '15', '--', 'sleep', '100');
  expect(ended.status).toBe(124);
  expect(ended.stderr).toMatch(/still running the command after 15 s/);
});

it('never passes when the guest dies under the command', async () => {
  const death = runInGuest({ command: ['sh', '-c', 'echo b >/proc/sysrq-trigger; sleep 100'] });
  await expect(death).rejects.toMatchObject({ name: 'HarnessError', kind: 'died' });
});

it('shows the host read-only, and a job folder to write to', () => {
  const script = 'touch /usr/stray 2>/dev/null && exit 1; touch "$RSEQ_SLICE_JOB/fine" && uname -r';
  const ended = run('--', 'sh', '-c', script);
  expect(ended).toMatchObject({ status: 0, stderr: '' });
  expect(ended.stdout).toMatch(/^7\./);
});

it('passes kernel parameters on: with slices off at boot, the simulated kernel serves and says why', async () => {
  const guest = await runInGuest({
    command: node('fallback.mjs'),
    append: 'rseq_slice_ext=0',
    job: createJob(),
  });
  expect(guest).toMatchObject({ exitCode: 0, stderr: '' });
  expect(JSON.parse(guest.stdout)).toMatchObject({
    error: { code: 'ERR_RSEQ_UNAVAILABLE', errno: 524 },
    result: 7,
    host: 'simulated',
    slices: { available: false },
    registration: 'libc',
  });
});
