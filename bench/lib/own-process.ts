// A command in a process of its own: how long it took, what of the processor, and its largest resident memory.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from 'tsumugi/base';
import { CutOff, cutOffBy } from './cut-off.ts';

export interface ProcessCost {
  seconds: number;
  /** Of the processor: user and system. */
  cpuSeconds: number;
  /** Resident at the most, pages of mapped files counted in. */
  peakBytes: number;
  stdout: string;
}

const clockTicks = 100; // of /proc, on every Linux

/** What the system knows of a process that is still there. */
function look(pid: number): { cpuSeconds: number; peakBytes: number } | undefined {
  try {
    const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the third field is the first of these
    return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / clockTicks, peakBytes: 1024 * Number(peak ?? 0) };
  } catch {
    return undefined; // it has just ended
  }
}

/** @throws UserError with the last lines of what it said when it fails; CutOff, and ends it, at Ctrl-C */
export async function runProcess(command: string, args: readonly string[], env = process.env): Promise<ProcessCost> {
  if (!existsSync('/proc/self/status')) throw new UserError('no-proc', 'memory of processes is read from /proc');
  const began = performance.now();
  // In a group of its own, which the Ctrl-C of a terminal does not reach: it is ended by us.
  const child = spawn(command, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-2000)));
  let status: number | null | undefined;
  const ended = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      stderr = error.message;
      status = -1;
      resolve();
    });
    child.on('close', (code) => {
      status = code;
      resolve();
    });
  });
  let cost = { cpuSeconds: 0, peakBytes: 0 };
  while (status === undefined) {
    const now = child.pid === undefined ? undefined : look(child.pid);
    // What has ended and is not yet taken leave of has no memory any more.
    if (now) cost = { cpuSeconds: now.cpuSeconds, peakBytes: Math.max(cost.peakBytes, now.peakBytes) };
    if (cutOffBy() !== undefined) {
      child.kill('SIGKILL');
      await ended;
      throw new CutOff('cut off');
    }
    await Promise.race([ended, sleep(20)]);
  }
  const seconds = (performance.now() - began) / 1e3;
  if (status !== 0)
    throw new UserError('failed', `${command} ${args.join(' ')} ended with ${status}: ${stderr.trim()}`);
  return { seconds, ...cost, stdout };
}
