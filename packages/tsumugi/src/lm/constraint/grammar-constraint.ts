// A grammar as what the engine holds a text to.
import { ConfigError } from '../../base/index.ts';
import type { Logits } from '../sampling.ts';
import { SHARED, STATE } from './grammar-thread-types.ts';
import type { ThreadText } from './thread-host.ts';
import type { TokenConstraint } from './token-constraint.ts';

export class GrammarConstraint implements TokenConstraint {
  readonly #text: ThreadText;
  readonly #endIds: readonly number[];
  readonly #onTooSlow: () => void;

  constructor(text: ThreadText, endIds: readonly number[], onTooSlow: () => void) {
    this.#text = text;
    this.#endIds = endIds;
    this.#onTooSlow = onTooSlow;
  }

  get finished(): boolean {
    return this.#known()[SHARED.state] === STATE.ends;
  }

  mask(logits: Logits): void {
    const shared = this.#known();
    const { endId, vocabularySize } = this.#text;
    if (shared[SHARED.state] === STATE.isStuck)
      throw new ConfigError(
        'grammar-dead-end',
        'nothing can follow within the grammar: it has no text that begins so',
        {
          remedy: 'Give every rule an alternative that comes to an end.',
        },
      );
    const bit = (id: number) => (shared[SHARED.bits + (id >> 5)]! >>> (id & 31)) & 1;
    const mayEnd = bit(endId) === 1;
    // The grammar has a bit for one end, that of `endId`. The text may have others: they come where that one may.
    const ends = this.#endIds.map((id) => [id, logits[id]] as const);
    for (let first = 0; first < vocabularySize; first += 32) {
      const word = shared[SHARED.bits + (first >> 5)]!;
      if (word === -1) continue;
      const last = Math.min(first + 32, vocabularySize);
      for (let id = first; id < last; id++) if (((word >>> (id & 31)) & 1) === 0) logits[id] = Number.NEGATIVE_INFINITY;
    }
    logits[endId] = Number.NEGATIVE_INFINITY;
    logits.fill(Number.NEGATIVE_INFINITY, vocabularySize);
    for (const [id, value] of ends) if (value !== undefined) logits[id] = mayEnd ? value : Number.NEGATIVE_INFINITY;
  }

  take(id: number): void {
    this.#text.take(id);
  }

  #known(): Int32Array {
    if (this.#text.wait()) return this.#text.shared;
    this.#onTooSlow();
    throw new ConfigError('grammar-too-slow', 'what may follow within the grammar takes too long to find out', {
      remedy: 'Make it smaller, and leave it one way only to read each text.',
    });
  }

  [Symbol.dispose](): void {
    this.#text.close();
  }
}
