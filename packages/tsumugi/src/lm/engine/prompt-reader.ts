// Reads prompts, one after the other, each in pieces: from the longest state that is known of it, and keeping those that others
// will go on from.
import type { Logits } from '../sampling.ts';
import type { LanguageModel } from '../types.ts';
import type { Beginnings } from './beginnings.ts';
import { nextLogits } from './pass.ts';
import type { Sequence } from './sequence.ts';

export class PromptReader {
  readonly #model: LanguageModel;
  readonly #beginnings: Beginnings;
  readonly #chunk: number;
  /** Lengths at which the state is to be kept. */
  #keepAt: number[] = [];
  /** The one whose prompt is being read. */
  current: Sequence | undefined;
  /** Tokens read since this was last set to 0. */
  count = 0;

  /** @param chunk prompt tokens of a pass */
  constructor(model: LanguageModel, beginnings: Beginnings, chunk: number) {
    this.#model = model;
    this.#beginnings = beginnings;
    this.#chunk = chunk;
  }

  begin(sequence: Sequence): void {
    this.current = sequence;
    const { cache, keepAt } = this.#beginnings.begin(sequence.prompt);
    sequence.begin(cache);
    this.#keepAt = keepAt;
  }

  /** Reads a piece. After the last one: the logits [V] of the first token. */
  read(): Logits | undefined {
    const { prompt, cache } = this.current!;
    const from = cache!.length;
    const place = this.#keepAt[0];
    const to = Math.min(from + this.#chunk, place ?? prompt.length);
    this.count += to - from;
    const logits = nextLogits(this.#model, prompt.slice(from, to), cache!);
    if (to === place) {
      this.#keepAt.shift();
      this.#beginnings.keep(prompt.slice(0, to), cache!.fork());
    }
    return to < prompt.length ? undefined : logits;
  }
}
