// The engine's thread. It opens models when they are asked for and has their engines make passes in turns, one at a time, so that
// they never fight for the cores. Between two passes it hears what the HTTP thread has to say.
import { setImmediate } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { EngineLoop } from './engine-loop.ts';
import type { FromThread, ThreadSettings, ToThread } from './protocol.ts';

export type { FromThread, ToThread } from './protocol.ts';

const port = parentPort!;
const settings = workerData as ThreadSettings;
let wake: (() => void) | undefined;
const loop = new EngineLoop(
  settings,
  (message: FromThread) => port.postMessage(message),
  () => wake?.(),
);
port.on('message', (message: ToThread) => {
  loop.take(message);
  wake?.();
});

port.postMessage({ type: 'ready' } satisfies FromThread);

while (!loop.over) {
  if (await loop.work()) await setImmediate();
  else
    await new Promise<void>((resolve) => {
      wake = resolve;
      if (loop.waiting) resolve();
    });
  wake = undefined;
}
loop[Symbol.dispose]();
port.close();
