// One HTTP exchange, with a time limit for the whole of it. Node's own client rather than fetch, which gives up on an answer
// whose header takes longer than five minutes. Redirections are not followed; proxies are used as Node is told to
// (NODE_USE_ENV_PROXY=1).
import { type IncomingHttpHeaders, type IncomingMessage, request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';
import { textOfBody, UnreadableBody } from './openai-content.ts';

export interface Exchange {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

export interface Sending {
  method: 'GET' | 'POST';
  headers: Readonly<Record<string, string>>;
  body?: string;
  seconds: number;
}

/** No answer came in time. */
export class LateAnswer extends Error {
  override name = 'LateAnswer';
}

/** Answers are texts of some pages: more is something else. */
const MAX_BYTES = 64 << 20;

/** @throws LateAnswer, UnreadableBody, or Node's error when the service cannot be reached or breaks off */
export async function exchange(url: string, sending: Sending): Promise<Exchange> {
  const deadline = performance.now() + sending.seconds * 1000;
  for (;;) {
    const sent = { reused: false };
    try {
      return await once(url, sending, deadline, sent);
    } catch (error) {
      // The service had closed a connection that was kept from an earlier answer: it has not seen this request.
      if (!sent.reused) throw error;
    }
  }
}

async function once(url: string, sending: Sending, deadline: number, sent: { reused: boolean }): Promise<Exchange> {
  const { method, headers, body } = sending;
  const request = (url.startsWith('https:') ? overHttps : overHttp)(url, {
    method,
    headers: { ...headers, ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }) },
  });
  // Whatever breaks off after the limit broke off because of it.
  const late = new LateAnswer('no answer in time');
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    request.destroy(late);
  }, deadline - performance.now());
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request.on('response', resolve);
      request.on('error', (error: NodeJS.ErrnoException) => {
        sent.reused = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
        reject(error);
      });
      request.end(body);
    });
    sent.reused = false;
    return { status: response.statusCode!, headers: response.headers, text: await textOf(response) };
  } catch (error) {
    request.destroy();
    throw isLate ? late : error;
  } finally {
    clearTimeout(timer);
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > MAX_BYTES) throw new UnreadableBody(`it is longer than ${MAX_BYTES >> 20} MiB`);
    pieces.push(piece);
  }
  return textOfBody(Buffer.concat(pieces), response.headers, MAX_BYTES);
}
