// A response in OpenAI's shape: the object, and the numbered events of its stream.
import { randomUUID } from 'node:crypto';
import type { CallUsage, Piece } from '../answer/call.ts';
import type { HttpError } from '../http/http-error.ts';
import { Output, type OutputEvent } from './output.ts';
import type { ResponsesBody } from './request.ts';

/** An event of a stream: its `type` is its name, too. */
export interface ResponseEvent extends OutputEvent {
  readonly sequence_number: number;
}

const seconds = () => Math.floor(Date.now() / 1000);

export class Reply {
  readonly #output = new Output();
  readonly #settings: Readonly<Record<string, unknown>>;
  readonly #id = `resp_${randomUUID().replaceAll('-', '')}`;
  readonly #created = seconds();
  #events = 0;
  #cutOff = false;
  #usage: CallUsage | undefined;
  #error: HttpError | undefined;

  constructor(body: ResponsesBody) {
    this.#settings = settingsOf(body);
  }

  /** The response as it stands. */
  get response() {
    const status = this.#error
      ? 'failed'
      : this.#usage === undefined
        ? 'in_progress'
        : this.#cutOff
          ? 'incomplete'
          : 'completed';
    return {
      id: this.#id,
      object: 'response',
      created_at: this.#created,
      completed_at: status === 'completed' ? seconds() : null,
      status,
      error: this.#error ? { code: 'server_error', message: this.#error.sentence } : null,
      incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
      ...this.#settings,
      output: structuredClone(this.#output.items),
      usage: this.#usage ? usageOf(this.#usage) : null,
    };
  }

  *begin(): Generator<ResponseEvent> {
    yield this.#numbered({ type: 'response.created', response: this.response });
    yield this.#numbered({ type: 'response.in_progress', response: this.response });
  }

  *take(piece: Piece): Generator<ResponseEvent> {
    for (const event of this.#eventsOf(piece)) yield this.#numbered(event);
  }

  *end(usage: CallUsage): Generator<ResponseEvent> {
    this.#usage = usage;
    const { response } = this;
    yield this.#numbered({ type: `response.${response.status}`, response });
  }

  /** What a stream ends with when the answer cannot be finished. */
  *fail(error: HttpError): Generator<ResponseEvent> {
    this.#error = error;
    yield this.#numbered({ type: 'response.failed', response: this.response });
    const { code, sentence: message, param = null } = error;
    yield this.#numbered({ type: 'error', code, message, param });
  }

  #eventsOf(piece: Piece): Iterable<OutputEvent> {
    if (piece.type === 'text') return this.#output.text(piece);
    if (piece.type === 'tool-call') return this.#output.call(piece);
    this.#cutOff = piece.reason === 'length';
    return this.#output.end(this.#cutOff ? 'incomplete' : 'completed', piece.logprobs);
  }

  #numbered(event: OutputEvent): ResponseEvent {
    return { ...event, sequence_number: this.#events++ };
  }
}

/** What was asked for, as responses repeat it. */
function settingsOf(body: ResponsesBody) {
  const { model, instructions = null, metadata = {}, tools = [], tool_choice = 'auto' } = body;
  return {
    model,
    instructions,
    metadata,
    tools: tools.map(({ type, name, description = null, parameters = null, strict = null }) => ({
      type,
      name,
      description,
      parameters,
      strict,
    })),
    tool_choice,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    temperature: body.temperature ?? null,
    top_p: body.top_p ?? null,
    top_logprobs: body.top_logprobs ?? 0,
    max_output_tokens: body.max_output_tokens ?? null,
    text: { format: body.text?.format ?? { type: 'text' } },
    truncation: 'disabled',
    background: false,
    previous_response_id: null,
    store: false,
  };
}

const usageOf = ({ prompt, cached, cachedReason, generated }: CallUsage) => ({
  input_tokens: prompt,
  input_tokens_details: {
    cached_tokens: cached,
    cache_write_tokens: 0,
    ...(cachedReason !== undefined && { cached_reason: cachedReason }),
  },
  output_tokens: generated,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: prompt + generated,
});
