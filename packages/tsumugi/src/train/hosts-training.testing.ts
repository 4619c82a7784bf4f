// For tests over several machines: a training by the real command, with a rank on each host.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Hosts } from '../mesh/hosts/hosts.testing.ts';
import { type HostRank, type HostRankOptions, startRank } from '../mesh/hosts/start-rank.testing.ts';
import { readEvents } from '../run/index.ts';
import { listCheckpoints, loadCheckpoint } from '../store/index.ts';
import type { PretrainConfig } from './pretrain-config.ts';

const bin = fileURLToPath(new URL('../../bin/tsumugi.js', import.meta.url));

const eventsOf = (out: string) => readEvents(join(out, 'events.jsonl'));
/** What a run with this folder has logged of its steps. */
export const stepsOf = (out: string) => eventsOf(out).filter((event) => event.type === 'step');
/** At which steps it has begun, and gone on. */
export const startsOf = (out: string): number[] =>
  eventsOf(out).flatMap((event) => (event.type === 'start' ? [event.step] : []));
export const lossesOf = (out: string): number[] => stepsOf(out).map(({ loss }) => loss!);
/** The largest relative distance. */
export const distance = (losses: readonly number[], expected: readonly number[]): number =>
  Math.max(...losses.map((loss, i) => Math.abs(loss / expected[i]! - 1)));

export class HostsTraining {
  readonly config: PretrainConfig;
  readonly ranks: HostRank[] = [];
  readonly #hosts: Hosts;
  readonly #checkpoints: string;

  constructor(hosts: Hosts, config: PretrainConfig) {
    this.#hosts = hosts;
    this.config = config;
    this.#checkpoints = join(config.out, 'checkpoints');
  }

  start(rank: number, options: Partial<HostRankOptions> = {}): void {
    const file = `${this.config.out}.json`;
    writeFileSync(file, JSON.stringify(this.config));
    const args = [bin, 'pretrain', '--config', file, '--resume'];
    this.ranks[rank] = startRank(this.#hosts, rank, args, { world: this.#hosts.count, ...options });
  }

  startAll(options: Partial<HostRankOptions> = {}): void {
    for (let rank = 0; rank < this.#hosts.count; rank++) this.start(rank, options);
  }

  stepsDone(): number {
    const file = join(this.config.out, 'events.jsonl');
    return existsSync(file) ? readFileSync(file, 'utf8').split('"type":"step"').length - 1 : 0;
  }

  /** Checkpoints that are being written, or were. */
  partial(): string[] {
    return existsSync(this.#checkpoints)
      ? readdirSync(this.#checkpoints).filter((name) => name.includes('.partial-'))
      : [];
  }

  async until(what: string, isSo: () => boolean): Promise<void> {
    let isOver = false;
    void this.ranks[0]!.ended.then(() => {
      isOver = true;
    });
    while (!isSo()) {
      if (isOver) throw new Error(`the training of ${basename(this.config.out)} ended before ${what}`);
      await sleep(5);
    }
  }

  async stepped(count: number): Promise<void> {
    await this.until(`${count} steps`, () => this.stepsDone() >= count);
  }

  async ended() {
    return await Promise.all(this.ranks.map(({ ended }) => ended));
  }

  /** The step of the last checkpoint. All that can be seen are whole. */
  lastCheckpoint(): number {
    const found = listCheckpoints(this.#checkpoints);
    const visible = readdirSync(this.#checkpoints).filter((name) => /^step-\d+$/.test(name));
    if (found.length !== visible.length) throw new Error(`not all are checkpoints: ${visible}`);
    // Looks at every file's SHA-256.
    for (const each of found) loadCheckpoint(each)[Symbol.dispose]();
    return found.at(-1)?.step ?? 0;
  }
}
