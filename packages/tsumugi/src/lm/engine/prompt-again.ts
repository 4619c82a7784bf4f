// The prompt that was read last, for as long as the next in the queue is the same one: that goes on from here, without a pass.
import type { Cache } from '../cache.ts';
import type { Logits } from '../sampling.ts';
import type { Sequence } from './sequence.ts';

export class PromptAgain implements Disposable {
  readonly #limit: number;
  #kept: { prompt: readonly number[]; cache: Cache; logits: Logits } | undefined;

  /** @param limit bytes that the state may take */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Begins a sequence whose prompt is the one that was read: the logits of its first token. Undefined for any other. */
  begin(sequence: Sequence): Logits | undefined {
    if (!this.#kept || !samePrompt(this.#kept, sequence)) return undefined;
    sequence.begin(this.#kept.cache.fork());
    return this.#kept.logits.slice();
  }

  /** A prompt has been read: its state and logits are kept where the next one will go on from them. */
  keepFor(next: Sequence | undefined, { prompt, cache }: Sequence, logits: Logits): void {
    if (!next || this.#kept || cache!.bytes > this.#limit || !samePrompt(next, { prompt })) return;
    this.#kept = { prompt, cache: cache!.fork(), logits: logits.slice() };
  }

  /** Frees what is kept, unless the next one goes on from it. */
  keepOnlyFor(next: Sequence | undefined): void {
    if (this.#kept && !(next && samePrompt(this.#kept, next))) this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#kept?.cache.dispose();
    this.#kept = undefined;
  }
}

type Prompted = Pick<Sequence, 'prompt'>;

const samePrompt = ({ prompt: a }: Prompted, { prompt: b }: Prompted): boolean =>
  a.length === b.length && a.every((id, i) => id === b[i]);
