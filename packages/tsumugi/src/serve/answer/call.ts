// The one internal call that every endpoint translates to and from: what is to be written, and the pieces that come of it.
import type { Timings } from '../../lm/index.ts';
import type { AnswerFormat, Message, Tool, ToolChoice } from '../../text/index.ts';

export type Prompt =
  | {
      readonly messages: readonly Message[];
      readonly tools?: readonly Tool[] | undefined;
      readonly toolChoice?: ToolChoice | undefined;
      /** False: the tools are called one at a time. */
      readonly parallelToolCalls?: boolean | undefined;
    }
  | { readonly text: string }
  | { readonly ids: readonly number[] };

/** How tokens are chosen. What is left out is as the model's generation_config.json says, and otherwise as OpenAI has it. */
export interface CallSampling {
  readonly temperature?: number | undefined;
  readonly topP?: number | undefined;
  readonly topK?: number | undefined;
  readonly minP?: number | undefined;
  readonly repetitionPenalty?: number | undefined;
  readonly presencePenalty?: number | undefined;
  readonly frequencyPenalty?: number | undefined;
  /** Token id → what is added to its logit. */
  readonly logitBias?: Readonly<Record<number, number>> | undefined;
  readonly seed?: number | undefined;
}

export interface Call {
  /** The name under which a model is served. */
  readonly model: string;
  readonly prompt: Prompt;
  readonly sampling: CallSampling;
  /** Tokens to add at most. Left out: as many as the context and the server's limit allow. */
  readonly maxTokens?: number | undefined;
  readonly minTokens?: number | undefined;
  /** Texts that end the answer; they are no part of it. */
  readonly stop: readonly string[];
  /** Ids that end it besides the model's own. */
  readonly stopIds?: readonly number[] | undefined;
  /** The model's own end ends nothing. */
  readonly ignoreEos?: boolean | undefined;
  /** Answers to write. */
  readonly n: number;
  /** Log-probabilities of each token, and of so many of the likeliest beside it. */
  readonly logprobs?: number | undefined;
  /** What it is held to, token by token. */
  readonly format?: AnswerFormat | undefined;
  /** Whoever has another one shares nothing of the prefix cache. */
  readonly cacheSalt?: string | undefined;
  /** The client has gone, or its time is up. */
  readonly signal: AbortSignal;
}

/** A token as clients see it. `bytes` are its part of the UTF-8 of the text. */
export interface TokenInfo {
  readonly id: number;
  readonly text: string;
  readonly bytes: readonly number[];
  readonly logprob: number;
  readonly top: readonly { id: number; text: string; bytes: readonly number[]; logprob: number }[];
}

export type EndReason = 'stop' | 'length' | 'tool_calls';

export type Piece =
  | { readonly choice: number; readonly type: 'text'; readonly text: string; readonly logprobs?: readonly TokenInfo[] }
  | {
      readonly choice: number;
      readonly type: 'tool-call';
      readonly index: number;
      readonly id: string;
      readonly name: string;
      /** JSON. */
      readonly arguments: string;
    }
  | {
      readonly choice: number;
      readonly type: 'end';
      readonly reason: EndReason;
      /** Of those that were asked for, the one that ended it. */
      readonly stopString?: string;
      /** Tokens that gave no text of their own at the end. */
      readonly logprobs?: readonly TokenInfo[];
    };

/** What a call took. */
export interface CallUsage {
  /** Tokens of the prompt, counted once, whatever the number of answers. */
  readonly prompt: number;
  /** Those of them that were not read, since the prefix cache held them. */
  readonly cached: number;
  /** Why not more came from there. */
  readonly cachedReason?: string | undefined;
  /** New tokens of all answers together. */
  readonly generated: number;
  /** Milliseconds: waiting for a place, reading the prompt to the first token, writing. */
  readonly timings: Readonly<Timings>;
}

/** An answer that the engine has taken on. What goes wrong afterwards is thrown by the loop over its pieces. */
export interface Answering extends AsyncGenerator<Piece, CallUsage> {
  readonly promptTokens: number;
  /** How much of the prompt came from the cache, once that is known; undefined when it ended before. Never rejects. */
  readonly begun: Promise<Pick<CallUsage, 'cached' | 'cachedReason'> | undefined>;
}
