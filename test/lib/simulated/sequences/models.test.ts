// SPDX-License-Identifier: MIT
/**
 * The sequences of `rseq_percpu.h` in every order of instructions, with a thread scheduled out,
 * signalled or migrated between any two of them; and mistakes that are easily made, each found.
 */
import { describe, expect, it } from 'vitest';
import { explore } from '../../../../lib/simulated/explorer/explorer.ts';
import { addModel, claimModel, listModel, ringModel } from './models.ts';

describe.each([
  addModel({ threads: 2, rounds: 2 }),
  claimModel({ threads: 2, rounds: 2 }),
  listModel({ threads: 2, rounds: 1 }),
  ringModel({ threads: 2, rounds: 1 }),
])('$name', (model) => {
  it('holds', () => {
    const found = explore(model);
    expect(found.violation).toBeNull();
    expect(found.coverage).toBe('exhausted');
    expect(found.states).toBeGreaterThan(50);
  });
});

describe('finds', () => {
  it.each([
    { model: addModel({ mistake: 'plain' }), what: /of 4 were added/ },
    { model: claimModel({ mistake: 'plain' }), what: /two have claimed/ },
    { model: claimModel({ mistake: 'compares nothing' }), what: /two have claimed/ },
    { model: listModel({ mistake: 'plain' }), what: /node|lost/ },
    { model: listModel({ mistake: 'reads the list first', rounds: 2 }), what: /node|lost/ },
    { model: ringModel({ mistake: 'plain' }), what: /torn|twice|lost/ },
    { model: ringModel({ mistake: 'commits too early' }), what: /torn|twice|lost/ },
  ])('$model.name', ({ model, what }) => {
    expect(explore(model).violation?.what).toMatch(what);
  });
});
