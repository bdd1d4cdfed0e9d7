// SPDX-License-Identifier: MIT
/** A lock on two CPUs, which are more states than explorer.test.ts goes through. */
import { expect, it } from 'vitest';
import { explore } from '../../../../lib/simulated/explorer/explorer.ts';
import { lockModel } from '../../../../lib/simulated/models/lock.ts';

it('a lock holds on two CPUs', () => {
  const [rfc, mainline] = [
    lockModel('rfc', { cpus: 2, rounds: 1 }),
    lockModel('mainline', { cpus: 2, rounds: 1 }),
  ];
  expect(explore(rfc)).toMatchObject({ coverage: 'exhausted', violation: null });
  expect(explore(mainline, { disturbances: 6 })).toMatchObject({ violation: null });
});
