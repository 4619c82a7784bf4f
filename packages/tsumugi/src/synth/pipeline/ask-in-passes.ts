// Asks a model that answers many requests at once. Who shares a pass of it changes the last digits of sums, so passes are cut from all the
// questions, and one that was cut off is made again as it was.
import { UserError } from '../../base/index.ts';
import { type Answer, type Backend, Interrupted } from '../../eval/index.ts';
import type { Failure } from './failure-log.ts';
import type { Ledger } from './ledger.ts';
import { faultOf, type Open, type Outcome, type Question, unique } from './question.ts';

/** Requests of one pass of the engine, whose answers are kept together. */
const PASS = 32;

export class PassAsker {
  readonly #backend: Backend;
  readonly #ledger: Ledger;
  readonly #signal: AbortSignal | undefined;

  constructor(backend: Backend, ledger: Ledger, signal: AbortSignal | undefined) {
    this.#backend = backend;
    this.#ledger = ledger;
    this.#signal = signal;
  }

  /** @throws Interrupted when the signal was aborted; UserError when the model answers nothing */
  async ask<T>(
    questions: readonly Question<T>[],
    outcomes: readonly (Outcome<T> | undefined)[],
    open: readonly Open<T>[],
  ): Promise<void> {
    for (let from = 0; from < questions.length; from += PASS) {
      const missing = open.filter(({ index }) => index >= from && index < from + PASS);
      if (missing.length === 0) continue;
      const retries = missing.every(({ id }) => this.#ledger.hasFailed(id));
      const again = (retries ? [] : questions.slice(from, from + PASS)).flatMap((question, i): Open<T>[] => {
        const outcome = outcomes[from + i];
        return outcome?.kind === 'done' ? [this.#ledger.open(question, from + i, outcome.request)] : [];
      });
      await this.#askPass(unique([...again, ...missing].sort((a, b) => a.index - b.index)), unique(missing));
      if (this.#ledger.spent) return;
    }
  }

  async #askPass(pass: readonly Open<unknown>[], missing: readonly Open<unknown>[]): Promise<void> {
    const ledger = this.#ledger;
    const tokens = ledger.reserve(missing);
    if (tokens === undefined) return;
    ledger.budget.settle(tokens);
    const { answers, failures } = await this.#answersTo(pass, missing);
    if (this.#signal?.aborted) throw new Interrupted();
    const answered = missing.filter(({ key }) => answers.has(key));
    // All are kept before any is judged: what a run that goes on finds is none of a pass, or what it needs to know it by.
    for (const each of answered) ledger.keep(each, answers.get(each.key)!);
    for (const each of answered) ledger.judge(each, answers.get(each.key)!);
    for (const failure of failures) {
      ledger.write(failure);
      ledger.putAside(failure);
    }
    if (answers.size === 0 && failures.length === 0)
      throw new UserError('no-answer', `${this.#backend.model} left ${missing.length} requests unanswered`);
    ledger.through(missing.length);
  }

  /** Where one that cannot be asked stops the others, each is asked by itself. */
  async #answersTo(
    pass: readonly Open<unknown>[],
    missing: readonly Open<unknown>[],
  ): Promise<{ answers: ReadonlyMap<string, Answer>; failures: readonly Failure[] }> {
    const answers = new Map<string, Answer>();
    const failures: Failure[] = [];
    const ask = (requests: readonly Open<unknown>[]) =>
      this.#backend.answer(
        requests.map(({ request }) => request),
        (index, answer) => void answers.set(requests[index]!.key, answer),
        this.#signal,
      );
    try {
      await ask(pass);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      for (const each of missing) {
        if (answers.has(each.key)) continue;
        try {
          await ask([each]);
        } catch (fault) {
          if (!(fault instanceof UserError)) throw fault;
          failures.push(faultOf(each, fault));
        }
      }
    }
    return { answers, failures };
  }
}
