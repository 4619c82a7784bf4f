// The contract of whatever answers requests: the project's engine, a GGUF, an OpenAI-compatible endpoint.
// backend.testing.ts is run on each of them.
import type { Answer, Request } from './request.ts';

export interface Backend extends AsyncDisposable {
  /** For results: "engine", "gguf", "openai". */
  readonly kind: string;
  /** What is asked: a folder, a file, a model's name at its address. Never a key. */
  readonly model: string;
  /** Tells one model from another for the cache: a hash of its content, or of address and name where content is out of reach. */
  readonly fingerprint: string;
  /** Everything else that changes answers, for results: dtype, device, chat template, version. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  /** Whether the model was made for conversation. Default: no. */
  readonly chat?: boolean | undefined;
  /** The kinds of request it can answer; a task that needs another is refused before anything is asked. */
  readonly kinds: ReadonlySet<Request['kind']>;
  /** Tokens of a text, without BOS, where the model's tokenizer is at hand: tasks of a given length need it. */
  readonly countTokens?: ((text: string) => number) | undefined;
  /** Tokens to read, and to write at most, where the backend can tell before it asks: for forecasts and progress. */
  weigh?(request: Request): { read: number; write: number };
  /**
   * Answers requests in any order, `onAnswer(index, answer)` as each is known, so that a run that is cut off keeps what it has.
   * Equal requests give equal answers where `settings.deterministic` is true. Stops between requests when `signal` is aborted.
   *
   * @throws UserError when a request cannot be answered (too long for the model, endpoint refuses), naming it
   */
  answer(
    requests: readonly Request[],
    onAnswer: (index: number, answer: Answer) => void,
    signal?: AbortSignal,
  ): Promise<void>;
}
