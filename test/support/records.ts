// SPDX-License-Identifier: MIT
/**
 * Records of benchmarks for tests: real ones, made by the benchmarks themselves, and ways to change
 * them.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readRecords } from '../../packages/tools/lib/report/records.ts';
import type { BenchRecord } from '../../packages/tools/lib/report/records.ts';

/** Twelve rounds of one cell in a guest with slices. */
export const GUEST = 'locks-guest.json';
/** Several cells on a host without slices. */
export const HOST = 'locks-host.json';
export const SECTIONS = 'sections-host.json';

export const FIXTURES = [GUEST, HOST, SECTIONS] as const;

export function fixturePath(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

/** What a record is before anybody checked it. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

export function readFixture(name: string): { [name: string]: Json } {
  return JSON.parse(readFileSync(fixturePath(name), 'utf8')) as { [name: string]: Json };
}

/** The one record of a file's text. */
export function readRecord(text: string, file: string): BenchRecord {
  const [record] = readRecords(text, file);
  if (record === undefined) throw new Error('There is no record.');
  return record;
}

/**
 * @param path names and indices with dots between; the last is set, or removed where `value` is
 * undefined
 */
export function changed(
  record: { readonly [name: string]: Json },
  path: string,
  value: Json | undefined,
): { [name: string]: Json } {
  const copy = structuredClone(record);
  const names = path.split('.');
  const last = names.pop() ?? '';
  const parent = names.reduce<Json>((at, name) => childOf(at, name), copy);
  if (typeof parent !== 'object' || parent === null)
    throw new Error(`There is no '${path}' in the record.`);
  if (value === undefined) Reflect.deleteProperty(parent, last);
  else Reflect.set(parent, last, value);
  return copy;
}

function childOf(at: Json, name: string): Json {
  const child: unknown = typeof at === 'object' && at !== null ? Reflect.get(at, name) : undefined;
  if (child === undefined) throw new Error(`There is no '${name}' in the record.`);
  return child as Json;
}
