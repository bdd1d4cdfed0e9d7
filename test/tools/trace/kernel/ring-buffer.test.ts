// SPDX-License-Identifier: MIT
/** Pages of the kernel's ring buffer, built by hand to its description. */
import { describe, expect, it } from 'vitest';
import { parseLayout, RecordReader } from '../../../../packages/tools/lib/trace/kernel/format.ts';
import { pageSize, readPage } from '../../../../packages/tools/lib/trace/kernel/ring-buffer.ts';

/** As tracefs has it, with a page of 128 bytes. */
const HEADER = parseLayout(
  [
    '\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;',
    '\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;',
    '\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;',
    '\tfield: char data;\toffset:16;\tsize:112;\tsigned:0;',
  ].join('\n'),
);
const PADDING = 29;
const TIME_EXTEND = 30;
const TIME_STAMP = 31;
/**
 * What the kernel adds to the length of a page when records before it are lost, and their number is
 * in it.
 */
const MISSED = 0x1_0000_0000n * 0xffff_ffffn + 0x8000_0000n;

interface Options {
  readonly time?: bigint;
  readonly isLittle?: boolean;
  readonly flags?: bigint;
}

/** @param words of the page's data; a pair is a record's head: type and ns since the one before */
function page(
  words: readonly (number | readonly [type: number, delta: number])[],
  { time = 1000n, isLittle = true, flags = 0n }: Options = {},
): DataView {
  const view = new DataView(new ArrayBuffer(pageSize(HEADER)));
  view.setBigUint64(0, time, isLittle);
  view.setBigUint64(8, (BigInt(words.length * 4) + flags) & 0xffff_ffff_ffff_ffffn, isLittle);
  words.forEach((word, index) => {
    const value =
      typeof word === 'number'
        ? word
        : isLittle
          ? word[0] + word[1] * 32
          : word[0] * 2 ** 27 + word[1];
    view.setUint32(16 + index * 4, value, isLittle);
  });
  return view;
}

const read = (view: DataView, isLittle = true) =>
  Array.from(readPage(view, HEADER, isLittle), ({ time, data }) => ({
    time,
    words: Array.from({ length: data.byteLength / 4 }, (_, index) =>
      data.getUint32(index * 4, isLittle),
    ),
  }));

describe('a page', () => {
  it('has the size that its header tells', () => {
    expect(pageSize(HEADER)).toBe(128);
  });

  it.each([true, false])('has records with times that add up, little end first: %s', (isLittle) => {
    expect(read(page([[1, 5], 11, [2, 7], 21, 22], { isLittle }), isLittle)).toEqual([
      { time: 1005, words: [11] },
      { time: 1012, words: [21, 22] },
    ]);
  });

  it('has long gaps in records of their own, and times that stand for themselves', () => {
    expect(read(page([[TIME_EXTEND, 3], 2, [1, 0], 11, [TIME_STAMP, 9], 4, [1, 1], 12]))).toEqual([
      { time: 1000 + 2 * 2 ** 27 + 3, words: [11] },
      { time: 4 * 2 ** 27 + 10, words: [12] },
    ]);
  });

  it('has long records, whose length stands behind and counts itself', () => {
    expect(read(page([[0, 1], 12, 31, 32, [1, 1], 41]))).toEqual([
      { time: 1001, words: [31, 32] },
      { time: 1002, words: [41] },
    ]);
  });

  it('has records that were taken back, which take no time, and ends at a padding without one', () => {
    expect(read(page([[PADDING, 1], 8, 0, [1, 2], 11, [PADDING, 0], 77, [1, 1], 12]))).toEqual([
      { time: 1002, words: [11] },
    ]);
  });

  it('ends where its length says, also when records before it were lost', () => {
    expect(read(page([[1, 5], 11], { flags: MISSED }))).toEqual([{ time: 1005, words: [11] }]);
    expect(read(page([]))).toEqual([]);
  });

  it('reads times beyond 32 bits exactly', () => {
    const time = 4_503_599_627_370_497n;
    expect(read(page([[1, 1], 0], { time }))).toEqual([{ time: Number(time) + 1, words: [0] }]);
  });
});

describe('a layout', () => {
  const layout = parseLayout(
    [
      'name: sched_switch',
      'ID: 298',
      'format:',
      '\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;',
      '\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;',
      '',
      '\tfield:char prev_comm[16];\toffset:8;\tsize:16;\tsigned:0;',
      '\tfield:void * function;\toffset:24;\tsize:8;\tsigned:0;',
      '',
      'print fmt: "prev_comm=%s", REC->prev_comm',
    ].join('\n'),
  );
  const reader = new RecordReader(layout, true);
  const record = new DataView(new ArrayBuffer(32));
  record.setInt32(4, -7, true);
  new Uint8Array(record.buffer).set(new TextEncoder().encode('node\0rest'), 8);
  record.setBigUint64(24, 0xffff_ffff_8110_f603n, true);

  it('has the number and the fields of an event', () => {
    expect(layout.id).toBe(298);
    expect([...layout.fields.keys()]).toEqual([
      'common_type',
      'common_pid',
      'prev_comm',
      'function',
    ]);
  });

  it('tells where a record has them', () => {
    expect(reader.int(record, 'common_pid')).toBe(-7);
    expect(reader.text(record, 'prev_comm')).toBe('node');
    expect(reader.long(record, 'function')).toBe(0xffff_ffff_8110_f603n);
    expect(() => reader.int(record, 'next_pid')).toThrow("no field 'next_pid'");
  });
});
