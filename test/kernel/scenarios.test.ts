// SPDX-License-Identifier: MIT
/**
 * Scenarios on Linux and in the explorer: every result that Linux was seen to
 * give is one that the explorer finds possible.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { formatScenario, possibleOutcomes, readScenarios } from '../support/scenario.ts';
import { compileShim, shim } from '../support/shim.ts';
import { EXTENSION, runLane } from './lane.ts';

const source = fileURLToPath(new URL('guest/scenario.c', import.meta.url));
const SECONDS = 4;
const scenarios = readScenarios();

it('gives nothing that the explorer does not', async () => {
  const lane = await runLane(
    { extension: EXTENSION },
    [
      {
        name: 'scenarios',
        command: ['/run/job/scenario', '/run/job/scenarios', String(SECONDS), '20'],
        seconds: 240,
      },
    ],
    {
      prepare(job) {
        const failure = compileShim(join(job, 'scenario'), [], [source, ...shim]);
        if (failure !== undefined) throw new Error(`scenario.c does not compile:\n${failure}`);
        writeFileSync(
          join(job, 'scenarios'),
          scenarios.map((scenario) => `${formatScenario(scenario)}\n`).join(''),
        );
      },
    },
  );
  const { stdout, ...ending } = lane.ending('scenarios');
  expect(ending).toMatchObject({ exitCode: 0, signal: null, timedOut: false, stderr: '' });
  for (const scenario of scenarios) {
    const { outcomes, exploration } = possibleOutcomes(scenario);
    expect(exploration).toMatchObject({ coverage: 'exhausted', violation: null });
    const seen = new Map(
      [...stdout.matchAll(new RegExp(`^${scenario.name} (\\d+) (.*)$`, 'gm'))].map(
        ([, count, results = '']) => [results, Number(count)],
      ),
    );
    const rounds = [...seen.values()].reduce((sum, count) => sum + count, 0);
    console.log(
      `${scenario.name}: ${seen.size} of ${outcomes.size} possible results seen in ${rounds.toLocaleString('en')} rounds`,
    );
    expect(rounds).toBeGreaterThan(100);
    expect(
      [...seen.keys()].filter((results) => !outcomes.has(results)),
      scenario.name,
    ).toEqual([]);
    // Else the guest disturbed nothing, and nothing was shown.
    if (scenario.name !== 'no-request') expect(seen.size, scenario.name).toBeGreaterThan(1);
  }
});
