// A GGUF file in llama.cpp, on the level of token ids: log-probabilities and generation. One sequence, one request at a time, each
// from an empty cache, so that an answer depends on its request alone. Probabilities come from logits, added up in f64: llama.cpp's
// own sum over the vocabulary is an f32 one, which loses the many small terms.
import { setImmediate } from 'node:timers/promises';
import { UserError } from '../../base/index.ts';
import {
  type Input,
  type LlamaContext,
  type LlamaLibrary,
  type LlamaModel,
  type LlamaSequence,
  startLlama,
  type Token,
} from './library.ts';

/** The library gives logits as a JavaScript map; this many are held at a time. */
const logitsAtATime = 1 << 21;
/** llama.cpp takes this seed for "any". */
const randomSeed = 0xffffffff;

export interface GgufModelOptions {
  /** Tokens of prompt and answer together. */
  contextSize: number;
  vocabularySize: number;
  /** Default: one per core. */
  threads?: number | undefined;
}

export interface Sampling {
  /** 0 = greedy. */
  temperature: number;
  topP: number;
  seed: number;
}

export class GgufModel implements AsyncDisposable {
  readonly model: LlamaModel;
  /** Tokens that fit. The library keeps a context's last place free, and forgets the beginning of what does not fit. */
  readonly contextSize: number;
  readonly #sequence: LlamaSequence;
  readonly #tokensAtATime: number;

  /** @throws UserError when llama.cpp cannot load the file, with what it says about it */
  static async open(library: LlamaLibrary, path: string, options: GgufModelOptions): Promise<GgufModel> {
    const { contextSize, vocabularySize, threads } = options;
    const { llama, complaints } = await startLlama(library);
    const before = complaints.length;
    let model: LlamaModel | undefined;
    try {
      model = await llama.loadModel({ modelPath: path });
      const context = await model.createContext({
        contextSize,
        sequences: 1,
        flashAttention: false,
        experimentalKvCacheKeyType: 'F32',
        experimentalKvCacheValueType: 'F32',
        ...(threads !== undefined && { threads }),
      });
      return new GgufModel(model, context, Math.max(1, Math.floor(logitsAtATime / vocabularySize)));
    } catch (cause) {
      await model?.dispose();
      // Complaints come from another thread.
      await setImmediate();
      const reasons = [...new Set([(cause as Error).message, ...complaints.slice(before)])].slice(0, 4);
      throw new UserError('gguf-load', `llama.cpp cannot load ${path}: ${reasons.join('; ')}`, {
        remedy: 'Check that the file is whole and of a kind this llama.cpp knows; a smaller context needs less memory.',
        fields: { path },
        cause,
      });
    }
  }

  private constructor(model: LlamaModel, context: LlamaContext, tokensAtATime: number) {
    this.model = model;
    this.#sequence = context.getSequence();
    this.contextSize = context.contextSize - 1;
    this.#tokensAtATime = tokensAtATime;
  }

  /** ln p of each token after those before it: n tokens give n − 1 numbers. */
  async logprobs(tokens: readonly Token[]): Promise<number[]> {
    await this.#sequence.clearHistory();
    return this.#score(tokens);
  }

  /** ln p of each continuation as a whole after `prefix`, which has a token at least. */
  async continuationLogprobs(
    prefix: readonly Token[],
    continuations: readonly (readonly Token[])[],
  ): Promise<number[]> {
    const sequence = this.#sequence;
    await sequence.clearHistory();
    if (prefix.length > 1) await sequence.evaluateWithoutGeneratingNewTokens(prefix.slice(0, -1));
    let first = (_token: Token) => 0;
    await this.#read(prefix.slice(-1), (_, logits) => {
      first = logSoftmax(new Map(logits));
    });
    // A Mamba layer's state cannot be wound back, only kept.
    await sequence.takeCheckpoint();
    const sums: number[] = [];
    for (const continuation of continuations) {
      const rest = await this.#score(continuation);
      sums.push(rest.reduce((sum, logprob) => sum + logprob, continuation.length > 0 ? first(continuation[0]!) : 0));
      const end = sequence.nextTokenIndex;
      if (end > prefix.length) await sequence.eraseContextTokenRanges([{ start: prefix.length, end }]);
    }
    return sums;
  }

  /** Yields the tokens that continue `prompt`, ends of text among them, for as long as they are asked for. */
  async *generate(prompt: readonly Token[], { temperature, topP, seed }: Sampling): AsyncGenerator<Token> {
    await this.#sequence.clearHistory();
    const unsigned = seed >>> 0;
    yield* this.#sequence.evaluate([...prompt], {
      temperature,
      topP,
      topK: 0,
      minP: 0,
      yieldEogToken: true,
      seed: unsigned === randomSeed ? 0 : unsigned,
    });
  }

  /** The logits [V] of what comes after each token. */
  async nextLogits(tokens: readonly Token[]): Promise<Float32Array[]> {
    await this.#sequence.clearHistory();
    const all: Float32Array[] = [];
    await this.#read(tokens, (index, logits) => {
      const row = new Float32Array(logits.size);
      for (const [token, logit] of logits) row[token] = logit;
      all[index] = row;
    });
    return all;
  }

  /** Reads all tokens but the last, and gives ln p of all but the first. */
  async #score(tokens: readonly Token[]): Promise<number[]> {
    const logprobs: number[] = [];
    await this.#read(tokens.slice(0, -1), (index, logits) => {
      logprobs[index] = logSoftmax(logits)(tokens[index + 1]!);
    });
    return logprobs;
  }

  /** Reads tokens, and shows the logits of what comes after each. They are gone after the call. */
  async #read(tokens: readonly Token[], each: (index: number, logits: Map<Token, number>) => void): Promise<void> {
    for (let start = 0; start < tokens.length; start += this.#tokensAtATime) {
      const input = tokens
        .slice(start, start + this.#tokensAtATime)
        .map((token): Input => [token, { generateNext: { logits: true } }]);
      await this.#sequence.controlledEvaluate(input, {
        onTokenResult(index, { next: { logits } }) {
          each(start + index, logits!);
          logits!.clear();
        },
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.model.dispose();
  }
}

/** ln of the softmax over all logits, at a token. */
function logSoftmax(logits: ReadonlyMap<Token, number>): (token: Token) => number {
  let peak = Number.NEGATIVE_INFINITY;
  for (const logit of logits.values()) peak = Math.max(peak, logit);
  let sum = 0;
  for (const logit of logits.values()) sum += Math.exp(logit - peak);
  const normaliser = peak + Math.log(sum);
  return (token) => logits.get(token)! - normaliser;
}
