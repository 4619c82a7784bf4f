// `tsumugi serve` in a process of its own, on this machine alone.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const command = fileURLToPath(new URL('../../packages/tsumugi/bin/tsumugi.js', import.meta.url));

/** A line of the server's log. */
export type LogLine = Readonly<Record<string, unknown>>;

export class Served implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number>;
  readonly log: LogLine[] = [];
  /** What it said that is no line of its log. */
  readonly said: string[] = [];
  url = '';

  /** @param words further options, such as `--slots 4` */
  static async start(folder: string, words: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Served> {
    const args = [command, 'serve', '--model', `m=${folder}`, '--json', ...words];
    const served = new Served(spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] }));
    await served.#listening();
    await served.#ready();
    return served;
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, 'close').then(([code, signal]) => (code as number | null) ?? (signal as never));
    createInterface({ input: child.stderr! }).on('line', (line) => {
      if (line.startsWith('{')) this.log.push(JSON.parse(line) as LogLine);
      else this.said.push(line);
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async #listening(): Promise<void> {
    const lines = createInterface({ input: this.#child.stdout! });
    const line = await Promise.race([once(lines, 'line'), this.#ended]);
    if (!Array.isArray(line)) throw new Error(`the server ended with ${line}:\n${this.said.join('\n')}`);
    this.url = (JSON.parse(line[0] as string) as { url: string }).url;
  }

  async #ready(): Promise<void> {
    for (;;) {
      const { status } = await fetch(`${this.url}/health`);
      if (status === 200) return;
      await Promise.race([sleep(50), this.#ended.then((code) => Promise.reject(new Error(`it ended with ${code}`)))]);
    }
  }

  /** Bytes that are resident. */
  get residentBytes(): number {
    const pages = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1];
    return 1024 * Number(pages);
  }

  /** Of the processor, all threads together, so far. */
  get cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the third field is the first of these
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** The sum of a metric over its labels. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
    if (lines.length === 0) throw new Error(`the server has no metric ${name}`);
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  terminate(): void {
    this.#child.kill('SIGTERM');
  }

  /** Its exit code. */
  get ended(): Promise<number> {
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.terminate();
    const slow = setTimeout(() => this.#child.kill('SIGKILL'), 30_000);
    await this.#ended;
    clearTimeout(slow);
  }
}
