// SPDX-License-Identifier: MIT
/**
 * The test double: what happens to its threads when it is told, through the public API.
 *
 * @portable
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ABI_VERSIONS } from '../../../lib/abi/interface.ts';
import { ENOTSUPP, ErrorNumber } from '../../../lib/abi/kernel.ts';
import { attach } from '../../../lib/attach.ts';
import { replayed, seeded } from '../../../lib/simulated/explorer/choices.ts';
import { SimulatedKernel } from '../../../lib/simulated/kernel.ts';
import type { SimulatedKernelOptions } from '../../../lib/simulated/kernel.ts';
import { Outcome } from '../../../lib/sections/thread.ts';

function create(options: SimulatedKernelOptions = {}) {
  const kernel = new SimulatedKernel({ debug: true, ...options });
  const cpu = kernel.thread('writer');
  const thread = attach({ host: cpu });
  return { kernel, cpu, thread };
}

const failing = (code: string) => expect.objectContaining({ code }) as Error;

describe.each(ABI_VERSIONS)('on %s', (abiVersion) => {
  it('is what attach says', () => {
    const { thread } = create({ abiVersion });
    expect(thread).toMatchObject({ host: 'simulated', registration: 'simulated', abiVersion });
  });

  it('grants, and the yield gives it back', () => {
    const { kernel, cpu, thread } = create({ abiVersion });
    thread.enter();
    expect([cpu.requested, cpu.granted]).toEqual([true, false]);
    expect(cpu.preempt()).toBe('granted');
    expect([cpu.requested, cpu.granted]).toEqual([false, true]);
    expect(thread.leave()).toBe(Outcome.Yielded);
    expect(cpu.granted).toBe(false);
    expect(kernel.stats()).toEqual({ sgrant: 1, sexpir: 0, srevok: 0, syield: 1, sabort: 0 });
  });

  it('grants nothing outside of sections', () => {
    const { kernel, cpu, thread } = create({ abiVersion });
    expect(cpu.preempt()).toBe('scheduled out');
    thread.critical(() => undefined);
    expect(cpu.preempt()).toBe('scheduled out');
    expect(kernel.stats().sgrant).toBe(0);
  });

  it('revokes at the second preemption', () => {
    const { kernel, cpu, thread } = create({ abiVersion });
    thread.enter();
    cpu.preempt();
    expect(cpu.preempt()).toBe('scheduled out');
    expect(thread.leave()).toBe(Outcome.Preempted);
    expect(kernel.stats()).toMatchObject({ sgrant: 1, srevok: 1 });
  });

  it('refuses when it is told, once', () => {
    const { cpu, thread } = create({ abiVersion });
    cpu.refuseNext();
    thread.enter();
    expect(cpu.preempt()).toBe('scheduled out');
    expect(thread.leave()).toBe(Outcome.Preempted);
    thread.enter();
    expect(cpu.preempt()).toBe('granted');
    thread.leave();
  });

  it('ends an extension with a signal, and with its time', () => {
    const { kernel, cpu, thread } = create({ abiVersion });
    thread.enter();
    cpu.preempt();
    cpu.signal();
    expect(cpu.granted).toBe(false);
    expect(thread.leave()).toBe(Outcome.Preempted);

    thread.enter();
    kernel.advance(1_000_000);
    cpu.preempt();
    kernel.advance(kernel.sliceExtension - 1);
    expect(cpu.granted).toBe(true);
    kernel.advance(1);
    expect(cpu.granted).toBe(false);
    expect(thread.leave()).toBe(Outcome.Preempted);
    expect(kernel.stats()).toEqual({ sgrant: 2, sexpir: 1, srevok: 2, syield: 0, sabort: 0 });
    expect(kernel.now).toBe(1_000_000 + kernel.sliceExtension);
  });

  it('changes nothing at an interrupt that wants nothing', () => {
    const { cpu, thread } = create({ abiVersion });
    thread.enter();
    cpu.interrupt();
    expect([cpu.requested, cpu.granted]).toEqual([true, false]);
    expect(thread.leave()).toBe(Outcome.Undisturbed);
  });

  it('moves a thread, which then reads its new CPU', () => {
    const { cpu, thread } = create({ abiVersion });
    thread.enter();
    cpu.migrate(3);
    expect(thread.cpu()).toBe(3);
    expect(thread.leave()).toBe(Outcome.Preempted);
  });

  it('does something inside the next section, and once', () => {
    const { cpu, thread } = create({ abiVersion });
    cpu.inNextSection((inside) => {
      expect(inside.requested).toBe(true);
      inside.preempt();
    });
    thread.critical(() => undefined);
    thread.critical(() => undefined);
    expect(thread.stats()).toMatchObject({ yielded: 1, undisturbed: 1 });
  });

  it('leaves its threads to themselves', () => {
    const kernel = new SimulatedKernel({ abiVersion });
    const [one, other] = ['one', 'other'].map((name) => kernel.thread(name));
    const threads = [one, other].map((cpu) => attach({ host: cpu as NonNullable<typeof cpu> }));
    for (const thread of threads) thread.enter();
    one?.preempt();
    expect([one?.granted, other?.granted]).toEqual([true, false]);
    expect(threads.map((thread) => thread.leave())).toEqual([Outcome.Yielded, Outcome.Undisturbed]);
    expect(threads.map((thread) => thread.concurrencyId())).toEqual([0, 1]);
  });
});

describe('a system call inside an extension', () => {
  it.each(['7.0', 'mainline'] as const)('ends it on %s', (abiVersion) => {
    const { kernel, cpu, thread } = create({ abiVersion });
    thread.enter();
    cpu.preempt();
    cpu.systemCall();
    expect(thread.leave()).toBe(Outcome.Preempted);
    expect(kernel.stats()).toMatchObject({ sgrant: 1, sabort: 1 });
  });

  it('kills on rfc, and whatever the thread does next says so', () => {
    const { cpu, thread } = create({ abiVersion: 'rfc' });
    thread.enter();
    cpu.preempt();
    const killed = failing('ERR_RSEQ_KILLED');
    expect(() => {
      cpu.systemCall();
    }).toThrow(killed);
    expect(cpu.death).toMatch(/system call other than the yield/);
    expect(() => thread.leave()).toThrow(killed);
    expect(() => cpu.preempt()).toThrow(/killed 'writer' with SIGSEGV/);
  });
});

describe('attach', () => {
  it('gives the same object for the same thread until it is detached', () => {
    const { kernel, cpu, thread } = create();
    expect(attach({ host: cpu })).toBe(thread);
    expect(kernel.thread('writer')).toBe(cpu);
    thread.detach();
    thread.detach();
    expect(() => {
      thread.enter();
    }).toThrow(failing('ERR_RSEQ_DETACHED'));
    const again = attach({ host: cpu });
    expect(again === thread).toBe(false);
    again.enter();
    expect(cpu.preempt()).toBe('granted');
    again.leave();
  });

  it('counts its users, in any order of calls', () => {
    const call = fc.constantFrom('attach', 'attach otherwise', 'detach', 'enter', 'leave');
    const calls = fc.array(call, { maxLength: 40 });
    fc.assert(
      fc.property(calls, (names) => {
        const { cpu, thread } = create();
        // create() is its first user.
        let [users, depth] = [1, 0];
        for (const name of names) {
          if (users === 0) break;
          if (name === 'attach') {
            expect(attach({ host: cpu })).toBe(thread);
            users++;
          } else if (name === 'attach otherwise') {
            expect(() => attach({ host: cpu, controlWord: 'native' })).toThrow(
              failing('ERR_RSEQ_INVALID_OPTION'),
            );
          } else if (name === 'enter') {
            thread.enter();
            depth++;
          } else if (name === 'leave') {
            if (depth === 0) continue;
            thread.leave();
            depth--;
          } else if (users === 1 && depth > 0) {
            expect(() => {
              thread.detach();
            }).toThrow(failing('ERR_RSEQ_IN_SECTION'));
          } else {
            thread.detach();
            users--;
          }
        }
        for (; depth > 0; depth--) thread.leave();
        for (; users > 0; users--) thread.detach();
        expect(() => {
          thread.detach();
        }).toThrow(failing('ERR_RSEQ_DETACHED'));
        expect(cpu.requested).toBe(false);
      }),
    );
  });

  it("leaves the calling thread's own attachment alone", () => {
    const own = attach({ host: 'simulated' });
    create();
    expect(attach()).toBe(own);
    own.detach();
    own.detach();
    expect(() => {
      own.enter();
    }).toThrow(failing('ERR_RSEQ_DETACHED'));
  });

  it('refuses what contradicts the kernel', () => {
    const cpu = new SimulatedKernel({ abiVersion: 'rfc' }).thread();
    expect(() => attach({ host: cpu, abiVersion: 'mainline' })).toThrow(
      failing('ERR_RSEQ_INVALID_OPTION'),
    );
    expect(() => attach({ host: cpu, controlWord: 'native' })).toThrow(
      failing('ERR_RSEQ_INVALID_OPTION'),
    );
    expect(attach({ host: cpu, abiVersion: 'rfc', registration: 'auto' }).abiVersion).toBe('rfc');
  });

  it.each([
    ['absent', ErrorNumber.EINVAL],
    ['off-at-boot', ENOTSUPP],
  ] as const)('fails as on a kernel with the feature %s', (feature, errno) => {
    const cpu = new SimulatedKernel({ feature }).thread();
    const attaching = () => attach({ host: cpu });
    expect(attaching).toThrow(
      expect.objectContaining({ code: 'ERR_RSEQ_UNAVAILABLE', errno, syscall: 'prctl' }) as Error,
    );
    // Nothing is left registered: it fails in the same way again.
    expect(attaching).toThrow(expect.objectContaining({ errno }) as Error);
  });
});

describe('refuses', () => {
  it.each([
    [{ threads: 0 }],
    [{ threads: 1.5 }],
    [{ sliceExtension: 4_999 }],
    [{ sliceExtension: 50_001 }],
    [{ sliceExtension: 9_999, abiVersion: 'rfc' }],
    [{ seed: 1, choices: [] }],
    [{ choices: 'x' }],
  ] as const)('%j', (options) => {
    expect(() => new SimulatedKernel(options)).toThrow(failing('ERR_RSEQ_INVALID_OPTION'));
  });

  it.each([-1, 0.5, Number.NaN, Infinity])('to let %d ns pass', (nanoseconds) => {
    const { kernel } = create();
    expect(() => {
      kernel.advance(nanoseconds);
    }).toThrow(failing('ERR_RSEQ_INVALID_OPTION'));
    expect(kernel.now).toBe(0);
  });

  it('more threads than it has', () => {
    const kernel = new SimulatedKernel({ threads: 1 });
    kernel.thread('a');
    expect(kernel.thread('a').name).toBe('a');
    expect(() => kernel.thread('b')).toThrow(failing('ERR_RSEQ_INVALID_OPTION'));
  });
});

it('accepts the bounds of an extension', () => {
  for (const sliceExtension of [5_000, 50_000])
    expect(new SimulatedKernel({ sliceExtension }).sliceExtension).toBe(sliceExtension);
  expect(new SimulatedKernel().sliceExtension).toBe(5_000);
  expect(new SimulatedKernel({ abiVersion: 'rfc' }).sliceExtension).toBe(30_000);
});

it('is the same for the same seed or choices', () => {
  const play = (options: SimulatedKernelOptions) => {
    const { kernel, thread } = create(options);
    for (let i = 0; i < 50; i++) thread.critical(() => undefined);
    return JSON.stringify([kernel.events, thread.stats()]);
  };
  expect(play({ seed: 3 })).toBe(play({ chooser: seeded(3) }));
  expect(play({ seed: 3 })).not.toBe(play({ seed: 4 }));
  expect(play({ choices: '0*4 1' })).toBe(play({ chooser: replayed([0, 0, 0, 0, 1]) }));
});
