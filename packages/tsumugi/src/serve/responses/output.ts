// The items of a response and their events, built piece by piece: a message of text, calls of functions.
import { randomUUID } from 'node:crypto';
import type { Piece, TokenInfo } from '../answer/call.ts';

type Status = 'in_progress' | 'completed' | 'incomplete';

interface Text {
  type: 'output_text';
  text: string;
  annotations: [];
  logprobs: unknown[];
}

interface MessageItem {
  id: string;
  type: 'message';
  role: 'assistant';
  status: Status;
  content: Text[];
}

interface CallItem {
  id: string;
  type: 'function_call';
  status: Status;
  call_id: string;
  name: string;
  arguments: string;
}

export type OutputItem = MessageItem | CallItem;

/** An event without its number. */
export interface OutputEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

const newId = (kind: string) => `${kind}_${randomUUID().replaceAll('-', '')}`;

export class Output {
  readonly items: OutputItem[] = [];
  #text: { item: MessageItem; part: Text } | undefined;

  *text({ text, logprobs = [] }: Piece & { type: 'text' }): Generator<OutputEvent> {
    if (!this.#text) yield* this.#beginText();
    const { part } = this.#text!;
    const told = logprobs.map(logprobOf);
    part.text += text;
    part.logprobs.push(...told);
    yield { type: 'response.output_text.delta', ...this.#place(), delta: text, logprobs: told };
  }

  *call({ id: call_id, name, arguments: given }: Piece & { type: 'tool-call' }): Generator<OutputEvent> {
    yield* this.end('completed');
    const item: CallItem = {
      id: newId('fc'),
      type: 'function_call',
      status: 'in_progress',
      call_id,
      name,
      arguments: '',
    };
    this.items.push(item);
    const output_index = this.items.length - 1;
    const place = { item_id: item.id, output_index };
    yield { type: 'response.output_item.added', output_index, item: { ...item } };
    item.arguments = given;
    item.status = 'completed';
    yield { type: 'response.function_call_arguments.delta', ...place, delta: given };
    yield { type: 'response.function_call_arguments.done', ...place, name, arguments: given };
    yield { type: 'response.output_item.done', output_index, item: { ...item } };
  }

  /** Ends the text that is under way. @param logprobs of tokens that gave no text at the end */
  *end(status: Status, logprobs: readonly TokenInfo[] = []): Generator<OutputEvent> {
    if (!this.#text) return;
    const { item, part } = this.#text;
    part.logprobs.push(...logprobs.map(logprobOf));
    item.status = status;
    const done = structuredClone(part);
    yield { type: 'response.output_text.done', ...this.#place(), text: part.text, logprobs: done.logprobs };
    yield { type: 'response.content_part.done', ...this.#place(), part: done };
    yield { type: 'response.output_item.done', output_index: this.items.length - 1, item: structuredClone(item) };
    this.#text = undefined;
  }

  *#beginText(): Generator<OutputEvent> {
    const item: MessageItem = {
      id: newId('msg'),
      type: 'message',
      role: 'assistant',
      status: 'in_progress',
      content: [],
    };
    this.items.push(item);
    yield { type: 'response.output_item.added', output_index: this.items.length - 1, item: structuredClone(item) };
    const part: Text = { type: 'output_text', text: '', annotations: [], logprobs: [] };
    item.content.push(part);
    this.#text = { item, part };
    yield { type: 'response.content_part.added', ...this.#place(), part: structuredClone(part) };
  }

  #place() {
    return { item_id: this.#text!.item.id, output_index: this.items.length - 1, content_index: 0 };
  }
}

const logprobOf = ({ text, bytes, logprob, top }: TokenInfo) => ({
  token: text,
  bytes,
  logprob,
  top_logprobs: top.map((each) => ({ token: each.text, bytes: each.bytes, logprob: each.logprob })),
});
