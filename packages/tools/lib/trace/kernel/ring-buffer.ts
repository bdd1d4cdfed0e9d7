// SPDX-License-Identifier: MIT
/**
 * The pages of the kernel's ring buffer, as `trace_pipe_raw` gives them. Read as
 * they are, because what tracefs prints as text is rounded to microseconds.
 *
 * A page has a time and a length in front. Each record begins with a word of 5
 * bits for its type or length and 27 for the ns since the one before; gaps that
 * do not fit have records of their own.
 *
 * Source: `events/header_page` and `events/header_event` of tracefs, and the
 * comments of Linux include/linux/ring_buffer.h.
 */
import type { Layout } from './format.ts';

export interface RawRecord {
  /** ns on the clock of the trace. */
  readonly time: number;
  /** The event's id and its fields, the common ones first. */
  readonly data: DataView;
}

const TYPE_BITS = 5;
const DELTA_BITS = 27;
const DELTA_RANGE = 2 ** DELTA_BITS;
const WORD = 4;

/** Types; smaller ones are lengths in words, and 0 says that the length stands behind. */
const PADDING = 29;
const TIME_EXTEND = 30;
const TIME_STAMP = 31;

/**
 * Flags above the length of a page: records before it were overwritten, and how many stands behind
 * its last one.
 */
const LENGTH_MASK = 0x3fff_ffffn;

/** Bytes to read at a time. */
export function pageSize(header: Layout): number {
  const data = header.fields.get('data');
  if (data === undefined) throw new Error("events/header_page has no field 'data'");
  return data.offset + data.size;
}

/** The records of a page, in their order. */
export function* readPage(page: DataView, header: Layout, isLittle: boolean): Generator<RawRecord> {
  const begin = header.fields.get('data')?.offset ?? 0;
  const length =
    page.getBigUint64(header.fields.get('commit')?.offset ?? 0, isLittle) & LENGTH_MASK;
  const end = Math.min(begin + Number(length), page.byteLength);
  const word = (at: number): number => page.getUint32(at, isLittle);
  let time = Number(page.getBigUint64(header.fields.get('timestamp')?.offset ?? 0, isLittle));
  for (let at = begin; at + WORD <= end;) {
    const head = word(at);
    const [type, delta] = isLittle
      ? [head & (2 ** TYPE_BITS - 1), head >>> TYPE_BITS]
      : [head >>> DELTA_BITS, head & (DELTA_RANGE - 1)];
    at += WORD;
    switch (type) {
      case PADDING:
        // With no time: the rest of the page. Else a record that was taken back.
        if (delta === 0) return;
        at += word(at);
        break;
      case TIME_EXTEND:
        time += word(at) * DELTA_RANGE + delta;
        at += WORD;
        break;
      case TIME_STAMP:
        time = word(at) * DELTA_RANGE + delta;
        at += WORD;
        break;
      default: {
        time += delta;
        // The length that stands behind counts itself.
        const length = type === 0 ? word(at) - WORD : type * WORD;
        if (type === 0) at += WORD;
        yield { time, data: new DataView(page.buffer, page.byteOffset + at, length) };
        at += Math.ceil(length / WORD) * WORD;
      }
    }
  }
}
