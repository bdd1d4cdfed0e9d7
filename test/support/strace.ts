// SPDX-License-Identifier: MIT
/**
 * What a thread calls, seen from outside by strace: between two system calls of
 * its own that name the markers.
 */
import { spawnSync } from 'node:child_process';
import { expect } from 'vitest';

/** Why strace cannot be used here; undefined when it can. */
export function whyNoStrace(): string | undefined {
  const { error, status, stderr } = spawnSync('strace', ['-f', '-o', '/dev/null', 'true'], {
    encoding: 'utf8',
  });
  if (error !== undefined) return `strace is not there: ${error.message}`;
  return status === 0 ? undefined : `strace may not trace here: ${stderr.trim()}`;
}

/** What the thread that made both markers called between them, in order. */
export function callsBetweenMarkers(trace: string): string[] {
  const lines = trace.split('\n').map((line) => {
    const [, tid = '', text = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    return { tid, text };
  });
  const begin = lines.findIndex(({ text }) => text.includes('"/marker-begin"'));
  const tid = lines[begin]?.tid;
  const end = lines.findIndex((line) => line.tid === tid && line.text.includes('"/marker-end"'));
  expect(begin, 'the first marker is in the trace').toBeGreaterThan(-1);
  expect(end, 'the second marker is in the trace, by the same thread').toBeGreaterThan(begin);
  return lines
    .slice(begin + 1, end)
    .filter((line) => line.tid === tid)
    .flatMap(({ text }) => /^(\w+)\(/.exec(text)?.[1] ?? []);
}
