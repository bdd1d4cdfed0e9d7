// SPDX-License-Identifier: MIT
/**
 * Explores models of locks for a test, and says what it cost: how many states in
 * which time, and how far it came.
 */
import { expect } from 'vitest';
import { replayed } from '../../../../../lib/simulated/explorer/choices.ts';
import { explore, run } from '../../../../../lib/simulated/explorer/explorer.ts';
import type { ExploreOptions } from '../../../../../lib/simulated/explorer/explorer.ts';
import type { Model } from '../../../../../lib/simulated/explorer/model.ts';
import { formatRun } from '../../../../../lib/simulated/explorer/print.ts';

/**
 * Fails when the model breaks something, with the schedule. With `disturbances` not every state is
 * seen, and that is said.
 */
export function exploreAloud(model: Model, options?: ExploreOptions): void {
  const started = performance.now();
  const { coverage, states, violation } = explore(model, options);
  console.log(
    `${model.name}: ${coverage}, ${states.toLocaleString('en')} states, ${((performance.now() - started) / 1000).toFixed(1)} s`,
  );
  expect(violation === null ? null : formatRun(run(model, replayed(violation.choices)))).toBeNull();
  expect(coverage).toBe(options?.disturbances === undefined ? 'exhausted' : 'bounded');
}

/** Fails unless the model breaks this. */
export function findAloud(model: Model, what: RegExp, options?: ExploreOptions): void {
  const { states, violation } = explore(model, options);
  console.log(`${model.name}: found after ${states.toLocaleString('en')} states`);
  expect(violation?.what).toMatch(what);
}
