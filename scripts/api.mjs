// SPDX-License-Identifier: MIT
// The public surface as API reports in api/, one for each entry of "exports" that has types: what a
// user can import, with signatures. Compares them with dist/ as it is; with --update, writes them.
// A change of the surface is then a change of a file that a reviewer sees.

import { mkdtempSync, readFileSync, rmSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  CompilerState,
  Extractor,
  ExtractorConfig,
  ExtractorLogLevel,
} from '@microsoft/api-extractor';
import { readFlags } from './read-flags.mjs';

const HELP = `Compares what can be imported, as dist/ declares it, with the reports in api/.

  node scripts/api.mjs [options]

  --update   writes the reports
  --help     this text

Exit codes: 0 they are the same, or were written; 1 they differ; 2 wrong usage.
`;

const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = join(root, 'package.json');

/**
 * The entries that have types, with the name of their report. What is internal has none: it is for
 * the tools of the same version alone.
 * @returns {readonly (readonly [types: string, report: string])[]}
 */
function entries() {
  const { name, exports } = JSON.parse(readFileSync(manifest, 'utf8'));
  return Object.entries(exports)
    .filter(([path, target]) => path !== './internal' && typeof target === 'object')
    .map(([path, { types }]) => [
      join(root, types),
      `${name}${path.slice(1).replaceAll('/', '-')}.api.md`,
    ]);
}

/**
 * How one report is made.
 * @param {string} types
 * @param {string} report
 * @param {string} temporary folder
 * @returns {ExtractorConfig}
 */
function configure(types, report, temporary) {
  const reportFolder = join(root, 'api');
  mkdirSync(reportFolder, { recursive: true });
  /** @type {import('@microsoft/api-extractor').IConfigFile} */
  const configObject = {
    projectFolder: root,
    mainEntryPointFilePath: types,
    compiler: { tsconfigFilePath: join(root, 'tsconfig.build.json') },
    apiReport: { enabled: true, reportFileName: report, reportFolder, reportTempFolder: temporary },
    docModel: { enabled: false },
    dtsRollup: { enabled: false },
    tsdocMetadata: { enabled: false },
    newlineKind: 'lf',
    // What documentation lacks, typedoc says; what types lack, the compiler. A type that a public
    // one names can be imported too: what is in it would change unseen otherwise.
    messages: {
      compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
      extractorMessageReporting: {
        default: { logLevel: ExtractorLogLevel.None },
        'ae-forgotten-export': { logLevel: ExtractorLogLevel.Error },
      },
      tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
    },
  };
  return ExtractorConfig.prepare({
    configObject,
    configObjectFullPath: undefined,
    packageJsonFullPath: manifest,
  });
}

/**
 * Holds one report against the declarations, or writes it, and tells.
 * @param {ExtractorConfig} config
 * @param {CompilerState} compilerState
 * @param {boolean} isUpdate
 * @returns {boolean} whether the report is as the declarations are
 */
function check(config, compilerState, isUpdate) {
  const result = Extractor.invoke(config, {
    localBuild: isUpdate,
    compilerState,
    messageCallback(message) {
      // Which compiler is bundled, and that a report was copied, is nobody's concern.
      if (message.logLevel !== ExtractorLogLevel.Error) message.handled = true;
    },
  });
  const isRight = result.errorCount === 0 && (isUpdate || !result.apiReportChanged);
  const report = `api/${basename(config.reportFilePath)}`;
  if (isRight) console.log(`${report}: ${isUpdate ? 'written' : 'as it is'}.`);
  else if (result.errorCount === 0)
    console.error(
      `${report} is not what dist/ declares. If that is meant: npm run api -- --update, and commit it.`,
    );
  return isRight;
}

/** @param {boolean} isUpdate @returns {boolean} whether all reports are as the declarations are */
function checkAll(isUpdate) {
  const temporary = mkdtempSync(join(tmpdir(), 'rseq-slice-api-'));
  try {
    const configs = entries().map(([types, report]) => configure(types, report, temporary));
    const [first, ...others] = configs;
    if (first === undefined) throw new Error('No entry of "exports" has types.');
    // Analysed once for all: to read the declarations takes longer than the reports do.
    const additionalEntryPoints = others.map((config) => config.mainEntryPointFilePath);
    const state = CompilerState.create(first, { additionalEntryPoints });
    return configs.map((config) => check(config, state, isUpdate)).every(Boolean);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

const flags = readFlags('api', HELP, 'update');
if (flags !== null) process.exitCode = checkAll(flags.update) ? 0 : 1;
