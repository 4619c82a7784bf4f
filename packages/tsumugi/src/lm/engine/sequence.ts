// A text on its way: how its next token is chosen, and when it ends. The only place where tokens are chosen.
import { RandomStream } from '../../base/index.ts';
import { withCause } from '../not-finite.ts';
import { WrittenPast } from '../sampling/adjust.ts';
import { type Logits, sample } from '../sampling.ts';
import type { LanguageModel } from '../types.ts';
import { logprobsOf } from './logprobs.ts';
import { defaultMaxTokens, type EngineRequest, type FinishReason } from './request.ts';

export class Sequence {
  readonly request: EngineRequest;
  readonly prompt: readonly number[];
  readonly #model: LanguageModel;
  readonly #stream: RandomStream;
  /** The prompt and what came after it. */
  ids: number[] = [];
  /** What penalties apply to. */
  #past: WrittenPast | undefined;
  readonly #maxTokens: number;
  /** Until it has ended, failed or been cancelled. */
  open = true;
  /** What went wrong has been told: the first thing, whatever follows from it. */
  failed = false;

  constructor(request: EngineRequest, model: LanguageModel) {
    this.request = request;
    this.prompt = request.prompt;
    this.#model = model;
    this.#stream = new RandomStream(request.seed ?? 0);
    this.#maxTokens = request.maxTokens ?? defaultMaxTokens;
  }

  /** Its turn has come, for the first time or again. */
  begin(): void {
    if (this.ids.length > 0) return;
    this.ids = [...this.prompt];
    this.#past = new WrittenPast(this.request, this.prompt);
  }

  get generated(): number {
    return Math.max(0, this.ids.length - this.prompt.length);
  }

  /** Tokens that it may still take. */
  get left(): number {
    return this.#maxTokens - this.generated;
  }

  /** The ids to go on from: the last, and those that are proposed to follow it, `guesses` at most. */
  goOn(guesses: number): readonly number[] {
    const last = this.ids.at(-1)!;
    const most = Math.min(this.left - 1, guesses);
    const { proposer } = this.request;
    if (!proposer || most < 1) return [last];
    const proposed = proposer.propose(this.ids, most).slice(0, most);
    const { vocab_size } = this.#model.config;
    const strange = proposed.findIndex((id) => !(Number.isInteger(id) && id >= 0 && id < vocab_size));
    return [last, ...(strange < 0 ? proposed : proposed.slice(0, strange))];
  }

  /** Chooses the next token from logits [V], which are changed. Why the text ends with it, if it does. */
  take(logits: Logits): FinishReason | undefined {
    const { request, ids } = this;
    const produced = ids.length - this.prompt.length;
    if (produced >= this.#maxTokens) return 'length';
    const { constraint } = request;
    if (constraint?.finished) return 'end';
    const tell = request.logprobs === undefined ? undefined : logprobsOf(logits, request.logprobs);
    this.#restrict(logits, produced);
    const id = withCause(
      this.#model,
      () => `new token ${produced + 1} of a text of ${ids.length} tokens`,
      () => ({ ids }),
      () => sample(logits, request, this.#stream, this.#past),
    );
    if (request.stopIds?.includes(id)) return 'end';
    ids.push(id);
    this.#past?.add(id);
    constraint?.take(id);
    if (request.onId(id, tell?.(id)) === true) return 'stop';
    if (constraint?.finished) return 'end';
    return produced + 1 < this.#maxTokens ? undefined : 'length';
  }

  /** Makes −∞ of what may not come next at all. */
  #restrict(logits: Logits, produced: number): void {
    const { constraint, vocabularyLimit, stopIds = [], minTokens = 0 } = this.request;
    constraint?.mask(logits);
    if (vocabularyLimit !== undefined) logits.fill(Number.NEGATIVE_INFINITY, vocabularyLimit);
    if (produced < minTokens) for (const id of stopIds) if (id in logits) logits[id] = Number.NEGATIVE_INFINITY;
  }
}
