// What is known of questions: their answers and failures, which are on the disk, what is asked now, and the tokens that all of it took.
import { type Answer, type AnswerCache, type Backend, type Request, requestKey } from '../../eval/index.ts';
import type { Budget } from './budget.ts';
import type { Failure, FailureLog } from './failure-log.ts';
import { failureOf, type Open, type Outcome, type Question } from './question.ts';
import { answerTokens, requestTokens } from './tokens.ts';

export interface LedgerOptions {
  readonly retryFailed?: boolean;
  /** Called after every answer and failure. */
  readonly onChange?: (() => void) | undefined;
}

export class Ledger {
  /** Different requests that were answered now, were known, failed now. */
  readonly counts = { asked: 0, known: 0, failed: 0 };
  readonly budget: Budget;
  /** Whether something was left out because the budget is spent. */
  spent = false;
  /** Requests of the latest questions that are through, and that were open. */
  progress = { done: 0, open: 0 };
  readonly #backend: Backend;
  readonly #answers: AnswerCache;
  readonly #failures: FailureLog;
  readonly #options: LedgerOptions;
  readonly #counted = new Set<string>();
  readonly #retried = new Set<string>();

  constructor(backend: Backend, answers: AnswerCache, failures: FailureLog, budget: Budget, options: LedgerOptions) {
    this.#backend = backend;
    this.#answers = answers;
    this.#failures = failures;
    this.budget = budget;
    this.#options = options;
    // The budget is that of the folder: what earlier runs used counts, also for rows that are no more.
    for (const answer of answers.answers()) budget.count(answerTokens(answer, { read: 0, write: 0 }));
  }

  /** A question as it would be asked now, or as it was asked. */
  open<T>(question: Question<T>, index: number, asked?: Request): Open<T> {
    const id = this.#idOf(question);
    const request = asked ?? question.request(this.#failures.count(id));
    return { index, question, id, request, key: requestKey(this.#backend, request) };
  }

  hasFailed(id: string): boolean {
    return this.#failures.count(id) > 0;
  }

  /** What is known of a question; undefined when it is to be asked. */
  known<T>(question: Question<T>): Outcome<T> | undefined {
    const id = this.#idOf(question);
    for (;;) {
      const attempt = this.#failures.count(id);
      const request = question.request(attempt);
      const key = requestKey(this.#backend, request);
      const answer = this.#answers.get(key);
      if (answer === undefined) {
        if (attempt === 0 || (this.#options.retryFailed && !this.#retried.has(id))) return undefined;
        return { kind: 'failed', failure: this.#failures.last(id)! };
      }
      this.#countKnown(key);
      const read = question.read(answer);
      if ('value' in read) return { kind: 'done', value: read.value, request };
      // Where there are no other words to ask in, there is no other answer.
      if (attempt > 0 && key === requestKey(this.#backend, question.request(attempt - 1)))
        return { kind: 'failed', failure: this.#failures.last(id)! };
      this.write(failureOf({ question, id }, read.code, read.fault));
      this.#retried.add(id);
    }
  }

  /** Tokens of requests at most, set aside; undefined, and the budget spent, when they would be too many. */
  reserve(open: readonly Open<unknown>[]): number | undefined {
    const tokens = open.reduce((sum, { request }) => {
      const { read, write } = requestTokens(this.#backend, request);
      return sum + read + write;
    }, 0);
    if (this.budget.reserve(tokens)) return tokens;
    this.spent = true;
    return undefined;
  }

  keep(each: Open<unknown>, answer: Answer): void {
    this.budget.count(answerTokens(answer, requestTokens(this.#backend, each.request)));
    this.#counted.add(each.key);
    this.#answers.put(each.key, answer);
  }

  /** Counts an answer that was kept, as one or as a failure. */
  judge(each: Open<unknown>, answer: Answer): void {
    const read = each.question.read(answer);
    if ('value' in read) {
      this.counts.asked++;
      return;
    }
    const failure = failureOf(each, read.code, read.fault);
    this.write(failure);
    this.putAside(failure);
  }

  /** A failure that is not asked again in this run. */
  putAside({ id }: Failure): void {
    this.#retried.add(id);
    this.counts.failed++;
  }

  write(failure: Failure): void {
    this.#failures.add(failure);
  }

  /** So many requests more are through. */
  through(requests: number): void {
    this.progress.done += requests;
    this.#options.onChange?.();
  }

  #idOf(question: Question<unknown>): string {
    return requestKey(this.#backend, question.request(0));
  }

  #countKnown(key: string): void {
    if (this.#counted.has(key)) return;
    this.#counted.add(key);
    this.counts.known++;
  }
}
