// A text that a person and a model write in turns. The model's cache is kept between turns, so each turn costs only what
// is new.
import { Cache, type FinishReason, type GenerateTextOptions, generateText, type LanguageModel } from '../lm/index.ts';
import type { Tokenizer } from '../text/index.ts';

export class RunningText implements Disposable {
  readonly #model: LanguageModel;
  readonly #tokenizer: Tokenizer;
  /** The whole text, BOS first. The cache holds a beginning of it: all but what the model has not read yet. */
  #ids: number[];
  #cache: Cache;

  constructor(model: LanguageModel, tokenizer: Tokenizer) {
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#ids = [tokenizer.bosId];
    this.#cache = this.#newCache();
  }

  #newCache(): Cache {
    return new Cache(this.#model.config, { device: this.#model.parameterDevice });
  }

  /** Tokens of the text, BOS included. */
  get length(): number {
    return this.#ids.length;
  }

  /** Adds a person's text. Names of control pieces in it are plain text. */
  append(text: string): void {
    this.#ids.push(...this.#tokenizer.encode(text, { safe: true }));
  }

  /** Begins anew. */
  reset(): void {
    this.#cache.dispose();
    this.#cache = this.#newCache();
    this.#ids = [this.#tokenizer.bosId];
  }

  /**
   * Lets the model go on, piece by piece; what it writes becomes part of the text, without a stop string that ended it.
   * Leaving the loop early keeps what was written so far. After 'end' the text is complete: `reset` begins the next one.
   */
  *continue(options: GenerateTextOptions = {}): Generator<string, FinishReason> {
    const before = this.#ids.length;
    const unread = this.#ids.slice(this.#cache.length);
    using saved = options.stop?.length ? this.#cache.save() : undefined;
    const pieces = generateText(this.#model, this.#tokenizer, unread, {
      ...options,
      cache: this.#cache,
      earlier: this.#ids.slice(0, this.#cache.length),
      onId: (id) => {
        this.#ids.push(id);
        options.onId?.(id);
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
    if (next.value === 'stop' && saved) {
      // The tokens of the stop string were read too: back to before, with the text as it was shown.
      this.#cache.restore(saved);
      this.#ids.length = before;
      this.append(text);
    }
    return next.value;
  }

  [Symbol.dispose](): void {
    this.#cache.dispose();
  }
}
