/**
 * Those in one thread who wait for a lock asynchronously. They line up here, and
 * only one waits in shared memory for all of them: a thread takes one place in
 * the line, and what is given up here concerns nobody else.
 */

interface Request {
  readonly resolve: (abandoned: boolean) => void;
  readonly reject: (reason: unknown) => void;
  readonly forget: () => void;
}

/** ms; the timer does nothing but keep the process alive, which a promise of the engine's does not. */
const NEVER = 0x7fff_ffff;

export class Requests {
  #waiting: Request[] = [];
  #isServed = false;
  #alive: NodeJS.Timeout | undefined;
  readonly #serve: () => Promise<void>;

  /** @param serve waits in shared memory and calls {@link grant}, until there is no request left */
  constructor(serve: () => Promise<void>) {
    this.#serve = serve;
  }

  isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /**
   * @param deadline on the clock of `performance.now()`
   * @param timedOut what it is rejected with when that has passed
   * @returns whether the holder before has died
   */
  add(deadline: number, signal: AbortSignal | undefined, timedOut: () => Error): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const giveUp = (reason: unknown): void => {
        this.#remove(request);
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- a signal's reason can be anything
        reject(reason);
      };
      const onAbort = (): void => {
        giveUp(signal?.reason);
      };
      const timer =
        deadline === Infinity
          ? undefined
          : setTimeout(() => {
              giveUp(timedOut());
            }, Math.max(0, deadline - performance.now()));
      const request: Request = {
        resolve,
        reject,
        forget: () => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', onAbort);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(request);
      this.#alive ??= setInterval(() => undefined, NEVER);
      this.#start();
    });
  }

  /** Gives the lock to the one who waits longest. */
  grant(abandoned: boolean): void {
    const [request] = this.#waiting;
    if (request === undefined) return;
    this.#remove(request);
    request.resolve(abandoned);
  }

  #start(): void {
    if (this.#isServed || this.isEmpty()) return;
    this.#isServed = true;
    this.#serve()
      .catch((error: unknown) => {
        for (const request of [...this.#waiting]) {
          this.#remove(request);
          request.reject(error);
        }
      })
      .finally(() => {
        this.#isServed = false;
        // Somebody may have come after it had looked for the last time.
        this.#start();
      });
  }

  #remove(request: Request): void {
    this.#waiting = this.#waiting.filter((other) => other !== request);
    request.forget();
    if (this.isEmpty()) {
      clearInterval(this.#alive);
      this.#alive = undefined;
    }
  }
}
