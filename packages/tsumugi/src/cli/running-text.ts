// A text that a person and a model write in turns. The engine keeps its state between turns, so a turn costs only its new tokens.
import { Engine, type FinishReason, type GenerateTextOptions, generateText, type LanguageModel } from '../lm/index.ts';
import type { Tokenizer } from '../text/index.ts';

/** Memory for the state of the text and of its earlier turns. */
export const CACHE_BYTES = 2 ** 31;

/** What a person and a model write in turns. */
export interface Written extends Disposable {
  /** Adds a person's words. */
  append(text: string): void;
  /** Lets the model go on. */
  continue(options?: GenerateTextOptions): Generator<string, FinishReason>;
  /** Begins anew. */
  reset(): void;
  /** The model has ended what it wrote: whether all is at an end, and what comes begins anew. */
  ended(): boolean;
}

export class RunningText implements Written {
  readonly #model: LanguageModel;
  readonly #tokenizer: Tokenizer;
  /** The whole text, BOS first. */
  #ids: number[];
  #engine: Engine;

  constructor(model: LanguageModel, tokenizer: Tokenizer) {
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#ids = [tokenizer.bosId];
    this.#engine = this.#newEngine();
  }

  #newEngine(): Engine {
    return new Engine(this.#model, { slots: 1, cacheBytes: CACHE_BYTES });
  }

  /** Tokens of the text, BOS included. */
  get length(): number {
    return this.#ids.length;
  }

  /** Adds a person's text. Names of control pieces in it are plain text. */
  append(text: string): void {
    this.#ids.push(...this.#tokenizer.encode(text, { safe: true }));
  }

  ended(): boolean {
    this.reset();
    return true;
  }

  reset(): void {
    this.#engine[Symbol.dispose]();
    this.#engine = this.#newEngine();
    this.#ids = [this.#tokenizer.bosId];
  }

  /**
   * Lets the model go on, piece by piece; what it writes becomes part of the text, without a stop string that ended it.
   * Leaving the loop early keeps what was written so far. After 'end' the text is complete: `reset` begins the next one.
   */
  *continue(options: GenerateTextOptions = {}): Generator<string, FinishReason> {
    const before = this.#ids.length;
    const { onId } = options;
    const pieces = generateText(this.#engine, this.#tokenizer, this.#ids, {
      ...options,
      remember: true,
      onId: (id, logprobs) => {
        this.#ids.push(id);
        return onId?.(id, logprobs);
      },
    });
    let text = '';
    let next = pieces.next();
    try {
      for (; !next.done; next = pieces.next()) {
        text += next.value;
        yield next.value;
      }
    } finally {
      if (!next.done) pieces.return('length');
    }
    if (next.value === 'stop') {
      // The last tokens may hold part of the stop string: the text that was shown is encoded again in their place.
      this.#ids.length = before;
      this.append(text);
    }
    return next.value;
  }

  [Symbol.dispose](): void {
    this.#engine[Symbol.dispose]();
  }
}
