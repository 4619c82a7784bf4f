// The project's engine as a backend: a model folder, or a model in memory.
//
// Texts begin with BOS; special pieces spelled in them do not match. A choice is tokenized by itself and follows the prompt's
// tokens. Log-probabilities are taken over the whole vocabulary, in f32 (f64 for a model of f64).
import { setImmediate } from 'node:timers/promises';
import { checkOptions, type OptionNames, sha256, UserError } from '../../base/index.ts';
import {
  adapterHash,
  compareIds,
  Engine,
  type LanguageModel,
  loadAdapted,
  loadModel,
  loadTokenizer,
  roomFor,
  type ScoreRequest,
  scoreBatch,
  templateFolder,
  textRequest,
} from '../../lm/index.ts';
import { parameters } from '../../nn/index.ts';
import { Artefact } from '../../store/index.ts';
import {
  type ChatTemplate,
  encodePrompt,
  openTemplate,
  plainTemplate,
  type Tokenizer,
  templateHash,
} from '../../text/index.ts';
import { type Device, type DType, torchVersion } from '../../torch/index.ts';
import type { Backend } from '../backend.ts';
import type {
  Answer,
  ChoicesAnswer,
  ChoicesRequest,
  GenerateRequest,
  Prompt,
  Request,
  RollingAnswer,
  RollingRequest,
} from '../request.ts';

export interface EngineOptions {
  /** Texts that are generated at the same time. Default 16. */
  slots?: number | undefined;
  /** Tokens of a forward pass that scores. Default 4096. */
  tokens?: number | undefined;
  /** For conversations. Default: `plainTemplate`. */
  template?: ChatTemplate | undefined;
}

const engineOptions: OptionNames<EngineOptions> = { slots: true, tokens: true, template: true };

/** A model that is already loaded; it stays the caller's. */
export interface LoadedModel {
  model: LanguageModel;
  tokenizer: Tokenizer;
  /** For results. */
  name: string;
  /** Tells this state of the model from every other. */
  fingerprint: string;
}

/** Loads a model folder. @throws DataError, ConfigError, CheckpointError as `loadModel` does */
export async function openEngine(
  folder: string,
  options: Omit<EngineOptions, 'template'> & {
    /** For conversations: a template, a name or a .jinja file. Default: the folder's own, or `plainTemplate`. */
    template?: ChatTemplate | string | undefined;
    device?: Device | undefined;
    dtype?: DType | undefined;
    /** A folder in PEFT's layout. */
    adapter?: string | undefined;
  } = {},
): Promise<Backend> {
  checkOptions('openEngine', options, { ...engineOptions, device: true, dtype: true, adapter: true });
  const { device, dtype, adapter } = options;
  const files = await new Artefact(folder).hashed();
  const fingerprint = adapter === undefined ? files.hash : sha256(`${files.hash} ${await adapterHash(adapter)}`);
  const model =
    adapter === undefined
      ? loadModel(folder, { device, dtype })
      : await loadAdapted(folder, adapter, { device, dtype });
  try {
    const tokenizer = loadTokenizer(folder, model.config);
    const check = () => files.requireUnchanged();
    check();
    const { template: asked } = options;
    const template =
      typeof asked === 'object' ? asked : openTemplate(templateFolder(folder, adapter), tokenizer, asked);
    const loaded = {
      model,
      tokenizer,
      name: adapter === undefined ? folder : `${folder} with ${adapter}`,
      fingerprint,
    };
    return new EngineBackend(
      loaded,
      { ...options, template },
      {
        check,
        dispose: () => model.dispose(),
      },
    );
  } catch (error) {
    model.dispose();
    throw error;
  }
}

export function engineBackend(loaded: LoadedModel, options: EngineOptions = {}): Backend {
  checkOptions('engineBackend', options, engineOptions);
  return new EngineBackend(loaded, options, { check: () => {}, dispose: () => {} });
}

/** What the model was loaded from. */
interface Files {
  /** @throws DataError when its files changed since */
  check(): void;
  dispose(): void;
}

type Report = (index: number, answer: Answer) => void;

class EngineBackend implements Backend {
  readonly kind = 'engine';
  readonly model: string;
  readonly fingerprint: string;
  readonly settings: Backend['settings'];
  readonly kinds: Backend['kinds'] = new Set(['generate', 'choices', 'rolling'] as const);
  readonly #lm: LanguageModel;
  readonly #tokenizer: Tokenizer;
  readonly #template: ChatTemplate;
  readonly #slots: number;
  readonly #tokens: number;
  readonly #files: Files;
  readonly #questions = new WeakMap<Request, Question>();

  constructor(loaded: LoadedModel, options: EngineOptions, files: Files) {
    const { template = plainTemplate, slots = 16, tokens = 4096 } = options;
    this.model = loaded.name;
    this.fingerprint = loaded.fingerprint;
    this.#lm = loaded.model;
    this.#tokenizer = loaded.tokenizer;
    this.#template = template;
    this.#slots = slots;
    this.#tokens = tokens;
    this.#files = files;
    const device = loaded.model.parameterDevice;
    const dtype = parameters(loaded.model)[0]!.dtype;
    // Choices are equal up to rounding: how many are read together changes the last digit of sums.
    const settings = { dtype, device, libtorch: torchVersion(), deterministic: true };
    this.settings = { ...settings, template: template.name, templateHash: templateHash(template) };
  }

  countTokens = (text: string): number => this.#encode(text).length;

  weigh(request: Request): { read: number; write: number } {
    if (request.kind === 'generate') return { read: this.#promptIds(request.prompt).length, write: request.maxTokens };
    return { read: this.#question(request).read, write: 0 };
  }

  async answer(requests: readonly Request[], onAnswer: Report, signal?: AbortSignal): Promise<void> {
    const report: Report = (index, answer) => {
      this.#files.check();
      onAnswer(index, answer);
    };
    await this.#score(requests, report, signal);
    await this.#generate(requests, report, signal);
  }

  #encode(text: string): number[] {
    return this.#tokenizer.encode(text, { safe: true });
  }

  #promptIds(prompt: Prompt): number[] {
    if (typeof prompt === 'string') return this.#tokenizer.encode(prompt, { addBos: true, safe: true });
    return encodePrompt(this.#template, this.#tokenizer, { messages: prompt });
  }

  async #score(requests: readonly Request[], onAnswer: Report, signal: AbortSignal | undefined): Promise<void> {
    const sequences: ScoreRequest[] = [];
    /** The question each sequence belongs to, and its place there. */
    const owners: { index: number; question: Question; place: number }[] = [];
    for (const [index, request] of requests.entries()) {
      if (request.kind === 'generate') continue;
      const question = this.#question(request);
      this.#questions.delete(request);
      if (question.sequences.length === 0) onAnswer(index, question.answer([]));
      for (const [place, sequence] of question.sequences.entries()) {
        sequences.push(sequence);
        owners.push({ index, question, place });
      }
    }
    const found = new Map<number, Float64Array[]>();
    for (const done of scoreBatch(this.#lm, sequences, { tokens: this.#tokens })) {
      for (const { index: sequence, logprobs } of done) {
        const { index, question, place } = owners[sequence]!;
        const results = found.get(index) ?? [];
        results[place] = logprobs;
        found.set(index, results);
        if (Object.keys(results).length < question.sequences.length) continue;
        found.delete(index);
        onAnswer(index, question.answer(results));
      }
      await setImmediate();
      if (signal?.aborted) return;
    }
  }

  /** What a request comes to, remembered from the forecast to the answer. */
  #question(request: ChoicesRequest | RollingRequest): Question {
    const known = this.#questions.get(request);
    if (known) return known;
    const question = request.kind === 'choices' ? this.#choices(request) : this.#rolling(request);
    this.#questions.set(request, question);
    return question;
  }

  #choices(request: ChoicesRequest): Question {
    const prompt = this.#promptIds(request.prompt);
    const choices = request.choices.map((choice) => this.#encode(choice));
    if (choices.some((choice) => choice.length === 0))
      throw new UserError('empty-choice', `an empty choice cannot be scored: ${JSON.stringify(request.choices)}`, {
        remedy: 'Check the data of the task.',
        fields: { request },
      });
    // Choices that differ in their last token alone are read once.
    const sequences = new Map<string, { ids: number[]; wanted: { position: number; id: number }[] }>();
    const places = choices.map((choice) => {
      const head = choice.slice(0, -1);
      const sequence = sequences.get(head.join()) ?? { ids: [...prompt, ...head], wanted: [] };
      sequences.set(head.join(), sequence);
      const start = sequence.wanted.length;
      for (const [i, id] of choice.entries()) sequence.wanted.push({ position: prompt.length - 1 + i, id });
      return { sequence, start, end: sequence.wanted.length };
    });
    const list = [...sequences.values()];
    return {
      sequences: list,
      read: list.reduce((total, { ids }) => total + ids.length - prompt.length, prompt.length),
      answer: (results): ChoicesAnswer => ({
        logprobs: places.map(({ sequence, start, end }) => sum(results[list.indexOf(sequence)]!.subarray(start, end))),
        tokens: choices.map((choice) => choice.length),
      }),
    };
  }

  #rolling(request: RollingRequest): Question {
    const all = this.#encode(request.text);
    // Tokens from the last edge on are not asked for.
    const ids = request.edges ? all.slice(0, request.edges.at(-1) ?? 0) : all;
    const edges = request.edges ?? [ids.length];
    const decoder = this.#tokenizer.decoder();
    const characters = ids.map((id) => [...decoder.push(id)].length);
    const bins = edges.map((edge, i) => [edges[i - 1] ?? 0, edge] as const);
    const wanted = ids.map((id, position) => ({ position, id }));
    return {
      sequences: ids.length === 0 ? [] : [{ ids: [this.#tokenizer.bosId, ...ids.slice(0, -1)], wanted }],
      read: ids.length,
      answer: ([logprobs = new Float64Array()]): RollingAnswer => ({
        nats: bins.map(([from, to]) => 0 - sum(logprobs.subarray(from, to))),
        tokens: bins.map(([from, to]) => ids.slice(from, to).length),
        characters: bins.map(([from, to]) => sum(characters.slice(from, to))),
      }),
    };
  }

  async #generate(requests: readonly Request[], onAnswer: Report, signal: AbortSignal | undefined): Promise<void> {
    const prompts = requests
      .map((request, index) => ({ request, index }))
      .filter((each): each is { request: GenerateRequest; index: number } => each.request.kind === 'generate')
      .map(({ request, index }) => ({ request, index, prompt: this.#promptIds(request.prompt) }))
      // Prompts that begin alike lie together, so that what they share is still in the engine's prefix cache.
      .sort((a, b) => compareIds(a.prompt, b.prompt));
    if (prompts.length === 0 || signal?.aborted) return;
    const slots = Math.min(this.#slots, prompts.length);
    const longest = Math.max(...prompts.map(({ prompt, request }) => prompt.length + request.maxTokens));
    using engine = new Engine(this.#lm, { slots, cacheBytes: roomFor(this.#lm.config, slots, longest) });
    let failure: { error: unknown } | undefined;
    for (const { request, index, prompt } of prompts) {
      const { maxTokens, temperature, topP, seed } = request;
      const stop = typeof request.prompt === 'string' ? request.stop : [...request.stop, ...this.#template.stop];
      let text = '';
      let tokens = 0;
      const onId = () => {
        tokens++;
      };
      const options = { maxTokens, temperature, topP, seed, stop, onId };
      engine.add(
        textRequest(this.#lm, this.#tokenizer, prompt, options, {
          onPiece: (piece) => {
            text += piece;
          },
          onEnd: (finish) => onAnswer(index, { text, finish, tokens, read: prompt.length }),
          onError: (error) => {
            failure ??= { error };
          },
        }),
      );
    }
    while (engine.busy) {
      engine.step();
      if (failure) throw failure.error;
      await setImmediate();
      if (signal?.aborted) return;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#files.dispose();
  }
}

/** A request about probabilities: the sequences to score, and what their log-probabilities answer. */
interface Question {
  sequences: readonly ScoreRequest[];
  /** Tokens to read, what sequences share once. */
  read: number;
  answer(results: readonly Float64Array[]): Answer;
}

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
}
