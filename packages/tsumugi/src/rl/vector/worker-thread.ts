// A thread of a vector: it has some of the environments, waits for orders in the shared memory and answers there.
import { fileURLToPath } from 'node:url';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { importFile } from '../../base/index.ts';
import type { Environment, Info, ResetOptions } from '../environment.ts';
import { plainSpace } from '../spaces/index.ts';
import { type PlainError, plainError } from './at-index.ts';
import { makeEach } from './make-each.ts';
import { resetOptionsOf } from './vector-environment.ts';
import { ENDED, ORDER, ROW, TOLD, WORD, WorkerMemory } from './worker-memory.ts';
import type { Begin, FromThread, Infos, ThreadPlan } from './worker-messages.ts';

export type { ThreadPlan } from './worker-messages.ts';

const { id, each: made, modules, first, count, port } = workerData as ThreadPlan;
const environments: Environment[] = [];
/** The environment whose turn it is: an error is its. */
let index = first;

const say = (message: FromThread) => parentPort!.postMessage(message);

async function make(): Promise<void> {
  for (const module of modules) await importFile(fileURLToPath(module));
  for (; index < first + count; index++) environments.push(await makeEach(id, made));
  const { observationSpace, actionSpace } = environments[0]!;
  const snapshots = environments.every(({ snapshot, restore }) => snapshot && restore);
  const ready = { observation: plainSpace(observationSpace), action: plainSpace(actionSpace), snapshots };
  port.once('message', serve);
  say({ ready });
}

const isEmpty = (info: Info) => {
  for (const _ in info) return false;
  return true;
};

function each<T>(body: (environment: Environment, i: number) => T): T[] {
  return environments.map((environment, i) => {
    index = first + i;
    return body(environment, index);
  });
}

/** What was posted with the order. */
const posted = () => receiveMessageOnPort(port)!.message as never;

function reset(memory: WorkerMemory, generation: number): void {
  const given: ResetOptions = posted();
  each((environment, i) =>
    memory.writeObservation(generation, i, false, environment.reset(resetOptionsOf(given, i)).observation),
  );
}

/** Whether there were infos to post. */
function step(memory: WorkerMemory, generation: number): boolean {
  const infos: Infos = [];
  each((environment, i) => {
    const { observation, reward, terminated, truncated, info } = environment.step(memory.action(i));
    memory.writeObservation(generation, i, false, observation);
    memory.rewards[i] = reward;
    memory.ended[i] = (terminated ? ENDED.terminated : 0) | (truncated ? ENDED.truncated : 0);
    if (!isEmpty(info)) infos.push([i, info]);
    if (terminated || truncated) memory.writeObservation(generation, i, true, environment.reset().observation);
  });
  if (infos.length === 0) return false;
  index = infos[0]![0];
  port.postMessage(infos);
  return true;
}

/** Does an order; whether it posted an answer. */
function follow(what: number, memory: WorkerMemory, generation: number): boolean {
  switch (what) {
    case ORDER.step:
      return step(memory, generation);
    case ORDER.reset:
      reset(memory, generation);
      return false;
    case ORDER.snapshot:
      port.postMessage(each((environment) => environment.snapshot!()));
      return true;
    case ORDER.restore: {
      const snapshots: unknown[] = posted();
      each((environment, i) => environment.restore!(snapshots[i - first]));
      return false;
    }
    default:
      each((environment) => environment[Symbol.dispose]());
      return false;
  }
}

function serve({ size, threads, thread, buffers }: Begin): void {
  const spaces = { observation: environments[0]!.observationSpace, action: environments[0]!.actionSpace };
  const memory = new WorkerMemory(size, threads, spaces, buffers);
  const { control } = memory;
  const row = ROW * thread;
  let done = 0;
  let what: number;
  do {
    Atomics.wait(control, row + WORD.order, done);
    done = Atomics.load(control, row + WORD.order);
    what = control[row + WORD.what]!;
    let told: number;
    try {
      told = follow(what, memory, control[row + WORD.generation]!) ? TOLD.answer : TOLD.nothing;
    } catch (error) {
      told = TOLD.failed;
      fail(error);
    }
    control[row + WORD.told] = told;
    Atomics.store(control, row + WORD.answer, done);
    Atomics.notify(control, row + WORD.answer);
  } while (what !== ORDER.end);
  port.close();
}

/** Fields of an error may hold anything, also what does not go through a port. */
function fail(error: unknown): void {
  const plain: PlainError = plainError(index, error);
  try {
    port.postMessage(plain);
  } catch {
    port.postMessage({ ...plain, fields: {} } satisfies PlainError);
  }
}

try {
  await make();
} catch (error) {
  for (const environment of environments) environment[Symbol.dispose]();
  say({ failed: plainError(index, error) });
  port.close();
}
