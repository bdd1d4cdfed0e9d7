// SPDX-License-Identifier: MIT
// The command `npm run test:sanitize`: the C tests and the addon in Node with sanitizers. Before a
// sanitizer is believed to have found nothing, it is seen to find faults that were planted, in a
// program and in an addon.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildWithCMake, runCTests } from './native/cmake.mjs';
import { run } from './native/compile.mjs';
import { findCompilers } from './native/compilers.mjs';
import { testWithAddon } from './native/copied-checkout.mjs';
import { BUILDS, FAULTS, readFaultNames } from './native/sanitizers.mjs';
import { root } from './native/target.mjs';
import { refuseUsage } from '../packages/vm/lib/refuse-usage.mjs';

/** @typedef {import('./native/sanitizers.mjs').Build} Build */

const HELP = `Runs the C tests, and the addon in Node, with AddressSanitizer and UndefinedBehaviorSanitizer, then with ThreadSanitizer.

  node scripts/test-sanitize.mjs [options]

  --only NAME   one of ${BUILDS.map(({ sanitize }) => sanitize).join(' and ')}
  --help        this text

It needs cmake, and gcc with its sanitizers. Exit codes: 0 nothing found but what was planted, 1 something failed, 2 usage error.
`;

/** Tests whose programs call the addon, in threads that come and go. */
const TESTS = [
  'test/lib/attach.test.ts',
  'test/lib/mapping.test.ts',
  'test/worker/channels.test.ts',
  'test/worker/lifecycle.test.ts',
  'test/worker/lifecycle.long.test.ts',
  'test/worker/process-stats.test.ts',
];

const count = { passed: 0, failed: 0, skipped: 0 };

/** @param {keyof typeof count} result @param {string} what @param {string} [detail] */
function report(result, what, detail = '') {
  count[result]++;
  process.stdout.write(
    `${result === 'passed' ? 'ok' : result}: ${what}${detail === '' ? '' : `: ${detail}`}\n`,
  );
}

/**
 * Some versions of ThreadSanitizer cannot live with as much randomness of addresses as newer
 * kernels have.
 * @returns {readonly string[]} a command to run another with, or nothing where that is forbidden
 */
function withoutRandomAddresses() {
  const prefix = ['setarch', '--addr-no-randomize'];
  return spawnSync('setarch', ['--addr-no-randomize', 'true']).status === 0 ? prefix : [];
}

/** @param {string} library @returns {string} its path */
function findLibrary(library) {
  const path = run([...findCompilers().c, `-print-file-name=${library}`]).trim();
  if (isAbsolute(path)) return path;
  throw new Error(
    `the C compiler has no ${library}. It must be gcc (perhaps CC=gcc CXX=g++), with the packages of its sanitizers.`,
  );
}

/**
 * What sanitizers wrote, wherever the processes were that they were in.
 * @param {string} folder
 * @returns {string}
 */
function readReports(folder) {
  return readdirSync(folder)
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n');
}

/**
 * @param {Build} build
 * @param {string} library
 * @param {string} reports folder
 * @returns {Record<string, string>}
 */
function environmentInNode({ variable, inNode }, library, reports) {
  const log = `log_path=${join(reports, 'report')}`;
  return {
    LD_PRELOAD: library,
    [variable]: `${inNode} ${log}`,
    UBSAN_OPTIONS: `print_stacktrace=1 ${log}`,
  };
}

/**
 * Runs something that is to end well, or with the report of a fault.
 * @param {string} what
 * @param {readonly string[]} words
 * @param {Record<string, string>} environment
 * @param {RegExp | null} expected
 * @param {string} [reports] the folder where reports are; else they are on stderr
 */
function watch(what, [command = '', ...args], environment, expected, reports) {
  const { status, signal, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
    timeout: 120_000,
  });
  const said = reports === undefined ? stderr : `${stderr}${readReports(reports)}`;
  const isRight =
    expected === null
      ? status === 0 && said === ''
      : status !== 0 && signal === null && expected.test(said);
  if (isRight)
    return report('passed', what, expected === null ? '' : `reported, exit code ${status}`);
  report(
    'failed',
    what,
    `${expected === null ? 'nothing' : String(expected)} was to be reported; exit code ${status}, ${signal ?? 'no signal'}\n${said}`,
  );
}

/** Calls with a folder that is gone afterwards. @param {(folder: string) => void} use */
function withFolder(use) {
  const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-sanitize-'));
  try {
    use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {Build} build */
function checkBuild(build) {
  const { sanitize, variable, inPrograms } = build;
  const folder = join(root, 'build/sanitize', sanitize.replace(',', '-'));
  const library = findLibrary(build.library);
  const prefix = withoutRandomAddresses();
  buildWithCMake(folder, { RSEQ_SLICE_SANITIZE: sanitize, RSEQ_SLICE_FAULTS: 'ON' });

  const names = readFaultNames();
  const node = [
    ...prefix,
    process.execPath,
    join(root, 'native/test/faults/load_addon.mjs'),
    join(folder, 'Release/faulty_addon.node'),
  ];
  const faults = [
    { name: 'NONE', report: null, notInNode: undefined },
    ...FAULTS.filter((fault) => fault.sanitize === sanitize),
  ];
  for (const { name, report: expected, notInNode } of faults) {
    const number = String(names.indexOf(name));
    const what = `${sanitize}: planted fault ${name}`;
    watch(
      `${what}, in C`,
      [...prefix, join(folder, 'planted_fault'), number],
      { [variable]: inPrograms },
      expected,
    );
    if (notInNode === undefined) {
      withFolder((reports) => {
        watch(
          `${what}, in the addon`,
          [...node, number],
          environmentInNode(build, library, reports),
          expected,
          reports,
        );
      });
    } else report('skipped', `${what}, in the addon`, notInNode);
  }

  report(
    runCTests(folder, [...prefix, 'env', `${variable}=${inPrograms}`]) ? 'passed' : 'failed',
    `${sanitize}: C tests`,
  );
  withFolder((reports) => {
    const addon = join(folder, 'Release/rseq_slice.node');
    const passed = testWithAddon(addon, TESTS, {
      prefix,
      environment: environmentInNode(build, library, reports),
    });
    const found = readReports(reports);
    report(passed && found === '' ? 'passed' : 'failed', `${sanitize}: the addon in Node`, found);
  });
}

/** @returns {readonly Build[] | null} null: print the help */
function readOptions() {
  const { values } = parseArgs({
    options: { only: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help === true) return null;
  const chosen = BUILDS.filter(
    ({ sanitize }) => values.only === undefined || values.only === sanitize,
  );
  if (chosen.length > 0) return chosen;
  throw new Error(
    `--only knows ${BUILDS.map(({ sanitize }) => sanitize).join(' and ')}, not '${values.only}'.`,
  );
}

/** @returns {number} the exit code */
function main() {
  let builds;
  try {
    builds = readOptions();
  } catch (error) {
    refuseUsage('test-sanitize', error);
    return 2;
  }
  if (builds === null) {
    process.stdout.write(HELP);
    return 0;
  }
  for (const build of builds) {
    try {
      checkBuild(build);
    } catch (error) {
      report('failed', build.sanitize, error instanceof Error ? error.message : String(error));
    }
  }
  process.stdout.write(
    `${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`,
  );
  return count.failed > 0 ? 1 : 0;
}

process.exitCode = main();
