// SPDX-License-Identifier: MIT
/**
 * The port, faked as one object: attaching, locks, probe() and recordings get everything that they
 * need of a machine from it, and nothing from anywhere else.
 */
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { attach } from '../../../lib/attach.ts';
import { ControlWordBytes } from '../../../lib/host/control-word-bytes.ts';
import { currentHost, portableHost, useHost } from '../../../lib/host/current.ts';
import { loadAddon } from '../../../lib/host/linux/binding.ts';
import { AVAILABLE, describeFailure } from '../../../lib/host/status.ts';
import type { Host, HostThread } from '../../../lib/host/port.ts';
import { Mutex, Outcome, probe, SpinLock } from '../../../lib/index.ts';

const real = currentHost();
const OTHER = 77;

/** A kernel that grants in every section, and a process of two threads. */
function fakeHost() {
  const word = new ControlWordBytes(new ArrayBuffer(4));
  const thread = {
    host: 'linux',
    registration: 'own',
    abiVersion: '7.0',
    controlWord: word,
    enter: () => 1,
    clear: () => 0,
    yieldSlice: vi.fn(() => {
      word.fill(0);
      return 1;
    }),
    cpu: () => 5,
    node: () => 1,
    concurrencyId: () => 2,
    detach: vi.fn(),
  } satisfies HostThread;
  const isDead = { value: false };
  const host = {
    status: AVAILABLE,
    addon: { state: 'not-linux' },
    attach: vi.fn<Host['attach']>(() => thread),
    probe: vi.fn(() => null),
    cInterface: () => null,
    sleeping: {
      sleep: vi.fn<Host['sleeping']['sleep']>(() => {
        // The other one dies while we sleep.
        isDead.value = true;
        return 'timed out';
      }),
      wake: vi.fn(() => 0),
      yield: vi.fn(() => {
        isDead.value = true;
      }),
    },
    ids: { cpu: () => 5, node: () => 1, concurrencyId: () => 2, source: 'call', stripe: () => 2 },
    agent: () => ({ id: 7, hasEnded: (id: number) => id === OTHER && isDead.value }),
    mapFile: vi.fn(() => null),
  } satisfies Host;
  return { host, thread, word };
}

let fake: ReturnType<typeof fakeHost>;
beforeEach(() => {
  fake = fakeHost();
  useHost(fake.host);
});
afterAll(() => {
  useHost(undefined);
});

describe('a fake host', () => {
  it('attaches threads, and its word is what sections write', () => {
    const thread = attach({ registration: 'own', controlWord: 'native' });
    expect(fake.host.attach.mock.calls).toEqual([
      [{ registration: 'own', abiVersion: 'auto', mapped: false }],
    ]);
    expect([thread.host, thread.abiVersion, thread.cpu()]).toEqual(['linux', '7.0', 5]);
    thread.enter();
    expect([...fake.word]).toEqual([1, 0, 0, 0]);
    fake.word.set([0, 1]);
    expect(thread.leave()).toBe(Outcome.Yielded);
    expect(fake.thread.yieldSlice).toHaveBeenCalledOnce();
    thread.detach();
    expect(fake.thread.detach).toHaveBeenCalledOnce();
  });

  it('is left for the portable one where it refuses', () => {
    fake.host.attach.mockReturnValue(describeFailure(1, 22));
    const thread = attach();
    expect([thread.host, thread.registration]).toEqual(['simulated', 'simulated']);
    expect(thread.critical(() => 3)).toBe(3);
    expect(probe().slices.reason).toBe('kernel-without-feature');
    thread.detach();
    expect(() => attach({ host: 'linux' })).toThrow(/No time slice extensions for this thread/);
  });

  it.each([
    ['sleep', Mutex],
    ['yield', SpinLock],
  ] as const)('is what locks %s by, and what tells them who has died', (call, Lock) => {
    const thread = attach();
    const lock = new Lock({ thread, blockMainThread: true });
    const words = new Int32Array(lock.handle.buffer, lock.handle.byteOffset);
    lock.enter();
    lock.leave();
    // As if the other thread had taken it.
    Atomics.store(words, 1, OTHER);
    const token = lock.lock({ timeout: 1000 });
    const { sleep, yield: letRun } = fake.host.sleeping;
    const [used, unused] = call === 'sleep' ? [sleep, letRun] : [letRun, sleep];
    expect(used).toHaveBeenCalled();
    expect(unused).not.toHaveBeenCalled();
    expect(token.abandoned).toBe(true);
    token.unlock();
    thread.detach();
  });

  it('is what probe() asks', () => {
    expect(probe()).toMatchObject({ addon: { state: 'not-linux' }, owner: null, users: null });
    expect(fake.host.probe).toHaveBeenCalledOnce();
  });
});

describe.each([
  ['the one of this machine', () => real],
  ['the portable one', () => portableHost()],
])('%s', (_, hostOf) => {
  it('names the calling thread, which has not ended', () => {
    const { id, hasEnded } = hostOf().agent();
    expect(id).toBeGreaterThan(0);
    expect(id).toBeLessThan(2 ** 29);
    expect(hasEnded(id)).toBe(false);
  });

  it('sleeps no longer than it was told, and wakes nobody where nobody sleeps', () => {
    const { sleeping } = hostOf();
    const bed = { words: new Int32Array(new SharedArrayBuffer(16)), sleepers: 3 };
    expect(sleeping.sleep(bed, 0, 1, 60_000)).toBe('changed');
    expect(sleeping.sleep(bed, 0, 0, 5)).toBe('timed out');
    expect(sleeping.wake(bed, 0, 1)).toBe(0);
    expect([...bed.words]).toEqual([0, 0, 0, 0]);
  });

  it('lets others run by one call of the kernel', () => {
    const addon = loadAddon();
    const wait = vi.spyOn(Atomics, 'wait');
    const yields = addon.state === 'loaded' ? vi.spyOn(addon.binding, 'schedYield') : null;
    try {
      hostOf().sleeping.yield();
      const calls = [yields?.mock.calls.length ?? 0, wait.mock.calls.length];
      const isNative = yields !== null && hostOf() !== portableHost();
      expect(calls).toEqual(isNative ? [1, 0] : [0, 1]);
    } finally {
      vi.restoreAllMocks();
    }
  });

  it('attaches the calling thread, or says why not', () => {
    const result = hostOf().attach({ registration: 'auto', abiVersion: 'auto', mapped: true });
    if ('reason' in result) expect(result.explanation).toMatch(/^[A-Z].*\.$/);
    else {
      expect(result.controlWord).toHaveLength(4);
      result.detach();
    }
  });

  it('has files as memory, or says that it has not', () => {
    const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-port-'));
    const file = openSync(join(folder, 'memory'), 'w+');
    try {
      const mapped = hostOf().mapFile(file, 4096);
      // An empty file has no first bytes: to touch them would be a signal, so nobody does here.
      if (mapped !== null) expect(mapped.byteLength).toBe(4096);
    } finally {
      closeSync(file);
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
