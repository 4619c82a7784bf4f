// Speaking to an OpenAI-compatible endpoint over Node's fetch: the key, time limits, waiting when the service is busy, and
// errors that say what to do. The key is read from the environment, goes nowhere but the Authorization header, and is struck
// out of whatever the service sends back.
import { setTimeout as pause } from 'node:timers/promises';
import { ConfigError, suggestion, UserError } from '../../base/index.ts';

/** Node's fetch gives up on an answer whose header takes longer. */
const longestTimeoutSeconds = 300;
const longestWaitSeconds = 60;
const transient = new Set([408, 409, 425, 429, 500, 502, 503, 504, 529]);

export interface HttpOptions {
  /** The part of the address that all services share, e.g. "https://host/v1"; "/v1" is added where there is no path. */
  endpoint: string;
  model: string;
  /** The environment variable with the key. Default: no key is sent. */
  apiKeyEnv?: string | undefined;
  /** For one answer, 300 at most. Default 300. */
  timeoutSeconds?: number | undefined;
  /** How often a request is sent again that met a busy or broken service or network. Default 6. */
  retries?: number | undefined;
  /** The longest first wait; it doubles with every retry. Default 1. */
  retryDelaySeconds?: number | undefined;
}

export type JsonObject = Record<string, unknown>;

export interface PostOptions {
  /** What is asked, for errors: 'request 3 ("…")'. */
  subject: string;
  /** Ends waiting for another try; a request on its way may finish. */
  giveUp?: AbortSignal | undefined;
  /**
   * Whether this finds out what a service is: an address where nothing answers is then most likely a wrong one, and some services
   * say 500 to what they do not support. Only a busy service is waited for.
   */
  firstLook?: boolean;
}

/** The service refused, failed or did not answer. `fields.status` is the HTTP status, where there was one. */
export class EndpointError extends UserError {
  override name = 'EndpointError';

  /** Whether the service said no to the path or to something in the request, rather than to who asks or to the model. */
  get refused(): boolean {
    return this.code !== 'unknown-model' && [400, 404, 405, 422, 500, 501].includes(this.fields.status as number);
  }
}

interface Failure {
  error: EndpointError;
  retry: boolean;
  /** What the service asked for. */
  waitSeconds?: number | undefined;
}

export class OpenaiClient {
  readonly endpoint: string;
  readonly model: string;
  readonly #key: string | undefined;
  readonly #keyName: string | undefined;
  readonly #timeoutSeconds: number;
  readonly #retries: number;
  readonly #retryDelaySeconds: number;

  /** @throws ConfigError for an address that is none, a variable that is not set, or a number out of range */
  constructor(options: HttpOptions) {
    const { timeoutSeconds = longestTimeoutSeconds, retries = 6, retryDelaySeconds = 1 } = options;
    this.endpoint = parseEndpoint(options.endpoint);
    if (!options.model)
      throw new ConfigError('no-model', 'the endpoint’s model is not named', {
        remedy: `Name one that ${this.endpoint}/models lists.`,
      });
    this.model = options.model;
    checkNumber('timeoutSeconds', timeoutSeconds, Number.MIN_VALUE, longestTimeoutSeconds);
    checkNumber('retries', retries, 0, 100, true);
    checkNumber('retryDelaySeconds', retryDelaySeconds, 0, longestWaitSeconds);
    this.#timeoutSeconds = timeoutSeconds;
    this.#retries = retries;
    this.#retryDelaySeconds = retryDelaySeconds;
    this.#keyName = options.apiKeyEnv;
    this.#key = options.apiKeyEnv === undefined ? undefined : readKey(options.apiKeyEnv);
  }

  /**
   * The answer to one request, after as many tries as it takes.
   *
   * @throws EndpointError when the service refuses or stays out of reach
   */
  async post(path: string, body: JsonObject, options: PostOptions): Promise<JsonObject> {
    for (let tries = 1; ; tries++) {
      const result = await this.#try(path, body, options, tries);
      if (!('error' in result)) return result.answer;
      const { error, waitSeconds } = result;
      const passing = !options.firstLook || (error.code === 'endpoint-busy' && error.fields.status !== 500);
      if (error.fields.status === 404) throw await this.#explainNotFound(error, options.subject);
      if (!(result.retry && passing) || tries > this.#retries || (waitSeconds ?? 0) > longestWaitSeconds) throw error;
      // Full jitter: clients that were turned away together do not come back together.
      const backoff = Math.random() * Math.min(longestWaitSeconds, this.#retryDelaySeconds * 2 ** (tries - 1));
      try {
        await pause(Math.max(backoff, waitSeconds ?? 0) * 1000, undefined, { signal: options.giveUp });
      } catch {
        throw error;
      }
    }
  }

  /** Names of the models that the service lists; undefined when it lists none. */
  async models(): Promise<string[] | undefined> {
    try {
      const response = await this.#fetch('/models', {});
      const { data } = (await response.json()) as { data?: unknown };
      if (!response.ok || !Array.isArray(data)) return undefined;
      return data.map((model) => String((model as JsonObject | null)?.id ?? '')).filter((id) => id !== '');
    } catch {
      return undefined;
    }
  }

  #fetch(path: string, init: RequestInit): Promise<Response> {
    return fetch(this.endpoint + path, {
      ...init,
      headers: {
        'content-type': 'application/json',
        ...(this.#key !== undefined && { authorization: `Bearer ${this.#key}` }),
      },
      redirect: 'manual',
      signal: AbortSignal.timeout(this.#timeoutSeconds * 1000),
    });
  }

  async #try(
    path: string,
    body: JsonObject,
    { subject }: PostOptions,
    tries: number,
  ): Promise<{ answer: JsonObject } | Failure> {
    const times = tries > 1 ? ` (tried ${tries} times)` : '';
    let response: Response;
    let text: string;
    try {
      response = await this.#fetch(path, { method: 'POST', body: JSON.stringify(body) });
      text = await response.text();
    } catch (cause) {
      return { error: this.#unreachable(cause, subject, times), retry: true };
    }
    const answer = parseObject(text);
    const { status } = response;
    const said = this.#hideKey(excerpt(messageOf(answer) ?? text) || response.statusText);
    const fail = (code: string, message: string, remedy: string) =>
      new EndpointError(code, `${subject}: ${this.endpoint}${path} ${message}`, { remedy, fields: { status, said } });
    if (response.ok && answer && answer.error === undefined) return { answer };
    if (response.ok)
      return {
        error: fail('endpoint-answer', `answered with something else than it should: ${said}`, 'Check the address.'),
        retry: false,
      };
    if (status === 401 || status === 403)
      return { error: fail('endpoint-key', `refused the key (${status}): ${said}`, this.#keyRemedy()), retry: false };
    if (status >= 300 && status < 400) {
      const target = this.#hideKey(excerpt(response.headers.get('location') ?? 'another address'));
      return {
        error: fail('endpoint-moved', `points to ${target}`, 'Give that address as the endpoint.'),
        retry: false,
      };
    }
    if (status === 429 && codeOf(answer) === 'insufficient_quota')
      return {
        error: fail('endpoint-quota', `has no quota left: ${said}`, 'Add credit to the account.'),
        retry: false,
      };
    if (transient.has(status)) {
      const remedy = 'Answers so far are kept: run again later, or ask fewer at a time.';
      const error = fail('endpoint-busy', `answered with ${status}${times}: ${said}`, remedy);
      return { error, retry: true, waitSeconds: retryAfter(response.headers) };
    }
    const remedy = 'Shorten or change the request, or give the service a longer context.';
    return { error: fail('endpoint-refused', `refused it (${status}): ${said}`, remedy), retry: false };
  }

  #unreachable(cause: unknown, subject: string, times: string): EndpointError {
    const { name, message, cause: inner } = cause as Error;
    const detail = inner as { message?: string; code?: string } | undefined;
    if (name === 'TimeoutError' || detail?.code === 'UND_ERR_HEADERS_TIMEOUT')
      return new EndpointError(
        'endpoint-timeout',
        `${subject}: ${this.endpoint} gave no answer in ${this.#timeoutSeconds} s${times}`,
        { remedy: 'Ask fewer at a time, or raise the time limit (300 s at most).', cause },
      );
    const reason = this.#hideKey([detail?.code, detail?.message || message].filter(Boolean).join(': '));
    return new EndpointError(
      'endpoint-unreachable',
      `${subject}: ${this.endpoint} cannot be reached${times}: ${reason}`,
      {
        remedy: 'Check the address, and that the service runs.',
        cause,
      },
    );
  }

  /** A 404 is a wrong path or an unknown model: the list of models tells which. */
  async #explainNotFound(error: EndpointError, subject: string): Promise<EndpointError> {
    const models = await this.models();
    if (!models?.length || models.includes(this.model)) return error;
    return new EndpointError('unknown-model', `${subject}: ${this.endpoint} has no model "${this.model}"`, {
      remedy: suggestion(this.model, models.slice(0, 50)),
      fields: { status: 404, models },
      cause: error,
    });
  }

  #keyRemedy(): string {
    return this.#keyName === undefined
      ? 'Put the key into an environment variable and give that variable’s name.'
      : `Check the key in the environment variable ${this.#keyName}.`;
  }

  #hideKey(text: string): string {
    return this.#key ? text.replaceAll(this.#key, '[key]') : text;
  }
}

function parseEndpoint(endpoint: string): string {
  const url = URL.parse(endpoint);
  const fault =
    !url || !/^https?:$/.test(url.protocol)
      ? 'is no http(s) address'
      : url.username || url.password || url.search || url.hash
        ? 'holds more than host and path'
        : undefined;
  if (fault || !url)
    throw new ConfigError('bad-endpoint', `the endpoint ${fault}`, {
      remedy: 'Give an address such as http://localhost:8000/v1, and a key in an environment variable.',
    });
  const path = url.pathname.replace(/\/+$/, '').replace(/\/(chat\/)?completions$/, '');
  return `${url.origin}${path || '/v1'}`;
}

function readKey(name: string): string {
  const key = process.env[name]?.trim();
  const fault = !key ? 'is not set' : /[^\x21-\x7e]/.test(key) ? 'holds characters that no key has' : undefined;
  if (!key || fault)
    throw new ConfigError('no-key', `the environment variable ${name} ${fault}`, {
      remedy: `Set ${name} to the service’s API key.`,
      fields: { variable: name },
    });
  return key;
}

/** @throws ConfigError when `value` is not in the closed interval, or not whole where it should be */
export function checkNumber(option: string, value: number, low: number, high: number, whole = false): void {
  if (value >= low && value <= high && (!whole || Number.isInteger(value))) return;
  const from = low === Number.MIN_VALUE ? 'above 0' : `from ${low}`;
  throw new ConfigError('bad-option', `${option} must be a ${whole ? 'whole ' : ''}number ${from} to ${high}`, {
    fields: { option, value },
  });
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

/** What the service says of an error. Most follow OpenAI's { error: { message } }; some say { message } or { detail }. */
function messageOf(answer: JsonObject | undefined): string | undefined {
  const { error, message, detail } = answer ?? {};
  const inner = typeof error === 'object' && error !== null ? (error as JsonObject).message : error;
  const said = inner ?? message ?? detail;
  return said === undefined ? undefined : typeof said === 'string' ? said : JSON.stringify(said);
}

function codeOf(answer: JsonObject | undefined): unknown {
  return (answer?.error as JsonObject | null | undefined)?.code;
}

/** Seconds, or a date. Source: RFC 9110, section 10.2.3. */
function retryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after');
  if (value === null) return undefined;
  const seconds = /^\d+(\.\d+)?$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

function excerpt(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
