// SPDX-License-Identifier: MIT
/**
 * One timer per thread for everybody who waits in its event loop. It keeps the
 * process alive while someone waits, which a promise of the engine's does not,
 * and lets each look now and then whether those it waits for have died. Its cost
 * does not grow with their number: a beat is for so many of them, in turn.
 */
import { startInterval, stopInterval } from '../../clock.ts';
import { POLL } from './parking.ts';

/** How many look at each beat. */
const LOOKS_PER_BEAT = 100;

/** Called in turn, while its owner waits. */
export type Beat = () => void;

/** In the order of their turns. */
const beats = new Set<Beat>();
let timer: NodeJS.Timeout | undefined;

export function joinHeartbeat(beat: Beat): void {
  beats.add(beat);
  timer ??= startInterval(beatAll, POLL);
}

export function leaveHeartbeat(beat: Beat): void {
  beats.delete(beat);
  if (beats.size > 0 || timer === undefined) return;
  stopInterval(timer);
  timer = undefined;
}

function beatAll(): void {
  let looks = Math.min(beats.size, LOOKS_PER_BEAT);
  // No iterator stays: one that is not used keeps all that have left since. Whoever leaves
  // meanwhile is passed over, and whoever joins has its turn later.
  for (const beat of beats) {
    if (looks-- === 0) return;
    beats.delete(beat);
    beats.add(beat);
    beat();
  }
}
