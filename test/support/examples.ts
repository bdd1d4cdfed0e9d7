// SPDX-License-Identifier: MIT
/**
 * Examples of the documentation, compiled and run as a user would: in a folder
 * in which the package is installed, as far as module resolution can tell.
 *
 * A comment before a block says what is to be done with it, where that is not
 * to compile it and run it to its end: `<!-- example: compile only, because … -->`,
 * `<!-- example: shown only, because … -->`, `<!-- example: serves, because … -->`
 * for one that has no end of its own.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';

export const root: string = fileURLToPath(new URL('../..', import.meta.url));

/** A document of the project. */
export function readDocument(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** What users and contributors read, by their paths. */
export const DOCUMENTS: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'packages/tools/README.md',
  'packages/vm/README.md',
  'examples/README.md',
  ...readdirSync(join(root, 'examples'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `examples/${name}/README.md`),
  ...readdirSync(join(root, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
];

/** How far an example is to be taken. */
export type Treatment = 'run' | 'compile only' | 'shown only' | 'serves';

export interface Example {
  readonly document: string;
  /** Of its first line, as editors count. */
  readonly line: number;
  /** As the fence says: `ts`, `js`, `sh`, `json`, `c`. */
  readonly language: string;
  readonly code: string;
  readonly treatment: Treatment;
}

const MARK = /<!-- example: (compile only|shown only|serves), because [^]+? -->\n$/;

/** All fenced blocks of a document, in order. */
export function blocksOf(
  document: string,
  text: string = readDocument(document),
): readonly Example[] {
  return [...text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map((match) => {
    const [, language = '', code = ''] = match;
    const before = text.slice(0, match.index);
    const treatment = (MARK.exec(before)?.[1] ?? 'run') as Treatment;
    return { document, line: before.split('\n').length + 1, language, code, treatment };
  });
}

/** The programs among a document's examples, in order. */
export function examplesOf(text: string): readonly string[] {
  return blocksOf('', text)
    .filter(({ language }) => language === 'ts' || language === 'js')
    .map(({ code }) => code);
}

export interface Ending {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How long a program of an example may take, ms. */
const PATIENCE = 50_000;

/** What `multithreading` reads when it is loaded. Node has it since version 21. */
const NAVIGATOR = `data:text/javascript,${encodeURIComponent('globalThis.navigator ??= { hardwareConcurrency: 2 };')}`;

export class ExampleFolder {
  readonly #folder = mkdtempSync(join(tmpdir(), 'rseq-slice-example-'));
  #count = 0;

  constructor() {
    mkdirSync(join(this.#folder, 'node_modules/@types'), { recursive: true });
    symlinkSync(root, join(this.#folder, 'node_modules/rseq-slice'));
    symlinkSync(
      join(root, 'node_modules/@types/node'),
      join(this.#folder, 'node_modules/@types/node'),
    );
    writeFileSync(join(this.#folder, 'package.json'), '{ "type": "module" }');
  }

  /** Makes a package of this checkout available to the examples. */
  install(name: string): void {
    symlinkSync(join(root, 'node_modules', name), join(this.#folder, 'node_modules', name));
  }

  /** @returns the compiler's complaints about each of some examples. */
  complaintsOfAll(
    examples: readonly Pick<Example, 'language' | 'code'>[],
  ): readonly (readonly string[])[] {
    const files = examples.map(({ language, code }) => {
      const file = join(this.#folder, `example-${this.#count++}.${language}`);
      // An example without imports is a module too, with names of its own.
      writeFileSync(file, `${code}\nexport {};\n`);
      return file;
    });
    // Loaded here: it takes a second, and most who import this module compile nothing.
    const ts = createRequire(import.meta.url)('typescript') as typeof import('typescript');
    const program = ts.createProgram(files, {
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ES2023,
      lib: ['lib.es2023.d.ts', 'lib.es2024.sharedmemory.d.ts', 'lib.esnext.disposable.d.ts'],
      types: ['node'],
      typeRoots: [join(this.#folder, 'node_modules/@types')],
      strict: true,
      allowJs: true,
      checkJs: true,
      noEmit: true,
      skipLibCheck: true,
    });
    const complaints = ts.getPreEmitDiagnostics(program);
    return files.map((file) =>
      complaints
        .filter((complaint) => complaint.file?.fileName === file)
        .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
    );
  }

  /** Runs it in a process of its own. */
  run(code: string): Ending {
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, [this.#program(code)], {
      encoding: 'utf8',
      timeout: PATIENCE,
    });
    return { status, signal, stdout, stderr };
  }

  /** The same, while others run. */
  async start(code: string): Promise<Ending> {
    const child = spawn(process.execPath, ['--import', NAVIGATOR, this.#program(code)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: PATIENCE,
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    return new Promise((resolve, reject) => {
      child.on('error', reject).on('close', (status, signal) => {
        resolve({ status, signal, stdout, stderr });
      });
    });
  }

  #program(code: string): string {
    const file = join(this.#folder, `program-${this.#count++}.mjs`);
    const tsconfigRaw = { compilerOptions: { verbatimModuleSyntax: true } };
    writeFileSync(file, transformSync(code, { loader: 'ts', target: 'es2023', tsconfigRaw }).code);
    return file;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
