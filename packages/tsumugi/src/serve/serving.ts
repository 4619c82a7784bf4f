// What the handlers of routes have at hand.
import type { Steps } from '../base/index.ts';
import type { TokenLogprobs } from '../lm/index.ts';
import type { EncodedPrompt } from '../text/index.ts';
import type { Answering, Call, Prompt } from './answer/call.ts';
import type { Counters } from './engine-thread/protocol.ts';
import type { Limits } from './limits.ts';
import type { Metrics } from './metrics.ts';
import type { ServedModel } from './served-model.ts';

export type ServingState = 'loading' | 'ready' | 'restarting' | 'draining';

export interface Serving {
  readonly state: ServingState;
  readonly limits: Limits;
  /** By name, in the order in which they were given. */
  readonly models: ReadonlyMap<string, ServedModel>;
  readonly metrics: Metrics;
  /** What the engine's thread has counted. */
  counters(): Promise<Counters>;
  /**
   * Has an answer written. Resolves when the engine has taken it on.
   * @throws HttpError when it cannot be: 400 for what does not fit, 404 for the model, 429 and 503 where there is no room
   */
  answer(call: Call): Promise<Answering>;
  /**
   * A prompt as the model is given it: earlier answers with the ids that were written. For `inSteps`.
   * @throws HttpError 404 for the model, 400 for what its template does not take
   */
  encode(model: string, prompt: Prompt): Steps<EncodedPrompt>;
  /** Does work on a long text, and hears others meanwhile. @throws what the signal ended for */
  inSteps<T>(steps: Steps<T>, signal: AbortSignal): Promise<T>;
  /**
   * The vector of a text, of length 1.
   * @throws HttpError as `answer`, and what the signal ended for
   */
  embed(model: string, ids: readonly number[], signal: AbortSignal): Promise<Float64Array>;
  /**
   * How likely each token of a text but the first is after those before it, with so many of the likeliest.
   * @throws HttpError as `embed`
   */
  score(model: string, ids: readonly number[], top: number, signal: AbortSignal): Promise<readonly TokenLogprobs[]>;
}
