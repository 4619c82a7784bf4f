// Several processes that answer requests together: our ranks, or the peer's.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { freePort } from '../../packages/tsumugi/src/mesh/launch/index.ts';

export interface RanksOptions {
  world: number;
  /** Of each process. */
  threads: number;
  env?: NodeJS.ProcessEnv | undefined;
  /** Where rank 0 is; this machine's own address when left out. */
  address?: string | undefined;
  /** Starts a rank's process elsewhere than here. */
  spawnAt?:
    | ((rank: number, program: string, args: readonly string[], options: SpawnOptions) => ChildProcess)
    | undefined;
}

interface Rank {
  child: ChildProcess;
  lines: AsyncIterator<string>;
  reader: Interface;
  complaint: string;
}

export class Ranks implements Disposable {
  readonly #ranks: Rank[];

  private constructor(ranks: Rank[]) {
    this.#ranks = ranks;
  }

  /** Starts them, and waits until each has said what it is. */
  static async start(command: readonly [string, ...string[]], options: RanksOptions): Promise<Ranks> {
    const { world, threads, address = '127.0.0.1' } = options;
    const port = await freePort();
    const at = options.spawnAt ?? ((_rank, program, args, how) => spawn(program, args, how));
    const [program, ...args] = command;
    const ranks = Array.from({ length: world }, (_, rank): Rank => {
      const child = at(rank, program, args, {
        stdio: ['pipe', 'pipe', 'pipe'],
        env: {
          ...(options.env ?? process.env),
          BENCH_THREADS: String(threads),
          TSUMUGI_THREADS: String(threads),
          OMP_NUM_THREADS: String(threads),
          RANK: String(rank),
          LOCAL_RANK: String(rank),
          WORLD_SIZE: String(world),
          MASTER_ADDR: address,
          MASTER_PORT: String(port),
        },
      });
      const reader = createInterface(child.stdout as Readable);
      const made: Rank = { child, reader, lines: reader[Symbol.asyncIterator](), complaint: '' };
      child.stderr!.setEncoding('utf8').on('data', (text: string) => {
        made.complaint = (made.complaint + text).slice(-2000);
      });
      child.stdin!.on('error', () => {}); // that it has ended is seen by its output
      return made;
    });
    const made = new Ranks(ranks);
    try {
      await made.#replies();
      return made;
    } catch (error) {
      made[Symbol.dispose]();
      throw error;
    }
  }

  async #replies<T>(): Promise<T[]> {
    return await Promise.all(
      this.#ranks.map(async (each, rank) => {
        const { value, done } = await each.lines.next();
        if (done) throw new Error(`rank ${rank} ended: ${each.complaint.trim().split('\n').at(-1)}`);
        const answer = JSON.parse(value) as T & { error?: string };
        if (answer.error !== undefined) throw new Error(`rank ${rank} failed: ${answer.error}`);
        return answer;
      }),
    );
  }

  /** Asks all of them the same, and gives their answers by rank. */
  ask<T>(command: string, request: object = {}): Promise<T[]> {
    for (const { child } of this.#ranks)
      (child.stdin as Writable).write(`${JSON.stringify({ ...request, do: command })}\n`);
    return this.#replies<T>();
  }

  [Symbol.dispose](): void {
    for (const { child, reader } of this.#ranks) {
      reader.close();
      child.kill('SIGKILL');
    }
  }
}
