// SPDX-License-Identifier: MIT
/**
 * What `.ci/run` makes of its steps: with planted reports in the place of tests, since the steps
 * take long. However a step fails, the last line counts it and the exit code is 1. One failure in
 * three is tried here, and the others by the long suite.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readDocument, root } from '../support/examples.ts';
import { isLong, share } from '../support/share.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rseq-slice-ci-test-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

type Kind = 'VITEST' | 'MATRIX' | 'LAST_LINE';

interface Step {
  /** The body of a module; `report` is the file that it is to write. */
  readonly program: string;
  readonly kind?: Kind;
  readonly isDecisive?: boolean;
}

/** Takes the last word of the command line that names a file, as both kinds of options do. */
const REPORT = `
import { writeFileSync } from 'node:fs';
const report = process.argv.at(-1).replace(/^.*=/, '');
`;

const runSteps = (...steps: readonly Step[]) => {
  const written = steps.map(({ program, kind, isDecisive = false }, index) => {
    const path = join(folder, `step-${index}.mjs`);
    writeFileSync(path, `${REPORT}${program}`);
    const fields = [`command: '${process.execPath} ${path}'`, `isDecisive: ${String(isDecisive)}`];
    if (kind !== undefined) fields.push(`report: reports.${kind}`);
    return `{ ${fields.join(', ')} }`;
  });
  const module = (name: string) => pathToFileURL(join(root, 'scripts/ci', name)).href;
  const main = `
    import * as reports from '${module('reports.mjs')}';
    import { runSteps } from '${module('run-steps.mjs')}';
    process.exitCode = runSteps([${written.join(', ')}]) ? 0 : 1;
  `;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', main],
    { cwd: root, encoding: 'utf8' },
  );
  return { status, stdout, stderr, last: stdout.trimEnd().split('\n').at(-1) };
};

const write = (report: unknown, code = 0) =>
  `writeFileSync(report, ${JSON.stringify(typeof report === 'string' ? report : JSON.stringify(report))});
   process.exitCode = ${code};`;

const times = { startTime: 0, endTime: 2000 };
const tested = (...statuses: readonly string[]) => ({
  name: join(root, 'test/planted.test.ts'),
  status: statuses.includes('failed') ? 'failed' : 'passed',
  message: '',
  ...times,
  assertionResults: statuses.map((status, index) => ({
    fullName: `planted ${index}`,
    status,
    failureMessages: status === 'failed' ? ['AssertionError: planted'] : [],
  })),
});
const vitest = (...testResults: readonly object[]) => ({
  success: testResults.every((file) => 'status' in file && file.status === 'passed'),
  startTime: 0,
  testResults,
});
const crashed = { ...tested(), status: 'failed', message: 'Error: planted' };
const row = (name: string, ...oks: readonly boolean[]) => ({
  name,
  skipped: oks.length === 0 ? 'no such kernel' : null,
  checks: oks.map((ok, index) => ({ name: `check ${index}`, ok, detail: 'planted' })),
});

if (!isLong) {
  it('adds up what all kinds of steps report', () => {
    const { status, last, stdout, stderr } = runSteps(
      { program: '' },
      { kind: 'VITEST', program: write(vitest(tested('passed', 'passed', 'skipped'))) },
      { kind: 'MATRIX', program: write({ results: [row('one', true, true), row('two')] }) },
      { kind: 'LAST_LINE', program: `console.log('4 passed, 0 failed, 1 skipped');` },
      {
        kind: 'LAST_LINE',
        program: `console.error('0 failed?'); console.log('1 passed, 0 failed');`,
      },
    );
    expect({ status, last, stderr }).toEqual({
      status: 0,
      last: '9 passed, 0 failed, 3 skipped',
      stderr: '',
    });
    expect(stdout).toContain('the tests took 2 s; longest: test/planted.test.ts 2 s');
    expect(stdout).toMatch(/^the steps took: .* \d+ s, .* \d+ s$/m);
  });
}

const FAILURES: readonly (readonly [what: string, step: Step, last: string, told: RegExp])[] = [
  [
    'a failed test',
    { kind: 'VITEST', program: write(vitest(tested('passed', 'failed')), 1) },
    '1 passed, 1 failed, 0 skipped',
    /failed: planted 1\nAssertionError: planted/,
  ],
  [
    'a file of tests that does not load',
    { kind: 'VITEST', program: write(vitest(tested('passed'), crashed), 1) },
    '1 passed, 1 failed, 0 skipped',
    /failed: .*planted\.test\.ts\nError: planted/,
  ],
  [
    'files that do not load, beside a failed test',
    { kind: 'VITEST', program: write(vitest(tested('failed'), crashed, crashed), 1) },
    '0 passed, 3 failed, 0 skipped',
    /failed: .*planted\.test\.ts\nError: planted/,
  ],
  [
    'an error that nobody caught, also where the exit code hides it',
    { kind: 'VITEST', program: write({ ...vitest(tested('passed')), success: false }) },
    '1 passed, 1 failed, 0 skipped',
    /1 failed/,
  ],
  [
    'an exit code that its report does not explain',
    { kind: 'VITEST', program: write(vitest(tested('passed')), 3) },
    '1 passed, 1 failed, 0 skipped',
    /failed: exit code 3/,
  ],
  [
    'a suite that crashed without a report',
    {
      kind: 'VITEST',
      program: `process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1000);`,
    },
    '0 passed, 1 failed, 0 skipped',
    /failed: killed by SIGKILL, and its report cannot be read: ENOENT/,
  ],
  [
    'no report, and no word of it',
    { kind: 'MATRIX', program: '' },
    '0 passed, 1 failed, 0 skipped',
    /failed: exit code 0, and its report cannot be read: ENOENT/,
  ],
  [
    'an empty file',
    { kind: 'VITEST', program: write('') },
    '0 passed, 1 failed, 0 skipped',
    /its report cannot be read: Unexpected end of JSON input/,
  ],
  [
    'half a report',
    { kind: 'VITEST', program: write({ success: true }) },
    '0 passed, 1 failed, 0 skipped',
    /its report cannot be read/,
  ],
  [
    'a report of no tests',
    { kind: 'VITEST', program: write(vitest()) },
    '0 passed, 1 failed, 0 skipped',
    /failed: no test was run/,
  ],
  [
    'a matrix of no environments',
    { kind: 'MATRIX', program: write({ results: [] }) },
    '0 passed, 1 failed, 0 skipped',
    /failed: no test was run/,
  ],
  [
    'a failed check in an environment',
    { kind: 'MATRIX', program: write({ results: [row('one', true, false)] }, 1) },
    '1 passed, 1 failed, 0 skipped',
    /failed: one: check 1: planted/,
  ],
  [
    'counts that have a failure',
    {
      kind: 'LAST_LINE',
      program: `console.log('not ok: planted'); console.log('2 passed, 3 failed');`,
    },
    '2 passed, 3 failed, 0 skipped',
    /failed:\nnot ok: planted/,
  ],
  [
    'no counts',
    { kind: 'LAST_LINE', program: `console.log('2 passed, 0 failed'); console.log('Killed');` },
    '0 passed, 1 failed, 0 skipped',
    /its last line has no counts:\n2 passed, 0 failed\nKilled/,
  ],
  [
    'a step without tests',
    { program: 'process.exitCode = 1;' },
    '0 passed, 1 failed, 0 skipped',
    /failed: exit code 1/,
  ],
];

it.each(share(FAILURES, { every: 3 }))('counts %s', (_, step, last, told) => {
  const found = runSteps(step);
  expect({ status: found.status, last: found.last }).toEqual({ status: 1, last });
  expect(found.stdout).toMatch(told);
});

if (!isLong) {
  it('goes on after a failure, unless nothing that comes after means anything', () => {
    const [bad, good] = ['process.exitCode = 1;', `console.log('4 passed, 0 failed');`];
    const rest: Step = { kind: 'LAST_LINE', program: good };
    expect(runSteps({ program: bad }, rest).last).toBe('4 passed, 1 failed, 0 skipped');
    expect(runSteps({ program: bad, isDecisive: true }, rest).last).toBe(
      '0 passed, 1 failed, 0 skipped',
    );
    expect(runSteps({ program: '', isDecisive: true }, rest).last).toBe(
      '4 passed, 0 failed, 0 skipped',
    );
  });

  it('has steps that package.json knows, and .ci/run runs them', () => {
    expect(readDocument('.ci/run')).toMatch(/^exec node scripts\/ci\.mjs$/m);
    const { scripts } = JSON.parse(readDocument('package.json')) as { scripts: object };
    const steps = [...readDocument('scripts/ci.mjs').matchAll(/command: 'npm (?:run )?([\w:]+)/g)];
    expect(steps.length).toBeGreaterThan(10);
    for (const [, name = ''] of steps) expect(Object.keys(scripts)).toContain(name);
  });

  it('calls the commands for tests that the README names', () => {
    expect(readDocument('.ci/run')).toMatch(/^exec node scripts\/ci\.mjs$/m);
    const { stdout } = spawnSync(process.execPath, [join(root, 'scripts/ci.mjs'), '--help'], {
      encoding: 'utf8',
    });
    const [, listed = ''] = stdout.split('The steps are:\n');
    const steps = [...listed.matchAll(/^ {2}(npm .*)$/gm)].map(([, command]) => command);
    const named = [...readDocument('README.md').matchAll(/\bnpm (?:run )?test\S*/g)];
    expect(named.length).toBeGreaterThan(0);
    for (const [command] of named) expect(steps).toContain(command);
  });
}
