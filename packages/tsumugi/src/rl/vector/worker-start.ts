// Starts the threads of a vector: a keeper, which starts the others, each of which makes its environments.
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { moduleBeside, TsumugiError } from '../../base/index.ts';
import { type PlainSpace, spaceOf } from '../spaces/index.ts';
import { ofMaking } from './at-index.ts';
import type { EachOptions } from './make-each.ts';
// By way of the thread's file, so that the package has it.
import type { KeeperPlan } from './worker-keeper.ts';
import { type Spaces, WorkerMemory } from './worker-memory.ts';
import type { Begin, FromKeeper, Ready, ThreadPlan } from './worker-messages.ts';

export interface WorkerPlan {
  id: string;
  size: number;
  workers: number;
  each: EachOptions;
  modules: readonly string[];
}

/** Some of the environments, and the way to their thread. */
export interface Group {
  first: number;
  count: number;
  port: MessagePort;
}

export interface Started {
  keeper: Worker;
  groups: readonly Group[];
  /** What the keeper tells of threads that died. */
  news: MessagePort;
  memory: WorkerMemory;
  spaces: Spaces;
  /** Whether every environment has `snapshot` and `restore`. */
  snapshots: boolean;
}

/** Consecutive environments, as evenly as they can be shared out. */
function shareOut(size: number, workers: number): { first: number; count: number }[] {
  return Array.from({ length: workers }, (_, worker) => {
    const first = Math.floor((worker * size) / workers);
    return { first, count: Math.floor(((worker + 1) * size) / workers) - first };
  });
}

/** @throws TsumugiError with the index of an environment that could not be made */
export async function startWorkers({ id, size, workers, each, modules }: WorkerPlan): Promise<Started> {
  const news = new MessageChannel();
  const groups: Group[] = [];
  const threads: ThreadPlan[] = [];
  for (const { first, count } of shareOut(size, workers)) {
    const { port1, port2 } = new MessageChannel();
    groups.push({ first, count, port: port1 });
    threads.push({ id, each, modules, first, count, port: port2 });
  }
  const module = moduleBeside('./worker-thread', import.meta.url).href;
  const keeper = new Worker(moduleBeside('./worker-keeper', import.meta.url), {
    workerData: { threads, module, news: news.port2 } satisfies KeeperPlan,
    transferList: [news.port2, ...threads.map(({ port }) => port)],
    execArgv: [], // Those of a program that was given as a text would be taken for the thread’s file.
  });
  try {
    const ready = await allReady(id, keeper, groups);
    const spaces = sameSpaces(id, ready);
    const memory = new WorkerMemory(size, workers, spaces);
    const { buffers } = memory;
    keeper.postMessage(buffers.control);
    for (const [thread, { port }] of groups.entries())
      port.postMessage({ size, threads: workers, thread, buffers } satisfies Begin);
    // A program that forgets to dispose of it ends all the same.
    keeper.unref();
    return { keeper, groups, news: news.port1, memory, spaces, snapshots: ready.every(({ snapshots }) => snapshots) };
  } catch (error) {
    await keeper.terminate();
    news.port1.close();
    throw error;
  }
}

function allReady(id: string, keeper: Worker, groups: readonly Group[]): Promise<Ready[]> {
  const { promise, resolve, reject } = Promise.withResolvers<Ready[]>();
  const ready: Ready[] = [];
  let waiting = groups.length;
  keeper.on('message', (message: FromKeeper) => {
    if ('died' in message) reject(died(id, groups[message.thread]!, message.died));
    else if ('failed' in message.said) reject(ofMaking(id, message.said.failed));
    else {
      ready[message.thread] = message.said.ready;
      if (--waiting === 0) resolve(ready);
    }
  });
  keeper.on('error', reject);
  return promise;
}

/** The environments that a thread had, in words. */
const several = ({ first, count }: Group) =>
  count === 1 ? `environment ${first}` : `environments ${first} to ${first + count - 1}`;

export const died = (id: string, group: Group, cause: string): TsumugiError =>
  new TsumugiError('worker-died', `the thread of ${several(group)} of ${id} died: ${cause}`, {
    remedy: 'Make the environments anew; one alone in this process shows more.',
    fields: { environment: group.first },
  });

export const silent = (id: string, group: Group, seconds: number): TsumugiError =>
  new TsumugiError('worker-silent', `the thread of ${several(group)} of ${id} has not answered for ${seconds} s`, {
    remedy: 'Make the environments anew, with a longer timeoutSeconds where a step may take so long.',
    fields: { environment: group.first },
  });

function sameSpaces(id: string, ready: readonly Ready[]): Spaces {
  const text = (spaces: { observation: PlainSpace; action: PlainSpace }) =>
    JSON.stringify([spaces.observation, spaces.action]);
  const [first] = ready;
  if (ready.some((each) => text(each) !== text(first!)))
    throw new TsumugiError('bad-space', `environments of ${id} have different spaces`);
  return { observation: spaceOf(first!.observation), action: spaceOf(first!.action) };
}
