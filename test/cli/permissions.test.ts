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
