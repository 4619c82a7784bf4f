// The progress of a long job on the terminal: one line that is redrawn, or, when the output is no terminal, a plain line
// now and then. Goes to standard error; standard output is for results.
import { steady } from '../base/index.ts';
import { fitWidth } from './columns.ts';
import { formatBytes, formatCount, formatDuration, formatInteger, formatNumber } from './format.ts';
import { Rate } from './rate.ts';

/** What the progress line needs of a stream. */
export interface ProgressStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

export interface ProgressOptions {
  /** What is going on, e.g. "pretrain". */
  label: string;
  /** The number of steps. */
  total: number;
  /** Steps are bytes: shown as sizes, with bytes per second instead of the process's memory. */
  bytes?: boolean;
  /** Steps that a resumed run has done before. */
  start?: number;
  stream?: ProgressStream;
  /** Seconds between two plain lines. */
  interval?: number;
  /** Milliseconds, as performance.now. */
  now?: () => number;
}

export interface ProgressUpdate {
  /** Steps done. */
  step: number;
  loss?: number | undefined;
  tokensPerSecond?: number | undefined;
  /** Resident memory of the process unless given. */
  memoryBytes?: number | undefined;
  /** Anything else worth a few letters. */
  note?: string | undefined;
}

const redrawMilliseconds = 100;
const barColumns = 24;

export class Progress implements Disposable {
  readonly #label: string;
  readonly #total: number;
  readonly #bytes: boolean;
  readonly #stream: ProgressStream;
  readonly #interval: number;
  readonly #now: () => number;
  readonly #rate = new Rate();
  readonly #begin: number;
  readonly #start: number;
  #last: ProgressUpdate;
  #lastTime: number;
  #drawn = Number.NEGATIVE_INFINITY;
  #ended = false;

  constructor({
    label,
    total,
    bytes = false,
    start = 0,
    stream = process.stderr,
    interval = 10,
    now = () => performance.now(),
  }: ProgressOptions) {
    this.#label = label;
    this.#total = total;
    this.#bytes = bytes;
    this.#stream = steady(stream);
    this.#interval = interval;
    this.#now = now;
    this.#start = start;
    this.#last = { step: start };
    this.#begin = now();
    this.#lastTime = this.#begin;
  }

  /** Seconds that remain at the smoothed rate; NaN before the first step. */
  get secondsLeft(): number {
    return (this.#total - this.#last.step) / this.#rate.perSecond;
  }

  update(update: ProgressUpdate): void {
    const time = this.#now();
    if (update.step > this.#last.step) {
      this.#rate.add(update.step - this.#last.step, (time - this.#lastTime) / 1000);
      this.#lastTime = time;
    }
    this.#last = update;
    if (time - this.#drawn < (this.#stream.isTTY ? redrawMilliseconds : this.#interval * 1000)) return;
    this.#drawn = time;
    this.#draw();
  }

  /** Prints a line that stays (a sample, a warning) above the progress line. */
  print(text: string): void {
    if (!this.#stream.isTTY || this.#ended) {
      this.#stream.write(`${text}\n`);
      return;
    }
    this.#stream.write(`\r\x1b[K${text}\n`);
    if (Number.isFinite(this.#drawn)) this.#draw();
  }

  /** Leaves the last line standing, with the time it took. Safe to call twice. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const took = formatDuration((this.#now() - this.#begin) / 1000);
    const line = `${this.#line(false)}  ${took}`;
    this.#stream.write(this.#stream.isTTY ? `\r\x1b[K${this.#fit(line)}\n` : `${line}\n`);
  }

  [Symbol.dispose](): void {
    this.end();
  }

  #draw(): void {
    if (this.#stream.isTTY) this.#stream.write(`\r${this.#fit(this.#line(true))}\x1b[K`);
    else this.#stream.write(`${this.#line(true)}\n`);
  }

  #fit(line: string): string {
    return fitWidth(line, (this.#stream.columns || 80) - 1);
  }

  #line(running: boolean): string {
    const { step, loss, tokensPerSecond, memoryBytes = process.memoryUsage.rss(), note } = this.#last;
    const share = this.#total > 0 ? Math.min(1, step / this.#total) : 1;
    const parts = [this.#label];
    if (this.#stream.isTTY) {
      const filled = Math.floor(share * barColumns);
      parts.push('━'.repeat(filled) + '─'.repeat(barColumns - filled));
    }
    const amount = this.#bytes ? formatBytes : formatInteger;
    parts.push(`${Math.floor(share * 100)} %`, `${amount(step)}/${amount(this.#total)}`);
    // What is most wanted comes first: the line is cut at the terminal's edge.
    if (running && step > this.#start && step < this.#total) parts.push(`ETA ${formatDuration(this.secondsLeft)}`);
    if (loss !== undefined) parts.push(`loss ${formatNumber(loss)}`);
    if (tokensPerSecond !== undefined) parts.push(`${formatCount(tokensPerSecond)} tok/s`);
    if (!this.#bytes) parts.push(formatBytes(memoryBytes));
    else if (running && step > this.#start) parts.push(`${formatBytes(this.#rate.perSecond)}/s`);
    if (note) parts.push(note);
    return parts.join('  ');
  }
}
