// SPDX-License-Identifier: MIT
/**
 * What tracefs says of the layout of its records: the `format` file of an event,
 * and `events/header_page`, which has the same form.
 *
 * Source: Linux Documentation/trace/events.rst, 'Event formats'.
 */

export interface Field {
  /** Bytes. */
  readonly offset: number;
  readonly size: number;
}

export interface Layout {
  /** What records of this event begin with; 0 for `header_page`, which is none. */
  readonly id: number;
  readonly fields: ReadonlyMap<string, Field>;
}

const FIELD = /^\s*field:\s*([^;]*?)(\w+)(?:\[[^;]*\])?;\s*offset:(\d+);\s*size:(\d+);/gm;

export function parseLayout(text: string): Layout {
  const fields = Array.from(
    text.matchAll(FIELD),
    ([, , name = '', offset, size]) =>
      [name, { offset: Number(offset), size: Number(size) }] as const,
  );
  return { id: Number(/^ID:\s*(\d+)$/m.exec(text)?.[1] ?? 0), fields: new Map(fields) };
}

/** Reads the fields of one record. */
export class RecordReader {
  readonly #layout: Layout;
  readonly #isLittle: boolean;

  constructor(layout: Layout, isLittle: boolean) {
    this.#layout = layout;
    this.#isLittle = isLittle;
  }

  /** A field of 4 bytes. */
  int(record: DataView, name: string): number {
    return record.getInt32(this.#at(name).offset, this.#isLittle);
  }

  /** A field of 8 bytes. */
  long(record: DataView, name: string): bigint {
    const { offset, size } = this.#at(name);
    return size === 8
      ? record.getBigUint64(offset, this.#isLittle)
      : BigInt(record.getUint32(offset, this.#isLittle));
  }

  /** A field of characters, up to the first 0. */
  text(record: DataView, name: string): string {
    const { offset, size } = this.#at(name);
    const bytes = new Uint8Array(record.buffer, record.byteOffset + offset, size);
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(bytes.subarray(0, end < 0 ? size : end));
  }

  /** @throws {Error} this kernel's events of this name have no such field. */
  #at(name: string): Field {
    const field = this.#layout.fields.get(name);
    if (field === undefined) throw new Error(`this kernel's record has no field '${name}'`);
    return field;
  }
}
