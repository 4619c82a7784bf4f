// A conversation that a person and a model hold by the model's chat template. Each turn is given to the model as it was trained to
// take it; the engine keeps the states of earlier turns.
import { Engine, type FinishReason, type GenerateTextOptions, generateText, type LanguageModel } from '../lm/index.ts';
import { type ChatTemplate, encodePrompt, type Message, type Tokenizer } from '../text/index.ts';
import { PREFIX_BYTES, type Written } from './running-text.ts';

export class RunningConversation implements Written {
  readonly #model: LanguageModel;
  readonly #tokenizer: Tokenizer;
  readonly #template: ChatTemplate;
  readonly #begin: readonly Message[];
  #messages: Message[];
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
    return new Engine(this.#model, { slots: 1, prefixBytes: PREFIX_BYTES });
  }

  append(text: string): void {
    this.#messages.push({ role: 'user', content: text });
  }

  reset(): void {
    this.#engine[Symbol.dispose]();
    this.#engine = this.#newEngine();
    this.#messages = [...this.#begin];
  }

  /** The end of an answer ends no conversation. */
  ended(): boolean {
    return false;
  }

  /** The model's answer; what was written of it so far stays when the loop is left early. */
  *continue(options: GenerateTextOptions = {}): Generator<string, FinishReason> {
    const prompt = encodePrompt(this.#template, this.#tokenizer, { messages: this.#messages });
    const stop = [...[options.stop ?? []].flat(), ...this.#template.stop];
    const pieces = generateText(this.#engine, this.#tokenizer, prompt, { ...options, stop, remember: true });
    let text = '';
    let next = pieces.next();
    try {
      for (; !next.done; next = pieces.next()) {
        text += next.value;
        yield next.value;
      }
    } finally {
      if (!next.done) pieces.return('length');
      // A template may have a line break between an answer and its end: it is the template's to write.
      this.#messages.push({ role: 'assistant', content: text.trimEnd() });
    }
    return next.value;
  }

  [Symbol.dispose](): void {
    this.#engine[Symbol.dispose]();
  }
}
