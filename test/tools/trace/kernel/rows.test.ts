// SPDX-License-Identifier: MIT
/**
 * The kernel's records paired to extensions, and as rows of a trace beside what threads recorded.
 */
import { describe, expect, it } from 'vitest';
import { chromeTrace } from '../../../../lib/trace-format/chrome.ts';
import { KernelEvents } from '../../../../packages/tools/lib/trace/kernel/events.ts';
import type { KernelTrace } from '../../../../packages/tools/lib/trace/kernel/events.ts';
import { RecordReader } from '../../../../packages/tools/lib/trace/kernel/format.ts';
import { traceOfRecordings } from '../../../../packages/tools/lib/trace/recorded.ts';
import type { Recording } from '../../../../packages/tools/lib/trace/recordings.ts';
import { describe as inWords, summarize } from '../../../../packages/tools/lib/trace/summary.ts';
import { checkFormat } from '../../../support/check-format.ts';

const TIMER = 0xff11n;
const OTHER = 0xff22n;
const FIELDS = { common_pid: { offset: 0, size: 4 }, hrtimer: { offset: 8, size: 8 } };
const reader = new RecordReader({ id: 1, fields: new Map(Object.entries(FIELDS)) }, true);

function record(time: number, timer: bigint, thread = 7, cpu = 0) {
  const data = new DataView(new ArrayBuffer(16));
  data.setInt32(0, thread, true);
  data.setBigUint64(8, timer, true);
  return { cpu, time, data, reader };
}

describe('extensions', () => {
  it('run from the start of their timer until it is cancelled or has run out', () => {
    const events = new KernelEvents();
    events.start(record(100, TIMER, 7));
    events.cancel(record(110, OTHER));
    events.start(record(120, OTHER, 8, 1));
    events.cancel(record(130, TIMER));
    events.expire(record(140, OTHER));
    events.cancel(record(150, TIMER));
    expect(events.finish().extensions).toEqual([
      { cpu: 0, thread: 7, from: 100, to: 130, isExpired: false },
      { cpu: 1, thread: 8, from: 120, to: 140, isExpired: true },
    ]);
  });
});

const EMPTY: Recording = {
  process: 40,
  thread: 0,
  kernelThread: 7,
  host: 'linux',
  every: 1,
  started: 1000,
  isWhole: true,
  entered: 0,
  outcomes: [],
  uses: [],
  timed: 0,
  releases: 0,
  waits: { count: 0, time: 0, longest: 0, gaveUp: 0, abandoned: 0 },
  dropped: { timed: 0, events: 0 },
  events: [],
};
const names = ['a', 'b'] as const;
const KERNEL: KernelTrace = {
  switches: [
    { cpu: 2, time: 900, from: 0, to: 7, names },
    { cpu: 2, time: 2000, from: 7, to: 99, names },
    { cpu: 2, time: 2500, from: 98, to: 8, names },
    { cpu: 2, time: 2600, from: 8, to: 0, names },
    { cpu: 2, time: 3000, from: 0, to: 7, names },
  ],
  extensions: [
    { cpu: 2, thread: 7, from: 1500, to: 1600, isExpired: false },
    { cpu: 2, thread: 8, from: 2550, to: 2580, isExpired: true },
  ],
  threads: new Set([8]),
  lost: 0,
};

describe('what figures cannot say is said', () => {
  const recording = (host: Recording['host'], yielded: number, raced: number): Recording => ({
    ...EMPTY,
    host,
    entered: 500,
    outcomes: [500 - yielded - raced, yielded, raced, 0, 0],
  });
  const words = (...recordings: readonly Recording[]) => inWords(summarize(recordings)).join('\n');
  const counters = (granted: number, yielded: number) => ({
    granted,
    expired: 0,
    revoked: granted - yielded,
    yielded,
    aborted: 0,
  });

  it('where there were no slices', () => {
    expect(words(recording('linux', 3, 0))).not.toContain('no slices');
    expect(words(recording('simulated', 0, 0))).toMatch(
      /^no slices: every thread was on the simulated kernel.*rseq-slice doctor$/m,
    );
    expect(words(recording('simulated', 0, 0), recording('linux', 3, 0))).toMatch(
      /^no slices for 1 of 2 threads/m,
    );
    // A simulated kernel of the program's own grants.
    expect(words(recording('simulated', 3, 0))).not.toContain('no slices');
  });

  it('where they were granted and never yielded', () => {
    expect(words(recording('linux', 0, 300))).toContain('granted and never yielded');
    expect(words(recording('linux', 1, 300))).not.toContain('never yielded');
    expect(words(recording('linux', 0, 3))).not.toContain('never yielded');
    // A program that calls another number in the place of the yield is known to the kernel only.
    expect(
      inWords(summarize([EMPTY], { counters: counters(300, 0), trace: null })).join('\n'),
    ).toContain('granted and never yielded');
    expect(
      inWords(summarize([EMPTY], { counters: counters(300, 9), trace: null })).join('\n'),
    ).not.toContain('never yielded');
  });
});

describe('what there was is told, and nothing else', () => {
  const words = (
    recording: Partial<Recording>,
    kernel: Parameters<typeof summarize>[1] = { counters: null, trace: null },
  ) => inWords(summarize([{ ...EMPTY, ...recording }], kernel));

  it('of a thread that only had sections', () => {
    expect(words({ entered: 9, outcomes: [9, 0, 0, 0, 0], timed: 9 })).toEqual([
      '1 thread, 9 sections: 9 undisturbed',
      'begin and end known: 9 undisturbed sections',
    ]);
  });

  it('of locks, grants and what was dropped', () => {
    const waits = { count: 2, time: 5000, longest: 3000, gaveUp: 1, abandoned: 0 };
    const uses = Array.from({ length: 64 }, (_, us) => (us === 1 ? 2 : us === 4 ? 1 : 0));
    const said = words({
      entered: 20,
      outcomes: [8, 8, 1, 3, 0],
      timed: 4,
      every: 16,
      waits,
      releases: 7,
      uses,
      dropped: { timed: 0, events: 3 },
    }).join('\n');
    expect(said).toContain(
      'begin and end known: 4 undisturbed sections, one in 16; 3 of the 8 that yielded',
    );
    expect(said).toContain(
      'locks: 2 waits, 5 us in all, the longest 3 us; 1 given up; 7 releases with waiters',
    );
    expect(said).toContain('the oldest 3 other events; --events');
    expect(said).toContain('grants: 8 given back in time, 1 expired\npreempted: 3 sections');
    // Empty classes between others are there.
    expect(said).toMatch(/^ +1 \.\. 2 +#+ 2\n +2 \.\. 3 +0\n +3 \.\. 4 +0\n +4 \.\. 5 +#+ +1$/m);
    expect(said).not.toMatch(/differ/);
  });

  it('why counts of what expired differ', () => {
    const counters = { granted: 9, expired: 4, revoked: 0, yielded: 5, aborted: 0 };
    expect(words({}, { counters, trace: null }).join('\n')).toContain(
      'counts of what expired differ',
    );
  });
});

describe('in a trace', () => {
  const events = checkFormat(
    chromeTrace(traceOfRecordings([EMPTY], {}, KERNEL)),
    /^(process|CPU \d+)$/,
  );
  const place = (name: string) =>
    events.find((event) => event.name === 'process_name' && event.args?.['name'] === name)?.pid;

  it('a CPU shows who had it: threads by their recording or their name, others as such, and nothing while idle', () => {
    const turns = events.filter(({ ph, pid }) => ph === 'X' && pid === place('CPU 2'));
    expect(turns.map(({ ts, dur, name }) => [ts, dur, name])).toEqual([
      [0, 1.1, 'main thread of process 40'],
      [1.1, 0.5, 'others'],
      [1.6, 0.1, 'b 8'],
    ]);
  });

  it('an extension is in the row of the thread that had it, or else in that of its CPU', () => {
    const extensions = events
      .filter(({ name }) => name === 'extension')
      .map(({ ph, ts, pid, args }) => [ph, ts, pid, args?.['end']]);
    expect(extensions).toEqual([
      ['b', 0.6, 40, undefined],
      ['e', 0.7, 40, 'cancelled'],
      ['b', 1.65, place('CPU 2'), undefined],
      ['e', 1.68, place('CPU 2'), 'expired'],
    ]);
  });
});

it('an extension is of the process that had the number of the thread then, whichever is named first', () => {
  const later = { ...EMPTY, process: 30, started: 1520 };
  const extensions = [
    { cpu: 2, thread: 7, from: 1500, to: 1510, isExpired: false },
    { cpu: 2, thread: 7, from: 1530, to: 1540, isExpired: false },
  ];
  const events = checkFormat(
    chromeTrace(traceOfRecordings([later, EMPTY], {}, { ...KERNEL, extensions })),
    /^(process|CPU \d+)$/,
  );
  expect(
    events.filter(({ ph, name }) => name === 'extension' && ph === 'b').map(({ pid }) => pid),
  ).toEqual([40, 30]);
});

describe('two extensions of one thread, the first of which was taken by a switch to another CPU', () => {
  const second = { cpu: 0, thread: 7, from: 1570, to: 1590, isExpired: false };
  // What is read first is that of the first CPU.
  const show = (first: { from: number; to: number; isExpired: boolean }) =>
    checkFormat(
      chromeTrace(
        traceOfRecordings(
          [EMPTY],
          {},
          { ...KERNEL, extensions: [second, { cpu: 2, thread: 7, ...first }] },
        ),
      ),
      /^(process|CPU \d+)$/,
    )
      .filter(({ name }) => name === 'extension' || name === 'expired' || name === 'cancelled')
      .map(({ ph, ts, args }) => [ph, ts, args?.['end']]);

  it.each([
    ['runs out during the second', 1580, true],
    ['is cancelled during the second', 1580, false],
    ['runs out when the second begins', 1570, true],
    ['runs out when the second ends', 1590, true],
    ['runs out after the second', 1600, true],
  ])('and whose timer %s: the second ends as it did', (_, to, isExpired) => {
    expect(show({ from: 1550, to, isExpired })).toEqual([
      ['b', 0.65, undefined],
      ['e', 0.67, 'another one was granted'],
      ['b', 0.67, undefined],
      ['e', 0.69, 'cancelled'],
    ]);
  });
});

describe('in a summary', () => {
  const ended = (us: number) => ({
    cpu: 0,
    thread: 7,
    from: 0,
    to: us * 1000 + 999,
    isExpired: false,
  });
  const trace = {
    ...KERNEL,
    extensions: [...[3, 3, 20, 23, 24].map(ended), { ...ended(9), isExpired: true }],
    lost: 12,
  };

  it('they are counted by whole us, expired ones apart', () => {
    expect(summarize([EMPTY], { counters: null, trace }).tracing).toEqual({
      switches: 5,
      lost: 12,
      extensions: {
        ended: 5,
        expired: 1,
        used: [
          { us: 3, count: 2 },
          { us: 20, count: 1 },
          { us: 23, count: 1 },
          { us: 24, count: 1 },
        ],
      },
    });
    expect(summarize([EMPTY]).tracing).toBeNull();
  });

  it('people get wider classes for long ones', () => {
    const lines = inWords(summarize([EMPTY], { counters: null, trace }));
    const rows = lines
      .slice(lines.indexOf('the others took this many us:') + 1)
      .filter((line) => line.startsWith(' '));
    expect(rows.map((line) => line.trim().replace(/ +#* +/, ' '))).toEqual([
      '3 .. 4 2',
      '4 .. 5 0',
      '5 .. 6 0',
      '6 .. 7 0',
      '7 .. 8 0',
      '8 .. 10 0',
      '10 .. 12 0',
      '12 .. 14 0',
      '14 .. 16 0',
      '16 .. 20 0',
      '20 .. 24 2',
      '24 .. 28 1',
    ]);
    expect(inWords(summarize([EMPTY], { counters: null, trace })).join('\n')).toContain(
      '6 extensions, of which 1 expired; the oldest 12 of its records',
    );
  });
});
