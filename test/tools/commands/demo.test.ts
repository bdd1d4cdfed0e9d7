// SPDX-License-Identifier: MIT
/**
 * The demonstration: that it finds the records right when they are, and wrong
 * when they are not, whatever way they went wrong; and how it ends.
 */
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ACCOUNTS, Ledger } from '../../../packages/tools/lib/demo/ledger.ts';
import { isFree, LOCKS, openLock } from '../../../packages/tools/lib/demo/locks.ts';
import type { LockName } from '../../../packages/tools/lib/demo/locks.ts';
import { explain, formatWorkers } from '../../../packages/tools/lib/demo/summary.ts';
import { attach, Mutex, probe, SpinLock } from '../../../lib/index.ts';
import type { Stats, Thread } from '../../../lib/index.ts';
import { isLong, share } from '../../support/share.ts';

const program = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

function demo(...args: readonly string[]) {
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [program, 'demo', ...args],
    { encoding: 'utf8' },
  );
  return { status, signal, stdout, stderr };
}

if (!isLong)
  describe('the records', () => {
    function used() {
      const ledger = new Ledger(Ledger.create());
      for (let i = 0; i < 100; i++) ledger.transfer(i % ACCOUNTS, (i * 7 + 1) % ACCOUNTS, i);
      return ledger;
    }

    /** An entry that no transfer reports. */
    function forget(ledger: Ledger) {
      ledger.book(3, 0);
    }

    function inflate(ledger: Ledger) {
      ledger.book(3, 5);
      ledger.book(4, -4);
    }

    function tear(ledger: Ledger) {
      const at = ledger.addressOf(9) + 5;
      ledger.words[at] = ledger.word(at) ^ 1;
    }

    it('are right after any number of transfers', () => {
      expect(used().check(100)).toEqual([]);
      expect(used().torn).toBe(0);
    });

    it.each([
      ['a lost update', forget, /201 entries .* 200/],
      ['money from nowhere', inflate, /add up to 64001/],
      ['a torn record', tear, /account 9 has a checksum/],
    ])('show %s', (_, damage, complaint) => {
      const ledger = used();
      damage(ledger);
      expect(ledger.check(100).join()).toMatch(complaint);
    });

    it('tell a worker that comes upon a torn one', () => {
      const ledger = used();
      tear(ledger);
      ledger.transfer(8, 9, 1);
      expect(ledger.torn).toBe(1);
    });
  });

if (!isLong)
  describe('the summary', () => {
    const stats = {
      entered: 1000,
      undisturbed: 900,
      yielded: 40,
      raced: 30,
      preempted: 30,
      nested: 0,
    };
    const { slices } = probe();
    const circumstances = { onLinux: true, slices, guest: null };
    const say = (
      changes: Partial<Stats>,
      about:
        Partial<typeof circumstances> | { guest: { hypervisor: null; isEmulated: boolean } } = {},
    ) =>
      explain(
        { stats: { ...stats, ...changes }, transfers: 1, torn: 0, sectionsPerSecond: 1, wrong: [] },
        { ...circumstances, ...about },
      );

    it.each([
      ['on a machine', null, /Most were lost: an extension may be shorter than these sections/],
      [
        'in a guest',
        { hypervisor: null, isEmulated: false },
        /Most were lost: the host of this guest may take its CPUs away/,
      ],
      [
        'in an emulated guest',
        { hypervisor: null, isEmulated: true },
        /emulated: .*npx rseq-slice-vm --icount/,
      ],
    ])('says why most were lost: %s', (_, guest, why) => {
      expect(say({}, { guest })).toMatch(why);
      expect(say({ yielded: 400 }, { guest })).not.toContain('Most were lost');
    });

    it('says what outcomes mean, whose slices they are, and why there are more sections than transfers', () => {
      const report = {
        host: 'linux',
        registration: 'replace',
        abiVersion: 'mainline',
        stats: { ...stats, raced: 0 },
        transfers: 970,
        torn: 0,
        seconds: 1,
      };
      const table = formatWorkers(
        [report],
        { stats: report.stats, transfers: 970, torn: 0, sectionsPerSecond: 1000, wrong: [] },
        {},
      );
      expect(table).toContain(
        "Slices of all workers: the kernel's (ABI mainline; libc's rseq area replaced).",
      );
      expect(table).toMatch(/^worker +sections +undisturbed +yielded +preempted +sections\/s$/m);
      expect(table).toMatch(/^preempted +were scheduled out inside$/m);
      expect(table).not.toContain('raced');
      expect(say({})).toContain(
        'The other 999 sections found the lock taken and made no transfer.',
      );
      expect(say({})).toContain('30 were granted one but were too late');
    });

    it('names grants that were never yielded', () => {
      expect(say({ yielded: 0 })).toMatch(/granted and never yielded/);
      expect(say({ yielded: 0 })).not.toContain('Most were lost');
    });
  });

/** Takes a lock in the main thread, which may not wait for it. */
function take(name: LockName, buffer: SharedArrayBuffer, thread: Thread): () => void {
  if (name === 'bare') {
    const lock = openLock(name, buffer, thread);
    lock.enter();
    return () => {
      lock.leave();
    };
  }
  const token = (
    name === 'mutex' ? new Mutex({ buffer, thread }) : new SpinLock({ buffer, thread })
  ).tryLock();
  return () => token?.unlock();
}

if (!isLong)
  it.each(LOCKS)('tells whether the lock was left behind: %s', (name) => {
    const buffer = Ledger.create();
    const thread = attach({ host: 'simulated' });
    expect(isFree(name, buffer)).toBe(true);
    const release = take(name, buffer, thread);
    expect(isFree(name, buffer)).toBe(false);
    release();
    expect(isFree(name, buffer)).toBe(true);
    thread.detach();
  });

interface Output {
  readonly slices: { readonly available: boolean };
  readonly workers: readonly { readonly host: string; readonly transfers: number }[];
  readonly stats: Readonly<Record<string, number>>;
  readonly transfers: number;
  readonly wrong: readonly string[];
}

it.each(share(LOCKS, { every: LOCKS.length }))(
  'reports in JSON what its workers did: %s',
  (lock) => {
    const { status, signal, stdout } = demo(
      '--workers',
      '3',
      '--seconds',
      '0.3',
      '--lock',
      lock,
      '--json',
    );
    expect({ status, signal }).toEqual({ status: 0, signal: null });
    const output = JSON.parse(stdout) as Output;
    const { entered = 0, undisturbed, yielded, raced, preempted, nested } = output.stats;
    expect(output.wrong).toEqual([]);
    expect(output.workers).toHaveLength(3);
    for (const worker of output.workers) {
      expect(worker.host).toBe(output.slices.available ? 'linux' : 'simulated');
      expect(worker.transfers).toBeGreaterThan(0);
    }
    expect(output.transfers).toBe(
      output.workers.reduce((sum, { transfers }) => sum + transfers, 0),
    );
    expect(entered).toBeGreaterThanOrEqual(output.transfers);
    expect(
      [undisturbed, yielded, raced, preempted, nested].reduce<number>(
        (sum, n) => sum + (n ?? 0),
        0,
      ),
    ).toBe(entered);
  },
);

if (!isLong)
  it('prints a table, and how to see slices where there are none', () => {
    const { status, signal, stdout } = demo(
      '--workers',
      '2',
      '--seconds',
      '0.1',
      '--host',
      'simulated',
    );
    expect({ status, signal }).toEqual({ status: 0, signal: null });
    expect(stdout).toMatch(
      /^Slices of all workers: the simulated kernel, which grants nothing\.$/m,
    );
    // No columns of zeros, and no legend of them.
    expect(stdout).toMatch(/^worker +sections +sections\/s$/m);
    expect(stdout).toMatch(/^2 +[\d,]+ /m);
    expect(stdout).toContain("\n\nThe rate of all is the sum of the workers' rates.\n\n");
    expect(stdout.match(/which\s+grants\s+nothing/g)).toHaveLength(1);
    expect(stdout).toMatch(/npm run\s+vm -- npm start|this host has\s+slices/);
    expect(stdout).toMatch(/The records are right: [\d,]+ transfers/);
    // Not a terminal: no colours, nothing rewritten.
    expect(stdout).not.toContain('\x1b');
  });

const REFUSED = [
  ['--workers', '0'],
  ['--workers', '1.5'],
  ['--seconds', 'soon'],
  ['--seconds', ''],
  ['--lock', 'none'],
  ['--host', 'magic'],
  ['--nothing', '1'],
  ['more', '--json'],
];
it.each(share(REFUSED, { every: 4 }))('refuses %s %s', (...args) => {
  const { status, signal, stdout, stderr } = demo(...args);
  expect({ status, signal, stdout }).toEqual({ status: 2, signal: null, stdout: '' });
  expect(stderr).toMatch(/^rseq-slice demo: .*See rseq-slice demo --help\.\n$/);
});

if (!isLong)
  it('ends early and in order when interrupted', async () => {
    const child = spawn(process.execPath, [program, 'demo', '--workers', '2', '--seconds', '60'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    // The first line: the workers are about to start, or at work.
    child.stdout.once('data', () => setTimeout(() => child.kill('SIGINT'), 500));
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
      child.once('close', (...how) => {
        resolve(how);
      });
    });
    expect({ code, signal }).toEqual({ code: 130, signal: null });
    expect(stdout).toMatch(/The records are right/);
  });
