// The thread that starts the threads of a vector and hears of their ends. The vector itself stands still while it waits for an
// answer and would not: so a thread that dies – out of memory, say – is told through the shared memory, and nobody waits for it.
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { DEAD, ROW, WORD } from './worker-memory.ts';
import type { FromKeeper, FromThread, KeeperPlan } from './worker-messages.ts';
// By way of the thread's file, so that the package has it.
import type { ThreadPlan } from './worker-thread.ts';

export type { KeeperPlan } from './worker-messages.ts';

const { threads, module, news } = workerData as KeeperPlan;
const dead: number[] = [];
let control: Int32Array | undefined;

const tell = (message: FromKeeper) => parentPort!.postMessage(message);

function mark(thread: number): void {
  if (!control) return;
  Atomics.store(control, ROW * thread + WORD.answer, DEAD);
  Atomics.notify(control, ROW * thread + WORD.answer);
}

function start(plan: ThreadPlan, thread: number): void {
  const worker = new Worker(new URL(module), {
    workerData: plan,
    transferList: [plan.port],
    execArgv: [],
  });
  let cause = 'it ended by itself';
  worker.on('message', (said: FromThread) => tell({ thread, said }));
  worker.on('error', (error) => {
    cause = error instanceof Error ? error.message : String(error);
  });
  worker.on('exit', () => {
    dead.push(thread);
    news.postMessage({ thread, died: cause } satisfies FromKeeper);
    tell({ thread, died: cause });
    mark(thread);
  });
}

parentPort!.on('message', (shared: SharedArrayBuffer) => {
  control = new Int32Array(shared);
  for (const thread of dead) mark(thread);
});
for (const [thread, plan] of threads.entries()) start(plan, thread);
