// SPDX-License-Identifier: MIT
/**
 * The model of the kernel by itself: what becomes of a request, a grant and a
 * thread, on every ABI version. That Linux does the same is for the conformance
 * tests, except for what only a scheduler can bring about.
 *
 * @portable
 */
import { describe, expect, it } from 'vitest';
import { ABI_VERSIONS } from '../../../lib/abi/interface.ts';
import type { AbiVersion } from '../../../lib/abi/interface.ts';
import {
  AREA_OFFSETS,
  ENOTSUPP,
  FLAG_SLICE_AVAILABLE,
  FLAG_SLICE_ENABLED,
  FLAG_UNREGISTER,
  LEGACY_LENGTH,
  PR_SLICE_ENABLE,
  PR_SLICE_SET,
  SIGNATURE,
  SLICE_LENGTH,
} from '../../../lib/abi/kernel.ts';
import { Machine } from '../../../lib/simulated/machine.ts';
import type { MachineEvent, MachineOptions } from '../../../lib/simulated/machine.ts';

const [GRANTED, EXPIRED, REVOKED, YIELDED, ABORTED] = [0, 1, 2, 3, 4];

/** 32-bit slots of `struct rseq`. */
const Slot = {
  cpuIdStart: AREA_OFFSETS.cpu_id_start / 4,
  cpuId: AREA_OFFSETS.cpu_id / 4,
  flags: AREA_OFFSETS.flags / 4,
  nodeId: AREA_OFFSETS.node_id / 4,
  concurrencyId: AREA_OFFSETS.mm_cid / 4,
} as const;

/** A machine whose thread 0 has slices enabled, and what happened on it. */
class Bench {
  readonly machine: Machine;
  readonly events: MachineEvent[] = [];

  constructor(options: MachineOptions = {}) {
    this.machine = new Machine(options);
    this.machine.onEvent = (event) => void this.events.push(event);
    expect(this.machine.rseq(0, 0, 0, SLICE_LENGTH, 0, SIGNATURE)).toBe(0);
    expect(this.machine.prctl(0, PR_SLICE_SET, PR_SLICE_ENABLE)).toBe(0);
    this.events.length = 0;
  }

  get word(): number[] {
    return [...this.machine.controlWord(0)];
  }

  request(): void {
    this.machine.controlWord(0)[0] = 1;
  }

  /** A request, and an interrupt that wants the CPU. */
  grant(): void {
    this.request();
    this.machine.interrupt(0, true);
    expect(this.machine.isGranted(0)).toBe(true);
  }

  slot(slot: number, area = 0): number {
    return new DataView(this.machine.memory(area).buffer).getInt32((area * 16 + slot) * 4, true);
  }

  change(slot: number, value: number): void {
    this.machine.state[slot] = value;
  }

  counts(): number[] {
    return [...this.machine.counters];
  }
}

const counted = (...which: number[]): number[] =>
  [0, 1, 2, 3, 4].map((counter) => which.filter((one) => one === counter).length);

/** The word inside a grant: bit 1 in the first ABI, byte 1 since. */
const grantedWord = (abiVersion: AbiVersion): number[] =>
  abiVersion === 'rfc' ? [2, 0, 0, 0] : [0, 1, 0, 0];

describe.each(ABI_VERSIONS)('%s', (abiVersion) => {
  it('grants where an interrupt wants the CPU and a request is there', () => {
    const bench = new Bench({ abiVersion });
    bench.grant();
    expect(bench.word).toEqual(grantedWord(abiVersion));
    expect(bench.machine.userGranted(0)).toBe(true);
    expect(bench.machine.isTimerArmed(0)).toBe(true);
    expect(bench.events).toEqual(['granted']);
    expect(bench.machine.violation()).toBeNull();
  });

  it('schedules where there is no request, or slices are off again', () => {
    const bench = new Bench({ abiVersion });
    bench.machine.interrupt(0, true);
    bench.machine.prctl(0, PR_SLICE_SET, 0);
    bench.request();
    bench.machine.interrupt(0, true);
    expect(bench.events).toEqual(['switched', 'switched']);
    expect(bench.word).toEqual([0, 0, 0, 0]);
  });

  it('leaves a request alone where an interrupt does not want the CPU', () => {
    const bench = new Bench({ abiVersion });
    bench.request();
    bench.machine.interrupt(0, false);
    bench.machine.interrupt(0, false, true);
    expect(bench.word).toEqual([1, 0, 0, 0]);
    expect(bench.events).toEqual([]);
  });

  it('refuses where there is other work, and takes the request back', () => {
    const bench = new Bench({ abiVersion });
    bench.request();
    bench.machine.interrupt(0, true, true);
    expect(bench.events).toEqual(['refused', 'switched']);
    expect(bench.word).toEqual([0, 0, 0, 0]);
    expect(bench.counts()).toEqual(counted());
  });

  it('revokes when the CPU is wanted a second time, even with a new request', () => {
    const bench = new Bench({ abiVersion });
    bench.grant();
    bench.machine.controlWord(0)[0] = 3;
    bench.machine.interrupt(0, true);
    expect(bench.events).toEqual(['granted', 'revoked', 'switched']);
    expect(bench.word).toEqual([0, 0, 0, 0]);
    expect(bench.counts()).toEqual(counted(GRANTED, REVOKED));
    expect(bench.machine.yieldSlice(0)).toBe(0);
  });

  it('revokes when the timer fires', () => {
    const bench = new Bench({ abiVersion });
    bench.grant();
    bench.machine.expire(0);
    expect(bench.events).toEqual(['granted', 'expired', 'revoked', 'switched']);
    expect(bench.word).toEqual([0, 0, 0, 0]);
    expect(bench.counts()).toEqual(counted(GRANTED, EXPIRED, REVOKED));
    expect(bench.machine.isTimerArmed(0)).toBe(false);
    bench.machine.expire(0);
    expect(bench.events).toHaveLength(4);
  });

  it('answers 1 to the first yield inside a grant, and 0 to others', () => {
    const bench = new Bench({ abiVersion });
    expect(bench.machine.yieldSlice(0)).toBe(0);
    bench.grant();
    expect(bench.machine.yieldSlice(0)).toBe(1);
    expect(bench.machine.yieldSlice(0)).toBe(0);
    expect(bench.events).toEqual(['granted', 'yielded', 'switched']);
    expect(bench.word).toEqual([0, 0, 0, 0]);
    expect(bench.machine.isTimerArmed(0)).toBe(false);
    expect(bench.counts()).toEqual(counted(GRANTED, YIELDED));
  });

  it('ends a grant at any other system call, in the first ABI the thread', () => {
    const bench = new Bench({ abiVersion });
    bench.grant();
    bench.machine.systemCall(0);
    const isFirst = abiVersion === 'rfc';
    expect(bench.events).toEqual(['granted', ...(isFirst ? ['killed'] : ['aborted', 'switched'])]);
    expect(bench.machine.isDead(0)).toBe(isFirst);
    expect(bench.machine.death(0)).toBe(
      isFirst ? 'made a system call other than the yield inside a grant' : '',
    );
    expect(bench.counts()).toEqual(isFirst ? counted(GRANTED) : counted(GRANTED, ABORTED));
    if (!isFirst) expect(bench.word).toEqual([0, 0, 0, 0]);
  });

  it('grants again after every end of a grant', () => {
    const bench = new Bench({ abiVersion });
    for (let round = 0; round < 3; round++) {
      bench.grant();
      expect(bench.machine.yieldSlice(0)).toBe(1);
      bench.grant();
      bench.machine.expire(0);
    }
    expect(bench.machine.counters[GRANTED]).toBe(6);
  });

  it('kills with rseq_debug who requests again before his first system call after a revocation', () => {
    for (const debug of [false, true]) {
      const bench = new Bench({ abiVersion, debug });
      bench.grant();
      bench.machine.expire(0);
      bench.request();
      bench.machine.systemCall(0);
      expect(bench.machine.isDead(0), String(debug)).toBe(debug);
      expect(bench.machine.death(0)).toMatch(debug ? /rseq_debug/ : /^$/);
    }
  });

  it('kills with rseq_debug whose word says another thing than the grant', () => {
    for (const debug of [false, true]) {
      const bench = new Bench({ abiVersion, debug });
      bench.grant();
      bench.machine.controlWord(0).fill(0);
      expect(bench.machine.yieldSlice(0)).toBe(debug ? 0 : 1);
      expect(bench.machine.isDead(0), String(debug)).toBe(debug);
    }
  });

  it('does nothing more for the dead', () => {
    const bench = new Bench({ abiVersion, debug: true });
    bench.grant();
    bench.machine.controlWord(0).fill(0);
    bench.machine.yieldSlice(0);
    const before = bench.machine.state.slice();
    bench.machine.interrupt(0, true);
    bench.machine.expire(0);
    expect(bench.machine.rseq(0, 0, 0, SLICE_LENGTH, FLAG_UNREGISTER, SIGNATURE)).toBe(0);
    expect(bench.machine.state).toEqual(before);
    expect(bench.events.at(-1)).toBe('killed');
  });

  it('writes the ids when a thread moves, and ends its grant', () => {
    const bench = new Bench({ abiVersion, threads: 2 });
    bench.grant();
    bench.machine.migrate(0, 5);
    expect([bench.slot(Slot.cpuIdStart), bench.slot(Slot.cpuId)]).toEqual([5, 5]);
    expect(bench.word).toEqual([0, 0, 0, 0]);
    expect(bench.counts()).toEqual(counted(GRANTED, REVOKED));
    expect(bench.machine.rseq(1, 1, 0, SLICE_LENGTH, 0, SIGNATURE)).toBe(0);
    expect(bench.slot(Slot.concurrencyId, 1)).toBe(1);
    bench.machine.migrate(1, 3);
    expect(bench.machine.isDead(1)).toBe(false);
    expect([bench.slot(Slot.cpuId, 1), bench.slot(Slot.cpuId)]).toEqual([3, 5]);
  });

  it.each(['cpuIdStart', 'cpuId', 'nodeId', 'concurrencyId'] as const)(
    'kills who has changed %s where the kernel looks',
    (field) => {
      for (const debug of [false, true]) {
        const moved = new Bench({ abiVersion, debug });
        moved.change(Slot[field], 77);
        moved.machine.migrate(0, 1);
        expect(moved.machine.isDead(0), `moved, ${String(debug)}`).toBe(
          debug || abiVersion === 'mainline',
        );
        const preempted = new Bench({ abiVersion, debug });
        preempted.change(Slot[field], 77);
        preempted.machine.interrupt(0, true);
        // Without rseq_debug the kernel looks only when it has new ids to write.
        expect(preempted.machine.isDead(0), `preempted, ${String(debug)}`).toBe(debug);
      }
    },
  );

  it('gives a forked child all but the memory', () => {
    const bench = new Bench({ abiVersion, threads: 2 });
    bench.request();
    bench.machine.fork(0, 1, 1);
    const { machine } = bench;
    expect([machine.isRegistered(1), machine.isEnabled(1), machine.isDead(1)]).toEqual([
      true,
      true,
      false,
    ]);
    expect([...machine.controlWord(0)]).toEqual([1, 0, 0, 0]);
    expect([...machine.controlWord(1)]).toEqual([0, 0, 0, 0]);
    machine.controlWord(1)[0] = 1;
    machine.interrupt(1, true);
    expect([machine.isGranted(0), machine.isGranted(1)]).toEqual([false, true]);
    machine.migrate(1, 4);
    expect([machine.isDead(1), bench.slot(Slot.cpuId), bench.slot(Slot.cpuId, 1)]).toEqual([
      false,
      0,
      4,
    ]);
  });

  it('ends the grant of a thread that forks, before there is a child', () => {
    const bench = new Bench({ abiVersion, threads: 2 });
    bench.grant();
    bench.machine.fork(0, 1, 1);
    expect(bench.machine.isRegistered(1)).toBe(abiVersion !== 'rfc');
    expect(bench.machine.isGranted(1)).toBe(false);
  });

  it('forgets a registration at execve', () => {
    const bench = new Bench({ abiVersion });
    bench.machine.execute(0);
    expect([bench.machine.isRegistered(0), bench.machine.isEnabled(0)]).toEqual([false, false]);
    expect(bench.machine.prctl(0, PR_SLICE_SET, PR_SLICE_ENABLE)).toBe(-6);
    expect(bench.machine.rseq(0, 0, 0, SLICE_LENGTH, FLAG_UNREGISTER, SIGNATURE)).toBe(-22);
    expect(bench.machine.rseq(0, 0, 0, SLICE_LENGTH, 0, 1)).toBe(0);
    expect(bench.slot(Slot.flags)).toBe(FLAG_SLICE_AVAILABLE);
  });

  it('forgets a registration at exit, and leaves the memory as it is', () => {
    const bench = new Bench({ abiVersion });
    bench.machine.exit(0);
    expect(bench.machine.isRegistered(0)).toBe(false);
    expect([bench.slot(Slot.cpuId), bench.slot(Slot.flags)]).toEqual([
      0,
      FLAG_SLICE_AVAILABLE | FLAG_SLICE_ENABLED,
    ]);
    bench.machine.interrupt(0, true);
    expect(bench.slot(Slot.cpuId)).toBe(0);
  });

  it('kills at prctl who has changed the flags', () => {
    const bench = new Bench({ abiVersion });
    bench.change(Slot.flags, FLAG_SLICE_ENABLED);
    expect(bench.machine.prctl(0, PR_SLICE_SET, PR_SLICE_ENABLE)).toBe(0);
    expect(bench.machine.isDead(0)).toBe(false);
    bench.machine.prctl(0, PR_SLICE_SET, 0);
    expect(bench.machine.death(0)).toMatch(/flags/);
  });

  it('keeps the length of an extension in its bounds', () => {
    const { machine } = new Bench({ abiVersion });
    const least = abiVersion === 'rfc' ? 10_000 : 5_000;
    expect(machine.sliceExtension).toBe(abiVersion === 'rfc' ? 30_000 : 5_000);
    for (const good of [least, 50_000, 20_000]) {
      expect(machine.setSliceExtension(good)).toBe(0);
      expect(machine.sliceExtension).toBe(good);
    }
    for (const bad of [least - 1, 50_001, 0, -1]) expect(machine.setSliceExtension(bad)).toBe(-34);
    expect(machine.sliceExtension).toBe(20_000);
  });

  it('comes back to a state that was copied', () => {
    const bench = new Bench({ abiVersion });
    bench.request();
    const before = bench.machine.state.slice();
    bench.machine.interrupt(0, true);
    const granted = bench.machine.state.slice();
    bench.machine.expire(0);
    bench.machine.state.set(before);
    bench.machine.interrupt(0, true);
    expect(bench.machine.state).toEqual(granted);
  });
});

it('keeps slices from legacy areas since 7.1, and gives them before', () => {
  for (const [abiVersion, expected] of [
    ['mainline', -ENOTSUPP],
    ['7.0', 0],
    ['rfc', 0],
  ] as const) {
    const machine = new Machine({ abiVersion });
    expect(machine.rseq(0, 0, 0, LEGACY_LENGTH, 0, SIGNATURE)).toBe(0);
    expect(machine.prctl(0, PR_SLICE_SET, PR_SLICE_ENABLE), abiVersion).toBe(expected);
  }
});

it('grants nothing where the feature is off at boot or absent', () => {
  for (const [feature, enabled, yielded] of [
    ['off-at-boot', -ENOTSUPP, 0],
    ['absent', -22, -38],
  ] as const) {
    const machine = new Machine({ feature });
    expect(machine.rseq(0, 0, 0, SLICE_LENGTH, 0, SIGNATURE)).toBe(0);
    expect(machine.prctl(0, PR_SLICE_SET, PR_SLICE_ENABLE)).toBe(enabled);
    machine.controlWord(0)[0] = 1;
    machine.interrupt(0, true);
    expect([...machine.controlWord(0)]).toEqual([1, 0, 0, 0]);
    expect(machine.yieldSlice(0)).toBe(yielded);
  }
});
