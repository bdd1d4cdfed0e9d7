/**
 * Commands under Node's permission model: each names the option that allows what
 * it needs, and none ends with a stack trace.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { fixturePath, GUEST } from '../support/records.ts';

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const model = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission';

it.each([
  [['demo'], 1, '--allow-worker'],
  [['bench', 'sections'], 1, '--allow-child-process'],
  [['trace', '--', 'true'], 2, '--allow-fs-write=/*'],
  [['report', fixturePath(GUEST)], 1, '--allow-fs-write=/*'],
])('%j', (args, code, option) => {
  const { status, signal, stderr } = spawnSync(process.execPath, ['--no-warnings', model, '--allow-fs-read=*', program, ...args], { cwd: '/', encoding: 'utf8' });
  expect({ status, signal }).toEqual({ status: code, signal: null });
  expect(stderr).toMatch(/^rseq-slice \w+: [^\n]*Node's permission model forbids it: start Node with [^\n]*\n$/);
  expect(stderr).toContain(`start Node with ${option} as well`);
});

it('leaves doctor with lines for what is not known, and one cause', () => {
  const folders = ['dist', 'node_modules', 'package.json'].map((name) => `--allow-fs-read=${fileURLToPath(new URL(`../../${name}`, import.meta.url))}`);
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', model, ...folders, program, 'doctor'], { cwd: '/', encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
  expect(stdout.match(/^FAIL {2}/gm)).toHaveLength(1);
  const unknown = [...stdout.matchAll(/^\? {5}(.{15})/gm)].map(([, name = '']) => name.trim());
  // Of a kernel that is too old it is known how it was built.
  expect(unknown.filter((name) => name !== 'configuration')).toEqual(['boot', 'struct rseq', 'prctl', 'libc', 'rseq users', 'sandbox', 'machine']);
  const old = /^FAIL {2}kernel/m.test(stdout);
  expect(stdout).toMatch(old ? /^No slices here \(kernel-without-feature\)\. Linux / : /^No slices here \(addon-forbidden\)\. Node's permission model forbids native addons/);
});
