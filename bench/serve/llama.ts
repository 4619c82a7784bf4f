// llama.cpp through node-llama-cpp as clients' partner.
//
// It cannot decode texts of PLaMo 2 that come and go in common batches: its graph stores the states of a batch at cell × sequences instead of
// cell (src/models/plamo2.cpp, the view of ssm_states_all), and mixes the tokens of several prompts that it reads at once. A batch that
// does not begin with the first sequence writes wrong texts, or ends the process (GGML_ASSERT in ggml.c), seen with node-llama-cpp
// 3.22.1. What is right, and measured: one text after the other, and texts that are all in every batch, in order, a token each.
import { type LlamaLibrary, type LlamaModel, startLlama } from 'tsumugi/lm';
import type { Write } from './clients.ts';

export interface LlamaPeerOptions {
  sequences: number;
  /** Of prompt and answer together, in each sequence. */
  contextTokens: number;
  threads: number;
}

type Context = Awaited<ReturnType<LlamaModel['createContext']>>;
type Sequence = ReturnType<Context['getSequence']>;

/** A text that waits for its next token. */
interface Item {
  tokens: readonly number[];
}

/** What is used here beyond the declarations of src/lm/llama-cpp, of the version that those are made for. */
interface BatchingModel extends AsyncDisposable {
  createContext(options: {
    sequences: number;
    contextSize: number;
    threads: number;
    flashAttention: 'auto';
    experimentalKvCacheKeyType: 'F32';
    experimentalKvCacheValueType: 'F32';
    batching: {
      dispatchSchedule(dispatch: () => void): void;
      itemPrioritizationStrategy(all: { items: readonly Item[] }): { item: Item; processAmount: number }[];
    };
  }): Promise<Context & { _queuedDecodeSequenceIds: ReadonlySet<number> }>;
}

const greedy = { temperature: 0, topK: 0, topP: 1, minP: 0, seed: 1, yieldEogToken: true } as const;

export class LlamaPeer implements AsyncDisposable {
  readonly #model: LlamaModel;
  #sequences: readonly Sequence[] = [];
  /** Texts that are written at the same time: a batch has a token of each. */
  #texts = 1;
  #last: Promise<void> = Promise.resolve();

  static async open(library: LlamaLibrary, file: string, options: LlamaPeerOptions): Promise<LlamaPeer> {
    const { llama } = await startLlama(library);
    const peer = new LlamaPeer(await llama.loadModel({ modelPath: file }));
    await peer.#createContext(options);
    return peer;
  }

  private constructor(model: LlamaModel) {
    this.#model = model;
  }

  async #createContext({ sequences, contextTokens, threads }: LlamaPeerOptions): Promise<void> {
    const model = this.#model as unknown as BatchingModel;
    const whenAllWait = (dispatch: () => void): void => {
      const { size } = context._queuedDecodeSequenceIds;
      if (size === 0) return; // the library has dispatched by itself: all sequences waited
      if (size < this.#texts) setImmediate(whenAllWait, dispatch);
      else dispatch();
    };
    const context = await model.createContext({
      sequences,
      contextSize: contextTokens,
      threads,
      // As wide as ours; whether flash attention pays is left to it.
      flashAttention: 'auto',
      experimentalKvCacheKeyType: 'F32',
      experimentalKvCacheValueType: 'F32',
      batching: {
        dispatchSchedule: whenAllWait,
        // As they asked: in the order of the sequences.
        itemPrioritizationStrategy: ({ items }) => items.map((item) => ({ item, processAmount: item.tokens.length })),
      },
    });
    this.#sequences = Array.from({ length: sequences }, () => context.getSequence());
  }

  /** One text after the other, in the order in which they are asked for. */
  readonly write: Write = (_client, { prompt, answerTokens }, onToken) => {
    const mine = this.#last.then(async () => {
      this.#texts = 1;
      const sequence = this.#sequences[0]!;
      await sequence.clearHistory();
      const tokens = sequence.evaluate([...prompt], greedy);
      for (let written = 0; written < answerTokens; written++) onToken(tokenOf(await tokens.next()));
      await tokens.return();
    });
    this.#last = mine.catch(() => {}); // told to whoever asked
    return mine;
  };

  /** A text for each of these first tokens, all of them in every batch. */
  async writeTogether(firstTokens: readonly number[], answerTokens: number): Promise<number[][]> {
    const sequences = this.#sequences.slice(0, firstTokens.length);
    for (const sequence of sequences) await sequence.clearHistory();
    this.#texts = sequences.length;
    const texts = sequences.map((sequence, i) => sequence.evaluate([firstTokens[i]!], greedy));
    const ids: number[][] = texts.map(() => []);
    for (let written = 0; written < answerTokens; written++) {
      const next = await Promise.all(texts.map((tokens) => tokens.next()));
      for (const [i, each] of next.entries()) ids[i]!.push(tokenOf(each));
    }
    for (const tokens of texts) await tokens.return();
    return ids;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#model.dispose();
  }
}

function tokenOf({ value, done }: IteratorResult<number, void>): number {
  if (done) throw new Error('llama.cpp ended a text early');
  return value;
}
