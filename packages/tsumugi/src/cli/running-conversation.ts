// A conversation that a person and a model hold by the model's chat template. Each turn is given to the model as it was trained to
// take it; the engine keeps the states of earlier turns.
import { Engine, type FinishReason, type GenerateTextOptions, generateText, type LanguageModel } from '../lm/index.ts';
import { type ChatTemplate, encodePrompt, type Message, type Tokenizer } from '../text/index.ts';
import { CACHE_BYTES, type Written } from './running-text.ts';

export class RunningConversation implements Written {
  readonly #model: LanguageModel;
  readonly #tokenizer: Tokenizer;
  readonly #template: ChatTemplate;
  readonly #begin: readonly Message[];
  #messages: Message[];
  /** An answer that has not come to its end: nothing written to it lets the model go on with it. */
  #open: { text: string; ids: number[] } | undefined;
  #engine: Engine;

  /** @param system words that go before the conversation */
  constructor(model: LanguageModel, tokenizer: Tokenizer, template: ChatTemplate, system?: string) {
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#template = template;
    this.#begin = system === undefined ? [] : [{ role: 'system', content: system }];
    this.#messages = [...this.#begin];
    this.#engine = this.#newEngine();
  }

  #newEngine(): Engine {
    return new Engine(this.#model, { slots: 1, cacheBytes: CACHE_BYTES });
  }

  append(text: string): void {
    if (text === '' && this.#open) return;
    this.#open = undefined;
    this.#messages.push({ role: 'user', content: text });
  }

  reset(): void {
    this.#engine[Symbol.dispose]();
    this.#engine = this.#newEngine();
    this.#messages = [...this.#begin];
    this.#open = undefined;
  }

  /** The end of an answer ends no conversation. */
  ended(): boolean {
    return false;
  }

  /** The model's answer; what was written of it so far stays when the loop is left early. */
  *continue(options: GenerateTextOptions = {}): Generator<string, FinishReason> {
    const { text: before, ids } = this.#open ?? { text: '', ids: [] };
    if (this.#open) this.#messages.pop();
    const prompt = [...encodePrompt(this.#template, this.#tokenizer, { messages: this.#messages }), ...ids];
    const written = [...ids];
    const pieces = generateText(this.#engine, this.#tokenizer, prompt, {
      ...options,
      stop: [...[options.stop ?? []].flat(), ...this.#template.stop],
      remember: true,
      onId: (id, logprobs) => {
        written.push(id);
        return options.onId?.(id, logprobs);
      },
    });
    let text = before;
    let next = pieces.next();
    try {
      for (; !next.done; next = pieces.next()) {
        text += next.value;
        yield next.value;
      }
    } finally {
      if (!next.done) pieces.return('length');
      this.#open = !next.done || next.value === 'length' ? { text, ids: written } : undefined;
      // A template may have a line break between an answer and its end: it is the template's to write.
      this.#messages.push({ role: 'assistant', content: text.trimEnd() });
    }
    return next.value;
  }

  [Symbol.dispose](): void {
    this.#engine[Symbol.dispose]();
  }
}
