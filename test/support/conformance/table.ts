// SPDX-License-Identifier: MIT
/**
 * The table: what a thread can be like, times what it can call with right and
 * wrong arguments. Every row ends with a look at what the kernel then thinks.
 */
import {
  FLAG_SLICE_AVAILABLE,
  FLAG_SLICE_DEFAULT_ON,
  FLAG_SLICE_ENABLED,
  FLAG_UNREGISTER,
  GRANTED_BIT,
  LEGACY_LENGTH,
  PR_SLICE_ENABLE,
  PR_SLICE_GET,
  PR_SLICE_SET,
  SIGNATURE,
  SLICE_LENGTH,
} from '../../../lib/abi/kernel.ts';
import { AREA_SLOTS, Field, GRANTED, REQUEST, call } from './sequence.ts';
import type { Call, Sequence } from './sequence.ts';

const ALL_ONES = 0xffffffff;

const legacy = call('r', 0, 0, LEGACY_LENGTH, 0, SIGNATURE);
const registered = call('r', 0, 0, SLICE_LENGTH, 0, SIGNATURE);
const enable = call('p', PR_SLICE_SET, PR_SLICE_ENABLE, 0, 0);
const disable = call('p', PR_SLICE_SET, 0, 0, 0);
const request = call('w', REQUEST, 1);
const preempted = call('i');
const store = (field: number, value: number): Call => call('s', field, value);

const STATES: Readonly<Record<string, readonly Call[]>> = {
  unregistered: [],
  'memory with rubbish': [...Array(AREA_SLOTS).keys()]
    .filter((slot) => slot !== 2 && slot !== 3)
    .map((slot) => store(slot, ALL_ONES)),
  legacy: [legacy],
  'legacy at 32': [call('r', 0, 32, LEGACY_LENGTH, 0, SIGNATURE)],
  'legacy, word set': [legacy, store(Field.sliceControl, 0x01020304)],
  'legacy, ids changed': [legacy, store(Field.cpuId, 77)],
  'legacy, on by default': [call('r', 0, 0, LEGACY_LENGTH, FLAG_SLICE_DEFAULT_ON, SIGNATURE)],
  registered: [registered],
  'word there before': [store(Field.sliceControl, 0x01020304), registered],
  longer: [call('r', 0, 0, 64, 0, SIGNATURE), enable],
  'much longer': [call('r', 0, 0, ALL_ONES, 0, SIGNATURE), enable],
  'another signature': [call('r', 0, 0, SLICE_LENGTH, 0, ALL_ONES)],
  'on by default': [call('r', 0, 0, SLICE_LENGTH, FLAG_SLICE_DEFAULT_ON, SIGNATURE)],
  enabled: [registered, enable],
  'disabled again': [registered, enable, disable],
  'requested, not enabled': [registered, request],
  requested: [registered, enable, request],
  'granted forged': [registered, enable, call('w', GRANTED, 1)],
  'granted forged as a bit': [registered, enable, store(Field.sliceControl, GRANTED_BIT)],
  'legacy, enabled': [legacy, enable],
  'legacy, requested': [legacy, enable, request],
  'legacy, preempted inside': [legacy, enable, request, preempted],
  'word all ones': [registered, enable, store(Field.sliceControl, ALL_ONES)],
  'preempted inside': [registered, enable, request, preempted],
  'requested again': [registered, enable, request, preempted, request],
  'flags cleared': [registered, store(Field.flags, 0)],
  'flags all ones': [registered, store(Field.flags, ALL_ONES)],
  'enabled flag forged': [
    registered,
    store(Field.flags, FLAG_SLICE_AVAILABLE | FLAG_SLICE_ENABLED),
  ],
  'enabled, flags cleared': [registered, enable, store(Field.flags, 0)],
  'enabled flag dropped': [registered, enable, store(Field.flags, FLAG_SLICE_AVAILABLE)],
  'available flag dropped': [registered, enable, store(Field.flags, FLAG_SLICE_ENABLED)],
  'cpu_id_start changed': [registered, store(Field.cpuIdStart, 77)],
  'cpu_id changed': [registered, enable, store(Field.cpuId, 77)],
  'node_id changed': [registered, enable, request, store(Field.nodeId, 77)],
  'mm_cid changed': [registered, store(Field.concurrencyId, 77)],
  'unregistered again': [
    registered,
    enable,
    request,
    call('r', 0, 0, SLICE_LENGTH, FLAG_UNREGISTER, SIGNATURE),
  ],
  'registered anew': [
    registered,
    enable,
    call('r', 0, 0, SLICE_LENGTH, FLAG_UNREGISTER, SIGNATURE),
    registered,
  ],
  forked: [registered, enable, request, call('f')],
  'in a thread': [registered, enable, request, call('t')],
  'after a thread': [
    registered,
    enable,
    request,
    call('t'),
    call('r', 1, 0, SLICE_LENGTH, FLAG_SLICE_DEFAULT_ON, 5),
    call('x'),
  ],
};

const CALLS: readonly (readonly Call[])[] = [
  ...[0, 1, 2, 3, 4, 5, 8, 0x40000000, -1, -2].map((flags) => [
    call('r', 0, 0, SLICE_LENGTH, flags, SIGNATURE),
  ]),
  ...[0, 1, 2].map((flags) => [call('r', 0, 0, LEGACY_LENGTH, flags, SIGNATURE)]),
  ...[0, 1, 28, 31, 34, 63, 64, 65, 4096, 0x7fffffff, ALL_ONES].map((length) => [
    call('r', 0, 0, length, 0, SIGNATURE),
  ]),
  [call('r', 0, 0, SLICE_LENGTH, 0, SIGNATURE + 1)],
  [call('r', 0, 0, SLICE_LENGTH, FLAG_UNREGISTER, SIGNATURE + 1)],
  [call('r', 0, 0, LEGACY_LENGTH, FLAG_UNREGISTER, SIGNATURE + 1)],
  [call('r', 0, 0, 64, FLAG_UNREGISTER, SIGNATURE)],
  [call('r', 0, 0, ALL_ONES, FLAG_UNREGISTER, SIGNATURE)],
  [call('r', 0, 0, SLICE_LENGTH, FLAG_UNREGISTER, ALL_ONES)],
  [call('r', 1, 0, SLICE_LENGTH, 0, SIGNATURE)],
  [call('r', 1, 0, SLICE_LENGTH, FLAG_UNREGISTER, SIGNATURE)],
  [call('r', 0, 32, LEGACY_LENGTH, 0, SIGNATURE)],
  [call('r', 0, 32, LEGACY_LENGTH, FLAG_UNREGISTER, SIGNATURE)],
  [call('r', 0, 32, SLICE_LENGTH, 0, SIGNATURE)],
  [call('r', 0, 8, LEGACY_LENGTH, 0, SIGNATURE)],
  [call('r', 0, 8, SLICE_LENGTH, 0, SIGNATURE)],
  [call('r', -1, 0, SLICE_LENGTH, 0, SIGNATURE)],
  [call('r', -1, 0, LEGACY_LENGTH, 0, SIGNATURE)],
  [call('r', -1, 0, SLICE_LENGTH, FLAG_UNREGISTER, SIGNATURE)],
  ...[0, 1, 2, 3, -1].map((op) => [call('p', op, 0, 0, 0)]),
  [call('p', PR_SLICE_GET, 1, 0, 0)],
  [call('p', PR_SLICE_GET, 2 ** 32, 0, 0)],
  ...[1, 2, 3, -1, 2 ** 32, 2 ** 32 + 1].map((arg) => [call('p', PR_SLICE_SET, arg, 0, 0)]),
  [call('p', PR_SLICE_SET, PR_SLICE_ENABLE, 1, 0)],
  [call('p', PR_SLICE_SET, PR_SLICE_ENABLE, 0, 1)],
  [call('p', PR_SLICE_GET, 0, 2 ** 32, 0)],
  ...(['y', 'z', 'g', 'd', 'b', 'i', 'f', 'e'] as const).map((what) => [call(what)]),
  [call('m', 1)],
  [call('m', 0)],
  [disable, preempted],
];

/** To be seen afterwards: whether slices are on, and that a request is left alone, or not. */
const LOOK: readonly Call[] = [call('p', PR_SLICE_GET, 0, 0, 0), request, call('g'), call('y')];

export function table(): Sequence[] {
  return Object.entries(STATES).flatMap(([state, prefix]) =>
    CALLS.map((calls, index) => ({
      name: `${state} / ${index}`,
      calls: [...prefix, ...calls, ...LOOK],
    })),
  );
}
