// SPDX-License-Identifier: MIT
/**
 * The requests of one object that wait in its event loop, in the order in which they came. Any of
 * them can leave at once, and none is moved for that. Who is served, and when, is up to the
 * waiting.
 */
import { joinHeartbeat, leaveHeartbeat } from './heartbeat.ts';
import type { Door } from './waiter.ts';

/** Someone who waits in the event loop. */
export interface Request {
  readonly door: Door;
  readonly grant: (result: number) => void;
  readonly fail: (reason: unknown) => void;
  forget: () => void;
  previous: Request | null;
  next: Request | null;
}

/** While there are any, the heart of the event loop beats for them. */
export class Requests {
  /** The one that is served next. */
  first: Request | null = null;
  #last: Request | null = null;
  readonly #beat: () => void;

  /** @param beat called now and then, as long as there are requests */
  constructor(beat: () => void) {
    this.#beat = beat;
  }

  append(request: Request): void {
    request.previous = this.#last;
    if (this.#last === null) this.first = request;
    else this.#last.next = request;
    this.#last = request;
    if (this.first === request) joinHeartbeat(this.#beat);
  }

  remove(request: Request): void {
    const { previous, next } = request;
    if (previous === null) this.first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    request.forget();
    if (this.first === null) leaveHeartbeat(this.#beat);
  }
}
