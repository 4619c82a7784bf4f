// Starts the processes of one training on this machine and stays until all have ended. What it is for beyond that: no process stays
// when another has failed, when a person has had enough, or when the launcher itself is killed.
import { constants } from 'node:os';
import type { Writable } from 'node:stream';
import { endText, exitCodeOf, hasSaved, type RankEnd } from './ending.ts';
import { startGuard } from './guard.ts';
import { type Layout, rankEnvironment, rankOf } from './layout.ts';
import { shareMachine } from './shares.ts';
import { passSignals } from './signals.ts';
import { killRank, type RankProcess, startRank } from './start-rank.ts';

export interface LaunchOptions {
  /** What every process runs: a program and its arguments. */
  command: readonly [program: string, ...args: string[]];
  layout: Layout;
  /** Whether each process keeps to its own cores, where the system can do that. */
  pin: boolean;
  /** After a rank has failed, the others have this long to end by themselves, each with its own sentence. */
  graceSeconds: number;
  /** Further variables of the processes. */
  env?: Readonly<Record<string, string>>;
  /** For what the launcher says, and ranks other than 0. Rank 0 has the streams of this process. */
  stderr: Writable;
}

/** Runs the processes. @returns the exit code of the first that failed, or 0 */
export async function launch({ command, layout, pin, graceSeconds, env, stderr }: LaunchOptions): Promise<number> {
  const say = (text: string) => void stderr.write(`tsumugi launch: ${text}\n`);
  const { threads, cores, notes } = shareMachine(layout.processes, pin);
  for (const note of notes) say(note);
  say(summary(layout, threads, cores));

  const ranks: RankProcess[] = [];
  const running = new Set<RankProcess>();
  const killAll = () => running.forEach(killRank);
  let passed: NodeJS.Signals | undefined;
  let atOnce: NodeJS.Signals | undefined;
  let first: RankEnd | undefined;
  let deadline: NodeJS.Timeout | undefined;

  using guard = startGuard(graceSeconds);
  using _ = passSignals({
    pass: (signal) => {
      if (signal !== 'SIGWINCH') passed = signal;
      for (const { child } of running) child.kill(signal);
    },
    endAtOnce: (signal) => {
      atOnce = signal;
      killAll();
    },
  });

  const failed = (end: RankEnd) => {
    first = end;
    if (atOnce !== undefined || hasSaved(end)) return;
    if (end.signal === null || end.signal !== passed) say(endText(end));
    deadline = setTimeout(() => {
      const left = [...running].map(({ rank }) => rank);
      say(`${graceSeconds} s later rank ${left.join(', ')} still ran: killed`);
      killAll();
    }, graceSeconds * 1000);
  };
  try {
    for (let local = 0; local < layout.processes; local++) {
      const own = { ...process.env, ...env, ...rankEnvironment(layout, local), TSUMUGI_THREADS: threads };
      const pinned = cores === undefined ? command : (['taskset', '-c', cores[local]!, ...command] as const);
      const rank = startRank(rankOf(layout, local), pinned, own, stderr);
      ranks.push(rank);
      running.add(rank);
      if (rank.child.pid !== undefined) guard.watch(rank.child.pid);
    }
    await Promise.all(
      ranks.map(async (rank) => {
        const end = await rank.ended;
        running.delete(rank);
        if (rank.child.pid !== undefined) guard.release(rank.child.pid);
        if (exitCodeOf(end) !== 0 && first === undefined) failed(end);
      }),
    );
  } finally {
    clearTimeout(deadline);
    killAll();
  }
  // A rank that heard of the signal from another one first does not know which it was.
  const asked = atOnce ?? (first !== undefined && hasSaved(first) ? passed : undefined);
  if (asked !== undefined) return 128 + constants.signals[asked];
  return first === undefined ? 0 : exitCodeOf(first);
}

/** What was decided, in a line. */
function summary({ processes, nodes, nodeRank, address, port }: Layout, threads: string, cores?: string[]): string {
  const many = processes === 1 ? '1 process' : `${processes} processes`;
  const machine = nodes === 1 ? '' : ` on machine ${nodeRank} of ${nodes}`;
  const pinned = cores === undefined ? '' : `, cores ${cores.join(' | ')}`;
  return `${many}${machine}, TSUMUGI_THREADS=${threads} each${pinned}; they meet at ${address}:${port}`;
}
