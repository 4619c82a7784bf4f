// What a client is told when it does not get what it asked for.
import { type ErrorDetails, UserError } from '../../base/index.ts';

/** Status → what OpenAI calls such errors. */
const types = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  405: 'invalid_request_error',
  408: 'timeout_error',
  413: 'invalid_request_error',
  415: 'invalid_request_error',
  422: 'invalid_request_error',
  429: 'rate_limit_error',
  431: 'invalid_request_error',
  500: 'server_error',
  503: 'unavailable_error',
  504: 'timeout_error',
} as const;

export type HttpStatus = keyof typeof types;

export interface HttpErrorDetails extends ErrorDetails {
  /** The field of the body that is meant. */
  param?: string | undefined;
  /** After how many seconds it may be tried again. */
  retryAfter?: number | undefined;
  headers?: Readonly<Record<string, string>> | undefined;
}

export class HttpError extends UserError {
  override name = 'HttpError';
  readonly status: HttpStatus;
  readonly param: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: HttpStatus, code: string, message: string, details: HttpErrorDetails = {}) {
    super(code.replaceAll('-', '_'), message, details); // Codes of this project have hyphens, those of APIs have not.
    this.status = status;
    this.param = details.param;
    const { retryAfter } = details;
    this.headers = { ...details.headers, ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }) };
  }

  get type(): string {
    return types[this.status];
  }

  /** One line: what is wrong, and what to do. */
  get sentence(): string {
    return this.message.replace(/\n {2}→ /, ' → ');
  }
}

/** A mistake in the body. */
export const badRequest = (code: string, message: string, param?: string, remedy?: string): HttpError =>
  new HttpError(400, code, message, { param, ...(remedy !== undefined && { remedy }) });

/** In OpenAI's shape. */
export const openaiError = ({ sentence, type, code, param }: HttpError): unknown => ({
  error: { message: sentence, type, param: param ?? null, code },
});

/** What a client is told of that went wrong while its answer was written. */
export const asHttpError = (error: unknown): HttpError =>
  error instanceof HttpError ? error : new HttpError(500, 'internal_error', 'something went wrong in the server');
