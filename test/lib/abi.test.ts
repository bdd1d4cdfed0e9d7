// SPDX-License-Identifier: MIT
/**
 * A number of the ABI stands in `native/include/rseq_slice/abi.h` and `lib/abi.ts`; here the two
 * are held together.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as abi from '../../lib/abi.ts';

const header = readFileSync(
  new URL('../../native/include/rseq_slice/abi.h', import.meta.url),
  'utf8',
);
const api = readFileSync(
  new URL('../../native/include/rseq_slice/slice.h', import.meta.url),
  'utf8',
);

function define(name: string): number {
  const value = new RegExp(`#define ${name} (.+)`).exec(header)?.[1];
  const [, one, shift] = /^\((\d+)u << (\d+)\)$/.exec(value ?? '') ?? [];
  return shift === undefined ? Number(value) : Number(one) << Number(shift);
}

it.each([
  ['RSEQ_SLICE_ABI_FLAG_SLICE_AVAILABLE', abi.FLAG_AVAILABLE],
  ['RSEQ_SLICE_ABI_FLAG_SLICE_ENABLED', abi.FLAG_ENABLED],
  ['RSEQ_SLICE_ABI_BIT_REQUEST', abi.REQUEST_BIT],
  ['RSEQ_SLICE_ABI_BIT_GRANTED', abi.GRANTED_BIT],
  ['RSEQ_SLICE_ABI_ENOTSUPP', abi.ENOTSUPP],
])('%s is the same in C and TypeScript', (name, value) => {
  expect(define(name)).toBe(value);
});

it('numbers the flavours as C does', () => {
  const order = [...api.matchAll(/RSEQ_SLICE_ABI_VERSION_(\w+) = (\d)/g)].map(([, name]) => name);
  expect(order).toEqual(['AUTO', 'MAINLINE', '7_0', 'RFC']);
  expect(abi.FLAVOURS).toEqual(['mainline', '7.0', 'rfc']);
});
