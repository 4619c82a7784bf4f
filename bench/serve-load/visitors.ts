// Those who visit a server under load, each its own way. Every visit is one request (of a burst: many), told to the ledger.
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RandomStream } from 'tsumugi/base';
import type { Ledger } from './ledger.ts';

/** A prompt and the greedy answer that the server gives to it when it is alone. */
export interface Known {
  prompt: readonly number[];
  maxTokens: number;
  text: string;
}

export interface Visit {
  url: string;
  ledger: Ledger;
  random: RandomStream;
  known: readonly Known[];
  /** More requests than there is room for. */
  burst: number;
  /** When the load is over, on the clock of `performance.now()`: from then on nobody dawdles. */
  end: number;
}

export interface Body {
  id: string;
  choices: { text: string; finish_reason: string | null }[];
  usage?: { completion_tokens: number } | null;
}

const pick = <T>(random: RandomStream, all: readonly T[]): T => all[random.below(all.length)]!;

export const bodyOf = ({ prompt, maxTokens }: Pick<Known, 'prompt' | 'maxTokens'>, stream: boolean) =>
  JSON.stringify({ model: 'm', prompt, max_tokens: maxTokens, temperature: 0, ignore_eos: true, stream });

const post = (
  url: string,
  id: string,
  body: string | Uint8Array<ArrayBuffer>,
  signal?: AbortSignal,
): Promise<Response> =>
  fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': id },
    body,
    ...(signal && { signal }),
  });

/** Takes a refusal: busy ones say when to come again. */
function refused(ledger: Ledger, id: string, status: number, saysWhen: boolean): void {
  if (status !== 429 && status !== 503) ledger.fault(`${id} got ${status}`);
  else if (!saysWhen) ledger.fault(`${id} got ${status} without Retry-After`);
  ledger.close(id, 'refused as busy');
}

async function refusal(ledger: Ledger, id: string, response: Response): Promise<void> {
  await response.text();
  refused(ledger, id, response.status, response.headers.has('retry-after'));
}

/** Takes an answer that was written whole. */
function answered(ledger: Ledger, id: string, known: Known, text: string, ended: string | null | undefined): void {
  if (text !== known.text) ledger.fault(`${id} was told ${JSON.stringify(text)}, not ${JSON.stringify(known.text)}`);
  if (ended !== 'length') ledger.fault(`${id} ended with ${ended}`);
  ledger.close(id, 'answered');
}

async function whole({ url, ledger, random, known }: Visit, kind = 'whole'): Promise<void> {
  const asked = pick(random, known);
  const id = ledger.open(kind);
  const response = await post(url, id, bodyOf(asked, false));
  if (response.status !== 200) return refusal(ledger, id, response);
  const body = (await response.json()) as Body;
  ledger.answer(body.id);
  answered(ledger, id, asked, body.choices[0]!.text, body.choices[0]!.finish_reason);
}

/** Events of a stream, as they come. */
async function* events(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Body | '[DONE]'> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  for await (const chunk of chunks) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const event = text.slice(0, end);
      text = text.slice(end + 2);
      if (event === 'data: [DONE]') yield '[DONE]';
      else if (event.startsWith('data: ')) yield JSON.parse(event.slice(6)) as Body;
    }
  }
}

/** Reads a stream to its end, and checks that it has one. */
async function read({ ledger }: Visit, id: string, asked: Known, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  let [text, done, ended, name] = ['', 0, undefined as string | undefined, ''];
  for await (const event of events(chunks)) {
    if (event === '[DONE]') done++;
    else {
      if (name === '') ledger.answer(event.id);
      name = event.id;
      for (const choice of event.choices) {
        text += choice.text;
        if (choice.finish_reason !== null && ended !== undefined) ledger.fault(`${id} ended twice`);
        ended = choice.finish_reason ?? ended;
      }
    }
  }
  if (done !== 1) ledger.fault(`the stream of ${id} has ${done} ends`);
  answered(ledger, id, asked, text, ended);
}

async function streamed(visit: Visit): Promise<void> {
  const asked = pick(visit.random, visit.known);
  const id = visit.ledger.open('streamed');
  const response = await post(visit.url, id, bodyOf(asked, true));
  if (response.status !== 200) return refusal(visit.ledger, id, response);
  await read(visit, id, asked, response.body!);
}

/** Goes in the middle of an answer. */
async function leaves({ url, ledger, random, known }: Visit): Promise<void> {
  const asked = pick(random, known);
  const id = ledger.open('leaves');
  const gone = new AbortController();
  try {
    const response = await post(url, id, bodyOf(asked, true), gone.signal);
    if (response.status !== 200) return await refusal(ledger, id, response);
    let left = 1 + random.below(4);
    for await (const _event of events(response.body!)) if (--left === 0) gone.abort();
    ledger.close(id, 'answered'); // it was all there before
  } catch (error) {
    if (!gone.signal.aborted) throw error;
    ledger.close(id, 'cancelled');
  }
}

/** Takes nothing for a while, in the middle of an answer. */
async function slow(visit: Visit): Promise<void> {
  const { url, ledger, random, known, end } = visit;
  const asked = pick(random, known);
  const id = ledger.open('slow');
  const headers = { 'content-type': 'application/json', 'x-request-id': id };
  const sent = request(`${url}/v1/completions`, { method: 'POST', headers, agent: false });
  sent.end(bodyOf(asked, true));
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) {
    response.resume();
    return refused(ledger, id, response.statusCode!, 'retry-after' in response.headers);
  }
  const dawdled = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of response) {
      yield chunk as Uint8Array;
      const pause = 20 + random.below(180);
      if (performance.now() < end) await sleep(pause);
    }
  };
  await read(visit, id, asked, dawdled());
}

const tooLarge = `{"model":"m","prompt":"${'a'.repeat(5 << 20)}"}`;
const wrong: readonly (readonly [body: string | Uint8Array<ArrayBuffer>, status: number])[] = [
  ['{"model":', 400],
  ['{"model":"m"}', 400],
  ['{"model":"nobody","prompt":"a"}', 404],
  ['{"model":"m","prompt":"a","max_tokens":"many"}', 400],
  ['{"model":"m","prompt":[99999999]}', 400],
  [Uint8Array.from([0x7b, 0xff, 0xfe, 0x7d]), 400],
  [tooLarge, 413],
];

/** Asks what cannot be answered. */
async function mistaken({ url, ledger, random }: Visit): Promise<void> {
  const [body, status] = pick(random, wrong);
  const id = ledger.open('mistaken');
  const response = await post(url, id, body).catch((error: Error) => {
    // Whoever still writes when the server has refused and closed may hear of the close alone.
    if (body !== tooLarge) throw error;
    ledger.close(id, 'refused as wrong');
  });
  if (!response) return;
  const { error } = (await response.json()) as { error?: { message: string } };
  if (response.status !== status) ledger.fault(`${id} got ${response.status}, not ${status}: ${error?.message}`);
  if (!error?.message) ledger.fault(`${id} was not told what is wrong`);
  ledger.close(id, 'refused as wrong');
}

/** Many at once: all of them get an answer, or are sent away. */
async function burst(visit: Visit): Promise<void> {
  await Promise.all(Array.from({ length: visit.burst }, () => whole(visit, 'burst')));
}

/** How often each comes, of all. */
export const visitors: readonly { name: string; weight: number; visit(visit: Visit): Promise<void> }[] = [
  { name: 'whole', weight: 30, visit: (visit) => whole(visit) },
  { name: 'streamed', weight: 30, visit: streamed },
  { name: 'leaves', weight: 15, visit: leaves },
  { name: 'slow', weight: 8, visit: slow },
  { name: 'mistaken', weight: 15, visit: mistaken },
  { name: 'burst', weight: 2, visit: burst },
];
