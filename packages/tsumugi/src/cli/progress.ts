// One line on a terminal that shows how far something is and how long it will take; nothing when it is not a terminal.
import type { Output } from './io.ts';

const BAR_WIDTH = 24;
const INTERVAL_MS = 100;

/** `1:05` or `2:03:09` */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, String(whole % 60).padStart(2, '0')];
  return h > 0 ? `${h}:${String(m).padStart(2, '0')}:${s}` : `${m}:${s}`;
}

/** `950`, `12.3 k`, `4.5 M`, `1.2 G` */
export function compact(count: number): string {
  for (const [unit, size] of [
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const)
    if (count >= size) return `${(count / size).toPrecision(3)} ${unit}`;
  return String(Math.round(count));
}

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
    const left = done > 0.01 ? ` ${clock((elapsed * (1 - done)) / done)} left` : '';
    const bar = `${'━'.repeat(filled)}${'─'.repeat(BAR_WIDTH - filled)}`;
    const line = `${this.#label} ${bar} ${String(Math.round(100 * done)).padStart(3)} %${left}${note && `  ${note}`}`;
    this.#stream.write(`\r\u001b[2K${line.slice(0, (this.#stream.columns ?? 80) - 1)}`);
    this.#drawn = true;
  }

  [Symbol.dispose](): void {
    if (this.#drawn) this.#stream.write('\r\u001b[2K');
  }
}
