// SPDX-License-Identifier: MIT
/**
 * Reads values out of JSON that nobody has checked, and names the file and the
 * field where one is not what it should be. What the fields mean is left to
 * `records.ts`.
 */

/** A file that is no record, or a damaged one. The message names the file and the field. */
export class RecordError extends Error {
  override readonly name = 'RecordError';
}

/** A value, and where it stands. */
export class Field {
  readonly #value: unknown;
  readonly #file: string;
  readonly #path: string;

  constructor(value: unknown, file: string, path = '') {
    this.#value = value;
    this.#file = file;
    this.#path = path;
  }

  /** @returns a field of this object; of an absent one every reading but `optional` is refused. */
  at(name: string): Field {
    return new Field(
      this.#object()[name],
      this.#file,
      this.#path === '' ? name : `${this.#path}.${name}`,
    );
  }

  names(): string[] {
    return Object.keys(this.#object());
  }

  list(): Field[] {
    const value = this.#value;
    if (!Array.isArray(value)) return this.refuse('a list');
    return value.map(
      (each: unknown, index) => new Field(each, this.#file, `${this.#path}[${index}]`),
    );
  }

  string(): string {
    return typeof this.#value === 'string' ? this.#value : this.refuse('a text');
  }

  boolean(): boolean {
    return typeof this.#value === 'boolean' ? this.#value : this.refuse('true or false');
  }

  number(isGood: (number: number) => boolean = () => true, wanted = 'a number'): number {
    const value = this.#value;
    return typeof value === 'number' && Number.isFinite(value) && isGood(value)
      ? value
      : this.refuse(wanted);
  }

  /** A number of things. */
  count(): number {
    return this.number(
      (value) => Number.isSafeInteger(value) && value >= 0,
      'a whole number from 0 on',
    );
  }

  /** An amount of something. */
  amount(): number {
    return this.number((value) => value >= 0, 'a number from 0 on');
  }

  word<Word extends string>(words: readonly Word[]): Word {
    return words.find((word) => word === this.#value) ?? this.refuse(`one of ${words.join(', ')}`);
  }

  /** @returns null where the record says null. */
  nullable<T>(read: (field: Field) => T): T | null {
    return this.#value === null ? null : read(this);
  }

  /** @returns null where the record says nothing, or null. */
  optional<T>(read: (field: Field) => T): T | null {
    return this.#value === undefined || this.#value === null ? null : read(this);
  }

  /** @throws {RecordError} always */
  refuse(wanted: string): never {
    const what = this.#path === '' ? 'the file' : `the field '${this.#path}'`;
    throw new RecordError(
      `${this.#file} is no record of a benchmark that can be shown: ${what} wants ${wanted}, not ${describe(this.#value)}.`,
    );
  }

  #object(): Readonly<Record<string, unknown>> {
    const value = this.#value;
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return this.refuse('an object');
    return value as Readonly<Record<string, unknown>>;
  }
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing at all';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
