// What an evaluation asks of a model, and what comes back. Requests are plain data: their JSON is what the cache hashes,
// so two equal requests to one model are asked once.
import type { Message } from '../text/index.ts';

/** Text to go on with, or a conversation for a model that chats. */
export type Prompt = string | readonly Message[];

/** Write what comes next. */
export interface GenerateRequest {
  kind: 'generate';
  prompt: Prompt;
  maxTokens: number;
  /** Texts that end the answer; they are not part of it. The model's own end of text always does. */
  stop: readonly string[];
  /** 0 = greedy. */
  temperature: number;
  /** 1 = all. */
  topP: number;
  seed: number;
}

export interface GenerateAnswer {
  text: string;
  /**
   * What ended it: the model, a stop text, or maxTokens; a service's content filter (what there was before is the text), or a
   * refusal to answer this prompt at all (the text is empty). The last two are not kept.
   */
  finish: 'end' | 'stop' | 'length' | 'filter' | 'refused';
  /** Tokens written, where the backend knows. */
  tokens?: number | undefined;
  /** Tokens read, where the backend knows. */
  read?: number | undefined;
  /** What the model thought before it answered, where that is no part of the text. */
  reasoning?: string | undefined;
  /** Why it was filtered or refused, in the service's words. */
  reason?: string | undefined;
  /** Settings of the request that the service does not take. */
  leftOut?: readonly string[] | undefined;
}

/**
 * How likely is each of these continuations of one prompt? Prompt and choice are tokenized apart, and special pieces spelled
 * in them do not match: the answer is the probability that the model, set to go on from the prompt, writes the choice's
 * tokens. (An endpoint that can only echo whole texts tokenizes the two together.)
 */
export interface ChoicesRequest {
  kind: 'choices';
  prompt: string;
  choices: readonly string[];
}

/** One entry per choice. */
export interface ChoicesAnswer {
  /** Natural logarithm of the probability of the whole choice after the prompt. */
  logprobs: number[];
  tokens: number[];
}

/** How well is a text predicted, from its beginning of text on? */
export interface RollingRequest {
  kind: 'rolling';
  text: string;
  /**
   * Token positions where bins end, ascending (position 0 predicts the first token after BOS); tokens from the last edge on
   * are left out. None = one bin over the whole text.
   */
  edges?: readonly number[] | undefined;
}

/** One entry per bin. */
export interface RollingAnswer {
  /** Sum of −ln p. */
  nats: number[];
  tokens: number[];
  /** Unicode characters that the bin's tokens complete. */
  characters: number[];
}

export type Request = GenerateRequest | ChoicesRequest | RollingRequest;

export type AnswerTo<R extends Request> = R extends GenerateRequest
  ? GenerateAnswer
  : R extends ChoicesRequest
    ? ChoicesAnswer
    : RollingAnswer;

export type Answer = GenerateAnswer | ChoicesAnswer | RollingAnswer;
