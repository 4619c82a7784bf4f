// For tests: several processes of one script, which meet at a free port.
import { spawn } from 'node:child_process';
import { freePort } from './launch/free-port.ts';

export interface RankResult {
  rank: number;
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** Seconds from the start. */
  seconds: number;
}

export interface RankOptions {
  args?: readonly string[];
  env?: Readonly<Record<string, string>> | ((rank: number) => Readonly<Record<string, string>>);
  /** The folder in which each rank starts. */
  folders?: readonly string[];
  /** Once all are started: may send them signals. `pids` are those of the ranks. */
  onStart?: (kill: (rank: number, signal: NodeJS.Signals) => void, pids: readonly number[]) => void;
  /** Is told what a rank writes to standard output. */
  onOutput?: (rank: number, text: string, kill: (rank: number, signal: NodeJS.Signals) => void) => void;
}

/** Runs `node script …args` as each rank of a world, and gives what they came to. */
export async function runRanks(script: string, world: number, options: RankOptions = {}): Promise<RankResult[]> {
  const port = await freePort();
  const began = performance.now();
  const children = Array.from({ length: world }, (_, rank) =>
    spawn(process.execPath, [script, ...(options.args ?? [])], {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: options.folders?.[rank],
      env: {
        ...process.env,
        TSUMUGI_THREADS: '1',
        TSUMUGI_MESH_TIMEOUT: '60',
        RANK: String(rank),
        LOCAL_RANK: String(rank),
        WORLD_SIZE: String(world),
        MASTER_ADDR: '127.0.0.1',
        MASTER_PORT: String(port),
        ...(typeof options.env === 'function' ? options.env(rank) : options.env),
      },
    }),
  );
  const kill = (rank: number, signal: NodeJS.Signals) => void children[rank]!.kill(signal);
  options.onStart?.(
    kill,
    children.map(({ pid }) => pid!),
  );
  return await Promise.all(
    children.map(
      (child, rank) =>
        new Promise<RankResult>((resolve) => {
          let [stdout, stderr] = ['', ''];
          child.stdout.setEncoding('utf8').on('data', (text) => {
            stdout += text;
            options.onOutput?.(rank, text, kill);
          });
          child.stderr.setEncoding('utf8').on('data', (text) => {
            stderr += text;
          });
          child.on('close', (code, signal) =>
            resolve({ rank, code, signal, stdout, stderr, seconds: (performance.now() - began) / 1000 }),
          );
        }),
    ),
  );
}
