#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// The public surface as API reports in api/, one for each entry of "exports" that has types: what a
// user can import, with signatures. Compares them with dist/ as it is; with --update, writes them.
// A change of the surface is then a change of a file that a reviewer sees.

import { mkdtempSync, readFileSync, rmSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  CompilerState,
  Extractor,
  ExtractorConfig,
  ExtractorLogLevel,
} from '@microsoft/api-extractor';

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
    // What documentation lacks, typedoc says; what types lack, the compiler.
    messages: {
      compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
      extractorMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
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
 * Holds one report against the declarations, or writes it.
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
  return result.errorCount === 0 && (isUpdate || !result.apiReportChanged);
}

const { values } = parseArgs({ options: { update: { type: 'boolean', default: false } } });
const temporary = mkdtempSync(join(tmpdir(), 'rseq-slice-api-'));
try {
  const configs = entries().map(([types, report]) => configure(types, report, temporary));
  const [first, ...others] = configs;
  if (first === undefined) throw new Error('No entry of "exports" has types.');
  // Analysed once for all: to read the declarations takes longer than the reports do.
  const additionalEntryPoints = others.map((config) => config.mainEntryPointFilePath);
  const state = CompilerState.create(first, { additionalEntryPoints });
  for (const config of configs) {
    const report = basename(config.reportFilePath);
    if (check(config, state, values.update)) {
      console.log(`api/${report}: ${values.update ? 'written' : 'as it is'}.`);
      continue;
    }
    console.error(
      `api/${report} is not what dist/ declares. If that is meant: npm run api -- --update, and commit it.`,
    );
    process.exitCode = 1;
  }
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
