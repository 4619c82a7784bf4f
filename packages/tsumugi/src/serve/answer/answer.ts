// Has the engine's thread write what a call asks for: the prompt becomes ids, each answer a request of its own, and their ids become
// pieces as they come.
import { randomInt } from 'node:crypto';
import { deriveSeed, given } from '../../base/index.ts';
import type { Usage } from '../../lm/index.ts';
import { describedTool, toolFormat } from '../../text/index.ts';
import type { EngineThread, JobListener } from '../engine-thread/engine-thread.ts';
import type { ThreadRequest } from '../engine-thread/protocol.ts';
import type { Limits } from '../limits.ts';
import type { Metrics } from '../metrics.ts';
import { badId, requireModel } from '../require-model.ts';
import type { ServedModel } from '../served-model.ts';
import type { Answering, Call, CallSampling, CallUsage, EndReason, Piece } from './call.ts';
import { Choice } from './choice.ts';
import { encodePromptOf } from './encode.ts';
import { answerGrammar } from './grammar.ts';
import { Inbox } from './inbox.ts';
import { allowedTokens } from './lengths.ts';
import type { RememberedAnswers } from './remembered-answers.ts';
import type { TextWork } from './text-work.ts';

export interface AnswerParts {
  readonly models: ReadonlyMap<string, ServedModel>;
  readonly limits: Limits;
  readonly thread: EngineThread;
  readonly remembered: RememberedAnswers;
  readonly textWork: TextWork;
  readonly metrics: Metrics;
}

/** Resolves when the engine has taken it on. @throws HttpError when it cannot */
export async function answer(parts: AnswerParts, call: Call): Promise<Answering> {
  const model = requireModel(parts.models, call.model);
  call.signal.throwIfAborted();
  checkBias(model, call.sampling);
  const encoding = encodePromptOf(model, call.prompt, parts.remembered);
  const { ids, boundaries } = await parts.textWork.do(encoding, call.signal);
  const maxTokens = allowedTokens(model, ids.length, call.maxTokens, parts.limits);
  const writing = new Writing(parts, model, call, ids);
  await writing.begin(requestOf(model, call, { prompt: ids, boundaries, maxTokens }));
  return Object.assign(writing.pieces(), { promptTokens: ids.length, begun: writing.begun });
}

/** @throws HttpError 400 for an id that the model does not have */
function checkBias(model: ServedModel, { logitBias = {} }: CallSampling): void {
  const wrong = Object.keys(logitBias).find((id) => Number(id) >= model.config.vocab_size);
  if (wrong !== undefined) throw badId(model, wrong, 'logit_bias has', 'logit_bias');
}

/** What OpenAI chooses tokens by where nobody says. */
const openaiSampling: CallSampling = { temperature: 1, topP: 1 };

function requestOf(
  model: ServedModel,
  call: Call,
  lengths: { prompt: number[]; boundaries: number[]; maxTokens: number },
): ThreadRequest {
  const { seed: _seed, ...sampling } = call.sampling;
  const { stopIds = [], ignoreEos = false } = call;
  return given<unknown>({
    ...openaiSampling,
    ...given<unknown>({ ...model.sampling }),
    ...given<unknown>(sampling),
    ...lengths,
    minTokens: call.minTokens,
    stopIds: [...(ignoreEos ? [] : model.endIds), ...stopIds],
    vocabularyLimit: model.tokenizer.vocabSize,
    logprobs: call.logprobs,
    grammar: answerGrammar(model, call),
    cacheSalt: call.cacheSalt,
  }) as unknown as ThreadRequest;
}

/** The stop strings of a call, with those of the template for an answer to messages. */
const stopsOf = ({ template }: ServedModel, { prompt, stop, ignoreEos }: Call): string[] => [
  ...new Set([...stop, ...('messages' in prompt && !ignoreEos ? (template?.stop ?? []) : [])]),
];

/** The names of the tools whose calls are looked for in an answer. */
function toolsIn({ template }: ServedModel, { prompt }: Call): readonly string[] | undefined {
  if (!('messages' in prompt) || !prompt.tools?.length || prompt.toolChoice === 'none') return undefined;
  if (!template || toolFormat(template) !== 'tags') return undefined;
  return prompt.tools.map((tool, i) => describedTool(tool, i).name);
}

class Writing {
  readonly #parts: AnswerParts;
  readonly #model: ServedModel;
  readonly #call: Call;
  readonly #prompt: readonly number[];
  readonly #choices: Choice[];
  readonly #jobs: { cancel(): void }[] = [];
  readonly #inbox = new Inbox<Piece>();
  readonly #start = performance.now();
  readonly #beginning = Promise.withResolvers<Usage | undefined>();
  #begun: Usage | undefined;
  #firstAt: number | undefined;
  #left: number;

  constructor(parts: AnswerParts, model: ServedModel, call: Call, prompt: readonly number[]) {
    this.#parts = parts;
    this.#model = model;
    this.#call = call;
    this.#prompt = prompt;
    this.#left = call.n;
    const { tokenizer } = model;
    const stop = stopsOf(model, call);
    this.#choices = Array.from(
      { length: call.n },
      (_, index) => new Choice({ index, tokenizer, prompt, stop, asked: call.stop, tools: toolsIn(model, call) }),
    );
  }

  /** Asks for every answer, and waits until all are taken on. */
  async begin(request: ThreadRequest): Promise<void> {
    const { signal, sampling } = this.#call;
    const seed = sampling.seed ?? randomInt(2 ** 32);
    const abort = () => {
      this.#cancel();
      this.#inbox.fail(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    const accepted = this.#choices.map(
      (choice, k) =>
        new Promise<void>((resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
          const own = { ...request, seed: k === 0 ? seed : deriveSeed(seed, 'choice', k) };
          this.#jobs.push(this.#parts.thread.add(this.#model.name, own, this.#listener(choice, k, resolve, reject)));
        }),
    );
    try {
      await Promise.all(accepted);
    } catch (error) {
      this.#cancel();
      throw error;
    }
  }

  #listener(choice: Choice, k: number, resolve: () => void, reject: (error: unknown) => void): JobListener {
    const { metrics } = this.#parts;
    const { name } = this.#model;
    let last: number | undefined;
    return {
      onAccepted: resolve,
      onBegun: (usage) => {
        this.#begun ??= usage;
        this.#beginning.resolve(usage);
      },
      onToken: (id, logprobs) => {
        if (choice.stopped) return; // On its way when the stop string came.
        const now = performance.now();
        this.#firstAt ??= now;
        if (last === undefined) metrics.firstToken(name, now - this.#start);
        else metrics.token(name, now - last);
        last = now;
        for (const piece of choice.take(id, logprobs)) this.#inbox.put(piece);
        if (!choice.stopped) return;
        this.#jobs[k]?.cancel();
        this.#end(choice, 'stop');
      },
      onEnd: (reason) => {
        if (!choice.stopped) this.#end(choice, reason === 'length' ? 'length' : 'stop');
      },
      onError: (error) => {
        reject(error);
        this.#cancel();
        this.#inbox.fail(error);
      },
    };
  }

  #end(choice: Choice, reason: EndReason): void {
    this.#beginning.resolve(undefined); // It has, or there was nothing to write.
    for (const piece of choice.end(reason)) this.#inbox.put(piece);
    if ('messages' in this.#call.prompt)
      this.#parts.remembered.put(this.#model.name, this.#prompt, choice.text, idsOf(choice, this.#model));
  }

  get begun(): Promise<Usage | undefined> {
    return this.#beginning.promise;
  }

  #cancel(): void {
    this.#beginning.resolve(undefined);
    for (const job of this.#jobs) job.cancel();
  }

  async *pieces(): AsyncGenerator<Piece, CallUsage> {
    try {
      while (this.#left > 0) {
        const piece = await this.#inbox.next();
        if (piece.type === 'end') {
          this.#left--;
          this.#parts.metrics.ended(this.#model.name, piece.reason);
        }
        yield piece;
      }
      const usage = this.#usage();
      this.#parts.metrics.answered(this.#model.name, usage, performance.now() - this.#start);
      return usage;
    } finally {
      this.#cancel();
    }
  }

  #usage(): CallUsage {
    const { cached = 0, cachedReason, timings } = this.#begun ?? {};
    const { queued = 0, prefill = 0 } = timings ?? {};
    const generated = this.#choices.reduce((sum, { ids }) => sum + ids.length, 0);
    const decode = performance.now() - (this.#firstAt ?? performance.now());
    return {
      prompt: this.#prompt.length,
      cached,
      ...(cachedReason !== undefined && { cachedReason }),
      generated,
      timings: { queued, prefill, decode },
    };
  }
}

/** The ids that say what an answer says: without those of a stop string or of half a character, none where one id says part of both. */
function idsOf({ ids, text }: Choice, { tokenizer }: ServedModel): readonly number[] {
  const decoder = tokenizer.decoder();
  let said = '';
  for (const [i, id] of ids.entries()) {
    said += decoder.push(id);
    if (said.length >= text.length) return said === text ? ids.slice(0, i + 1) : [];
  }
  return [];
}
