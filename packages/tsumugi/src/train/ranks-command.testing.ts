// For tests: a training as the real command, as several ranks, and a signal to one of them at a moment of the run.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RankResult, runRanks } from '../mesh/ranks.testing.ts';
import { type RunEvent, readEvents } from '../run/index.ts';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const bin = at('../../bin/tsumugi.js');
/** Lets a save of the tiny model take long enough for a signal to find it. */
export const slowDisk = at('../cli/slow-disk.testing.ts');

/** Parts of a run over ranks. */
export const phases = ['start', 'steps', 'save', 'evaluation', 'end'] as const;
export type Phase = (typeof phases)[number];

/** What a run has come to, by what is on the disk. */
function phaseOf(out: string, began: number, steps: number): Phase {
  const events: RunEvent[] = existsSync(join(out, 'events.jsonl')) ? readEvents(join(out, 'events.jsonl')) : [];
  const since = events.findLastIndex(({ type }) => type === 'start');
  // Of an earlier process.
  if (since < 0 || events[since]!.time < began) return 'start';
  const last = events.at(-1)!;
  if (last.step >= steps && last.type !== 'step') return 'end';
  if (readdirSync(out).includes('checkpoints') && readdirSync(join(out, 'checkpoints')).some((name) => name.includes('.partial-'))) return 'save'; // biome-ignore format: one line
  const isMeasured = events.some(({ type, step }) => type === 'evaluation' && step === last.step);
  return last.type === 'checkpoint' && last.step % 5 === 0 && !isMeasured ? 'evaluation' : 'steps';
}

export interface SignalPlan {
  rank: number;
  signal: NodeJS.Signals;
  phase: Phase;
  /** Milliseconds after the phase is seen. */
  after: number;
  /** Again and again until the rank ends, as somebody impatient does. */
  repeats?: boolean;
}

export interface Ended {
  results: RankResult[];
  /** The phase at the signal; undefined when the run was faster. */
  phase: Phase | undefined;
  /** Seconds from the signal to the end of the last rank; without those that it was ready to run and had no core, where Linux tells. */
  seconds: number;
}

/** Seconds so far that a process was ready to run and others had the cores. */
function heldUp(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e9;
  } catch {
    return undefined; // it has ended, or this is no Linux
  }
}

/** Runs `tsumugi pretrain --resume` as each rank, with a signal on the way; `preload` is a script that each loads first. */
export async function runCommand(
  config: { out: string; steps: number },
  world: number,
  {
    plan,
    env = {},
    preload = plan?.phase === 'save' || plan?.phase === 'end' ? slowDisk : undefined,
  }: { plan?: SignalPlan; env?: Record<string, string>; preload?: string } = {},
): Promise<Ended> {
  const file = `${config.out}.json`;
  writeFileSync(file, JSON.stringify(config));
  const began = Date.now();
  let phase: Phase | undefined;
  const started = performance.now();
  let signalled = 0;
  let watching: NodeJS.Timeout | undefined;
  const waited: number[] = [];
  let timer: NodeJS.Timeout | undefined;
  let repeating: NodeJS.Timeout | undefined;
  const results = await runRanks(bin, world, {
    args: ['pretrain', '--config', file, '--resume'],
    env: {
      ...(preload !== undefined && { NODE_OPTIONS: `--import=${preload}` }),
      TSUMUGI_MESH_TIMEOUT: '30',
      ...env,
    },
    onStart(kill, pids) {
      if (!plan) return;
      const send = () => {
        phase = phaseOf(config.out, began, config.steps);
        signalled = (performance.now() - started) / 1000;
        const before = pids.map(heldUp);
        watching = setInterval(() => {
          for (const [rank, pid] of pids.entries()) {
            const now = heldUp(pid);
            if (now !== undefined) waited[rank] = now - (before[rank] ?? 0);
          }
        }, 50);
        kill(plan.rank, plan.signal);
        if (plan.repeats) repeating = setInterval(() => kill(plan.rank, plan.signal), 20);
      };
      const wait = () => {
        // What comes after is as good: the run may be too fast to be seen in it.
        const isThere = phases.indexOf(phaseOf(config.out, began, config.steps)) >= phases.indexOf(plan.phase);
        const isIt = plan.phase === 'save' || plan.phase === 'evaluation'
          ? phaseOf(config.out, began, config.steps) === plan.phase
          : isThere; // biome-ignore format: one line
        timer = isIt ? setTimeout(send, plan.after) : setTimeout(wait, 2);
      };
      wait();
    },
  });
  clearTimeout(timer);
  clearInterval(repeating);
  clearInterval(watching);
  const after = results.map(({ rank, seconds }) => seconds - signalled - (waited[rank] ?? 0));
  return { results, phase, seconds: Math.max(...after) };
}
