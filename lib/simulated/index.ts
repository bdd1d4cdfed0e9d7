// SPDX-License-Identifier: MIT
/**
 * The simulated kernel, for tests: a double that does what it is told, and an
 * explorer that goes through everything that can happen to a model.
 */
export type { AbiVersion } from '../abi/interface.ts';
export {
  exploreChoices,
  formatChoices,
  parseChoices,
  priorityBased,
  Recorder,
  replayed,
  seeded,
  undisturbed,
} from './explorer/choices.ts';
export type { Chooser, ChoicesReport } from './explorer/choices.ts';
export { explore, run } from './explorer/explorer.ts';
export type { Exploration, ExploreOptions, Moment, Run, Violation } from './explorer/explorer.ts';
export { SimulatedKernel } from './kernel.ts';
export type {
  KernelEvent,
  KernelStats,
  Preemption,
  SimulatedKernelOptions,
  SimulatedThread,
} from './kernel.ts';
export { Machine } from './machine.ts';
export type { Feature, MachineEvent, MachineOptions } from './machine.ts';
export { lockModel } from './models/lock.ts';
export type { LockModelOptions } from './models/lock.ts';
export {
  freedWhileRegistered,
  grantedFirst,
  MISTAKES,
  readModifyWrite,
  wakeInsideGrant,
} from './models/mistakes.ts';
export { greedyModel, section, sectionModel, sectionProgram } from './models/section.ts';
export type { SectionModelOptions } from './models/section.ts';
export { formatRun } from './explorer/print.ts';
export { AGAIN } from './explorer/model.ts';
export type { ThreadEvent } from './explorer/world.ts';
export type { Model, Parked, Step, ThreadProgram, World, WorldThread } from './explorer/model.ts';
export { traceOfKernel, traceOfRun } from './traces.ts';
