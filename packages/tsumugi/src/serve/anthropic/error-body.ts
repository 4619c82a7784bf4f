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

export const anthropicError = ({ sentence, status }: HttpError, id: string): unknown => ({
  type: 'error',
  error: { type: types[status] ?? 'invalid_request_error', message: sentence },
  request_id: id,
});
