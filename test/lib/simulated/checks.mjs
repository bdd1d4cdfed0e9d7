// SPDX-License-Identifier: MIT
// What must hold of the simulated kernel and of our flow on it, for a copy of the library in the
// folder given: the first thing that does not is printed, with the schedule that shows it. The
// copies are those with a deliberate fault in them, and the one without.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [, , folder = ''] = process.argv;
const library = (/** @type {string} */ file) => import(pathToFileURL(join(folder, file)).href);
/** @type {typeof import('../../../lib/abi/interface.ts')} */
const { ABI_VERSIONS } = await library('abi/interface.js');
/** @type {typeof import('rseq-slice')} */
const { attach } = await library('attach.js');
/** @typedef {typeof import('rseq-slice/simulated')} Simulated */
/** @type {Simulated} */
const {
  explore,
  exploreChoices,
  greedyModel,
  lockModel,
  MISTAKES,
  replayed,
  run,
  sectionModel,
  SimulatedKernel,
} = await library('simulated/index.js');

/** @typedef {import('rseq-slice').AbiVersion} AbiVersion */

const messageOf = (/** @type {unknown} */ error) => /** @type {Error} */ (error).message;

/** @param {string} check @param {string} what @param {string} choices @returns {never} */
function failed(check, what, choices) {
  console.log(JSON.stringify({ check, what, choices }));
  process.exit(0);
}

/** @param {readonly import('rseq-slice/simulated').Model[]} models */
function exploreAll(models) {
  for (const model of models) {
    const { coverage, violation } = explore(model);
    if (violation !== null) failed(model.name, violation.what, violation.choices);
    if (coverage !== 'exhausted')
      failed(model.name, `the space was not exhausted: ${coverage}`, '');
  }
}

/**
 * A grant that is revoked inside the section, and a system call inside the next.
 * @param {AbiVersion} abiVersion
 */
function revokedThenCalling(abiVersion) {
  const kernel = new SimulatedKernel({ abiVersion, debug: true });
  const cpu = kernel.thread();
  const thread = attach({ host: cpu });
  thread.enter();
  cpu.preempt();
  cpu.preempt();
  thread.leave();
  thread.enter();
  cpu.systemCall();
  thread.leave();
}

/**
 * @param {AbiVersion} abiVersion
 * @param {boolean} calls whether there are system calls inside
 * @param {import('rseq-slice/simulated').Chooser} chooser
 */
function twoSections(abiVersion, calls, chooser) {
  const kernel = new SimulatedKernel({ abiVersion, debug: !calls, chooser });
  const cpu = kernel.thread();
  const thread = attach({ host: cpu });
  for (let i = 0; i < 2; i++) {
    thread.enter();
    // Allowed on these; it ends a grant.
    if (calls) cpu.systemCall();
    thread.leave();
    if (cpu.granted) throw new Error('a grant is left behind');
    cpu.systemCall();
  }
  const { sgrant, srevok, syield, sabort } = kernel.stats();
  const { yielded } = thread.stats();
  if (syield !== yielded)
    throw new Error(`the kernel counts ${syield} yields, the thread ${yielded}`);
  if (!calls && sabort !== 0) throw new Error(`${sabort} grants were ended by system calls`);
  if (sgrant !== syield + srevok + sabort) throw new Error('a grant is not accounted for');
}

/** The library's sections, with so many disturbances. @param {number} disturbances */
function exploreSections(disturbances) {
  for (const abiVersion of ABI_VERSIONS) {
    for (const calls of abiVersion === 'rfc' ? [false] : [false, true]) {
      const { failure } = exploreChoices((chooser) => twoSections(abiVersion, calls, chooser), {
        disturbances,
      });
      if (failure !== null)
        failed(`the library's sections (${abiVersion})`, messageOf(failure.error), failure.choices);
    }
  }
}

// What takes milliseconds comes first: most faults are found by it.
for (const abiVersion of ABI_VERSIONS) {
  try {
    revokedThenCalling(abiVersion);
  } catch (error) {
    failed(`a section after a revoked one (${abiVersion})`, messageOf(error), '');
  }
}
{
  // The same schedule in the model: asked, called, granted, revoked.
  const { violation, choices } = run(
    sectionModel('mainline', { threads: 1, layers: 1, systemCall: true }),
    replayed('0*6 1 1'),
    60,
  );
  if (violation !== null) failed('a section after a revoked one (model)', violation, choices);
}
for (const model of MISTAKES)
  if (explore(model).violation === null) failed(model.name, 'the mistake was not found', '');
exploreAll(ABI_VERSIONS.map(greedyModel));
exploreSections(1);
exploreAll(
  ABI_VERSIONS.map((abiVersion) =>
    sectionModel(abiVersion, { threads: 1, layers: 2, migration: true }),
  ),
);
exploreAll(ABI_VERSIONS.map((abiVersion) => sectionModel(abiVersion, { layers: 1 })));
exploreAll(
  /** @type {const} */ (['7.0', 'mainline']).map((abiVersion) =>
    sectionModel(abiVersion, { layers: 1, systemCall: true, debug: false }),
  ),
);
exploreAll([lockModel('mainline', { rounds: 1 }), lockModel('rfc', { rounds: 1 })]);
exploreSections(2);
console.log('null');
