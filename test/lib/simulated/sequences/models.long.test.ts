// SPDX-License-Identifier: MIT
/** More of `models.test.ts`: what takes seconds each. */
import { describe, expect, it } from 'vitest';
import { explore } from '../../../../lib/simulated/explorer/explorer.ts';
import { addModel, listModel, ringModel } from './models.ts';

describe.each([
  addModel({ threads: 3, rounds: 1 }),
  listModel({ threads: 2, rounds: 2 }),
  ringModel({ threads: 2, rounds: 2 }),
])('$name', (model) => {
  it('holds', () => {
    const found = explore(model);
    expect(found.violation).toBeNull();
    expect(found.coverage).toBe('exhausted');
    expect(found.states).toBeGreaterThan(1000);
  });
});
