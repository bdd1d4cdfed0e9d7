// SPDX-License-Identifier: MIT
/**
 * `rseq-slice trace` with the kernel's own tracing: the threads' account and the
 * kernel's lie on one clock, and extensions are counted as the kernel's script
 * counts them.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureKernel } from '../../packages/vm/lib/kernel/ensure-kernel.mjs';
import type { TraceSummary } from '../../packages/tools/lib/trace/summary.ts';
import { checkFormat } from '../support/check-format.ts';
import type { FormatEvent } from '../support/check-format.ts';
import { CPUS, EXTENSION, node, runLane } from './lane.ts';

const commandLine = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const SCRIPT = 'tools/testing/selftests/rseq/rseq-slice-hist.py';

interface Report {
  readonly summary: TraceSummary;
  readonly said: string;
  readonly histogram: string;
}

/** us and counts of all threads, as the kernel's script prints them; what expired is under -1. */
function readHistogram(text: string): Map<number, number> {
  const counts = new Map<number, number>();
  for (const [, label = '', count] of text.matchAll(/^\s+(EXPIRED|\d+ us)\s+\| (\d+)$/gm)) {
    const us = label === 'EXPIRED' ? -1 : Number.parseInt(label, 10);
    counts.set(us, (counts.get(us) ?? 0) + Number(count));
  }
  return counts;
}

/** Of each one, in us, the shortest first. */
function durations(histogram: Iterable<readonly [number, number]>): number[] {
  return [...histogram]
    .flatMap(([us, count]) => Array.from({ length: count }, () => us))
    .sort((a, b) => a - b);
}

const median = (sorted: readonly number[]): number => sorted[sorted.length >> 1] ?? NaN;

const hasTools = ['trace-cmd', 'python3'].every(
  (tool) => spawnSync(tool, ['--version']).error === undefined,
);
const { tree } = await ensureKernel();
const missing = !hasTools
  ? 'trace-cmd or python3 is not installed'
  : tree === null
    ? "the kernel's tree was not kept"
    : null;
if (missing !== null) console.log(`the kernel's own histogram is not compared: ${missing}`);

describe.skipIf(missing !== null)('the kernel beside the threads', () => {
  let report: Report;
  let events: readonly FormatEvent[];
  beforeAll(async () => {
    const command = node(
      'tracing.mjs',
      join(tree ?? '', SCRIPT),
      process.execPath,
      commandLine,
      'demo',
      '--workers',
      String(2 * CPUS),
      '--seconds',
      '3',
      '--json',
    );
    // Tracing makes the kernel patch its own code: see `explainDeath`.
    const lane = await runLane(
      { extension: EXTENSION, roundRobin: true },
      [{ name: 'tracing', command, seconds: 180 }],
      { leaves: ['trace.json'], selftest: false },
    );
    report = lane.json('tracing') as Report;
    events = checkFormat(lane.file('trace.json'), /^(process|CPU \d+)$/);
  });

  it("counts extensions as the kernel's script does, and finds that they were used as long", () => {
    const { ended = 0, expired = 0, used = [] } = report.summary.tracing?.extensions ?? {};
    const theirs = readHistogram(report.histogram);
    expect(report.summary.tracing).toMatchObject({ lost: 0 });
    expect(ended).toBeGreaterThan(5);
    // A timer that outlives its extension may run out under a thread of somebody else, which is not
    // traced here: the script has it as expired, and the kernel's counters as little as this trace.
    const unseen = (theirs.get(-1) ?? 0) - expired;
    expect(unseen).toBeGreaterThanOrEqual(0);
    expect(unseen).toBeLessThanOrEqual(1 + expired / 20);
    theirs.delete(-1);
    const [ourTimes, theirTimes] = [
      durations(used.map(({ us, count }) => [us, count])),
      durations(theirs),
    ];
    expect(ourTimes).toHaveLength(ended);
    expect(theirTimes).toHaveLength(ended);
    // Each of the two traces takes a time of its own for what happened once, and an emulated CPU
    // may pause in between.
    const far = ourTimes.filter((us, index) => {
      const other = theirTimes[index] ?? NaN;
      return !(us <= 2 * other + 10 && other <= 2 * us + 10);
    });
    expect(far.length, `${ourTimes.join()} against ${theirTimes.join()}`).toBeLessThan(ended / 5);
    console.log(
      `${String(ended)} extensions ended, ${String(expired)} expired, and ${String(unseen)} more in the kernel's script; medians ${String(median(ourTimes))} and ${String(median(theirTimes))} us`,
    );
  });

  it('agrees with what the threads and the kernel count', () => {
    const { sections, kernel, tracing } = report.summary;
    expect(tracing?.extensions.ended).toBeGreaterThan(0);
    // The timer of one that was taken by a switch may run on, and the kernel does not count that.
    expect(tracing?.extensions.expired).toBeGreaterThanOrEqual(kernel?.expired ?? Infinity);
    expect(kernel?.yielded).toBe(sections.yielded);
    // One that was over before its thread was back in user space has no timer.
    expect(
      (tracing?.extensions.ended ?? 0) + (tracing?.extensions.expired ?? 0),
    ).toBeLessThanOrEqual(kernel?.granted ?? 0);
  });

  it('has both on one clock: an extension begins in its section, and ends in the yield or has run out', () => {
    const yields = events.filter(
      ({ ph, name, args }) =>
        ph === 'X' && name === 'CPU given back' && args?.['outcome'] === 'yielded',
    );
    let [cancelled, outlived] = [0, 0];
    expect(yields.length).toBeGreaterThan(5);
    for (const { tid, ts, dur = 0 } of yields) {
      const ends = events.filter(
        (event) => event.ph === 'e' && event.tid === tid && event.ts <= ts + dur,
      );
      const within = ends.filter((event) => event.ts >= ts);
      expect(within.length, `yield at ${ts}`).toBeLessThanOrEqual(1);
      const end = ends.at(-1);
      const begin = events.find(({ ph, id }) => ph === 'b' && id === end?.id);
      const section = events.find(
        (event) =>
          event.ph === 'X' &&
          event.name.startsWith('section') &&
          event.tid === tid &&
          Math.abs(event.ts + (event.dur ?? 0) - ts) < 0.002,
      );
      expect(section, `section before ${ts}`).toBeDefined();
      // The request is made before the section's begin is noted, and after all else of the thread.
      const earlier = events.filter(
        (event) =>
          event.ph === 'X' &&
          event.tid === tid &&
          event.ts + (event.dur ?? 0) <= (section?.ts ?? 0),
      );
      expect(begin?.ts).toBeGreaterThanOrEqual(
        Math.max(...earlier.map((event) => event.ts + (event.dur ?? 0))),
      );
      expect(begin?.ts).toBeLessThanOrEqual(ts);
      // The timer may still run out on the way into the yield; or, while the thread is in the
      // kernel for a page that is not there, before it: if the scheduler chooses the same thread
      // again, the grant outlives its time.
      expect(
        within.length === 0 ? ['expired'] : ['cancelled', 'expired'],
        `yield at ${ts}`,
      ).toContain(end?.args?.['end']);
      if (within.length === 0) outlived++;
      if (end?.args?.['end'] === 'cancelled') cancelled++;
    }
    console.log(
      `${cancelled} of ${yields.length} timers were stopped by the yield, ${outlived} ran out before it`,
    );
    expect(outlived).toBeLessThanOrEqual(1 + yields.length / 20);
    expect(cancelled).toBeGreaterThan(yields.length / 2);
  });

  it('shows who had each CPU', () => {
    const names = events.flatMap(({ name, pid, args }) =>
      name === 'process_name' ? [[pid, args?.['name']] as const] : [],
    );
    const cpus = names.filter(([, name]) => String(name).startsWith('CPU ')).map(([pid]) => pid);
    expect(cpus).toHaveLength(CPUS);
    const turns = events.filter(({ ph, pid }) => ph === 'X' && cpus.includes(pid));
    const workers = new Set(
      turns.map(({ name }) => name).filter((name) => /^worker \d+ of process \d+$/.test(name)),
    );
    expect(workers.size).toBe(2 * CPUS);
    expect(turns.length).toBeLessThanOrEqual(report.summary.tracing?.switches ?? 0);
    expect(report.said).toContain('the kernel traced: ');
  });
});
