// SPDX-License-Identifier: MIT
/**
 * Which libc this process runs on, from the files that are mapped into it: what
 * is installed next to it, or set in a variable, says nothing of it. Node's own
 * way to tell, `process.report.getReport()`, is no way for a library: it asks
 * the network for the names of all peers (which can be switched off), and waits
 * until every worker has answered (which cannot).
 */
import { readFileSync } from 'node:fs';

/**
 * `libc.so.6`, or `libc-2.31.so` as it was called before glibc 2.34. Not musl's, which is
 * `ld-musl-x86_64.so.1`.
 */
const GLIBC = /\s(\/[^\n]*\/libc(?:\.so\.6(?:\.1)?|-\d[^/\n]*\.so))$/m;
/** What glibc prints when it is run as a program. */
const BANNER = 'GNU C Library ';
const BANNER_LENGTH = 200;
const VERSION = / release version (\d+(?:\.\d+)+)/;

/** musl is its own dynamic linker: `ld-musl-x86_64.so.1`, or `libc.so` as that may be a link to. */
const MUSL = /\s\/[^\n]*\/(?:ld-musl-[^/\n]*\.so\.1|libc\.musl-[^/\n]*\.so\.1)$/m;

let known: string | null | undefined;

/**
 * `glibc 2.36`; null: another libc, or it cannot be told. The process keeps the libc it has, so it
 * is read once.
 */
export function libcName(): string | null {
  if (known === undefined) known = readName();
  return known;
}

function readName(): string | null {
  try {
    const path = findGlibc(readMaps());
    const version = path === null ? null : versionOf(readFileSync(path));
    return version === null ? null : `glibc ${version}`;
  } catch {
    return null;
  }
}

/** Whose addon can be loaded into this process; null: it cannot be told. */
export function libcKind(maps: string = readMaps()): 'glibc' | 'musl' | null {
  if (findGlibc(maps) !== null) return 'glibc';
  return MUSL.test(maps) ? 'musl' : null;
}

/** Empty where there is no /proc, or files are forbidden. */
function readMaps(): string {
  if (process.platform !== 'linux') return '';
  try {
    return readFileSync('/proc/self/maps', 'latin1');
  } catch {
    return '';
  }
}

/** The file that glibc was mapped from. @param maps as in /proc/PID/maps */
export function findGlibc(maps: string): string | null {
  return GLIBC.exec(maps)?.[1] ?? null;
}

/** @param file the shared object */
export function versionOf(file: Buffer): string | null {
  for (let at = file.indexOf(BANNER); at >= 0; at = file.indexOf(BANNER, at + 1)) {
    const version = VERSION.exec(file.toString('latin1', at, at + BANNER_LENGTH))?.[1];
    if (version !== undefined) return version;
  }
  return null;
}
