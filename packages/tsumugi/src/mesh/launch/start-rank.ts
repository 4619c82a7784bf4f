// One process of a training, in a process group of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import type { RankEnd } from './ending.ts';
import { passOn } from './rank-output.ts';

export interface RankProcess {
  rank: number;
  child: ChildProcess;
  /** Rejects when it could not be started. */
  ended: Promise<RankEnd>;
}

/** A process that a rank has started may keep the pipes open. */
const longestDrain = 500;

export function startRank(
  rank: number,
  [program, ...args]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
  stderr: Writable,
): RankProcess {
  const child = spawn(program, args, {
    stdio: rank === 0 ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    env,
    detached: true,
  });
  const { stdout: out, stderr: said } = child;
  const output = out !== null && said !== null ? passOn(rank, { stdout: out, stderr: said }, stderr) : undefined;
  const closed = new Promise((resolve) => child.once('close', resolve));
  const ended = new Promise<RankEnd>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', async (code, signal) => {
      await Promise.race([closed, wait(longestDrain, undefined, { ref: false })]);
      if (code !== 0) output?.();
      resolve({ rank, code, signal });
    });
  });
  return { rank, child, ended };
}

/** Ends it at once, with whatever it has started. */
export function killRank({ child }: RankProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL'); // it has left its group
  }
}
