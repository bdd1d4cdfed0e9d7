// SPDX-License-Identifier: MIT
/**
 * What JavaScript has for addons of others; that they can use it is tested in `test/native/` and in
 * guests.
 */
import { constants } from 'node:os';
import { isAbsolute } from 'node:path';
import { types } from 'node:util';
import { expect, it } from 'vitest';
import { STEPS } from '../../lib/abi/interface.ts';
import { ENOTSUPP } from '../../lib/abi/kernel.ts';
import { loadAddon } from '../../lib/host/linux/binding.ts';
import { describeAddon, describeFailure } from '../../lib/host/status.ts';
import { api, explain, include, unavailable } from '../../lib/native.ts';

const { EBUSY, EINVAL, EPERM } = constants.errno;

it('has an external that nothing can be read from, or tells why not', () => {
  const addon = loadAddon();
  if (addon.state === 'loaded') {
    expect(unavailable).toBe(null);
    expect(types.isExternal(api)).toBe(true);
    expect(Reflect.ownKeys(api ?? [])).toEqual([]);
    return;
  }
  expect(api).toBe(null);
  expect(describeAddon(addon)).toMatchObject(unavailable ?? {});
});

it('has an absolute path of headers', () => {
  expect(isAbsolute(include)).toBe(true);
});

it.each([
  [EINVAL, 'feature', 'kernel-without-feature'],
  [ENOTSUPP, 'boot', 'off-at-boot'],
  [EBUSY, 'foreign', 'foreign-registration'],
  [EBUSY, 'users', 'foreign-use'],
  [EPERM, 'enable', 'denied'],
] as const)('explains errno %i of step %s: %s', (errno, name, reason) => {
  const step = STEPS.indexOf(name);
  const { explanation, remedy } = describeFailure(step, errno);
  // As C has it, and as JavaScript has it.
  expect(explain(-errno, step)).toEqual({ reason, explanation, remedy });
  expect(explain(errno, step)).toEqual({ reason, explanation, remedy });
  expect(explanation).not.toBe('');
  expect(remedy).not.toBe('');
});

it.each<[errno: unknown, step: unknown]>([
  [NaN, 1],
  ['EINVAL', 1],
  [-4096, 1],
  [EINVAL, -1],
  [EINVAL, 1.5],
  [EINVAL, undefined],
])('explains no errno %s of step %s', (errno, step) => {
  expect(() => explain(errno as number, step as number)).toThrow(
    expect.objectContaining({ code: 'ERR_RSEQ_INVALID_OPTION' }) as Error,
  );
});

it('explains a step that a later version may have', () => {
  expect(explain(EINVAL, 99)).toMatchObject({ reason: 'system-error' });
});
