// SPDX-License-Identifier: MIT
/**
 * What `rseq-slice-tools` needs of the library beyond its public API. It is that package's alone,
 * which requires the very same version: anything here may change in any release.
 */
export {
  ExitCode,
  hasColour,
  painter,
  readFlag,
  readNumber,
  readWord,
  UsageError,
} from './cli/command.ts';
export type { AddCommand } from './cli/command.ts';
export { isNeverYielded, WITHOUT_YIELD } from './cli/granted.ts';
export { cautionAboutGuest, describeGuest, findGuest } from './cli/guest.ts';
export type { Guest } from './cli/guest.ts';
export { LiveLines } from './cli/live.ts';
export {
  complain,
  describeForbidden,
  guardStreams,
  messageOf,
  requirePermitted,
  requireWritable,
  widthOf,
  wrap,
} from './cli/output.ts';
export { runCommands } from './cli/run.ts';
export { formatLegend, formatTable } from './cli/table.ts';
export type { TableStyle } from './cli/table.ts';
export { loadAddon } from './host/linux/binding.ts';
export type { Binding } from './host/linux/binding.ts';
export { LOCK_KINDS } from './locks/engine/layout.ts';
export * from './recording/memory.ts';
export { EXTENSION, SETTINGS, VARIABLE } from './recording/recorder.ts';
export type { RecordingSettings } from './recording/recorder.ts';
export { chromeTrace } from './trace-format/chrome.ts';
export type { Place, Trace, TraceEvent } from './trace-format/events.ts';
export { version } from './version.ts';
