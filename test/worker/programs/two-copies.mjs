// SPDX-License-Identifier: MIT
// Two copies of the library in one thread, then in a worker that ends with both attached.
// Arguments: their index.js. Prints what each says of the other's sections.
import { pathToFileURL } from 'node:url';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';

const [, , ...paths] = process.argv;
const [first, second] = await Promise.all(paths.map((path) => import(pathToFileURL(path).href)));

function useBoth() {
  const [a, b] = [first.attach(), second.attach()];
  a.enter();
  b.enter();
  const inner = b.leave();
  const outer = a.leave();
  return { a, b, inner, outer };
}

if (!isMainThread) {
  const { a, inner, outer } = useBoth();
  a.enter();
  parentPort?.postMessage({ inner, outer });
} else {
  const { a, b, inner, outer } = useBoth();
  const found = {
    same: first.attach === second.attach,
    hosts: [a.host, b.host],
    inner,
    outer,
  };
  let foreignError;
  try {
    a.leave();
  } catch (error) {
    foreignError = {
      own: error instanceof first.RseqSliceError,
      other: error instanceof second.RseqSliceError,
      is: second.RseqSliceError.is(error),
    };
  }
  const worker = new Worker(new URL(import.meta.url), { argv: paths });
  const inWorker = await new Promise((resolve) => worker.once('message', resolve));
  const exitCode = await new Promise((resolve) => worker.once('exit', resolve));
  // The first to attach is the first to go: the second keeps what it has.
  a.detach();
  const left = b.critical(() => 7);
  b.detach();
  console.log(
    JSON.stringify({ ...found, foreignError, inWorker, exitCode, left, again: useBoth().outer }),
  );
}
