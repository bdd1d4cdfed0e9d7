// SPDX-License-Identifier: MIT
/**
 * What becomes of a lock that is posted or printed. `structuredClone` and
 * `postMessage` would make a useless copy of its properties in silence, so they
 * are refused, with the name of what can be posted; and `console.log` shows a
 * line about the lock instead of its insides.
 */
import { inspect } from 'node:util';
import type { LockHandle } from './layout.ts';

/**
 * Makes posting an object an error that names its handle.
 * @param name as the error calls it
 */
export function refuseCopies(object: object, name: string): void {
  // Structured cloning reads own enumerable properties.
  Object.defineProperty(object, 'posted', {
    enumerable: true,
    get: () => {
      throw new DOMException(
        `A ${name} belongs to the thread that made it. Post its handle, and use ${name}.from() in the other thread.`,
        'DataCloneError',
      );
    },
  });
}

/** Makes `console.log` print a line about every object of a class. */
export function printAs<T extends object>(prototype: T, describe: (object: T) => string): void {
  Object.defineProperty(prototype, inspect.custom, {
    value(this: T): string {
      return describe(this);
    },
  });
}

/** The line that `console.log` prints of a lock. */
export function describeLock({ lock, byteOffset }: LockHandle, state: string): string {
  return `${lock} { at byte ${byteOffset}, ${state} }`;
}
