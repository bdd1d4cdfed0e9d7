// SPDX-License-Identifier: MIT
/** How the rules of docs/architecture.md are looked at: by the compiler where it can look. */
import { posix } from 'node:path';
import ts from 'typescript';

const COLUMNS = 100;

/** The rooms and what each may import, from the table below `<!-- rooms -->`. */
export function readRooms(page: string): Map<string, string[]> {
  const [, table = ''] = page.split('<!-- rooms -->\n');
  const rows = (table.split('\n\n')[0] ?? '').split('\n').slice(2);
  return new Map(
    rows.map((row) => {
      const [, room = '', , may = ''] = row.split('|');
      return [names(room)[0] ?? '', names(may)];
    }),
  );
}

const names = (cell: string): string[] =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);

/** `lib/locks/mutex.ts` is in `locks`, `lib/attach.ts` in `attach`. */
export function roomOf(path: string): string {
  return posix.basename(path.split('/')[1] ?? '', '.ts');
}

const namesIn = (text: string): string[] =>
  ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);

/** What JavaScript imports of types, which it does in comments. */
const typesIn = (path: string, text: string): string[] =>
  path.endsWith('.mjs')
    ? commentsOf(path, text).flatMap((comment) =>
        [...comment.matchAll(/\bimport\('([^']+)'\)/g)].map(([, name = '']) => name),
      )
    : [];

/** The files that a file imports by their place, also of types alone, also by a call. */
export function importsOf(path: string, text: string): string[] {
  return [...namesIn(text), ...typesIn(path, text)]
    .filter((name) => name.startsWith('.'))
    .map((name) => posix.join(posix.dirname(path), name));
}

/** The packages that a file imports, also this one by its own name; not what Node has. */
export function packagesOf(text: string): string[] {
  return namesIn(text)
    .filter((name) => !name.startsWith('.') && !name.startsWith('node:'))
    .map((name) => /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name);
}

/** How often a file imports what is only known when it runs, so that nobody can look at it. */
export function computedImports(path: string, text: string): number {
  let count = 0;
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [what] = node.arguments;
      if (what === undefined || !ts.isStringLiteralLike(what)) count++;
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true));
  return count;
}

export function wrongImports(
  imports: ReadonlyMap<string, readonly string[]>,
  rooms: ReadonlyMap<string, readonly string[]>,
): string[] {
  return [...imports].flatMap(([path, targets]) =>
    targets
      .filter((target) => roomOf(target) !== roomOf(path))
      .filter((target) => rooms.get(roomOf(path))?.includes(roomOf(target)) !== true)
      .map((target) => `${path} imports ${target}`),
  );
}

/** Circles of files, each told once. */
export function circlesIn(imports: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const follow = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) {
      found.push([...way.slice(way.indexOf(path)), path].join(' > '));
      return;
    }
    if (done.has(path)) return;
    for (const target of imports.get(path) ?? []) follow(target, [...way, path]);
    done.add(path);
  };
  for (const path of imports.keys()) follow(path, []);
  return found;
}

/** Numbers of the lines that are too wide, not counting the longest string on each. */
export function wideLines(path: string, text: string): number[] {
  const lines = text.split('\n').map(width);
  const wide = lines.flatMap((columns, index) => (columns > COLUMNS ? [index] : []));
  if (wide.length === 0) return [];
  const strings = /\.(?:[cm]?[jt]s)$/.test(path) ? longestStrings(path, text) : [];
  return wide
    .filter((index) => (lines[index] ?? 0) - (strings[index] ?? 0) > COLUMNS)
    .map((index) => index + 1);
}

/** A tab is as wide as clang-format takes it for. */
const width = (line: string): number => Array.from(line.replaceAll('\t', ' '.repeat(8))).length;

/** How much of each line is one string, template or regular expression, which cannot be wrapped. */
function longestStrings(path: string, text: string): number[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const starts = source.getLineStarts();
  const longest: number[] = [];
  const visit = (node: ts.Node): void => {
    if (
      ts.isStringLiteralLike(node) ||
      ts.isRegularExpressionLiteral(node) ||
      ts.isTemplateExpression(node)
    ) {
      const from = node.getStart(source);
      const first = source.getLineAndCharacterOfPosition(from).line;
      const last = source.getLineAndCharacterOfPosition(node.end).line;
      for (let line = first; line <= last; line++) {
        const begin = Math.max(from, starts[line] ?? 0);
        const end = Math.min(node.end, (starts[line + 1] ?? text.length + 1) - 1);
        longest[line] = Math.max(longest[line] ?? 0, end - begin);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return longest;
}

/** The comments of a source, each as it stands there. */
export function commentsOf(path: string, text: string): string[] {
  if (/\.(?:c|cc|h)$/.test(path))
    return [...text.matchAll(/\/\*[^]*?\*\/|\/\/[^\n]*/g)].map(([comment]) => comment);
  if (path.endsWith('.sh')) return [...text.matchAll(/^\s*#[^\n]*/gm)].map(([comment]) => comment);
  const found = new Map<number, string>();
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const visit = (node: ts.Node): void => {
    for (const position of [node.getFullStart(), node.end])
      for (const range of [
        ...(ts.getLeadingCommentRanges(text, position) ?? []),
        ...(ts.getTrailingCommentRanges(text, position) ?? []),
      ])
        found.set(range.pos, text.slice(range.pos, range.end));
    node.getChildren(source).forEach(visit);
  };
  visit(source);
  return [...found.values()];
}

/** Sources of Linux, by their place in it. */
const OF_THE_KERNEL = /^(?:include\/(?!rseq_slice)|kernel\/|linux\/).*\.[ch]$/;

/** Files of ours that a comment names and that are not there. */
export function staleNames(comment: string, isThere: (name: string) => boolean): string[] {
  return [
    ...comment.matchAll(
      /(?<![\w./<"-])(?:\.{1,2}\/)*[\w-]+(?:\/[\w.-]+)*\.(?:ts|mjs|c|cc|h)\b(?!\/)/g,
    ),
  ]
    .map(([name]) => name)
    .filter((name) => !OF_THE_KERNEL.test(name) && !isThere(name));
}
