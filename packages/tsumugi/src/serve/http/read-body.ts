// The JSON of a request's body, in bounds.
import type { IncomingMessage } from 'node:http';
import { parseJson } from '../../base/index.ts';
import { badRequest, HttpError } from './http-error.ts';

const tooLarge = (limit: number): HttpError =>
  new HttpError(413, 'body_too_large', `the body is larger than the ${limit} bytes that this server reads`, {
    remedy: 'Send less.',
    headers: { connection: 'close' },
  });

/** @throws HttpError 413 as soon as it is too large, 400 when it is no JSON in UTF-8; the signal's reason */
export async function readJsonBody(incoming: IncomingMessage, limit: number, signal: AbortSignal): Promise<unknown> {
  const encoding = incoming.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity')
    throw badRequest(
      'unsupported_encoding',
      `the body is encoded as ${JSON.stringify(encoding.slice(0, 40))}`,
      undefined,
      'Send it plain.',
    );
  if (Number(incoming.headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
  const text = decoded(await readBytes(incoming, limit, signal));
  if (text.trim() === '')
    throw badRequest(
      'empty_body',
      'the body is empty',
      undefined,
      'Send a JSON object with content-type: application/json.',
    );
  try {
    return parseJson(text);
  } catch (error) {
    throw badRequest('invalid_json', `the body is no JSON: ${oneLine((error as Error).message)}`);
  }
}

function readBytes(incoming: IncomingMessage, limit: number, signal: AbortSignal): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let size = 0;
  const onData = (chunk: Buffer) => {
    size += chunk.length;
    if (size > limit) reject(tooLarge(limit));
    else chunks.push(chunk);
  };
  const onEnd = () => resolve(Buffer.concat(chunks));
  const onAbort = () => reject(signal.reason);
  incoming.on('data', onData).on('end', onEnd).on('error', reject);
  signal.addEventListener('abort', onAbort);
  return promise.finally(() => {
    incoming.off('data', onData).off('end', onEnd).off('error', reject);
    // What still comes must find somebody who is not surprised.
    incoming.on('error', () => {});
    signal.removeEventListener('abort', onAbort);
  });
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decoded(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw badRequest('not_utf8', 'the body is not UTF-8', undefined, 'Send JSON in UTF-8.');
  }
}

/** What a parser says may quote the text. */
const oneLine = (text: string): string => JSON.stringify(text.slice(0, 200)).slice(1, -1).replaceAll('\\"', '"');
