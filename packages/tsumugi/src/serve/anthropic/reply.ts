// An answer in Anthropic's shape, built piece by piece: the events of a stream, and the message that they come to.
import { randomUUID } from 'node:crypto';
import type { CallUsage, Piece } from '../answer/call.ts';

type Content =
  | { type: 'text'; text: string; citations: null }
  | { type: 'tool_use'; id: string; name: string; input: unknown; caller: { type: 'direct' } };

type StopReason = 'end_turn' | 'stop_sequence' | 'max_tokens' | 'tool_use';

/** An event of a stream: its `type` is its name, too. */
export interface MessageEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

export class Reply {
  readonly message = {
    id: `msg_${randomUUID().replaceAll('-', '')}`,
    type: 'message' as const,
    role: 'assistant' as const,
    model: '',
    content: [] as Content[],
    stop_reason: null as StopReason | null,
    stop_sequence: null as string | null,
    stop_details: null,
    container: null,
    diagnostics: null,
    usage: usageOf({ prompt: 0, cached: 0, generated: 0 }),
  };
  /** Whether the last block is text that may go on. */
  #open = false;

  /** @param cached tokens of the prompt from the cache, as far as that is known */
  constructor(model: string, promptTokens: number, cached = 0) {
    this.message.model = model;
    this.message.usage = usageOf({ prompt: promptTokens, cached, generated: 0 });
  }

  *begin(): Generator<MessageEvent> {
    yield { type: 'message_start', message: structuredClone(this.message) };
  }

  *take(piece: Piece): Generator<MessageEvent> {
    const { content } = this.message;
    if (piece.type === 'text') {
      if (piece.text === '') return;
      if (!this.#open) yield this.#start({ type: 'text', text: '', citations: null });
      this.#open = true;
      (content.at(-1) as Content & { type: 'text' }).text += piece.text;
      yield this.#delta({ type: 'text_delta', text: piece.text });
    } else if (piece.type === 'tool-call') {
      yield* this.#stop();
      const { id, name } = piece;
      yield this.#start({ type: 'tool_use', id, name, input: {}, caller: { type: 'direct' } });
      (content.at(-1) as Content & { type: 'tool_use' }).input = JSON.parse(piece.arguments);
      this.#open = true;
      yield this.#delta({ type: 'input_json_delta', partial_json: piece.arguments });
      yield* this.#stop();
    } else {
      yield* this.#stop();
      this.message.stop_reason = stopReason(piece);
      this.message.stop_sequence = piece.stopString ?? null;
    }
  }

  *end(usage: CallUsage): Generator<MessageEvent> {
    this.message.usage = usageOf(usage);
    const { stop_reason, stop_sequence, stop_details, container } = this.message;
    const delta = { stop_reason, stop_sequence, stop_details, container };
    yield { type: 'message_delta', delta, usage: this.message.usage };
    yield { type: 'message_stop' };
  }

  #start(block: Content): MessageEvent {
    this.message.content.push(block);
    return { type: 'content_block_start', index: this.message.content.length - 1, content_block: { ...block } };
  }

  #delta(delta: unknown): MessageEvent {
    return { type: 'content_block_delta', index: this.message.content.length - 1, delta };
  }

  *#stop(): Generator<MessageEvent> {
    if (this.#open) yield { type: 'content_block_stop', index: this.message.content.length - 1 };
    this.#open = false;
  }
}

function stopReason({ reason, stopString }: Piece & { type: 'end' }): StopReason {
  if (reason === 'length') return 'max_tokens';
  if (reason === 'tool_calls') return 'tool_use';
  return stopString === undefined ? 'end_turn' : 'stop_sequence';
}

/** Anthropic counts tokens from the cache beside the others, not among them. */
function usageOf({ prompt, cached, cachedReason, generated }: Omit<CallUsage, 'timings'>) {
  return {
    input_tokens: prompt - cached,
    cache_read_input_tokens: cached,
    cache_creation_input_tokens: 0,
    ...(cachedReason !== undefined && { cached_reason: cachedReason }),
    output_tokens: generated,
    output_tokens_details: null,
    cache_creation: null,
    server_tool_use: null,
    service_tier: 'standard' as const,
    inference_geo: null,
    speed: null,
  };
}
