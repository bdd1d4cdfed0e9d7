// SPDX-License-Identifier: MIT
/**
 * Recording, without a process around it: what a recorded thread writes down of
 * sections that nest, are disturbed, are paused; that it counts as `stats()`
 * does; and that whatever was recorded makes a trace that keeps to the format.
 */
import { mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { CONNECT } from '../../../lib/host/port.ts';
import { Condition } from '../../../lib/locks/condition.ts';
import { Mutex } from '../../../lib/locks/mutex.ts';
import { SimulatedKernel } from '../../../lib/simulated/kernel.ts';
import { Outcome } from '../../../lib/sections/thread.ts';
import { chromeTrace } from '../../../lib/trace-format/chrome.ts';
import { HEAD_LENGTH, Head, lengthFor } from '../../../lib/recording/memory.ts';
import { traceOfRecordings } from '../../../packages/tools/lib/trace/recorded.ts';
import { EXTENSION, now, Recorder } from '../../../lib/recording/recorder.ts';
import { RecordingThread } from '../../../lib/recording/recording-thread.ts';
import { readRecordings } from '../../../packages/tools/lib/trace/recordings.ts';
import type { RecordedEvent, Recording } from '../../../packages/tools/lib/trace/recordings.ts';
import { summarize } from '../../../packages/tools/lib/trace/summary.ts';
import { checkFormat } from '../../support/check-format.ts';
import type { FormatEvent } from '../../support/check-format.ts';

const PROCESS = /^process$/;

let folder = '';
afterEach(() => {
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
  folder = '';
});

/** A recorded thread of a simulated kernel, and what it has written down so far. */
function record({ every = 1, events = 1000 } = {}) {
  const cpu = new SimulatedKernel().thread('recorded');
  const memory = new Float64Array(lengthFor(events));
  const thread = new RecordingThread(
    cpu[CONNECT](),
    () => undefined,
    new Recorder(memory, 'simulated', { every, events }),
    null,
  );
  const read = (): Recording => {
    folder = mkdtempSync(join(tmpdir(), 'rseq-slice-recorded-'));
    writeFileSync(join(folder, `1${EXTENSION}`), memory);
    const [recording, ...others] = readRecordings(folder);
    if (recording === undefined || others.length > 0) throw new Error('not one recording');
    return recording;
  };
  return { cpu, thread, memory, read };
}

function format(recordings: readonly Recording[]): FormatEvent[] {
  return checkFormat(chromeTrace(traceOfRecordings(recordings)), PROCESS);
}

describe('a recorded thread', () => {
  it('tells how sections ended, when they began, and when the CPU was back', () => {
    const { cpu, thread, read } = record();
    thread.critical(() => undefined);
    thread.enter();
    expect(cpu.preempt()).toBe('granted');
    expect(thread.leave()).toBe(Outcome.Yielded);
    const { events, uses } = read();
    expect(events).toMatchObject([
      { kind: 'section', outcome: Outcome.Undisturbed, back: null },
      { kind: 'section', outcome: Outcome.Yielded },
    ]);
    for (const event of events) expect(event.from).toBeLessThanOrEqual(event.to);
    const [, granted] = events;
    if (granted?.kind !== 'section') throw new Error('no section');
    expect(granted.back).toBeGreaterThanOrEqual(granted.to);
    expect(uses.reduce((sum, count) => sum + count, 0)).toBe(1);
  });

  it('times the outermost of nested sections only', () => {
    const { thread, read } = record();
    thread.critical(() => {
      thread.critical(() => undefined);
      thread.critical(() => undefined);
    });
    const { events, entered, outcomes } = read();
    expect(events).toHaveLength(1);
    expect([entered, outcomes[Outcome.Nested], outcomes[Outcome.Undisturbed]]).toEqual([3, 2, 1]);
  });

  it('begins in none that is within another one', () => {
    const { thread, read } = record({ every: 2 });
    const rounds = Array.from({ length: 100 }, () => {
      let inner = 0;
      const outer = now();
      thread.critical(() => {
        // So that the two do not begin at the same time on any clock.
        while (now() < outer + 20_000);
        inner = now();
        thread.critical(() => undefined);
      });
      return { outer, inner };
    });
    const { events } = read();
    expect(events.length).toBeGreaterThan(20);
    for (const { from } of events)
      expect(
        rounds.filter(({ outer, inner }) => from !== null && outer <= from && from < inner),
      ).toHaveLength(1);
  });

  it('times nothing of a section in which it sleeps, but tells of the yield before', () => {
    const { cpu, thread, read } = record();
    thread.enter();
    cpu.preempt();
    expect(thread.pause()).toBe(true);
    thread.resume();
    thread.leave();
    expect(read().events.map(({ kind }) => kind)).toEqual(['yield']);
  });

  it('counts as stats() does, whatever happens, and makes a trace that keeps to the format', () => {
    const script = fc.array(fc.nat({ max: 7 }), { maxLength: 120 });
    const kinds = new Set<string>();
    fc.assert(
      fc.property(
        script,
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 20 }),
        (actions, every, capacity) => {
          const { cpu, thread, read } = record({ every, events: capacity });
          let depth = 0;
          for (const action of actions) {
            if (action <= 1) {
              thread.enter();
              depth++;
            } else if (action <= 3 && depth > 0) {
              thread.leave();
              depth--;
            } else if (action === 7 && depth > 0) {
              thread.retract();
              depth--;
            } else if (action === 4) cpu.preempt();
            else if (action === 5) cpu.expire();
            else if (thread.pause()) thread.resume();
          }
          const recording = read();
          rmSync(folder, { recursive: true });
          const { entered, undisturbed, yielded, raced, preempted, nested } = thread.stats();
          expect([recording.entered, ...recording.outcomes]).toEqual([
            entered,
            undisturbed,
            yielded,
            raced,
            preempted,
            nested,
          ]);
          expect(summarize([recording]).sections).toEqual({ ...thread.stats(), open: depth });
          for (const { name } of format([recording])) kinds.add(name);
        },
      ),
      {
        numRuns: 300,
        // One of each kind that is looked for below, which chance alone may not bring.
        examples: [
          [[0, 2], 1, 20],
          [[0, 4, 2], 1, 20],
          [[0, 4, 5, 2], 1, 20],
          [[0, 4, 6, 2], 1, 20],
        ],
      },
    );
    expect([...kinds]).toEqual(
      expect.arrayContaining([
        'section',
        'section, yielded',
        'section, preempted',
        'CPU given back',
        'yield before sleep',
      ]),
    );
  });

  it('keeps the latest events and counts the others', () => {
    const { thread, read } = record({ events: 10 });
    for (let i = 0; i < 25; i++) thread.critical(() => undefined);
    const { events, dropped, entered } = read();
    expect(events).toHaveLength(10);
    expect({ dropped, entered }).toEqual({ dropped: { timed: 15, events: 0 }, entered: 25 });
    expect(events.map(({ to }) => to)).toEqual(events.map(({ to }) => to).sort((a, b) => a - b));
  });

  it('times one in so many on average', () => {
    const { thread, read } = record({ every: 8, events: 10_000 });
    const sections = 40_000;
    for (let i = 0; i < sections; i++) {
      thread.enter();
      thread.leave();
    }
    const { timed } = read();
    expect(timed / sections).toBeGreaterThan(1 / 9);
    expect(timed / sections).toBeLessThan(1 / 7);
  });

  it.each([1, 8])(
    'tells nothing of sections that were taken back, and times others as ever (one in %i)',
    (every) => {
      const { thread, read } = record({ every, events: 40_000 });
      const sections = 40_000;
      for (let i = 0; i < sections; i++) {
        for (let attempts = i % 5; attempts > 0; attempts--) {
          thread.enter();
          thread.retract();
        }
        thread.critical(() => undefined);
      }
      const { timed, entered, outcomes } = read();
      expect([entered, outcomes[Outcome.Undisturbed]]).toEqual([sections, sections]);
      if (every === 1) expect(timed).toBe(sections);
      expect(timed / sections).toBeGreaterThan(1 / (every + 1));
      expect((timed - 1) / sections).toBeLessThan(1 / (every - 1));
    },
  );

  it('tells of one that was taken back but disturbed, as of any other', () => {
    const { cpu, thread, read } = record();
    thread.enter();
    expect(cpu.preempt()).toBe('granted');
    expect(thread.retract()).toBe(Outcome.Yielded);
    const { entered, outcomes, events } = read();
    expect([entered, outcomes[Outcome.Yielded]]).toEqual([1, 1]);
    expect(events).toMatchObject([{ kind: 'section', outcome: Outcome.Yielded }]);
  });

  it('goes on timing a section in which another one was taken back', () => {
    const { thread, read } = record();
    thread.critical(() => {
      thread.enter();
      expect(thread.retract()).toBe(Outcome.Nested);
    });
    const { entered, outcomes, events } = read();
    expect([entered, outcomes[Outcome.Undisturbed], outcomes[Outcome.Nested]]).toEqual([1, 1, 0]);
    expect(events).toMatchObject([{ kind: 'section', outcome: Outcome.Undisturbed }]);
  });

  it('tells of a lock that it released with somebody waiting', async () => {
    const { thread, read } = record();
    const lock = new Mutex({ thread, blockMainThread: true });
    const token = lock.lock();
    const next = lock.lockAsync();
    await new Promise((done) => setTimeout(done, 20));
    token.unlock();
    (await next).unlock();
    const releases = read().events.filter(({ kind }) => kind === 'release');
    expect(releases.length).toBeGreaterThanOrEqual(1);
  });

  it('tells of a wait that ended without what was waited for', () => {
    const { thread, read } = record();
    const lock = new Mutex({ thread, blockMainThread: true });
    const condition = new Condition({ thread, blockMainThread: true });
    expect(condition.wait(lock.lock(), { timeout: 20 })).toBe(false);
    const recording = read();
    expect(recording.waits).toMatchObject({ count: 1, gaveUp: 1 });
    const [wait, ...others] = format([recording]).filter(({ name }) => name === 'wait');
    expect(others).toEqual([]);
    expect(wait?.args).toEqual({ lock: 'Condition', end: 'given up' });
    expect(wait?.dur).toBeGreaterThan(0);
  });
});

describe('a file', () => {
  it.each<[what: string, damage: (memory: Float64Array) => Float64Array]>([
    ['that was not begun', (memory) => memory.fill(0)],
    ['of another version', (memory) => memory.fill(1, Head.Magic, Head.Magic + 1)],
    ['that is cut off', (memory) => memory.subarray(0, HEAD_LENGTH)],
  ])('%s is no recording', (_, damage) => {
    const { memory, read } = record();
    expect(read().entered).toBe(0);
    writeFileSync(join(folder, `1${EXTENSION}`), damage(memory));
    expect(readRecordings(folder)).toEqual([]);
  });
});

describe('recordings', () => {
  const EMPTY: Recording = {
    process: 1,
    thread: 0,
    kernelThread: 0,
    host: 'linux',
    every: 1,
    started: 0,
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
  const lock = { lockKind: 0, lock: 1 };
  const brief = (events: readonly FormatEvent[]): string[] =>
    events
      .filter(({ ph }) => ph !== 'M')
      .map(
        ({ ph, ts, dur, tid, name }) =>
          `${tid} ${ph} ${name} ${Math.round(ts * 1000)}${dur === undefined ? '' : `+${Math.round(dur * 1000)}`}`,
      );

  it('show a hand-over from the release to the wait that it ended', () => {
    const holder: Recording = {
      ...EMPTY,
      events: [
        { kind: 'section', outcome: Outcome.Undisturbed, from: 1000, to: 2010, back: null },
        { kind: 'release', from: 2000, to: 2500, ...lock },
      ],
    };
    const waiter: Recording = {
      ...EMPTY,
      thread: 1,
      events: [
        { kind: 'wait', from: 1200, to: 2300, end: 0, ...lock },
        { kind: 'section', outcome: Outcome.Undisturbed, from: 2200, to: 3000, back: null },
      ],
    };
    expect(brief(format([holder, waiter]))).toEqual([
      '4194305 X section 1000+1000',
      '4194306 X wait 1200+1100',
      '4194305 X release 2000+500',
      '4194305 s hand-over 2000',
      '4194306 f hand-over 2299',
      '4194306 X section 2300+700',
    ]);
  });

  it('have the numbers of the kernel, one for all attachments of a thread', () => {
    const events: RecordedEvent[] = [{ kind: 'yield', from: 1, to: 2 }];
    const worker = { ...EMPTY, process: 700, thread: 1, kernelThread: 702, events };
    const again = { ...worker, started: 5, events: [{ kind: 'yield', from: 6, to: 7 }] as const };
    const successor = { ...worker, thread: 2, started: 9 };
    const later = {
      ...successor,
      started: 12,
      events: [{ kind: 'yield', from: 13, to: 14 }] as const,
    };
    const unknown = { ...EMPTY, process: 700, events };
    const named = format([
      worker,
      again,
      successor,
      later,
      unknown,
      { ...unknown, events: again.events },
    ]).filter(({ ph }) => ph === 'M');
    expect(named.map(({ pid, tid, args }) => [pid, tid, args?.['name']])).toEqual([
      [700, 702, 'process'],
      [700, 702, 'worker 1'],
      // Whose number the kernel had given before, and who has none.
      [700, 4194307, 'worker 2'],
      [700, 4194309, 'main thread'],
    ]);
    const { thread, read } = record();
    thread.critical(() => undefined);
    expect(new Set(format([read()]).map(({ pid, tid }) => `${pid}/${tid}`))).toEqual(
      new Set([`${process.pid}/${basename(readlinkSync('/proc/thread-self'))}`]),
    );
  });

  it('of one thread at once, as of simulated threads in it, have rows of their own', () => {
    const first = {
      ...EMPTY,
      kernelThread: 702,
      events: [{ kind: 'yield', from: 10, to: 30 }] as const,
    };
    const second = { ...first, events: [{ kind: 'yield', from: 20, to: 40 }] as const };
    const third = { ...first, events: [{ kind: 'yield', from: 30, to: 35 }] as const };
    expect(brief(format([first, second, third]))).toEqual([
      '702 X yield before sleep 10+20',
      '4194306 X yield before sleep 20+20',
      '702 X yield before sleep 30+5',
    ]);
  });

  it('have a name and a colour for each end of a section', () => {
    const outcomes = [Outcome.Undisturbed, Outcome.Yielded, Outcome.Raced, Outcome.Preempted];
    const events = outcomes.map((outcome, index): RecordedEvent => ({
      kind: 'section',
      outcome,
      from: 10 * index,
      to: 10 * index + 5,
      back: null,
    }));
    expect(
      format([{ ...EMPTY, events }])
        .filter(({ ph }) => ph === 'X')
        .map(({ name, cname }) => [name, cname]),
    ).toEqual([
      ['section', 'generic_work'],
      ['section, yielded', 'good'],
      ['section, raced', 'bad'],
      ['section, preempted', 'terrible'],
    ]);
  });

  it('show none to one that gave up, of another lock, or of the same thread', () => {
    const release: RecordedEvent = { kind: 'release', from: 2000, to: 2500, ...lock };
    const wait: RecordedEvent = { kind: 'wait', from: 1200, to: 2300, end: 0, ...lock };
    const arrows = (first: readonly RecordedEvent[], second: readonly RecordedEvent[]): number =>
      format([
        { ...EMPTY, events: first },
        { ...EMPTY, thread: 1, events: second },
      ]).filter(({ ph }) => ph === 's').length;
    expect(arrows([release], [wait])).toBe(1);
    expect(arrows([release], [{ ...wait, end: 2 }])).toBe(0);
    expect(arrows([release], [{ ...wait, lock: 2 }])).toBe(0);
    expect(arrows([release, wait], [])).toBe(0);
  });

  it('would be found out if a span outlasted the one around it', () => {
    const events: RecordedEvent[] = [
      { kind: 'wait', from: 0, to: 1000, end: 0, ...lock },
      { kind: 'section', outcome: Outcome.Undisturbed, from: 100, to: 200, back: null },
    ];
    const good = chromeTrace(traceOfRecordings([{ ...EMPTY, events }]));
    checkFormat(good, PROCESS);
    const bad = good.replace('"dur":0.100', '"dur":1.500');
    expect(bad).not.toBe(good);
    expect(() => checkFormat(bad, PROCESS)).toThrow('overlap');
    expect(() => checkFormat(good)).toThrow('a process that is no CPU');
  });

  it('of any kind make a trace that keeps to the format', () => {
    const time = fc.nat({ max: 300 });
    const stretch = fc
      .tuple(time, time)
      .map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
    const event: fc.Arbitrary<RecordedEvent> = fc.oneof(
      fc
        .tuple(stretch, fc.nat({ max: 3 }), fc.nat({ max: 20 }), fc.boolean())
        .map(([{ from, to }, outcome, rest, isTimed]): RecordedEvent => ({
          kind: 'section',
          outcome: outcome as Outcome,
          from: isTimed ? from : null,
          to,
          back: outcome === 0 ? null : to + rest,
        })),
      stretch.map((times): RecordedEvent => ({ kind: 'yield', ...times })),
      fc
        .tuple(stretch, fc.nat({ max: 2 }), fc.nat({ max: 2 }))
        .map(([times, end, id]): RecordedEvent => ({
          kind: 'wait',
          ...times,
          end,
          lockKind: 1,
          lock: id,
        })),
      fc.tuple(stretch, fc.nat({ max: 2 })).map(([times, id]): RecordedEvent => ({
        kind: 'release',
        ...times,
        lockKind: 1,
        lock: id,
      })),
    );
    const threads = fc.array(
      fc.record({
        process: fc.integer({ min: 1, max: 2 }),
        thread: fc.nat({ max: 2 }),
        kernelThread: fc.constantFrom(0, 7, 8),
        events: fc.array(event, { maxLength: 25 }),
      }),
      { maxLength: 4 },
    );
    let arrows = 0;
    fc.assert(
      fc.property(threads, (drawn) => {
        arrows += format(drawn.map((one) => ({ ...EMPTY, ...one }))).filter(
          ({ ph }) => ph === 's',
        ).length;
      }),
      { numRuns: 1000 },
    );
    expect(arrows).toBeGreaterThan(0);
  });
});
