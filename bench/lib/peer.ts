// The peer: a Python with torch in a child process that answers requests, one JSON object per line.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describeNative } from 'tsumugi/torch';
import { bestBlasCore, ownBlas } from './blas.ts';

/** What a peer says of itself when it is ready. */
export interface PeerIdentity {
  python: string;
  torch: string;
  threads: number;
  blasCore: string;
  /** BLAS libraries mapped into its process. */
  blas: string[];
}

/** Debian's python3-torch belongs to /usr/bin/python3, whatever Python comes first on the PATH. */
export const pythonCandidates = (): string[] =>
  process.env['BENCH_PYTHON'] ? [process.env['BENCH_PYTHON']] : ['/usr/bin/python3', 'python3'];

/**
 * The peer gets our environment (with the BLAS core and the thread settings the loader chose) and finds our very BLAS
 * library first. Its C library is told to keep freed memory, as our allocator does: the model's step is then 2–5 % quicker.
 */
export function peerEnvironment(threads: number): NodeJS.ProcessEnv {
  const folders = ownBlas().map((path) => dirname(path));
  const core = bestBlasCore(describeNative().cpuLevel.level);
  return {
    ...(core && { OPENBLAS_CORETYPE: core }),
    ...process.env,
    ...(folders.length > 0 && { LD_LIBRARY_PATH: [...new Set(folders)].join(':') }),
    MALLOC_MMAP_MAX_: '0',
    MALLOC_TRIM_THRESHOLD_: String(2 ** 42),
    BENCH_THREADS: String(threads),
    PYTHONDONTWRITEBYTECODE: '1',
  };
}

export class PeerMissing extends Error {
  override name = 'PeerMissing';
}

export class Peer implements Disposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  #complaint = '';
  #ended: Error | undefined;
  identity!: PeerIdentity;

  private constructor(python: string, script: string, threads: number) {
    const path = fileURLToPath(new URL(`../peer/${script}`, import.meta.url));
    // In a group of its own, which the Ctrl-C of a terminal does not reach: it answers what it was asked, and is ended by us.
    this.#child = spawn(python, [path], { env: peerEnvironment(threads), detached: true });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-4000);
    });
    this.#child.on('error', (error) => this.#end(error.message));
    this.#child.on('close', (status) => this.#end(`it ended with status ${status}`));
    this.#child.stdin.on('error', () => {}); // the close event tells more
    createInterface(this.#child.stdout).on('line', (line) => this.#waiting.shift()?.resolve(line));
  }

  /**
   * Starts the first Python that can run the script.
   *
   * @throws PeerMissing saying what each candidate answered.
   */
  static async start(script: string, threads: number): Promise<Peer> {
    const refusals: string[] = [];
    for (const python of pythonCandidates()) {
      const peer = new Peer(python, script, threads);
      try {
        peer.identity = { python, ...(await peer.#reply<Omit<PeerIdentity, 'python'>>()) };
        return peer;
      } catch (error) {
        peer[Symbol.dispose]();
        refusals.push(`${python}: ${(error as Error).message}`);
      }
    }
    throw new PeerMissing(refusals.join('; '));
  }

  #end(reason: string): void {
    this.#ended ??= new Error(this.#complaint.trim().split('\n').at(-1) || reason);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
  }

  async #reply<T>(): Promise<T> {
    const line = await new Promise<string>((resolve, reject) => {
      if (this.#ended) reject(this.#ended);
      else this.#waiting.push({ resolve, reject });
    });
    const answer = JSON.parse(line) as T & { error?: string };
    if (answer.error !== undefined) throw new Error(`the peer failed: ${answer.error}`);
    return answer;
  }

  /** Calls a function of the peer's script by name and waits for what it returns. */
  ask<T>(command: string, options: Record<string, unknown> = {}): Promise<T> {
    const reply = this.#reply<T>();
    this.#child.stdin.write(`${JSON.stringify({ ...options, do: command })}\n`);
    return reply;
  }

  [Symbol.dispose](): void {
    this.#child.stdin.end();
    this.#child.kill();
  }
}
