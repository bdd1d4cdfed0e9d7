// SPDX-License-Identifier: MIT
/** Which threads have ended, as /proc tells it: of real workers, and of what it cannot tell. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, vi } from 'vitest';
import { currentOwner, hasEnded, NAMELESS } from '../../../../lib/host/linux/owner.ts';

const module = new URL('../../../../dist/host/linux/owner.js', import.meta.url).href;

/** A worker that tells its name and goes on until it is terminated. */
async function startWorker(): Promise<{ readonly worker: Worker; readonly owner: bigint }> {
  const source = `
    import(${JSON.stringify(module)}).then(({ currentOwner }) => {
      require('node:worker_threads').parentPort.postMessage(currentOwner());
      setInterval(() => undefined, 1000);
    });`;
  const worker = new Worker(source, { eval: true });
  const [owner] = (await once(worker, 'message')) as [bigint];
  return { worker, owner };
}

describe.runIf(process.platform === 'linux')('threads of this process', () => {
  it('are alive until they end', async () => {
    const { worker, owner } = await startWorker();
    const other = await startWorker();
    expect(new Set([owner, other.owner, currentOwner()]).size).toBe(3);
    for (const living of [owner, other.owner, currentOwner()]) expect(hasEnded(living)).toBe(false);
    await worker.terminate();
    // Node joins a thread when the kernel lets go of its memory, and the kernel lists it a moment
    // longer.
    await vi.waitFor(() => {
      expect(hasEnded(owner)).toBe(true);
    }, 10_000);
    expect([owner, other.owner, currentOwner()].map((each) => hasEnded(each))).toEqual([
      true,
      false,
      false,
    ]);
    await other.worker.terminate();
  });

  it('are told from others that have their number later', () => {
    expect(hasEnded(currentOwner() + (1n << 32n))).toBe(true);
  });

  it('never end when they have no name', () => {
    for (const owner of [NAMELESS, 0n]) expect(hasEnded(owner)).toBe(false);
  });
});

describe('what is read', () => {
  const OWNER = (8_000n << 32n) | 77n;
  const stat = (thread: number, name: string, started: number): string =>
    `${thread} (${name}) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 ${started} 20 21\n`;
  const failing = (code: string) => (): string => {
    throw Object.assign(new Error(code), { code });
  };
  /** A /proc with one answer for the other thread, and one for the calling one. */
  const proc =
    (other: () => string, own = () => stat(1, 'node', 1)) =>
    (path: string) =>
      path === '/proc/thread-self/stat' ? own() : other();

  it.each(['node', 'a b', ') S 1 2 (', '((()))'])('is a thread called %j', (name) => {
    expect(
      hasEnded(
        OWNER,
        proc(() => stat(77, name, 8_000)),
      ),
    ).toBe(false);
    expect(
      hasEnded(
        OWNER,
        proc(() => stat(77, name, 8_001)),
      ),
    ).toBe(true);
  });

  it('asks for that thread', () => {
    const paths: string[] = [];
    hasEnded(OWNER, (path) => {
      paths.push(path);
      return stat(77, 'node', 8_000);
    });
    expect(paths).toEqual(['/proc/self/task/77/stat']);
  });

  it('is the same name after many years', () => {
    const later = 8_000 + 2 ** 31;
    expect(
      hasEnded(
        OWNER,
        proc(() => stat(77, 'node', later)),
      ),
    ).toBe(false);
  });

  it.each([
    ['it is not there', failing('ENOENT'), true],
    ['it ends just now', failing('ESRCH'), true],
    ['no file can be opened', failing('EMFILE'), false],
    ['the permission model forbids it', failing('ERR_ACCESS_DENIED'), false],
    ['it says something else', () => 'no such thing', false],
    ['it says nothing', () => '', false],
  ])('when %s', (_, other, ended) => {
    expect(hasEnded(OWNER, proc(other))).toBe(ended);
  });

  it('is nothing when /proc is not there', () => {
    expect(hasEnded(OWNER, proc(failing('ENOENT'), failing('ENOENT')))).toBe(false);
  });

  it.runIf(process.platform === 'linux')('is what this kernel writes', () => {
    expect(hasEnded(currentOwner(), (path) => readFileSync(path, 'latin1'))).toBe(false);
    expect(currentOwner()).toBeGreaterThan(0n);
  });
});
