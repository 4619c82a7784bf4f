// Any OpenAI-compatible endpoint as a backend: vLLM, llama.cpp's server, a provider's API. What it can answer is found out when
// it is opened; docs/backends.md lists what that means for the usual servers.
import { checkOptions, type OptionNames, sha256 } from '../../base/index.ts';
import type { Backend } from '../backend.ts';
import type { Answer, GenerateAnswer, GenerateRequest, Request } from '../request.ts';
import { checkNumber } from './openai-address.ts';
import { readGenerated } from './openai-answer.ts';
import type { JsonObject } from './openai-body.ts';
import { askEcho, type Echo, type EchoSupport, echoChoices, echoRolling, probeEcho } from './openai-echo.ts';
import { EndpointError } from './openai-error.ts';
import { type HttpOptions, OpenaiClient, type PostOptions } from './openai-http.ts';
import { Adapter } from './openai-parameters.ts';

/** OpenAI refuses more; they are all enforced here as well. */
const stopsSent = 4;

/** What every model can be asked: where this is answered, it is the prompt that is refused. */
const CONTROL = '1+1=';

export interface OpenaiOptions extends HttpOptions {
  /**
   * Where text prompts go: to /completions, or as one user message to /chat/completions. Default: to /completions if the
   * endpoint has it. Conversations always go to /chat/completions.
   */
  chat?: 'completions' | 'chat' | undefined;
  /** Requests on their way at a time. Default 8. */
  concurrency?: number | undefined;
  /**
   * Whether what a model thinks before it answers (<think>…</think>, or in a field of its own) is part of the text. Default: no.
   */
  reasoning?: 'drop' | 'keep' | undefined;
}

const openaiOptions: OptionNames<OpenaiOptions> = {
  endpoint: true,
  model: true,
  apiKeyEnv: true,
  timeoutSeconds: true,
  retries: true,
  retryDelaySeconds: true,
  chat: true,
  concurrency: true,
  reasoning: true,
};

/**
 * Opens an endpoint, asking it up to three one-word questions to learn what it supports.
 *
 * @throws ConfigError for options out of range or a key that is not set; EndpointError when it cannot be reached or refuses
 */
export async function openaiBackend(options: OpenaiOptions): Promise<Backend> {
  checkOptions('openaiBackend', options, openaiOptions);
  const concurrency = options.concurrency ?? 8;
  checkNumber('concurrency', concurrency, 1, 1024, true);
  const client = new OpenaiClient(options);
  const adapter = new Adapter(client);
  const support: EchoSupport = options.chat === 'chat' ? { echo: false } : await probeEcho(client, adapter);
  const texts = options.chat ?? (support.echo || (await completes(client, adapter)) ? 'completions' : 'chat');
  return new OpenaiBackend(client, adapter, {
    support,
    texts,
    concurrency,
    keepReasoning: options.reasoning === 'keep',
  });
}

/** Whether the endpoint continues texts. */
async function completes(client: OpenaiClient, adapter: Adapter): Promise<boolean> {
  const body = { model: client.model, prompt: 'a dog', max_tokens: 1, temperature: 0 };
  try {
    await adapter.post('/completions', body, { subject: 'asking what it can do', isProbe: true });
    return true;
  } catch (error) {
    if (error instanceof EndpointError && error.refused) return false;
    throw error;
  }
}

interface Parts {
  support: EchoSupport;
  texts: 'completions' | 'chat';
  concurrency: number;
  keepReasoning: boolean;
}

class OpenaiBackend implements Backend {
  readonly kind = 'openai';
  readonly model: string;
  readonly fingerprint: string;
  readonly settings: Backend['settings'];
  readonly chat: boolean;
  readonly kinds: ReadonlySet<Request['kind']>;
  readonly #client: OpenaiClient;
  // What the service turned out not to take is said by each answer, and not among the settings, which the keys of kept answers
  // depend on.
  readonly #adapter: Adapter;
  readonly #bos: boolean;
  readonly #concurrency: number;
  readonly #keepReasoning: boolean;
  /** Whether the endpoint has generated anything; asked for once when a prompt is refused before. */
  #works: Promise<boolean> | true | undefined;

  constructor(client: OpenaiClient, adapter: Adapter, { support, texts, concurrency, keepReasoning }: Parts) {
    this.#client = client;
    this.#adapter = adapter;
    this.#keepReasoning = keepReasoning;
    this.#bos = support.echo && support.bos;
    this.#concurrency = concurrency;
    this.model = `${client.model} at ${client.endpoint}`;
    this.fingerprint = sha256(`openai\n${client.endpoint}\n${client.model}`);
    this.chat = texts === 'chat';
    this.settings = {
      deterministic: false,
      textPrompts: this.chat ? 'as a user message' : 'as text',
      ...(support.echo && { bos: support.bos }),
      ...(keepReasoning && { reasoning: 'part of the text' }),
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
        const subject = `request ${index + 1} (${endOf(request)})`;
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
    if (request.kind === 'generate') return this.#generateOrRefused(request, options);
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
      text === '' && this.#bos
        ? { tokens: [''], logprobs: [null] }
        : askEcho(this.#client, this.#adapter, text, options);
    return request.kind === 'rolling'
      ? echoRolling(request, await ask(request.text))
      : echoChoices(request, this.#bos, ask);
  }

  /** One prompt that is refused is an answer without text; an endpoint that refuses whatever it is asked is an error. */
  async #generateOrRefused(request: GenerateRequest, options: PostOptions): Promise<GenerateAnswer> {
    try {
      const answer = await this.#generate(request, options);
      this.#works = true;
      return answer;
    } catch (error) {
      if (!(error instanceof EndpointError) || !error.ofPrompt) throw error;
      const filtered = error.code === 'endpoint-filtered';
      if (!filtered && !(await this.#answersOthers(request, options))) throw error;
      return { text: '', finish: filtered ? 'filter' : 'refused', reason: String(error.fields.said) };
    }
  }

  #answersOthers(request: GenerateRequest, options: PostOptions): Promise<boolean> | true {
    const prompt = typeof request.prompt === 'string' ? CONTROL : [{ role: 'user', content: CONTROL } as const];
    this.#works ??= this.#generate({ ...request, prompt }, options).then(
      () => true,
      () => false,
    );
    return this.#works;
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
    const path = asText ? '/completions' : '/chat/completions';
    for (;;) {
      const sendsStops = this.#adapter.sendsStops;
      const { answer, leftOut } = await this.#adapter.post(path, body, options);
      const read = readGenerated(answer, { stops, keepReasoning: this.#keepReasoning });
      if (!read)
        throw new EndpointError('endpoint-answer', `${options.subject}: ${this.model} gave an answer without text`, {
          remedy: 'Check that the address is that of an OpenAI-compatible service.',
        });
      if (read.stoppedInThought && sendsStops) this.#adapter.keepStops();
      else return { ...read.answer, ...(leftOut.length > 0 && { leftOut }) };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** The end of what is asked: many prompts begin alike. */
function endOf(request: Request): string {
  const { kind } = request;
  const prompt = kind === 'rolling' ? request.text : request.prompt;
  const text = typeof prompt === 'string' ? prompt : (prompt.at(-1)?.content ?? '');
  const characters = [...text.replace(/\s+/g, ' ').trim()];
  return `${kind} "${characters.length > 40 ? '…' : ''}${characters.slice(-40).join('')}"`;
}
