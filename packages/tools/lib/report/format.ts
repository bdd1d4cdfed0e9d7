// SPDX-License-Identifier: MIT
/** How numbers are written in a report, the same on every machine whatever its language. */
import type { Spread } from './records.ts';

/** Three figures or so, and thousands apart. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return whole(Math.round(value));
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  if (size >= 0.1 || size === 0) return value.toFixed(size === 0 ? 0 : 2);
  return size >= 1e-6 ? String(Number(value.toPrecision(2))) : value.toExponential(1);
}

/** Whole numbers of things. */
export function whole(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

const UNITS = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
  [1, 'ns'],
] as const;

/** @param time ns */
export function duration(time: number): string {
  const [size, unit] = UNITS.find(([least]) => time >= least) ?? [1, 'ns'];
  return `${Number.isInteger(time / size) ? whole(time / size) : short(time / size)} ${unit}`;
}

/** A ratio that is not 1 does not read as if it were: it may be the end of an interval. */
export function ratio(value: number): string {
  let text = short(value);
  for (let digits = 3; value !== 1 && Number(text) === 1 && digits < 17; digits++)
    text = value.toFixed(digits);
  return text;
}

export type Write = (value: number) => string;

export function withInterval(
  { median, interval }: { readonly median: number; readonly interval: Spread['interval'] | null },
  write: Write,
): string {
  return interval === null
    ? write(median)
    : `${write(median)} (${write(interval[0])} to ${write(interval[1])})`;
}

/** a, b and c */
export function listed(words: readonly (string | number)[]): string {
  return words.length < 2
    ? words.join('')
    : `${words.slice(0, -1).join(', ')} and ${String(words.at(-1))}`;
}

/** The same text, whose numbers are not parted from their units at the end of a line. */
export function unbroken(text: string): string {
  return text.replace(/(\d) (?=(?:ns|µs|ms|s|%|×|k|M)(?![\p{L}\d]))/gu, '$1\u00a0');
}
