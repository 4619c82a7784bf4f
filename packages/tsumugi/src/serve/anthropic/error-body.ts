// Errors in Anthropic's shape.
import type { HttpError, HttpStatus } from '../http/http-error.ts';

/** Status → what Anthropic calls such errors; others are requests that are wrong. */
const types: Partial<Record<HttpStatus, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  500: 'api_error',
  503: 'overloaded_error',
  504: 'timeout_error',
};

/** By this Anthropic's own client knows that it has to send whole conversations, and does. */
const noThreads = { error_code: 'thread_unsupported_request', unsupported: ['thread'] };

export const anthropicError = ({ sentence, status, param }: HttpError, id: string) => ({
  type: 'error' as const,
  error: {
    type: types[status] ?? 'invalid_request_error',
    message: sentence,
    ...(param === 'thread' && { details: noThreads }),
  },
  request_id: id,
});
