// The thread between an environment and its Python process: it starts the process, writes requests to it, and hands over answers.
// The environment itself is synchronous and stands still meanwhile.
import { spawn } from 'node:child_process';
import { type MessagePort, workerData } from 'node:worker_threads';
import { type FromProcess, HEAD, MAGIC, MOST_BYTES, type ProcessPlan, type ToProcess } from './python-messages.ts';

export type { ProcessPlan } from './python-messages.ts';

const { command, script, port, signal } = workerData as ProcessPlan & { port: MessagePort };
const told = new Int32Array(signal);
/** The end of what the process wrote to its standard error. */
let complaints = '';
let isOver = false;

function tell(message: FromProcess, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
  Atomics.add(told, 0, 1);
  Atomics.notify(told, 0);
}

function end(how: string): void {
  if (isOver) return;
  isOver = true;
  tell({ ended: how, complaints });
  port.close();
}

// No shell: the command is a file and nothing else.
const child = spawn(command, ['-u', script], { stdio: ['pipe', 'pipe', 'pipe'], shell: false, windowsHide: true });
child.on('error', (error: NodeJS.ErrnoException) =>
  end(error.code === 'ENOENT' ? 'not-found' : `it does not start: ${error.message}`),
);
child.on('close', (code, signalName) =>
  end(signalName ? `it was ended by ${signalName}` : `it ended with exit code ${code}`),
);
child.stdin.on('error', () => {}); // The process is gone, which `close` tells.
child.stderr.setEncoding('utf8');
child.stderr.on('data', (text: string) => {
  complaints = (complaints + text).slice(-4000);
});

let pending = Buffer.alloc(0);
let wanted = HEAD;
let chunks: Buffer[] = [];
let length = 0;

/** An answer from the beginning of what has come; whether there may be another. */
function take(): boolean {
  if (pending.length < HEAD) return false;
  if (pending.toString('latin1', 0, MAGIC.length) !== MAGIC) return garbage();
  const textBytes = pending.readUInt32LE(4);
  const payloadBytes = pending.readUInt32LE(8);
  if (textBytes + payloadBytes > MOST_BYTES) return garbage();
  wanted = HEAD + textBytes + payloadBytes;
  if (pending.length < wanted) return false;
  const text = pending.toString('utf8', HEAD, HEAD + textBytes);
  const payload = new Uint8Array(pending.subarray(HEAD + textBytes, wanted)).buffer;
  pending = pending.subarray(wanted);
  wanted = HEAD;
  tell({ text, payload }, [payload]);
  return true;
}

function garbage(): false {
  const beginning = pending.toString('utf8', 0, 80);
  child.kill('SIGKILL');
  if (!isOver) tell({ garbage: beginning });
  isOver = true;
  port.close();
  return false;
}

child.stdout.on('data', (chunk: Buffer) => {
  if (isOver) return;
  // A picture comes in many chunks: they are put together once.
  chunks.push(chunk);
  length += chunk.length;
  if (pending.length + length < wanted) return;
  pending = Buffer.concat([pending, ...chunks]);
  chunks = [];
  length = 0;
  while (take());
});

port.on('message', (message: ToProcess) => {
  if (message === 'kill') child.kill('SIGKILL');
  else child.stdin.write(message);
});
