// SPDX-License-Identifier: MIT
// What must hold of the simulated kernel and of our flow on it, for a copy of the library in the
// folder given: the first thing that does not is printed, with the schedule that shows it. The
// copies are those with a deliberate fault in them, and the one without.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const library = (file) => import(pathToFileURL(join(process.argv[2], file)).href);
const { FLAVOURS } = await library('abi/interface.js');
const { attach } = await library('attach.js');
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

function failed(check, what, choices) {
  console.log(JSON.stringify({ check, what, choices }));
  process.exit(0);
}

function exploreAll(models) {
  for (const model of models) {
    const { coverage, violation } = explore(model);
    if (violation !== null) failed(model.name, violation.what, violation.choices);
    if (coverage !== 'exhausted')
      failed(model.name, `the space was not exhausted: ${coverage}`, '');
  }
}

/** A grant that is revoked inside the section, and a system call inside the next. */
function revokedThenCalling(flavour) {
  const kernel = new SimulatedKernel({ flavour, debug: true });
  const cpu = kernel.thread();
  const thread = attach({ backend: cpu });
  thread.enter();
  cpu.preempt();
  cpu.preempt();
  thread.leave();
  thread.enter();
  cpu.systemCall();
  thread.leave();
}

function twoSections(flavour, calls, chooser) {
  const kernel = new SimulatedKernel({ flavour, debug: !calls, chooser });
  const cpu = kernel.thread();
  const thread = attach({ backend: cpu });
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

/** The library's sections, with so many disturbances. */
function exploreSections(disturbances) {
  for (const flavour of FLAVOURS) {
    for (const calls of flavour === 'rfc' ? [false] : [false, true]) {
      const { failure } = exploreChoices((chooser) => twoSections(flavour, calls, chooser), {
        disturbances,
      });
      if (failure !== null)
        failed(`the library's sections (${flavour})`, failure.error.message, failure.choices);
    }
  }
}

// What takes milliseconds comes first: most faults are found by it.
for (const flavour of FLAVOURS) {
  try {
    revokedThenCalling(flavour);
  } catch (error) {
    failed(`a section after a revoked one (${flavour})`, error.message, '');
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
exploreAll(FLAVOURS.map(greedyModel));
exploreSections(1);
exploreAll(
  FLAVOURS.map((flavour) => sectionModel(flavour, { threads: 1, layers: 2, migration: true })),
);
exploreAll(FLAVOURS.map((flavour) => sectionModel(flavour, { layers: 1 })));
exploreAll(
  ['7.0', 'mainline'].map((flavour) =>
    sectionModel(flavour, { layers: 1, systemCall: true, debug: false }),
  ),
);
exploreAll([lockModel('mainline', { rounds: 1 }), lockModel('rfc', { rounds: 1 })]);
exploreSections(2);
console.log('null');
