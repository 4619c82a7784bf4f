// One of the answers to a call: from ids, one by one, to pieces that may be sent.
import { randomUUID } from 'node:crypto';
import { TextStream, type TokenLogprobs } from '../../lm/index.ts';
import { type SpokenPart, type Tokenizer, ToolCallParser } from '../../text/index.ts';
import type { EndReason, Piece, TokenInfo } from './call.ts';
import { tokenInfo } from './token-info.ts';

export interface ChoiceOptions {
  readonly index: number;
  readonly tokenizer: Tokenizer;
  /** The ids that it goes on from. */
  readonly prompt: readonly number[];
  readonly stop: readonly string[];
  /** Those of `stop` that the client knows of. */
  readonly asked: readonly string[];
  /** Calls of these tools are told apart from what is said. */
  readonly tools?: readonly string[] | undefined;
}

export class Choice {
  readonly #options: ChoiceOptions;
  readonly #stream: TextStream;
  readonly #ids: number[] = [];
  /** Tokens whose text is held back, with the place at which each begins. */
  #held: { info: TokenInfo; start: number }[] = [];
  #text = '';
  readonly #parser: ToolCallParser | undefined;
  #calls = 0;
  /** Tokens that were read and not told of: they come with the next text, or at the end. */
  #tokens: TokenInfo[] = [];

  constructor(options: ChoiceOptions) {
    this.#options = options;
    this.#stream = new TextStream(options.tokenizer, options.stop, options.prompt);
    this.#parser = options.tools && new ToolCallParser(options.tools);
  }

  get ids(): readonly number[] {
    return this.#ids;
  }

  get text(): string {
    return this.#text;
  }

  /** Whether a stop string has come: the text is over. */
  get stopped(): boolean {
    return this.#stream.stopped;
  }

  take(id: number, logprobs?: TokenLogprobs): Piece[] {
    this.#ids.push(id);
    if (logprobs)
      this.#held.push({ info: tokenInfo(this.#options.tokenizer, id, logprobs), start: this.#stream.decoded });
    return this.#release(this.#stream.push(id));
  }

  /** What was held back, and why there is no more. */
  end(reason: EndReason): Piece[] {
    const pieces = [...this.#release(this.#stream.end()), ...this.#pieces(this.#parser?.end() ?? [])];
    const { stopString } = this.#stream;
    const { index: choice, asked } = this.#options;
    // A token within a stop string is no part of the answer.
    const left = [...this.#tokens, ...(this.stopped ? [] : this.#held.map(({ info }) => info))];
    return [
      ...pieces,
      {
        ...{ choice, type: 'end', reason: this.#calls > 0 && reason === 'stop' ? 'tool_calls' : reason },
        ...(stopString !== undefined && asked.includes(stopString) && { stopString }),
        ...(left.length > 0 && { logprobs: left }),
      },
    ];
  }

  #release(text: string): Piece[] {
    if (text === '') return [];
    this.#text += text;
    const shown = this.#held.filter(({ start }) => start < this.#text.length || !this.stopped);
    this.#held = [];
    this.#tokens.push(...shown.map(({ info }) => info));
    return this.#pieces(this.#parser ? this.#parser.push(text) : [{ type: 'text', text }]);
  }

  #pieces(parts: readonly SpokenPart[]): Piece[] {
    const { index: choice } = this.#options;
    return parts.map((part): Piece => {
      if (part.type === 'call') {
        const id = `call_${randomUUID().replaceAll('-', '').slice(0, 24)}`;
        return { choice, type: 'tool-call', index: this.#calls++, id, name: part.name, arguments: part.arguments };
      }
      const logprobs = this.#tokens;
      this.#tokens = [];
      return { choice, type: 'text', text: part.text, ...(logprobs.length > 0 && { logprobs }) };
    });
  }
}
