// SPDX-License-Identifier: MIT
/**
 * What becomes of an object over shared memory that is posted or printed.
 * `structuredClone` and `postMessage` would make a useless copy of its properties
 * in silence, so they are refused, with the name of what can be posted; and
 * `console.log` shows a line about it instead of its insides.
 */
import { inspect } from 'node:util';
import { withArticle } from './options.ts';

/** What errors call the objects that must not be posted. */
const names = new WeakMap<object, string>();

/**
 * One property for all of them: structured cloning reads own enumerable ones. With a getter of its
 * own, each object would have a hidden class of its own, and V8 would look up every property of
 * every lock as soon as a thread has a few of them, which makes a lock ten times as slow.
 */
const REFUSAL: PropertyDescriptor = {
  enumerable: true,
  get(this: object) {
    const name = names.get(this) ?? 'object';
    throw new DOMException(
      `${withArticle(name, 'A')} belongs to the thread that made it. Post its handle, and use ${name}.from() in the other thread.`,
      'DataCloneError',
    );
  },
};

/**
 * Makes posting an object an error that names its handle.
 * @param name as the error calls it
 */
export function refuseCopies(object: object, name: string): void {
  names.set(object, name);
  Object.defineProperty(object, 'posted', REFUSAL);
}

/** Makes `console.log` print a line about every object of a class. */
export function printAs<T extends object>(prototype: T, describe: (object: T) => string): void {
  Object.defineProperty(prototype, inspect.custom, {
    value(this: T): string {
      return describe(this);
    },
  });
}
