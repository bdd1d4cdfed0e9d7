// SPDX-License-Identifier: MIT
/** Runs the programs of `examples/` as their READMEs say, each in a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
export const examples: string = join(root, 'examples');

export interface Ending {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param cwd the example's folder */
export async function runMain(cwd: string, args: readonly string[] = []): Promise<Ending> {
  const child = spawn(process.execPath, ['main.mjs', ...args], {
    cwd,
    env: { ...process.env, RSEQ_SLICE: '', NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 50_000,
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [status, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { status, signal, stdout, stderr };
}

/**
 * Runs an example that was changed for the worse, in a copy of it.
 * @param file in which `from` stands
 */
export async function runBroken(
  name: string,
  file: string,
  from: string,
  to: string,
): Promise<Ending> {
  const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-example-'));
  try {
    cpSync(join(examples, name), folder, { recursive: true });
    const text = readFileSync(join(folder, file), 'utf8');
    if (!text.includes(from)) throw new Error(`${file} has no '${from}'.`);
    writeFileSync(join(folder, file), text.replace(from, to));
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules/rseq-slice'));
    for (const other of ['prom-client', '@opentelemetry'])
      symlinkSync(join(root, 'node_modules', other), join(folder, 'node_modules', other));
    return await runMain(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
