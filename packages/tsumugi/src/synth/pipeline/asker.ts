// Asks a model for many things: what is known is not asked again, what fails is kept aside, and nothing is begun beyond the budget.
// An answer is on the disk before the next one is asked for.
import { type AnswerCache, type Backend, Interrupted } from '../../eval/index.ts';
import { EndpointAsker } from './ask-endpoint.ts';
import { PassAsker } from './ask-in-passes.ts';
import type { Budget } from './budget.ts';
import type { FailureLog } from './failure-log.ts';
import { Ledger, type LedgerOptions } from './ledger.ts';
import type { Outcome, Question } from './question.ts';

export interface AskerOptions extends LedgerOptions {
  readonly concurrency?: number;
  readonly signal?: AbortSignal | undefined;
}

export class Asker {
  readonly #ledger: Ledger;
  readonly #endpoint: EndpointAsker | undefined;
  readonly #passes: PassAsker;
  readonly #signal: AbortSignal | undefined;

  constructor(
    backend: Backend,
    answers: AnswerCache,
    failures: FailureLog,
    budget: Budget,
    options: AskerOptions = {},
  ) {
    const { concurrency = 8, signal } = options;
    this.#ledger = new Ledger(backend, answers, failures, budget, options);
    if (backend.kind === 'openai') this.#endpoint = new EndpointAsker(backend, this.#ledger, concurrency, signal);
    this.#passes = new PassAsker(backend, this.#ledger, signal);
    this.#signal = signal;
  }

  /** Different requests that were answered now, were known, failed now. */
  get counts(): Readonly<Ledger['counts']> {
    return this.#ledger.counts;
  }

  /** How much of the latest questions is done: 0 to 1. */
  get done(): number {
    const { done, open } = this.#ledger.progress;
    return open === 0 ? 0 : done / open;
  }

  /**
   * What became of each question, in their order.
   *
   * @throws Interrupted when the signal was aborted; UserError when the backend cannot be asked at all
   */
  async ask<T>(questions: readonly Question<T>[]): Promise<Outcome<T>[]> {
    if (this.#signal?.aborted) throw new Interrupted();
    const ledger = this.#ledger;
    const outcomes = questions.map((question) => ledger.known(question));
    const open = questions.flatMap((question, i) => (outcomes[i] ? [] : [ledger.open(question, i)]));
    ledger.progress = { done: 0, open: open.length };
    if (this.#endpoint) await this.#endpoint.ask(open);
    else await this.#passes.ask(questions, outcomes, open);
    ledger.progress.open = 0;
    return questions.map((question, i) => outcomes[i] ?? ledger.known(question) ?? { kind: 'waiting' });
  }
}
