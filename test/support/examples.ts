/**
 * Examples of the documentation, compiled and run as a user would: in a folder
 * in which the package is installed, as far as module resolution can tell.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const root: string = fileURLToPath(new URL('../..', import.meta.url));

/** A document of the project. */
export function readDocument(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** The TypeScript examples of a document, in order. */
export function examplesOf(document: string): readonly string[] {
  return [...document.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code = '']) => code);
}

export interface Ending {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class ExampleFolder {
  readonly #folder = mkdtempSync(join(tmpdir(), 'rseq-slice-example-'));

  constructor() {
    mkdirSync(join(this.#folder, 'node_modules/@types'), { recursive: true });
    symlinkSync(root, join(this.#folder, 'node_modules/rseq-slice'));
    symlinkSync(join(root, 'node_modules/@types/node'), join(this.#folder, 'node_modules/@types/node'));
    writeFileSync(join(this.#folder, 'package.json'), '{ "type": "module" }');
  }

  /** @returns the compiler's complaints. */
  complaints(code: string): readonly string[] {
    const file = join(this.#folder, 'example.ts');
    writeFileSync(file, code);
    const program = ts.createProgram([file], {
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ES2023,
      lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
      types: ['node'],
      typeRoots: [join(this.#folder, 'node_modules/@types')],
      strict: true,
      noEmit: true,
      skipLibCheck: true,
    });
    return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  }

  /** Runs it in a process of its own. */
  run(code: string): Ending {
    const file = join(this.#folder, 'example.mjs');
    const options = { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true };
    writeFileSync(file, ts.transpileModule(code, { compilerOptions: options }).outputText);
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8' });
    return { status, signal, stdout, stderr };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
