// SPDX-License-Identifier: MIT
/**
 * Waiting for AbortSignals. A signal has one listener of ours however many waits
 * it ends: Node warns on standard error of an eleventh.
 */

const waits = new WeakMap<AbortSignal, Set<(reason: unknown) => void>>();

/**
 * Calls a function with the signal's reason when it is aborted.
 * @returns a function that stops that
 */
export function onAbort(
  signal: AbortSignal | undefined,
  run: (reason: unknown) => void,
): () => void {
  if (signal === undefined) return () => undefined;
  // A function may wait twice with the same signal.
  const wait = (reason: unknown): void => {
    run(reason);
  };
  const known = waits.get(signal);
  if (known !== undefined) known.add(wait);
  else listenTo(signal, wait);
  return () => {
    const all = waits.get(signal);
    if (all?.delete(wait) !== true || all.size > 0) return;
    waits.delete(signal);
    signal.removeEventListener('abort', abort);
  };
}

function listenTo(signal: AbortSignal, wait: (reason: unknown) => void): void {
  waits.set(signal, new Set([wait]));
  signal.addEventListener('abort', abort, { once: true });
}

function abort(this: AbortSignal): void {
  const all = waits.get(this);
  // They are known until all are told: one that ends may let another one in, which then stops to
  // wait.
  for (const wait of all ?? []) wait(this.reason);
  waits.delete(this);
}
