// For tests over several machines: a rank on each host.
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { onTestFinished } from 'vitest';
import type { Hosts } from './hosts.testing.ts';

export interface HostRank {
  /** Of the program itself. */
  pid: number;
  /** Also when it has ended: then nothing happens. */
  signal(signal: NodeJS.Signals): void;
  /** Of what it writes to standard output, the next line that holds `text`. */
  line(text: string): Promise<string>;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string; at: number }>;
}

export interface HostRankOptions {
  world: number;
  env?: Readonly<Record<string, string>>;
  /** Seconds. */
  timeout?: number;
  /** What to write before the program, to start it. */
  through?: readonly string[];
}

/** Starts `node …args` on a host, as the rank of that number. It ends with the test. */
export function startRank(hosts: Hosts, rank: number, args: readonly string[], options: HostRankOptions): HostRank {
  const { world, env = {}, timeout = 60, through = [] } = options;
  const [program, ...words] = [...through, process.execPath, ...args];
  const child = hosts.spawn(rank, program!, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      TSUMUGI_THREADS: '1',
      TSUMUGI_MESH_TIMEOUT: String(timeout),
      RANK: String(rank),
      LOCAL_RANK: '0',
      LOCAL_WORLD_SIZE: '1',
      WORLD_SIZE: String(world),
      MASTER_ADDR: hosts.address(0),
      MASTER_PORT: '29500',
      ...env,
    },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let [stdout, stderr] = ['', ''];
  const heard = new Set<(line: string) => void>();
  createInterface({ input: child.stdout as Readable }).on('line', (line) => {
    stdout += `${line}\n`;
    for (const hear of heard) hear(line);
  });
  (child.stderr as Readable).setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  return {
    pid: child.pid!,
    signal: (signal) => void child.kill(signal),
    line: (text) =>
      new Promise((resolve) => {
        const hear = (line: string) => {
          if (!line.includes(text)) return;
          heard.delete(hear);
          resolve(line);
        };
        heard.add(hear);
      }),
    ended: new Promise((resolve) =>
      child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr, at: performance.now() })),
    ),
  };
}
