// SPDX-License-Identifier: MIT
/**
 * Tokens that are unlocked while their wait on a condition is over and waits for
 * the lock: what that wait was told, of a notification and of a dead holder, is
 * told to another one.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { Condition } from '../../lib/locks/condition.ts';
import { Mutex } from '../../lib/locks/mutex.ts';

const program = fileURLToPath(new URL('programs/lock-unlocked-waiter.mjs', import.meta.url));

const codeOf = (error: unknown) => (error as { code: string }).code;

it('leaves word of a dead holder to whoever takes the lock next', () => {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [program], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({ wait: 'ERR_RSEQ_NOT_LOCKED', abandoned: true });
});

it('leaves a notification to another one who waits', async () => {
  const [mutex, condition] = [new Mutex(), new Condition()];
  const wait = async () => {
    const token = await mutex.lockAsync();
    return { token, ended: condition.waitAsync(token, { timeout: 5000 }).catch(codeOf) };
  };
  const [first, second] = [await wait(), await wait()];
  const holder = await mutex.lockAsync();
  expect(condition.notify()).toBe(1);
  // The first has been notified, and waits for the lock.
  await new Promise((resolve) => setTimeout(resolve, 100));
  first.token.unlock();
  holder.unlock();
  expect(await first.ended).toBe('ERR_RSEQ_NOT_LOCKED');
  expect(await second.ended).toBe(true);
  second.token.unlock();
});
