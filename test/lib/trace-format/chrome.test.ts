// SPDX-License-Identifier: MIT
/**
 * Traces of runs, of simulated kernels, and of any events at all: whether the
 * text keeps to the format, says what happened, and is the same for the same
 * choices.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ABI_VERSIONS } from '../../../lib/abi/interface.ts';
import { attach } from '../../../lib/attach.ts';
import { replayed } from '../../../lib/simulated/explorer/choices.ts';
import { explore, run } from '../../../lib/simulated/explorer/explorer.ts';
import { SimulatedKernel } from '../../../lib/simulated/kernel.ts';
import { lockModel } from '../../../lib/simulated/models/lock.ts';
import {
  MISTAKES,
  readModifyWrite,
  wakeInsideGrant,
} from '../../../lib/simulated/models/mistakes.ts';
import { sectionModel } from '../../../lib/simulated/models/section.ts';
import { chromeTrace, microseconds } from '../../../lib/trace-format/chrome.ts';
import type { TraceEvent } from '../../../lib/trace-format/events.ts';
import { traceOfKernel, traceOfRun } from '../../../lib/simulated/traces.ts';
import { checkFormat } from '../../support/check-format.ts';
import type { FormatEvent } from '../../support/check-format.ts';

const MODELS = [
  ...MISTAKES,
  ...ABI_VERSIONS.map((abiVersion) => sectionModel(abiVersion, { migration: true })),
  lockModel('mainline', { threads: 3, cpus: 1 }),
  lockModel('rfc', { threads: 3, cpus: 3 }),
];

/** An event in a few words: what, where, when. */
function brief({ ph, ts, dur, pid, tid, name, args }: FormatEvent): string {
  const end = args?.['end'] ?? (args?.['continued'] === true ? 'continued' : undefined);
  return [
    ts,
    ph,
    `${pid - 1}/${tid}`,
    name,
    ...(dur === undefined ? [] : [`for ${dur}`]),
    ...(typeof end === 'string' ? [`(${end})`] : []),
  ].join(' ');
}

const briefs = (text: string): string[] =>
  checkFormat(text)
    .filter(({ ph }) => ph !== 'M')
    .map(brief);

const trace = (events: readonly TraceEvent[], end?: number): string =>
  chromeTrace({
    events,
    threads: new Map([
      [1, 'a'],
      [2, 'b'],
    ]),
    ...(end === undefined ? {} : { end }),
  });

describe('a time', () => {
  it('has all digits of its nanoseconds', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (nanoseconds) => {
        const text = microseconds(nanoseconds);
        expect(text).toMatch(/^(0|[1-9]\d*)\.\d{3}$/);
        expect(BigInt(text.replace('.', ''))).toBe(BigInt(nanoseconds));
      }),
    );
    expect(microseconds(9_007_199_254_740_991)).toBe('9007199254740.991');
  });
});

describe('a run', () => {
  it('of the read-modify-write mistake, in full', () => {
    const { violation } = explore(readModifyWrite);
    expect(traceOfRun(run(readModifyWrite, replayed(violation?.choices ?? ''))))
      .toBe(`{"traceEvents":[
{"ts":0.000,"ph":"M","pid":1,"tid":1,"name":"process_name","cat":"__metadata","args":{"name":"CPU 0"}},
{"ts":0.000,"ph":"M","pid":1,"tid":1,"name":"thread_name","cat":"__metadata","args":{"name":"thread 0"}},
{"ts":0.000,"ph":"B","pid":1,"tid":1,"name":"section","cat":"section"},
{"ts":0.000,"dur":0.100,"ph":"X","pid":1,"tid":1,"name":"ask","cat":"step"},
{"ts":0.100,"dur":0.100,"ph":"X","pid":1,"tid":1,"name":"work","cat":"step"},
{"ts":0.200,"dur":0.100,"ph":"X","pid":1,"tid":1,"name":"load the word","cat":"step"},
{"ts":0.300,"ph":"i","pid":1,"tid":1,"name":"preempt","cat":"kernel","s":"t"},
{"ts":0.300,"ph":"b","pid":1,"tid":1,"name":"extension","cat":"extension","id":1},
{"ts":0.400,"dur":0.100,"ph":"X","pid":1,"tid":1,"name":"store it without the request","cat":"step"},
{"ts":0.500,"ph":"E","pid":1,"tid":1,"name":"section","cat":"section","args":{"end":"withdraw"}},
{"ts":0.500,"dur":0.100,"ph":"X","pid":1,"tid":1,"name":"yield if granted","cat":"step"},
{"ts":0.600,"dur":0.100,"ph":"X","pid":1,"tid":1,"name":"make a system call","cat":"step"},
{"ts":0.700,"ph":"i","pid":1,"tid":1,"name":"killed","cat":"kernel","s":"t"},
{"ts":0.700,"ph":"e","pid":1,"tid":1,"name":"extension","cat":"extension","id":1,"args":{"end":"killed"}}
],"displayTimeUnit":"ns","otherData":{"model":"plain read-modify-write (rfc)","replay":"0*3 1","violation":"the kernel killed 0: it left a control word that does not match the grant (found by rseq_debug at a system call)"}}
`);
  });

  it('has the same trace for the same choices, and one that keeps to the format', () => {
    const kinds = new Set<string>();
    const anyRun = fc.tuple(
      fc.constantFrom(...MODELS),
      fc.array(fc.nat({ max: 20 }), { maxLength: 150 }),
    );
    fc.assert(
      fc.property(anyRun, ([model, choices]) => {
        const made = run(model, replayed(choices), 200);
        const text = traceOfRun(made);
        expect(traceOfRun(run(model, replayed(choices), 200))).toBe(text);
        // The list that the run reports makes the same run: what comes behind its end are zeroes.
        expect(traceOfRun(run(model, replayed(made.choices), 200))).toBe(text);
        for (const event of checkFormat(text))
          kinds.add(event.ph === 'i' ? event.name : event.ph + (event.bp ?? ''));
      }),
      { numRuns: 300, examples: [[[readModifyWrite, [0, 0, 0, 1]]]] },
    );
    // Not one of these may have been missing all the time.
    expect([...kinds]).toEqual(
      expect.arrayContaining([
        'X',
        'B',
        'E',
        'b',
        'e',
        's',
        'f',
        'fe',
        'preempt',
        'refused',
        'switched',
        'killed',
      ]),
    );
  });

  it('has one span for each step, and its arrow for each change of threads', () => {
    const made = run(
      lockModel('mainline', { threads: 2, cpus: 1 }),
      replayed('0*6 2 1 0*3 2 0*4 2 1'),
    );
    const events = checkFormat(traceOfRun(made));
    const steps = made.moments.flatMap(({ event, label }, index) =>
      event === 'step' ? [`${index * 0.1} ${label}`] : [],
    );
    const changes = made.moments.filter(
      ({ thread }, index) => index > 0 && made.moments[index - 1]?.thread !== thread,
    );
    expect(
      events
        .filter(({ ph }) => ph === 'X')
        .map(({ ts, name }) => `${Math.round(ts * 10) * 0.1} ${name}`),
    ).toEqual(steps);
    expect(changes.length).toBeGreaterThan(2);
    expect(events.filter(({ ph }) => ph === 's')).toHaveLength(changes.length);
  });

  it('keeps a section open that the kernel took the request of, until the thread is outside', () => {
    // Preempted with other work at 'work'; alone on its CPU, so it comes back.
    const made = run(sectionModel('mainline', { threads: 1, layers: 1 }), replayed('0*5 2'), 14);
    const spans = briefs(traceOfRun(made)).filter(
      (line) => line.includes('section') || line.includes('out'),
    );
    expect(spans).toEqual([
      '0 X 0/1 outside for 0.1',
      '0.3 B 0/1 section',
      '0.5 B 0/1 scheduled out',
      '0.6 E 0/1 scheduled out',
      '1.2 E 0/1 section (withdraw)',
      '1.3 X 0/1 outside for 0.1',
    ]);
  });

  const sections = (text: string): string[] =>
    briefs(text).filter((line) => line.includes(' section'));

  it('ends a section with the yield of its extension', () => {
    const made = run(sectionModel('mainline', { threads: 1, layers: 1 }), replayed('0*5 1'), 14);
    expect(made.moments[10]).toMatchObject({
      label: 'layer 1: yield',
      effects: ['yielded', 'switched'],
    });
    expect(sections(traceOfRun(made))).toEqual([
      '0.3 B 0/1 section',
      '1.1 E 0/1 section (withdraw)',
    ]);
  });

  it('does not end it with a system call that gives the CPU up', () => {
    const made = run(wakeInsideGrant, replayed('0*5 1'));
    expect(made.moments.at(-1)?.effects).toContain('aborted');
    expect(sections(traceOfRun(made)).at(-1)).toContain('(end of the trace)');
  });

  it('begins another one where an inner layer asks again for what the kernel took', () => {
    const made = run(sectionModel('mainline', { threads: 1, layers: 2 }), replayed('0*5 2'), 10);
    expect(made.moments[8]).toMatchObject({ label: 'layer 2: ask' });
    expect(sections(traceOfRun(made)).slice(0, 3)).toEqual([
      '0.3 B 0/1 section',
      '0.8 E 0/1 section (withdraw)',
      '0.8 B 0/1 section',
    ]);
  });

  it('follows a thread to the other CPU', () => {
    const made = run(
      sectionModel('mainline', { threads: 1, layers: 1, migration: true }),
      replayed('0*5 3'),
      7,
    );
    expect(briefs(traceOfRun(made)).slice(-9)).toEqual([
      '0.5 i 0/1 preempt and migrate',
      '0.5 B 0/1 scheduled out',
      '0.5 i 0/1 refused',
      '0.5 i 0/1 switched',
      '0.6 E 0/1 scheduled out',
      '0.6 E 0/1 section (migrated)',
      '0.6 B 1/1 section (continued)',
      '0.6 X 1/1 work for 0.1',
      '0.7 E 1/1 section (end of the trace)',
    ]);
  });

  it('shows threads of two CPUs as threads of two processes', () => {
    const made = run(lockModel('mainline', { threads: 2, cpus: 2 }), replayed('0*3 3 0*3 2'), 40);
    const steps = checkFormat(traceOfRun(made)).filter(({ ph }) => ph === 'X');
    expect(new Set(steps.map(({ pid, tid }) => `${pid}/${tid}`))).toEqual(new Set(['1/1', '2/2']));
  });
});

describe('a simulated kernel', () => {
  it('shows an extension beyond the section it was granted for, and the hand-over', () => {
    const kernel = new SimulatedKernel();
    const cpu = kernel.thread('writer');
    const other = kernel.thread('reader');
    const thread = attach({ host: cpu });
    thread.enter();
    kernel.advance(1_001);
    cpu.preempt();
    kernel.advance(999);
    thread.leave();
    kernel.advance(500);
    other.interrupt();
    kernel.advance(1);
    const text = traceOfKernel(kernel);
    expect(briefs(text)).toEqual([
      '0 B 0/1 section',
      '1.001 i 0/1 interrupt',
      '1.001 b 0/1 extension',
      '2 E 0/1 section (withdraw)',
      '2 i 0/1 yield',
      '2 e 0/1 extension (yielded)',
      '2 i 0/1 switched',
      '2 B 0/1 scheduled out',
      '2.5 s 0/1 hand-over',
      '2.5 f 0/2 hand-over',
      '2.5 i 0/2 interrupt',
      '2.501 E 0/1 scheduled out',
    ]);
    expect(
      checkFormat(text).flatMap(({ ph, tid, args }) => (ph === 'M' ? [[tid, args?.['name']]] : [])),
    ).toEqual([
      [1, 'CPU 0'],
      [1, 'writer'],
      [2, 'reader'],
    ]);
  });

  it('closes at the end of the recording what is open', () => {
    const kernel = new SimulatedKernel();
    const cpu = kernel.thread('a');
    attach({ host: cpu }).enter();
    cpu.preempt();
    kernel.advance(700);
    expect(briefs(traceOfKernel(kernel)).slice(-2)).toEqual([
      '0.7 e 0/1 extension (end of the trace)',
      '0.7 E 0/1 section (end of the trace)',
    ]);
  });

  it('continues on the other CPU the section of a thread that migrates', () => {
    const kernel = new SimulatedKernel();
    const cpu = kernel.thread('a');
    const thread = attach({ host: cpu });
    thread.enter();
    cpu.preempt();
    kernel.advance(100);
    cpu.migrate(1);
    kernel.advance(100);
    thread.leave();
    expect(briefs(traceOfKernel(kernel)).slice(3)).toEqual([
      '0.1 i 0/1 migrate',
      '0.1 B 0/1 scheduled out',
      '0.1 e 0/1 extension (revoked)',
      '0.1 i 0/1 switched',
      '0.2 E 0/1 scheduled out',
      '0.2 E 0/1 section (migrated)',
      '0.2 B 1/1 section (continued)',
      '0.2 E 1/1 section (withdraw)',
      '0.2 i 1/1 yield',
    ]);
  });

  it('has the same trace for the same script, and one that keeps to the format', () => {
    const anyScript = fc.array(
      fc.tuple(fc.nat({ max: 1 }), fc.nat({ max: 7 }), fc.nat({ max: 6_000 })),
      { maxLength: 40 },
    );
    const play = (
      abiVersion: (typeof ABI_VERSIONS)[number],
      script: readonly (readonly [number, number, number])[],
      choices: readonly number[],
    ): string => {
      const kernel = new SimulatedKernel({ abiVersion, choices });
      const threads = ['a', 'b'].map((name) => {
        const cpu = kernel.thread(name);
        return { cpu, thread: attach({ host: cpu }), depth: 0 };
      });
      for (const [index, action, time] of script) {
        const at = threads[index];
        // Whoever makes a system call inside an extension is killed on rfc; what follows would
        // throw.
        const isDead = (): boolean => at?.cpu.death !== null;
        if (at === undefined || isDead()) continue;
        try {
          if (action === 0) at.thread.enter();
          else if (action === 1 && at.depth > 0) at.thread.leave();
          else if (action === 2) at.cpu.preempt();
          else if (action === 3) at.cpu.signal();
          else if (action === 4) at.cpu.migrate(1 - at.cpu.cpu);
          else if (action === 5) at.cpu.systemCall();
          else if (action === 6) at.cpu.expire();
          if (action === 0) at.depth++;
          else if (action === 1 && at.depth > 0) at.depth--;
        } catch (error) {
          if (!isDead()) throw error;
        }
        kernel.advance(time);
      }
      return traceOfKernel(kernel);
    };
    fc.assert(
      fc.property(
        fc.constantFrom(...ABI_VERSIONS),
        anyScript,
        fc.array(fc.nat({ max: 4 })),
        (abiVersion, script, choices) => {
          const text = play(abiVersion, script, choices);
          expect(play(abiVersion, script, choices)).toBe(text);
          checkFormat(text);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('any events', () => {
  it('make a trace that keeps to the format', () => {
    const kind = fc.constantFrom<TraceEvent['kind']>(
      'step',
      'request',
      'withdraw',
      'yield',
      'system call',
      'interrupt',
      'signal',
      'migrate',
      'granted',
      'refused',
      'revoked',
      'expired',
      'yielded',
      'aborted',
      'switched',
      'killed',
    );
    const event = fc.record({
      kind,
      cpu: fc.nat({ max: 2 }),
      thread: fc.integer({ min: 1, max: 4 }),
      pause: fc.nat({ max: 50 }),
      duration: fc.nat({ max: 50 }),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), (drawn) => {
        let now = 0;
        const events = drawn.map(({ kind, cpu, thread, pause, duration }): TraceEvent => {
          const time = now + pause;
          now = kind === 'step' ? time + duration : time;
          return { time, cpu, thread, kind, ...(kind === 'step' ? { duration } : {}) };
        });
        checkFormat(trace(events));
      }),
      { numRuns: 1000 },
    );
  });

  it('are put in order, those of one time left in theirs', () => {
    const at = (time: number, thread: number, kind: TraceEvent['kind']): TraceEvent => ({
      time,
      cpu: thread - 1,
      thread,
      kind,
    });
    expect(
      briefs(
        trace([
          at(30, 1, 'signal'),
          at(10, 2, 'interrupt'),
          at(30, 2, 'refused'),
          at(20, 1, 'interrupt'),
        ]),
      ),
    ).toEqual([
      '0.01 i 1/2 interrupt',
      '0.02 i 0/1 interrupt',
      '0.03 i 0/1 signal',
      '0.03 i 1/2 refused',
    ]);
  });

  it('need no record of a switch: a CPU has one thread at a time', () => {
    const at = (time: number, thread: number): TraceEvent => ({
      time,
      cpu: 0,
      thread,
      kind: 'step',
      label: 'work',
      duration: 10,
    });
    expect(briefs(trace([at(0, 1), at(10, 2), at(20, 1)], 40))).toEqual([
      '0 X 0/1 work for 0.01',
      '0.01 B 0/1 scheduled out',
      '0.01 s 0/1 hand-over',
      '0.01 f 0/2 hand-over',
      '0.01 X 0/2 work for 0.01',
      '0.02 B 0/2 scheduled out',
      '0.02 s 0/2 hand-over',
      '0.02 f 0/1 hand-over',
      '0.02 E 0/1 scheduled out',
      '0.02 X 0/1 work for 0.01',
      '0.04 E 0/2 scheduled out',
    ]);
  });

  it('end all spans of a thread with its death, and begin none after it', () => {
    const at = (time: number, kind: TraceEvent['kind'], thread = 1): TraceEvent => ({
      time,
      cpu: 0,
      thread,
      kind,
    });
    const events = [
      at(0, 'request'),
      at(1, 'granted'),
      at(2, 'killed'),
      at(3, 'request'),
      at(4, 'switched'),
      at(5, 'interrupt', 2),
    ];
    expect(briefs(trace(events, 9)).slice(2)).toEqual([
      '0.002 i 0/1 killed',
      '0.002 e 0/1 extension (killed)',
      '0.002 E 0/1 section (killed)',
      '0.003 i 0/1 request',
      '0.004 i 0/1 switched',
      '0.005 i 0/2 interrupt',
    ]);
  });

  it('may have any names', () => {
    const name = '"quoted", \\ and\n\u2028';
    const text = chromeTrace({
      events: [{ time: 0, cpu: 0, thread: 7, kind: 'step', label: name }],
      threads: new Map([[7, name]]),
      about: { [name]: name },
    });
    expect(checkFormat(text).map((event) => event.args?.['name'] ?? event.name)).toEqual([
      'CPU 0',
      name,
      name,
    ]);
  });

  it('make a trace when there are none', () => {
    expect(checkFormat(trace([]))).toEqual([]);
  });
});

describe('the check of the format', () => {
  const good = trace([
    { time: 0, cpu: 0, thread: 1, kind: 'request' },
    { time: 0, cpu: 0, thread: 1, kind: 'step', duration: 10 },
    { time: 10, cpu: 0, thread: 1, kind: 'granted' },
    { time: 20, cpu: 0, thread: 2, kind: 'interrupt' },
    { time: 30, cpu: 0, thread: 1, kind: 'yielded' },
  ]);

  it.each<[what: string, pattern: RegExp, by: string, complaint: string]>([
    ['noise in a time', /"ts":0\.020/, '"ts":0.02000001', 'whole nanoseconds'],
    ['a time that is a text', /"ts":0\.020/, '"ts":"0.020"', 'whole nanoseconds'],
    ['going back in time', /"ts":0\.020(.*"f")/, '"ts":0.001$1', 'back in time'],
    ['an unknown phase', /"ph":"i"/, '"ph":"Q"', 'unknown phase'],
    ['an instant without a scope', /,"s":"t"/, '', 'missing'],
    ['a field of another phase', /"ph":"i"/, '"dur":0.000,"ph":"i"', 'too many'],
    [
      'a process that is a text',
      /"pid":1,"tid":2,"name":"interrupt"/,
      '"pid":"1","tid":2,"name":"interrupt"',
      'no number',
    ],
    ['a CPU without a name', /.*process_name.*\n/, '', 'process without a name'],
    ['a thread without a name', /.*"args":\{"name":"b"\}.*\n/, '', 'thread without a name'],
    ['names behind events', /(.*thread_name.*"b".*\n)(.*"ph":"B".*\n)/, '$2$1', 'behind events'],
    [
      'a number that viewers keep for themselves',
      /"tid":2,"name":"interrupt"/,
      '"tid":0,"name":"interrupt"',
      'no number',
    ],
    ['two names', /(.*process_name.*\n)/, '$1$1', 'named twice'],
    ['an end that is not innermost', /.*"ph":"E".*\n/, '', 'not innermost'],
    ['a span without an end', /,\n.*"ph":"E".*\n\]/, '\n]', 'left open'],
    ['an end of something else', /("ph":"E".*"name":)"section"/, '$1"lock"', 'not innermost'],
    ['a span that begins in a step', /"dur":0\.010/, '"dur":0.025', 'middle of a complete span'],
    ['an arrow without an end', /.*"ph":"f".*\n/, '', 'has no end'],
    ['an arrow without a beginning', /.*"ph":"s".*\n/, '', 'has not begun'],
    ['an arrow without a span', /"bp":"e"|("ph":"f".*"id":1)/, '$1,"bp":"e"', 'without a span'],
    ['another id at the end', /("ph":"e".*"id":)1/, '$12', 'has not begun'],
    ['an extension that ends elsewhere', /("ph":"e","pid":1,"tid":)1/, '$12', 'ends elsewhere'],
  ])('finds %s', (_, pattern, by, complaint) => {
    checkFormat(good);
    const bad = good.replace(pattern, by);
    expect(bad).not.toBe(good);
    expect(() => checkFormat(bad)).toThrow(complaint);
  });
});
