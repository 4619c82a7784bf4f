// Generating many texts at once. Prompts are read one by one; from then on all sequences take a token in each step, so
// weights are read once for all of them. A sequence that ends makes room for the next one that waits.
//
// Every sequence has its own random stream and its own cache, so what it says does not depend on which others run beside
// it, up to rounding: sums are taken in another order for another number of rows, and logits differ by about 1e-6 of their
// size. That can turn a token only where two are as good as equally likely.
import { ConfigError, RandomStream } from '../base/index.ts';
import { noGrad, scope, tensor } from '../torch/index.ts';
import { BatchCache } from './batch-cache.ts';
import { Cache } from './cache.ts';
import { defaultMaxTokens, type FinishReason, type GenerateOptions, nextLogits } from './generate.ts';
import { withCause } from './not-finite.ts';
import { checkSampling, sample } from './sampling.ts';
import type { LanguageModel } from './types.ts';

/** A text to be written. */
export interface DecodeRequest extends Omit<GenerateOptions, 'cache' | 'prefillChunk'> {
  prompt: readonly number[];
  /** Takes each new id; true ends the text with it. */
  onId(id: number): boolean;
  onEnd(reason: FinishReason): void;
}

export interface BatchDecoderOptions {
  /** Sequences that take part in a step at most. Default 16. */
  slots?: number;
  /** Prompt tokens per forward pass. */
  prefillChunk?: number;
}

/** A beginning that several prompts share. */
interface SharedBeginning {
  ids: readonly number[];
  cache: Cache;
}

/** Beginnings shorter than this are cheaper read again than remembered. */
const SHORTEST_SHARED = 32;

class Sequence {
  readonly request: DecodeRequest;
  readonly #model: LanguageModel;
  readonly #stream: RandomStream;
  readonly #read: number[];
  readonly #seen: Set<number>;
  #produced = 0;
  /** The id to go on from. */
  last = -1;

  constructor(request: DecodeRequest, model: LanguageModel) {
    this.request = request;
    this.#model = model;
    this.#stream = new RandomStream(request.seed ?? 0);
    this.#read = [...(request.earlier ?? []), ...request.prompt];
    this.#seen = new Set(this.#read);
  }

  /** Chooses the next token; whether the text goes on. */
  take(logits: Float32Array): boolean {
    const { request } = this;
    if (request.vocabularyLimit !== undefined) logits.fill(Number.NEGATIVE_INFINITY, request.vocabularyLimit);
    const id = withCause(
      this.#model,
      () => `new token ${this.#produced + 1} of a text of ${this.#read.length} tokens`,
      () => ({ ids: this.#read }),
      () => sample(logits, request, this.#stream, this.#seen),
    );
    if (request.stopIds?.includes(id)) return this.#end('end');
    this.#read.push(id);
    this.#seen.add(id);
    this.#produced++;
    this.last = id;
    if (request.onId(id)) return this.#end('stop');
    return this.#produced < (request.maxTokens ?? defaultMaxTokens) || this.#end('length');
  }

  #end(reason: FinishReason): false {
    this.request.onEnd(reason);
    return false;
  }
}

/**
 * Decodes requests together. Call `step` until nothing is `busy`:
 *
 *     using decoder = new BatchDecoder(model);
 *     for (const request of requests) decoder.add(request);
 *     while (decoder.busy) decoder.step();
 *
 * Prompts that begin alike are read faster when they are added one after the other.
 */
export class BatchDecoder implements Disposable {
  readonly #model: LanguageModel;
  readonly #prefillChunk: number;
  readonly #cache: BatchCache;
  readonly #waiting: DecodeRequest[] = [];
  readonly #running: Sequence[] = [];
  /** Each begins with the one before it. */
  readonly #shared: SharedBeginning[] = [];

  constructor(model: LanguageModel, options: BatchDecoderOptions = {}) {
    const { slots = 16, prefillChunk = 1024 } = options;
    if (!(Number.isInteger(slots) && slots >= 1))
      throw new ConfigError('bad-option', `slots must be a whole number of at least 1, got ${slots}`);
    this.#model = model;
    this.#prefillChunk = prefillChunk;
    this.#cache = new BatchCache(model.config, { slots, device: model.parameterDevice });
  }

  /** @throws ConfigError for an empty prompt or a sampling option out of range */
  add(request: DecodeRequest): void {
    checkSampling(request);
    if (request.prompt.length === 0)
      throw new ConfigError('empty-prompt', 'the prompt has no tokens', {
        remedy: 'Begin with the BOS token or some text.',
      });
    this.#waiting.push(request);
  }

  /** Whether there is something left to do. */
  get busy(): boolean {
    return this.#waiting.length + this.#running.length > 0;
  }

  /** Reads a waiting prompt when there is room for it; otherwise every running sequence takes a token. */
  step(): void {
    if (this.#waiting.length > 0 && this.#running.length < this.#cache.slots) this.#begin(this.#waiting.shift()!);
    else if (this.#running.length > 0) this.#advance();
  }

  #begin(request: DecodeRequest): void {
    const sequence = new Sequence(request, this.#model);
    const { cache, logits } = this.#read(request.prompt);
    try {
      if ((request.maxTokens ?? defaultMaxTokens) === 0) request.onEnd('length');
      else if (sequence.take(logits)) {
        this.#cache.admit(cache);
        this.#running.push(sequence);
      }
    } finally {
      cache.dispose();
    }
  }

  #advance(): void {
    const running = this.#running;
    const logits = scope(() =>
      noGrad(() => {
        const ids = tensor(
          BigInt64Array.from(running, ({ last }) => BigInt(last)),
          { shape: [running.length, 1], device: this.#model.parameterDevice },
        );
        const hidden = this.#model.forward(ids, { cache: this.#cache });
        return this.#model.logits(hidden).float().data() as Float32Array; // [B, 1, V]
      }),
    );
    const V = logits.length / running.length;
    // From the last to the first: the one that takes a freed place has already had its turn.
    for (let i = running.length - 1; i >= 0; i--) {
      if (running[i]!.take(logits.subarray(i * V, (i + 1) * V))) continue;
      this.#cache.release(i);
      running[i] = running.at(-1)!;
      running.pop();
    }
  }

  /** Reads a prompt. What it shares with the next one in line is remembered. */
  #read(prompt: readonly number[]): { cache: Cache; logits: Float32Array } {
    while (this.#shared.length > 0 && !isBeginning(this.#shared.at(-1)!.ids, prompt))
      this.#shared.pop()!.cache.dispose();
    const known = this.#shared.at(-1);
    const cache = known?.cache.fork() ?? new Cache(this.#model.config, { device: this.#model.parameterDevice });
    const start = cache.length;
    const next = this.#waiting[0];
    const shared = next ? Math.min(commonBeginning(prompt, next.prompt), prompt.length - 1, next.prompt.length - 1) : 0;
    try {
      if (shared - start >= SHORTEST_SHARED) {
        this.#readOn(prompt.slice(start, shared), cache);
        this.#shared.push({ ids: prompt.slice(0, shared), cache: cache.fork() });
      }
      return { cache, logits: this.#readOn(prompt.slice(cache.length), cache) };
    } catch (error) {
      cache.dispose();
      throw error;
    }
  }

  #readOn(ids: readonly number[], cache: Cache): Float32Array {
    let logits = new Float32Array();
    for (let start = 0; start < ids.length; start += this.#prefillChunk)
      logits = nextLogits(
        this.#model,
        ids.slice(start, start + this.#prefillChunk),
        cache,
      ) as Float32Array<ArrayBuffer>;
    return logits;
  }

  [Symbol.dispose](): void {
    this.#cache[Symbol.dispose]();
    for (const { cache } of this.#shared) cache.dispose();
    this.#shared.length = 0;
  }
}

/** How many ids two sequences have in common from the first on. */
export function commonBeginning(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

function isBeginning(ids: readonly number[], of: readonly number[]): boolean {
  return ids.length < of.length && commonBeginning(ids, of) === ids.length;
}
