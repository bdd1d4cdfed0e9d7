// SPDX-License-Identifier: MIT
/**
 * `rseq-slice trace` on a program with workers that contend for a lock, one of
 * which is terminated: that the trace is one, says what happened, and counts
 * what the threads counted. How the program's ending is passed on is in
 * trace-endings.test.ts, and what is refused in usage.test.ts.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildModel } from '@tracerbench/trace-model';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { TestContext } from 'vitest';
import type { Stats } from '../../../lib/sections/counters.ts';
import type { TraceSummary } from '../../../packages/tools/lib/trace/summary.ts';
import { checkFormat } from '../../support/check-format.ts';
import type { FormatEvent } from '../../support/check-format.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const command = join(root, 'dist/cli/main.js');
const program = fileURLToPath(new URL('programs/traced.mjs', import.meta.url));
const hasAddon = existsSync(join(root, 'build/Release/rseq_slice.node'));
const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-traced-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** For a program, ms. It takes a second on an idle machine. */
const PATIENCE = 50_000;

const WORKERS = 4;
const OUTCOMES = ['undisturbed', 'yielded', 'raced', 'preempted', 'nested'] as const;
/**
 * The workers, and one of a simulated kernel. The main thread only makes the lock, and is not
 * attached.
 */
const THREADS = WORKERS + 1;
/** What the program's simulated kernel does: see there. */
const GIVEN = 30;
const LATE = 5;

function trace(...args: readonly string[]) {
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [command, 'trace', ...args],
    {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, RSEQ_SLICE: '', NODE_OPTIONS: '', NO_COLOR: '1' },
      timeout: PATIENCE,
    },
  );
  return { status, signal, stdout, stderr };
}

interface Traced {
  readonly summary: TraceSummary & { readonly file: string };
  readonly events: readonly FormatEvent[];
  /** The trace. */
  readonly text: string;
  /** What the threads said of themselves. */
  readonly stats: readonly Stats[];
  readonly stderr: string;
}

/** Traces the program, and reads what it, the command and the trace say. */
function traced(name: string, options: readonly string[], flags: readonly string[] = []): Traced {
  const out = join(folder, `${name}.json`);
  const { status, signal, stdout, stderr } = trace(
    '--out',
    out,
    '--json',
    ...options,
    '--',
    process.execPath,
    ...flags,
    program,
  );
  expect({ status, signal, stderr }).toMatchObject({ status: 0, signal: null });
  const [said = '', summary = '', ...rest] = stdout.trimEnd().split('\n');
  expect(rest).toEqual([]);
  const { stats, count } = JSON.parse(said) as { stats: Stats[]; count: number };
  expect(count).toBe(WORKERS * 3000);
  const text = readFileSync(out, 'utf8');
  return {
    summary: JSON.parse(summary) as Traced['summary'],
    events: checkFormat(text, /^process$/),
    text,
    stats,
    stderr,
  };
}

/** Whatever became of them. */
const sections = (events: readonly FormatEvent[]): FormatEvent[] =>
  events.filter((event) => event.ph === 'X' && event.name.startsWith('section'));
const spans = (events: readonly FormatEvent[], name: string): FormatEvent[] =>
  events.filter((event) => event.ph === 'X' && event.name === name);
const total = (stats: readonly Stats[], name: keyof Stats): number =>
  stats.reduce((sum, one) => sum + one[name], 0);

/** The numbers of the threads by their names. */
function threads(events: readonly FormatEvent[]): Map<unknown, number> {
  return new Map(
    events.flatMap(({ name, tid, args }) =>
      name === 'thread_name' ? [[args?.['name'], tid] as const] : [],
    ),
  );
}

const needsAddon = (context: TestContext): void => {
  if (!hasAddon) context.skip('the addon is not built');
};

describe('with everything timed', () => {
  beforeEach(needsAddon);
  let all: Traced | undefined;
  const run = (): Traced => (all ??= traced('all', ['--every', '1', '--events', '65536']));

  it('counts what the threads counted, also one that was terminated', () => {
    const { summary, stats } = run();
    expect(stats).toHaveLength(WORKERS + 1);
    expect(summary).toMatchObject({ processes: 1, threads: THREADS, lost: 0, dropped: 0 });
    expect(summary.sections.entered).toBe(total(stats, 'entered'));
    for (const outcome of OUTCOMES)
      expect({ outcome, count: summary.sections[outcome] }).toEqual({
        outcome,
        count: total(stats, outcome),
      });
    // The one in which that worker was terminated.
    expect(summary.sections.open).toBe(1);
  });

  it('shows every section that was not within another one', () => {
    const { summary, events } = run();
    const { entered, nested, open } = summary.sections;
    expect(nested).toBe(WORKERS - 1);
    expect(sections(events)).toHaveLength(entered - nested - open);
    // The main thread has had none.
    expect(threads(events).size).toBe(THREADS);
  });

  it('is read by another reader of such traces, with every span within the one around it', () => {
    const { summary, text } = run();
    const model = buildModel(
      (JSON.parse(text) as { traceEvents: Parameters<typeof buildModel>[0] }).traceEvents,
    );
    expect(model.processes.map((process) => process.name)).toEqual(['process']);
    const names = model.processes.flatMap((process) =>
      process.threads.map((thread) => thread.name),
    );
    expect(names).toEqual(expect.arrayContaining(['worker 1', 'worker 2', 'worker 3', 'worker 4']));
    const { entered, nested, open } = summary.sections;
    expect(
      model.events.filter((event) => event.isComplete() && event.name.startsWith('section')),
    ).toHaveLength(entered - nested - open);
    for (const { parent, start, end } of model.events) {
      // The reader adds up microseconds as doubles.
      if (parent !== undefined)
        expect(Math.max(parent.start - start, end - parent.end)).toBeLessThan(1e-6);
    }
  });

  it('has the sections and waits of the worker that was terminated', () => {
    const { events } = run();
    const terminated = threads(events).get('worker 1');
    expect(terminated).toBeDefined();
    expect(sections(events).filter(({ tid }) => tid === terminated).length).toBeGreaterThanOrEqual(
      3000,
    );
  });

  it('shows waits, releases, and arrows from one thread to the other', () => {
    const { summary, events } = run();
    expect(summary.waits.count).toBeGreaterThan(0);
    expect(spans(events, 'wait')).toHaveLength(summary.waits.count);
    expect(spans(events, 'release')).toHaveLength(summary.releases);
    const locks = new Set(
      [...spans(events, 'wait'), ...spans(events, 'release')].map(({ args }) => args?.['lock']),
    );
    expect([...locks]).toEqual(['Mutex 1']);
    const [from, to] = [
      events.filter(({ ph }) => ph === 's'),
      events.filter(({ ph }) => ph === 'f'),
    ];
    if (summary.releases > 0) expect(from.length).toBeGreaterThan(0);
    expect(to).toHaveLength(from.length);
  });

  it('tells how long grants were used, expired ones apart', () => {
    const { summary, stderr } = run();
    expect(summary.grants).toMatchObject({ yielded: GIVEN, measured: GIVEN });
    expect(summary.grants.expired + summary.sections.preempted).toBe(LATE);
    expect(summary.grants.used.reduce((sum, { count }) => sum + count, 0)).toBe(GIVEN);
    expect(stderr).toMatch(/^ +\d+ \.\. \d* +#+ +\d+$/m);
    expect(stderr).not.toContain('\x1b');
  });
});

describe('with a sample timed', () => {
  beforeEach(needsAddon);

  it('counts all, and keeps the latest of what it timed', () => {
    const { summary, events, stats, stderr } = traced('some', ['--every', '4', '--events', '100']);
    expect(summary.sections.entered).toBe(total(stats, 'entered'));
    expect(summary.timed).toMatchObject({ every: 4 });
    // One in four on average: of 12,000, and drawn the same way every time.
    expect(summary.timed.undisturbed / summary.sections.undisturbed).toBeGreaterThan(0.15);
    expect(summary.timed.undisturbed / summary.sections.undisturbed).toBeLessThan(0.35);
    expect(summary.timed.dropped).toBeGreaterThan(0);
    expect(stderr).toMatch(
      /dropped of the trace, none of the counts: the oldest [\d,]+ undisturbed sections/,
    );
    const names = threads(events);
    for (const worker of ['worker 1', 'worker 2', 'worker 3', 'worker 4']) {
      const timed = sections(events).filter(({ tid }) => tid === names.get(worker));
      expect(timed).toHaveLength(100);
    }
    // How each of these ended is known also where its begin is not.
    expect(
      spans(events, 'CPU given back').filter(({ args }) => args?.['outcome'] === 'yielded'),
    ).toHaveLength(GIVEN);
  });
});

it('says without the addon which thread it has nothing of', () => {
  const { summary, stats, stderr } = traced('plain', [], ['--no-addons']);
  expect(summary).toMatchObject({ threads: THREADS, lost: 1 });
  const [terminated, ...others] = stats;
  expect(terminated?.entered).toBeGreaterThan(0);
  expect(summary.sections.entered).toBe(total(others, 'entered'));
  expect(stderr).toContain('1 thread ended before the recording was written');
});

it('leaves an interruption to the program, and writes the trace when that has ended', async () => {
  const out = join(folder, 'interrupted.json');
  const source = `process.once('SIGINT', () => process.exit(5)); console.log('ready'); setInterval(() => {}, 1000)`;
  const child = spawn(
    process.execPath,
    [command, 'trace', '--out', out, '--', process.execPath, '-e', source],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  child.stdout.once('data', () => child.kill('SIGINT'));
  const ending = await new Promise((settle) => {
    child.once('close', (status, signal) => {
      settle({ status, signal });
    });
  });
  expect(ending).toEqual({ status: 5, signal: null });
  expect(checkFormat(readFileSync(out, 'utf8'))).toEqual([]);
});

it('has nothing to show of a program without sections, and says so', () => {
  const { status, signal, stdout, stderr } = trace(
    '--',
    process.execPath,
    '-e',
    'console.log("as it is")',
  );
  expect({ status, signal, stdout }).toEqual({ status: 0, signal: null, stdout: 'as it is\n' });
  expect(stderr).toContain('nothing was recorded');
  expect(checkFormat(readFileSync(join(folder, 'trace.json'), 'utf8'))).toEqual([]);
});

it('does not run the program when no trace can be written', () => {
  const { status, signal, stdout, stderr } = trace(
    '--out',
    join(folder, 'no/such/folder.json'),
    '--',
    process.execPath,
    '-p',
    '1',
  );
  expect({ status, signal, stdout }).toEqual({ status: 2, signal: null, stdout: '' });
  expect(stderr).toMatch(/--out cannot write to .*folder\.json': ENOENT/);
});

it('keeps a trace that cannot be written in the end, and says where', (context) => {
  if (!existsSync('/dev/full')) context.skip('there is no /dev/full');
  const source = `import('${new URL('../../../dist/index.js', import.meta.url).href}').then(({ attach }) => attach().critical(() => {}))`;
  const { status, stderr } = trace('--out', '/dev/full', '--', process.execPath, '-e', source);
  const [, file = ''] =
    /could not be written to \/dev\/full: ENOSPC.* It is in (\S+trace\.json) instead\./.exec(
      stderr,
    ) ?? [];
  try {
    expect(status).toBe(1);
    expect(checkFormat(readFileSync(file, 'utf8'), /^process$/).length).toBeGreaterThan(0);
  } finally {
    if (file !== '') rmSync(dirname(file), { recursive: true });
  }
});

it('leaves nothing behind', () => {
  const { stdout } = trace('--', process.execPath, '-p', 'process.env.RSEQ_SLICE_TRACE');
  const place = stdout.trim();
  expect(place).toContain('rseq-slice-trace-');
  expect(existsSync(place)).toBe(false);
});

it('has no default in its help that says nothing', () => {
  const { status, stdout } = spawnSync(process.execPath, [command, 'trace', '--help'], {
    encoding: 'utf8',
  });
  expect(status).toBe(0);
  expect(stdout).toMatch(/--no-kernel /);
  expect(stdout).toContain('(default: 16)');
  expect(stdout).not.toContain('default: true');
});
