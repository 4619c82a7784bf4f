// One line on a terminal that shows how far something is and how long it will take; nothing when it is not a terminal.
import { fitWidth, formatDuration } from '../run/index.ts';
import type { Output } from './io.ts';

const BAR_WIDTH = 24;
const INTERVAL_MS = 100;

/** Use it with `using`: the line is gone when the work ends. */
export class ProgressLine implements Disposable {
  readonly #stream: Output;
  readonly #label: string;
  readonly #start = performance.now();
  #nextDraw = 0;
  #drawn = false;

  constructor(stream: Output, label: string) {
    this.#stream = stream;
    this.#label = label;
  }

  /** @param fraction how much is done, 0 to 1 */
  update(fraction: number, note = ''): void {
    const now = performance.now();
    if (!this.#stream.isTTY || now < this.#nextDraw) return;
    this.#nextDraw = now + INTERVAL_MS;
    const done = Math.min(1, Math.max(0, fraction));
    const filled = Math.round(done * BAR_WIDTH);
    const elapsed = (now - this.#start) / 1000;
    const left = done > 0.01 ? `  ETA ${formatDuration((elapsed * (1 - done)) / done)}` : '';
    const bar = `${'━'.repeat(filled)}${'─'.repeat(BAR_WIDTH - filled)}`;
    const line = `${this.#label} ${bar} ${String(Math.round(100 * done)).padStart(3)} %${left}${note && `  ${note}`}`;
    this.#stream.write(`\r\u001b[2K${fitWidth(line, (this.#stream.columns ?? 80) - 1)}`);
    this.#drawn = true;
  }

  [Symbol.dispose](): void {
    if (this.#drawn) this.#stream.write('\r\u001b[2K');
  }
}
