// What the HTTP thread and the engine's thread say to each other: ids and plain data, nothing that would have to be shared.

import type { EngineCounters, FinishReason, GenerateOptions, TokenLogprobs, Usage } from '../../lm/index.ts';
import type { DType } from '../../torch/index.ts';

/** A model as the thread opens it. */
export interface ModelPlace {
  readonly name: string;
  readonly folder: string;
  /** Folder of an adapter on it. */
  readonly adapter?: string | undefined;
  readonly dtype?: DType | undefined;
  /** What guesses how its texts go on. */
  readonly draft?: DraftPlace | undefined;
}

/** A smaller model of the same tokenizer. */
export interface DraftPlace {
  readonly folder: string;
  /** For what it remembers of texts. */
  readonly cacheBytes: number;
  /** Tokens that it guesses at a time. */
  readonly tokens: number;
}

export interface ThreadSettings {
  readonly models: readonly ModelPlace[];
  /** For weights and caches of all models together. */
  readonly memoryBytes: number;
  /** Of each model: for what texts are remembered by. */
  readonly cacheBytes: number;
  /** Where snapshots of prefixes are kept while no engine runs; undefined for nowhere. */
  readonly cacheDir?: string | undefined;
  /** Texts of a model that are written at the same time. */
  readonly slots: number;
  /** Requests of a model that wait for a place. */
  readonly queue: number;
  /** Tokens that are guessed at a time from what stood before (prompt look-up), for models without a draft. Default 0: none. */
  readonly promptLookup?: number | undefined;
}

/** What a text is written by. Only the thread can make a constraint out of `grammar`. */
export interface ThreadRequest extends Omit<GenerateOptions, 'remember'> {
  readonly prompt: readonly number[];
  readonly boundaries?: readonly number[] | undefined;
  readonly cacheSalt?: string | undefined;
  /** In EBNF, with the rule `root`. */
  readonly grammar?: string | undefined;
}

/** An error that crosses. `user`: a mistake in what was asked, otherwise a fault of ours. */
export interface PlainError {
  readonly user: boolean;
  readonly code: string;
  readonly message: string;
  readonly remedy?: string | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
}

export type ToThread =
  /** Opens a model before anybody asks for it. */
  | { readonly type: 'load'; readonly job: number; readonly model: string }
  | { readonly type: 'add'; readonly job: number; readonly model: string; readonly request: ThreadRequest }
  /** Asks for the vector of a text: `embedded` or `failed` answers it. */
  | { readonly type: 'embed'; readonly job: number; readonly model: string; readonly ids: readonly number[] }
  /** Asks how likely each token of a text is, and for so many of the likeliest beside it: `scored` or `failed` answers it. */
  | {
      readonly type: 'score';
      readonly job: number;
      readonly model: string;
      readonly ids: readonly number[];
      readonly top: number;
    }
  | { readonly type: 'cancel'; readonly job: number }
  /** Asks for the counters. */
  | { readonly type: 'count' }
  /** Nothing more comes: ends when all is written. */
  | { readonly type: 'end' };

/** How a model stands: what its engine has counted, with what its engines counted before it was closed and opened again. */
export interface ModelCounters extends EngineCounters {
  readonly loaded: boolean;
  readonly weightBytes: number;
  /** Its draft's weights, and the memory that it may take for texts. */
  readonly draftBytes: number;
  /** Tokens that prompts must share, up to a message boundary and elsewhere, so that the second need not read them. */
  readonly smallestPrefix?: { readonly boundary: number; readonly grid: number } | undefined;
}

export interface Counters {
  /** Those that have been asked for. */
  readonly models: Readonly<Record<string, ModelCounters>>;
  readonly liveHandles: number;
}

export type Note = Readonly<Record<string, string | number | undefined>>;

export type NewToken = readonly [job: number, id: number, logprobs?: TokenLogprobs];

export type FromThread =
  | { readonly type: 'ready' }
  /** The request waits or runs: what comes for it next are ids, then `ended` or `failed`. */
  | { readonly type: 'accepted'; readonly job: number }
  /** Its prompt has been read. */
  | { readonly type: 'begun'; readonly job: number; readonly usage: Usage }
  /** What one pass of a model brought. */
  | { readonly type: 'ids'; readonly tokens: readonly NewToken[] }
  | { readonly type: 'ended'; readonly job: number; readonly reason: FinishReason; readonly usage: Usage }
  | { readonly type: 'embedded'; readonly job: number; readonly vector: Float64Array }
  | { readonly type: 'scored'; readonly job: number; readonly tokens: readonly TokenLogprobs[] }
  | { readonly type: 'failed'; readonly job: number; readonly error: PlainError }
  /** For the log. */
  | { readonly type: 'note'; readonly note: Note }
  | { readonly type: 'counters'; readonly counters: Counters };
