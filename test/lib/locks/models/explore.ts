/** What the two test files of the models share: an exploration that says how far it went, and must find nothing. */
import { expect } from 'vitest';
import { replayed } from '../../../../lib/simulated/choices.ts';
import { explore, run } from '../../../../lib/simulated/explorer.ts';
import type { ExploreOptions } from '../../../../lib/simulated/explorer.ts';
import type { Model } from '../../../../lib/simulated/model.ts';
import { formatRun } from '../../../../lib/simulated/print.ts';

export function exploreAloud(model: Model, options?: ExploreOptions): void {
  const started = performance.now();
  const { coverage, states, violation } = explore(model, options);
  console.log(`${model.name}: ${coverage}, ${states.toLocaleString('en')} states, ${((performance.now() - started) / 1000).toFixed(1)} s`);
  // With the schedule, so that a failure shows it.
  expect(violation === null ? null : formatRun(run(model, replayed(violation.choices)))).toBeNull();
  expect(coverage).toBe(options?.disturbances === undefined ? 'exhausted' : 'bounded');
}
