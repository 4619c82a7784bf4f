// What a client is told of an error in the engine's thread.
import { HttpError } from '../http/http-error.ts';
import type { PlainError } from './protocol.ts';

/** Seconds after which there may be a place again. */
const RETRY_AFTER = 2;

export function httpErrorOf({ user, code, message, remedy, fields }: PlainError): HttpError {
  const details = { fields, ...(remedy !== undefined && { remedy }) };
  if (code === 'queue-full') return new HttpError(429, 'queue_full', message, { ...details, retryAfter: RETRY_AFTER });
  if (user) return new HttpError(400, code, message, details);
  // Of a fault of ours a client learns that it is one; the log says which.
  return new HttpError(500, 'engine_failed', 'the text could not be written', {
    remedy: "The server's log says why.",
    fields: { code, message },
  });
}
