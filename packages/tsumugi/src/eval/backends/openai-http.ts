// Speaking to an OpenAI-compatible endpoint: the key, time limits, waiting when the service is busy, and errors that say what to
// do. An answer is judged by what it says, not by its status alone. The key is read from the environment, goes nowhere but the
// Authorization header, and is struck out of whatever the service sends back.
import { setTimeout as pause } from 'node:timers/promises';
import { ConfigError, isObject } from '../../base/index.ts';
import { checkNumber, parseEndpoint, readKey } from './openai-address.ts';
import { type BodyFault, type JsonObject, readBody } from './openai-body.ts';
import { UnreadableBody } from './openai-content.ts';
import { EndpointError, errorInside, isFiltered, isUnknownModel, type Said, saidIn, statusOf } from './openai-error.ts';
import { type Exchange, exchange, LateAnswer } from './openai-exchange.ts';
import { nameRemedy } from './openai-models.ts';
import { waitAsked } from './openai-wait.ts';

export const DEFAULT_TIMEOUT_SECONDS = 300;
const longestTimeoutSeconds = 86_400;
const longestWaitSeconds = 60;
const listingSeconds = 10;
const transient = new Set([408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529]);

export interface HttpOptions {
  /** The part of the address that all services share, e.g. "https://host/v1"; "/v1" is added where there is no path. */
  endpoint: string;
  model: string;
  /** The environment variable with the key. Default: no key is sent. */
  apiKeyEnv?: string | undefined;
  /** For one answer, a day at most. Default 300. */
  timeoutSeconds?: number | undefined;
  /** How often a request is sent again that met a busy or broken service or network. Default 6. */
  retries?: number | undefined;
  /** The longest first wait; it doubles with every retry. Default 1. */
  retryDelaySeconds?: number | undefined;
}

export interface PostOptions {
  /** What is asked, for errors: 'request 3 ("…")'. */
  subject: string;
  /** Ends waiting for another try; a request on its way may finish. */
  giveUp?: AbortSignal | undefined;
  /**
   * Whether this finds out what a service is: an address where nothing answers is then most likely a wrong one, and some services
   * say 500 to what they do not support. Only a busy service is waited for.
   */
  isProbe?: boolean;
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
  /** Whether a sound answer has come: before, a page instead of one means a wrong address, later a service in trouble. */
  #answered = false;

  /** @throws ConfigError for an address that is none, a variable that is not set, or a number out of range */
  constructor(options: HttpOptions) {
    const { timeoutSeconds = DEFAULT_TIMEOUT_SECONDS, retries = 6, retryDelaySeconds = 1 } = options;
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
   * The answer to one request, with a choice in it, after as many tries as it takes.
   *
   * @throws EndpointError when the service refuses or stays out of reach
   */
  async post(path: string, body: JsonObject, options: PostOptions): Promise<JsonObject> {
    for (let tries = 1; ; tries++) {
      const result = await this.#try(path, body, options, tries);
      if (!('error' in result)) {
        this.#answered = true;
        return result.answer;
      }
      const { error, waitSeconds } = result;
      const passing = !options.isProbe || (error.code === 'endpoint-busy' && error.fields.status !== 500);
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
      const seconds = Math.min(listingSeconds, this.#timeoutSeconds);
      const { status, text } = await exchange(`${this.endpoint}/models`, {
        method: 'GET',
        headers: this.#headers(),
        seconds,
      });
      const body = readBody(text);
      const data = 'answer' in body ? (body.answer.data ?? body.answer.models) : undefined;
      if (status !== 200 || !Array.isArray(data)) return undefined;
      return data.flatMap((model) => {
        const id: unknown = isObject(model) ? (model.id ?? model.name) : model;
        return typeof id === 'string' && id !== '' ? [id] : [];
      });
    } catch {
      return undefined;
    }
  }

  #headers(): Record<string, string> {
    return {
      'content-type': 'application/json',
      accept: 'application/json',
      ...(this.#key !== undefined && { authorization: `Bearer ${this.#key}` }),
    };
  }

  async #try(
    path: string,
    body: JsonObject,
    options: PostOptions,
    tries: number,
  ): Promise<{ answer: JsonObject } | Failure> {
    const times = tries > 1 ? ` (tried ${tries} times)` : '';
    let response: Exchange;
    try {
      response = await exchange(this.endpoint + path, {
        method: 'POST',
        headers: this.#headers(),
        body: JSON.stringify(body),
        seconds: this.#timeoutSeconds,
      });
    } catch (cause) {
      return { error: this.#unreachable(cause, options.subject, times), retry: true };
    }
    const read = readBody(response.text);
    const answer = 'answer' in read ? read.answer : undefined;
    const well = response.status >= 200 && response.status < 300;
    if (!well) {
      const said = saidIn(answer);
      return this.#refusal(path, { ...said, number: response.status }, response, options, times, read);
    }
    if (!answer) return this.#malformed((read as { fault: BodyFault }).fault, path, response, options, times);
    const inside = errorInside(answer);
    if (inside) return this.#refusal(path, { ...inside, number: statusOf(inside) }, response, options, times, read);
    return this.#withoutChoice(answer, path, options, times) ?? { answer };
  }

  /** A failure that the service speaks of, by its status. */
  async #refusal(
    path: string,
    said: Said & { number: number },
    response: Exchange,
    options: PostOptions,
    times: string,
    read: ReturnType<typeof readBody>,
  ): Promise<Failure> {
    const status = said.number;
    const words = this.#hideKey(excerpt(said.message || said.words || pageTitle(response.text, read)));
    const fail = (code: string, message: string, remedy: string) =>
      new EndpointError(code, `${options.subject}: ${this.endpoint}${path} ${message}`, {
        remedy,
        fields: { status, said: words, param: said.param, words: said.words },
      });
    const final = (error: EndpointError): Failure => ({ error, retry: false });
    if (status >= 300 && status < 400) return final(this.#moved(path, response, options.subject));
    if (isFiltered(said) && status !== 401 && status !== 429)
      return final(
        fail('endpoint-filtered', `filtered the prompt (${status}): ${words}`, 'Change the prompt, or ask elsewhere.'),
      );
    if (status === 401 || status === 403)
      return final(fail('endpoint-key', `refused the key (${status}): ${words}`, this.#keyRemedy()));
    if (status === 402 || /insufficient.?quota/i.test(said.words))
      return final(fail('endpoint-quota', `has no quota left (${status}): ${words}`, 'Add credit to the account.'));
    if (transient.has(status)) {
      const remedy = 'Run the same command later (kept answers are not asked again), or lower --concurrency.';
      const error = fail('endpoint-busy', `answered with ${status}${times}: ${words}`, remedy);
      return { error, retry: true, waitSeconds: waitAsked(response.headers, said.message) };
    }
    if (status === 404 || ((status === 400 || status === 422) && isUnknownModel(said))) {
      // At the first look, a path that is not there says nothing of the model.
      const ofModel = !options.isProbe || isUnknownModel(said) || /\bmodel\b/i.test(said.message);
      const unknown = ofModel ? await this.#unknownModel(options.subject, status) : undefined;
      if (unknown) return final(unknown);
    }
    const remedy =
      status === 404
        ? `Check --endpoint: ${this.endpoint}${path} should be there.`
        : 'Change what it names: a shorter prompt, another setting, or a service with a longer context.';
    const code = [400, 413, 422, 451].includes(status) ? 'endpoint-refused' : 'endpoint-answer';
    return final(fail(code, `refused it (${status}): ${words}`, remedy));
  }

  /** A good status, and no answer behind it. */
  #malformed(fault: BodyFault, path: string, response: Exchange, options: PostOptions, times: string): Failure {
    const broken = fault === 'nothing' || fault === 'JSON that is cut off';
    const shown = fault === 'nothing' ? '' : `: ${this.#hideKey(excerpt(pageTitle(response.text, { fault })))}`;
    const error = new EndpointError(
      'endpoint-answer',
      `${options.subject}: ${this.endpoint}${path} answered with ${fault}${times}${shown}`,
      {
        remedy:
          'Check --endpoint: it should be the address of an OpenAI-compatible service, such as http://host:8000/v1.',
        fields: { status: response.status, said: fault },
      },
    );
    return { error, retry: broken || this.#answered };
  }

  /** An object that is none of the answers there should be. */
  #withoutChoice(answer: JsonObject, path: string, { subject }: PostOptions, times: string): Failure | undefined {
    const { choices } = answer;
    const first: unknown = Array.isArray(choices) ? choices[0] : undefined;
    if (isObject(first) && (isObject(first.message) || typeof first.text === 'string')) return undefined;
    const place = `${subject}: ${this.endpoint}${path}`;
    if (blocked(answer))
      return {
        error: new EndpointError('endpoint-filtered', `${place} filtered the prompt`, {
          remedy: 'Change the prompt, or ask elsewhere.',
          fields: { status: 200, said: 'the prompt was filtered' },
        }),
        retry: false,
      };
    const empty = 'choices' in answer;
    const what = empty ? `no choice${times}` : `something else: ${excerpt(this.#hideKey(JSON.stringify(answer)))}`;
    return {
      error: new EndpointError(empty ? 'endpoint-empty' : 'endpoint-answer', `${place} answered with ${what}`, {
        remedy: empty
          ? 'Run the same command later, or ask another service.'
          : 'Check --endpoint: it should be the address of an OpenAI-compatible service, such as http://host:8000/v1.',
        fields: { status: 200, said: empty ? 'no choice' : 'something else' },
      }),
      retry: empty || this.#answered,
    };
  }

  #moved(path: string, { status, headers }: Exchange, subject: string): EndpointError {
    const { href, origin, pathname } = URL.parse(headers.location ?? '', this.endpoint + path) ?? {};
    const target = origin === undefined || !headers.location ? undefined : parseEndpoint(`${origin}${pathname}`);
    return new EndpointError(
      'endpoint-moved',
      `${subject}: ${this.endpoint}${path} points to ${this.#hideKey(href && target ? excerpt(href) : 'another address')}`,
      {
        remedy: target
          ? `Give --endpoint ${target}, if you trust it.`
          : 'Ask whoever runs the service for its address.',
        fields: { status, target },
      },
    );
  }

  #unreachable(cause: unknown, subject: string, times: string): EndpointError {
    if (cause instanceof LateAnswer)
      return new EndpointError(
        'endpoint-timeout',
        `${subject}: ${this.endpoint} gave no answer in ${this.#timeoutSeconds} s${times}`,
        { remedy: 'Ask fewer at a time with --concurrency, or give more time with --timeout.', cause },
      );
    if (cause instanceof UnreadableBody)
      return new EndpointError(
        'endpoint-answer',
        `${subject}: ${this.endpoint} sent an answer that cannot be read${times}: ${this.#hideKey(cause.message)}`,
        { remedy: 'Tell whoever runs the service, or a proxy before it.', cause },
      );
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = this.#hideKey([...new Set([code, message])].filter(Boolean).join(': '));
    return new EndpointError(
      'endpoint-unreachable',
      `${subject}: ${this.endpoint} cannot be reached${times}: ${reason}`,
      {
        remedy: 'Check --endpoint, and that the service runs.',
        cause,
      },
    );
  }

  /** The error about a model that the service does not list; undefined when it lists it, or nothing. */
  async #unknownModel(subject: string, status: number): Promise<EndpointError | undefined> {
    const models = await this.models();
    if (!models?.length || models.includes(this.model)) return undefined;
    return new EndpointError('unknown-model', `${subject}: ${this.endpoint} has no model "${this.model}"`, {
      remedy: nameRemedy(this.model, models),
      fields: { status, models },
    });
  }

  #keyRemedy(): string {
    return this.#keyName === undefined
      ? 'Put the key into an environment variable and name that variable with --api-key-env.'
      : `Check the key in the environment variable ${this.#keyName}, and that it may use "${this.model}".`;
  }

  #hideKey(text: string): string {
    return this.#key ? text.replaceAll(this.#key, '[key]') : text;
  }
}

/** Azure and Gemini say so beside an empty list of choices. */
const blocked = ({ prompt_filter_results: results, promptFeedback: feedback }: JsonObject): boolean =>
  (isObject(feedback) && feedback.blockReason !== undefined) ||
  (Array.isArray(results) && /"filtered":\s*true/.test(JSON.stringify(results)));

/** What can be quoted of a body that says nothing itself. */
function pageTitle(text: string, read: ReturnType<typeof readBody>): string {
  if (!('fault' in read) || read.fault !== 'a web page') return text;
  const title = /<title[^>]*>([^<]*)/i.exec(text)?.[1]?.trim();
  return title ? `a web page, "${title}"` : 'a web page';
}

function excerpt(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
