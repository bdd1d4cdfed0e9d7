/**
 * Waiting for something to become so in shared memory, in the thread or in its
 * event loop, until a deadline. Who makes it so counts a word up and wakes.
 */
import type { Thread } from '../thread.ts';
import { timedOut } from './options.ts';
import { POLL, sleepAsync } from './parking.ts';
import type { Bed, Parking, Wake } from './parking.ts';
import { recordWait } from './recording.ts';

/** What is waited for. */
export interface Awaited<T> {
  readonly kind: string;
  readonly bed: Bed;
  /** Index of the word that is counted up when there may be something new. */
  readonly word: number;
  /** What is waited for, or null: not yet. `isLate` when nobody has called for a while: those who would may be dead. */
  readonly look: (isLate: boolean) => T | null;
}

/** How long to wait, as the caller said it. */
export interface Limits {
  /** On the clock of `performance.now()`. */
  readonly deadline: number;
  /** For the message. */
  readonly timeout: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** ms until the deadline. */
export function leftUntil(deadline: number): number {
  return deadline === Infinity ? Infinity : deadline - performance.now();
}

/**
 * Waits in the calling thread, without a request of a section around it.
 * @throws {RseqSliceError} `ERR_RSEQ_TIMEOUT`.
 */
export function waitFor<T>(parking: Parking, thread: Thread, awaited: Awaited<T>, limits: Limits): T {
  const seen = Atomics.load(awaited.bed.words, awaited.word);
  const found = awaited.look(true);
  if (found !== null) return found;
  return recordWait(thread, awaited.kind, () => sleepUntil(parking, thread, awaited, limits, seen));
}

/** @param first what the word was before the look that found nothing */
function sleepUntil<T>(parking: Parking, thread: Thread, { kind, bed, word, look }: Awaited<T>, { deadline, timeout }: Limits, first: number): T {
  for (let seen = first; ; ) {
    const left = leftUntil(deadline);
    if (left <= 0) throw timedOut(kind, timeout);
    const paused = thread.pause();
    const wake = parking.sleep(bed, word, seen, Math.min(left, POLL));
    if (paused) thread.resume();
    seen = Atomics.load(bed.words, word);
    const found = look(wake === 'timed out');
    if (found !== null) return found;
  }
}

/**
 * Waits in the event loop, and keeps it alive.
 * @throws {RseqSliceError} rejects with `ERR_RSEQ_TIMEOUT`, or with the signal's reason.
 */
export async function waitForAsync<T>({ kind, bed, word, look }: Awaited<T>, { deadline, timeout, signal }: Limits): Promise<T> {
  let wake: Wake | 'aborted' = 'timed out';
  let abort = (): void => undefined;
  const aborted = new Promise<'aborted'>((resolve) => {
    abort = () => {
      resolve('aborted');
    };
  });
  signal?.addEventListener('abort', abort, { once: true });
  const alive = setInterval(() => undefined, 0x7fff_ffff);
  try {
    for (;;) {
      signal?.throwIfAborted();
      const seen = Atomics.load(bed.words, word);
      const found = look(wake === 'timed out');
      if (found !== null) return found;
      const left = leftUntil(deadline);
      if (left <= 0) throw timedOut(kind, timeout);
      wake = await Promise.race([sleepAsync(bed, word, seen, Math.min(left, POLL)), aborted]);
    }
  } finally {
    clearInterval(alive);
    signal?.removeEventListener('abort', abort);
  }
}
