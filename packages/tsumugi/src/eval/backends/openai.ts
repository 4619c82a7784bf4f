// Any OpenAI-compatible endpoint as a backend: vLLM, llama.cpp's server, a provider's API. What it can answer is found out when
// it is opened; docs/backends.md lists what that means for the usual servers.
import { sha256 } from '../../base/index.ts';
import type { Backend } from '../backend.ts';
import type { Answer, GenerateAnswer, GenerateRequest, Request } from '../request.ts';
import { askEcho, type Echo, type EchoSupport, echoChoices, echoRolling, probeEcho } from './openai-echo.ts';
import {
  checkNumber,
  EndpointError,
  type HttpOptions,
  type JsonObject,
  OpenaiClient,
  type PostOptions,
} from './openai-http.ts';

/** OpenAI refuses more; they are all enforced here as well. */
const stopsSent = 4;

export interface OpenaiOptions extends HttpOptions {
  /**
   * Where text prompts go: to /completions, or as one user message to /chat/completions. Default: to /completions if the
   * endpoint has it. Conversations always go to /chat/completions.
   */
  chat?: 'completions' | 'chat' | undefined;
  /** Requests on their way at a time. Default 8. */
  concurrency?: number | undefined;
}

/**
 * Opens an endpoint, asking it up to three one-word questions to learn what it supports.
 *
 * @throws ConfigError for options out of range or a key that is not set; EndpointError when it cannot be reached or refuses
 */
export async function openaiBackend(options: OpenaiOptions): Promise<Backend> {
  const concurrency = options.concurrency ?? 8;
  checkNumber('concurrency', concurrency, 1, 1024, true);
  const client = new OpenaiClient(options);
  const support: EchoSupport = options.chat === 'chat' ? { echo: false } : await probeEcho(client);
  const texts = options.chat ?? (support.echo || (await completes(client)) ? 'completions' : 'chat');
  return new OpenaiBackend(client, support, texts, concurrency);
}

/** Whether the endpoint continues texts. */
async function completes(client: OpenaiClient): Promise<boolean> {
  const body = { model: client.model, prompt: 'a dog', max_tokens: 1, temperature: 0 };
  try {
    await client.post('/completions', body, { subject: 'asking what it can do', firstLook: true });
    return true;
  } catch (error) {
    if (error instanceof EndpointError && error.refused) return false;
    throw error;
  }
}

class OpenaiBackend implements Backend {
  readonly kind = 'openai';
  readonly model: string;
  readonly fingerprint: string;
  readonly settings: Backend['settings'];
  readonly chat: boolean;
  readonly kinds: ReadonlySet<Request['kind']>;
  readonly #client: OpenaiClient;
  readonly #bos: boolean;
  readonly #concurrency: number;
  // What the service turned out not to take. Not among the settings, which the keys of kept answers depend on.
  #takesSeed = true;
  #lengthParameter: 'max_tokens' | 'max_completion_tokens' = 'max_tokens';

  constructor(client: OpenaiClient, support: EchoSupport, texts: 'completions' | 'chat', concurrency: number) {
    this.#client = client;
    this.#bos = support.echo && support.bos;
    this.#concurrency = concurrency;
    this.model = `${client.model} at ${client.endpoint}`;
    this.fingerprint = sha256(`openai\n${client.endpoint}\n${client.model}`);
    this.chat = texts === 'chat';
    this.settings = {
      deterministic: false,
      textPrompts: this.chat ? 'as a user message' : 'as text',
      ...(support.echo && { bos: support.bos }),
    };
    this.kinds = new Set<Request['kind']>([
      'generate',
      ...(support.echo ? (['choices'] as const) : []),
      ...(this.#bos ? (['rolling'] as const) : []),
    ]);
  }

  async answer(
    requests: readonly Request[],
    onAnswer: (index: number, answer: Answer) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const failed = new AbortController();
    const giveUp = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
    let failure: unknown;
    const queue = requests.entries();
    const worker = async () => {
      for (const [index, request] of queue) {
        const subject = `request ${index + 1} (${beginningOf(request)})`;
        if (giveUp.aborted) return;
        try {
          onAnswer(index, await this.#answer(request, { subject, giveUp }));
        } catch (error) {
          failure ??= error;
          failed.abort();
        }
      }
    };
    // What is on its way when one fails, or when it is to stop, may still finish: its answer was paid for.
    await Promise.all(Array.from({ length: this.#concurrency }, worker));
    if (failed.signal.aborted && !signal?.aborted) throw failure;
  }

  async #answer(request: Request, options: PostOptions): Promise<Answer> {
    if (request.kind === 'generate') return this.#generate(request, options);
    if (!this.kinds.has(request.kind))
      throw new EndpointError(
        'cannot-answer',
        `${options.subject}: ${this.model} cannot answer "${request.kind}" requests`,
        {
          remedy: 'Ask an endpoint that echoes prompts with log-probabilities (vLLM does), the engine or a GGUF.',
        },
      );
    const ask = async (text: string): Promise<Echo> =>
      // Services may refuse to read nothing.
      text === '' && this.#bos ? { tokens: [''], logprobs: [null] } : askEcho(this.#client, text, options);
    return request.kind === 'rolling'
      ? echoRolling(request, await ask(request.text))
      : echoChoices(request, this.#bos, ask);
  }

  async #generate(request: GenerateRequest, options: PostOptions): Promise<GenerateAnswer> {
    const { prompt, temperature, topP, seed } = request;
    const stops = request.stop.filter((stop) => stop !== '');
    const asText = typeof prompt === 'string' && !this.chat;
    const body: JsonObject = {
      model: this.#client.model,
      ...(asText
        ? { prompt }
        : { messages: typeof prompt === 'string' ? [{ role: 'user', content: prompt }] : prompt }),
      max_tokens: request.maxTokens,
      temperature,
      top_p: topP,
      seed,
      ...(stops.length > 0 && { stop: stops.slice(0, stopsSent) }),
    };
    const answer = await this.#postAdapted(asText ? '/completions' : '/chat/completions', body, options);
    return readGenerated(answer, stops, `${options.subject}: ${this.#client.endpoint}`);
  }

  /** Two parameters that not every service takes are renamed or left out once it has said so. */
  async #postAdapted(path: string, body: JsonObject, options: PostOptions): Promise<JsonObject> {
    for (;;) {
      const { seed, max_tokens, ...rest } = body;
      const sent = { ...rest, [this.#lengthParameter]: max_tokens, ...(this.#takesSeed && { seed }) };
      try {
        return await this.#client.post(path, sent, options);
      } catch (error) {
        if (!(error instanceof EndpointError) || ![400, 422].includes(error.fields.status as number)) throw error;
        const said = String(error.fields.said);
        if (/\bmax_completion_tokens\b/.test(said) && 'max_tokens' in sent) {
          this.#lengthParameter = 'max_completion_tokens';
        } else if (/\bseed\b/.test(said) && 'seed' in sent) {
          this.#takesSeed = false;
        } else throw error;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function beginningOf(request: Request): string {
  const { kind } = request;
  const prompt = kind === 'rolling' ? request.text : request.prompt;
  const text = typeof prompt === 'string' ? prompt : (prompt.at(-1)?.content ?? '');
  const line = text.replace(/\s+/g, ' ').trim();
  return `${kind} "${[...line].slice(0, 30).join('')}${[...line].length > 30 ? '…' : ''}"`;
}

function readGenerated(answer: JsonObject, stops: readonly string[], source: string): GenerateAnswer {
  const choice = (answer.choices as JsonObject[] | undefined)?.[0];
  const message = choice?.message as JsonObject | undefined;
  // A message without text (only reasoning, or a refusal) has null here.
  const text = choice?.text ?? (message ? (message.content ?? '') : undefined);
  if (typeof text !== 'string')
    throw new EndpointError('endpoint-answer', `${source} gave an answer without text`, {
      remedy: 'Check that the address is that of an OpenAI-compatible service.',
    });
  const cut = Math.min(...stops.map((stop) => text.indexOf(stop)).filter((place) => place >= 0));
  if (Number.isFinite(cut)) return { text: text.slice(0, cut), finish: 'stop' };
  const tokens = (answer.usage as JsonObject | undefined)?.completion_tokens;
  // "stop" is said of the model's end and of a stop text alike; vLLM adds which text it was.
  const stopped = typeof choice?.stop_reason === 'string' && stops.includes(choice.stop_reason);
  return {
    text,
    finish: choice?.finish_reason === 'length' ? 'length' : stopped ? 'stop' : 'end',
    ...(typeof tokens === 'number' && { tokens }),
  };
}
