// Asks a model for many things: what is known is not asked again, what fails is kept aside, and nothing is begun beyond the budget.
// An answer is on the disk before the next one is asked for.
import { UserError } from '../../base/index.ts';
import {
  type Answer,
  type AnswerCache,
  type Backend,
  EndpointError,
  Interrupted,
  type Request,
  requestKey,
} from '../../eval/index.ts';
import type { Budget } from './budget.ts';
import type { Failure, FailureLog } from './failure-log.ts';
import { estimateMessages, estimateTokens } from './tokens.ts';

/** One thing to be asked. */
export interface Question<T> {
  readonly step: string;
  readonly source: Failure['source'];
  /** @param attempt how often it has failed before */
  request(attempt: number): Request;
  read(answer: Answer): { readonly value: T } | { readonly code: string; readonly fault: string };
}

export type Outcome<T> =
  | { readonly kind: 'done'; readonly value: T; readonly request: Request }
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** The budget is spent. */
  | { readonly kind: 'waiting' };

/**
 * Requests of one pass of the engine, whose answers are kept together: who shares a pass changes the last digit of sums, so a pass
 * that was cut off is made again as it was.
 */
const PASS = 32;
/** Failures in a row after which a service counts as out of order. */
const MOST_IN_A_ROW = 8;
/** What is wrong with the endpoint or the account, not with this one request. */
const fatal = new Set(['endpoint-key', 'endpoint-quota', 'endpoint-moved', 'unknown-model', 'cannot-answer']);

export interface AskerOptions {
  readonly concurrency?: number;
  readonly retryFailed?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Called after every answer and failure. */
  readonly onChange?: (() => void) | undefined;
}

interface Open<T> {
  readonly index: number;
  readonly question: Question<T>;
  readonly id: string;
  readonly request: Request;
  readonly key: string;
}

export class Asker {
  /** Different requests that were answered now, were known, failed now. */
  readonly counts = { asked: 0, known: 0, failed: 0 };
  readonly #backend: Backend;
  readonly #answers: AnswerCache;
  readonly #failures: FailureLog;
  readonly #budget: Budget;
  readonly #options: AskerOptions;
  readonly #counted = new Set<string>();
  readonly #retried = new Set<string>();
  /** Failures since the last answer: an endpoint that is out of order is none of the rows' fault. */
  #pending: Failure[] = [];
  #answered = false;
  #spent = false;
  /** Requests of the latest questions that are through, and that were open. */
  #progress = { done: 0, open: 0 };

  constructor(
    backend: Backend,
    answers: AnswerCache,
    failures: FailureLog,
    budget: Budget,
    options: AskerOptions = {},
  ) {
    this.#backend = backend;
    this.#answers = answers;
    this.#failures = failures;
    this.#budget = budget;
    this.#options = options;
    // The budget is that of the folder: what earlier runs used counts, also for rows that are no more.
    for (const answer of answers.answers()) budget.count(usedBy(answer, { read: 0, write: 0 }));
  }

  /** Whether something was left out because the budget is spent. */
  get spent(): boolean {
    return this.#spent;
  }

  /** How much of the latest questions is done: 0 to 1. */
  get done(): number {
    const { done, open } = this.#progress;
    return open === 0 ? 0 : done / open;
  }

  /**
   * What became of each question, in their order.
   *
   * @throws Interrupted when the signal was aborted; UserError when the backend cannot be asked at all
   */
  async ask<T>(questions: readonly Question<T>[]): Promise<Outcome<T>[]> {
    if (this.#options.signal?.aborted) throw new Interrupted();
    const outcomes: (Outcome<T> | undefined)[] = questions.map((question) => this.#known(question));
    const open = questions.flatMap((question, index): Open<T>[] => {
      if (outcomes[index]) return [];
      const id = this.#idOf(question);
      const request = question.request(this.#failures.count(id));
      return [{ index, question, id, request, key: requestKey(this.#backend, request) }];
    });
    this.#progress = { done: 0, open: open.length };
    if (this.#backend.kind === 'openai') await this.#askSingly(unique(open), this.#options.concurrency ?? 8);
    else await this.#askInPasses(questions, outcomes, open);
    this.#flush();
    this.#progress.open = 0;
    return questions.map((question, i) => outcomes[i] ?? this.#known(question) ?? { kind: 'waiting' });
  }

  #idOf(question: Question<unknown>): string {
    return requestKey(this.#backend, question.request(0));
  }

  /** What is known of a question; undefined when it is to be asked. */
  #known<T>(question: Question<T>): Outcome<T> | undefined {
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
      this.#failures.add(failureOf(question, id, read.code, read.fault));
      this.#retried.add(id);
    }
  }

  #countKnown(key: string): void {
    if (this.#counted.has(key)) return;
    this.#counted.add(key);
    this.counts.known++;
  }

  async #askSingly(open: readonly Open<unknown>[], concurrency: number): Promise<void> {
    const failed = new AbortController();
    let failure: { error: unknown } | undefined;
    const queue = open.values();
    const worker = async () => {
      for (const each of queue) {
        if (failed.signal.aborted || this.#options.signal?.aborted) return;
        const tokens = this.#weigh(each.request);
        if (!this.#budget.reserve(tokens)) {
          this.#spent = true;
          return;
        }
        try {
          await this.#askOne(each, tokens);
        } catch (error) {
          failure ??= { error };
          failed.abort();
        }
      }
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
    if (this.#options.signal?.aborted) throw new Interrupted();
    if (failure) throw failure.error;
  }

  async #askOne(each: Open<unknown>, tokens: number): Promise<void> {
    try {
      let answer: Answer | undefined;
      await this.#backend.answer([each.request], (_, given) => (answer = given), this.#options.signal);
      if (answer === undefined) this.#budget.settle(tokens);
      else this.#take(each, answer, tokens);
    } catch (error) {
      this.#budget.settle(tokens);
      if (this.#options.signal?.aborted) return;
      if (!(error instanceof EndpointError) || fatal.has(error.code) || !this.#answered) throw error;
      this.#pending.push(failureOf(each.question, each.id, error.code, firstLine(error)));
      this.#retried.add(each.id);
      this.counts.failed++;
      if (this.#pending.length >= MOST_IN_A_ROW) throw error;
      this.#changed(1);
    }
  }

  /** Passes are cut from all the questions, so that they are the same in a run that goes on. */
  async #askInPasses<T>(
    questions: readonly Question<T>[],
    outcomes: readonly (Outcome<T> | undefined)[],
    open: readonly Open<T>[],
  ): Promise<void> {
    for (let from = 0; from < questions.length; from += PASS) {
      const missing = open.filter(({ index }) => index >= from && index < from + PASS);
      if (missing.length === 0) continue;
      const retries = missing.every(({ id }) => this.#failures.count(id) > 0);
      const again = (retries ? [] : questions.slice(from, from + PASS)).flatMap((question, i): Open<T>[] => {
        const outcome = outcomes[from + i];
        if (outcome?.kind !== 'done') return [];
        const key = requestKey(this.#backend, outcome.request);
        return [{ index: from + i, question, id: this.#idOf(question), request: outcome.request, key }];
      });
      await this.#askPass(unique([...again, ...missing].sort((a, b) => a.index - b.index)), unique(missing));
      if (this.#spent) return;
    }
  }

  async #askPass(pass: readonly Open<unknown>[], missing: readonly Open<unknown>[]): Promise<void> {
    const tokens = missing.map(({ request }) => this.#weigh(request));
    const all = tokens.reduce((sum, each) => sum + each, 0);
    if (!this.#budget.reserve(all)) {
      this.#spent = true;
      return;
    }
    this.#budget.settle(all);
    const answers = new Map<string, Answer>();
    const ask = (requests: readonly Open<unknown>[]) =>
      this.#backend.answer(
        requests.map(({ request }) => request),
        (index, answer) => void answers.set(requests[index]!.key, answer),
        this.#options.signal,
      );
    const failures: Failure[] = [];
    try {
      await ask(pass);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      // One that cannot be asked stops the others: each by itself.
      for (const each of missing) {
        if (answers.has(each.key)) continue;
        try {
          await ask([each]);
        } catch (fault) {
          if (!(fault instanceof UserError)) throw fault;
          failures.push(failureOf(each.question, each.id, fault.code, firstLine(fault)));
        }
      }
    }
    if (this.#options.signal?.aborted) throw new Interrupted();
    const answered = missing.filter(({ key }) => answers.has(key));
    // All are kept before any is judged: what a run that goes on finds is none of a pass, or what it needs to know it by.
    for (const each of answered) this.#keep(each, answers.get(each.key)!);
    for (const each of answered) this.#judge(each, answers.get(each.key)!);
    for (const failure of failures) {
      this.#failures.add(failure);
      this.#retried.add(failure.id);
      this.counts.failed++;
    }
    if (answers.size === 0 && failures.length === 0)
      throw new UserError('no-answer', `${this.#backend.model} left ${missing.length} requests unanswered`);
    this.#changed(missing.length);
  }

  #take(each: Open<unknown>, answer: Answer, reserved: number): void {
    this.#budget.settle(reserved);
    this.#answered = true;
    this.#flush();
    this.#keep(each, answer);
    this.#judge(each, answer);
    this.#changed(1);
  }

  #keep(each: Open<unknown>, answer: Answer): void {
    this.#budget.count(usedBy(answer, this.#tokensOf(each.request)));
    this.#counted.add(each.key);
    this.#answers.put(each.key, answer);
  }

  #judge({ question, id }: Open<unknown>, answer: Answer): void {
    const read = question.read(answer);
    if ('value' in read) {
      this.counts.asked++;
      return;
    }
    this.#failures.add(failureOf(question, id, read.code, read.fault));
    this.#retried.add(id);
    this.counts.failed++;
  }

  #changed(through: number): void {
    this.#progress.done += through;
    this.#options.onChange?.();
  }

  /** The endpoint answers others: what failed is the rows' own. */
  #flush(): void {
    for (const failure of this.#pending.splice(0)) this.#failures.add(failure);
  }

  #weigh(request: Request): number {
    const { read, write } = this.#tokensOf(request);
    return read + write;
  }

  #tokensOf(request: Request): { read: number; write: number } {
    if (this.#backend.weigh) return this.#backend.weigh(request);
    if (request.kind !== 'generate') return { read: estimateTokens('text' in request ? request.text : ''), write: 0 };
    const { prompt, maxTokens } = request;
    const read = typeof prompt === 'string' ? estimateTokens(prompt) : estimateMessages(prompt);
    return { read, write: maxTokens };
  }
}

/** @param most of a request, where the answer does not say */
function usedBy(answer: Answer, most: { read: number; write: number }): { read: number; write: number } {
  if ('text' in answer) return { read: answer.read ?? most.read, write: answer.tokens ?? estimateTokens(answer.text) };
  return { read: answer.tokens.reduce((sum, each) => sum + each, 0), write: 0 };
}

const failureOf = ({ step, source }: Question<unknown>, id: string, code: string, message: string): Failure => ({
  id,
  step,
  source,
  code,
  message,
});

const firstLine = (error: UserError): string => error.message.split('\n')[0]!;

/** Equal requests are asked once. */
function unique<T>(open: readonly Open<T>[]): Open<T>[] {
  const seen = new Set<string>();
  return open.filter(({ key }) => !seen.has(key) && seen.add(key));
}
