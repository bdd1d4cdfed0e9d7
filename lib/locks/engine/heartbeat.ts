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

const beats = new Set<Beat>();
let turn: Iterator<Beat> = beats.values();
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
  // Whoever leaves meanwhile is passed over, and whoever joins has its turn later.
  for (let looks = Math.min(beats.size, LOOKS_PER_BEAT); looks > 0; looks--) {
    let next = turn.next();
    if (next.done === true) {
      turn = beats.values();
      next = turn.next();
      if (next.done === true) return;
    }
    next.value();
  }
}
