// Asks an endpoint, several requests at a time, each by itself. What fails there is a row's own fault only when others are answered.
import { type Answer, type Backend, EndpointError, Interrupted } from '../../eval/index.ts';
import type { Failure } from './failure-log.ts';
import type { Ledger } from './ledger.ts';
import { faultOf, type Open, unique } from './question.ts';

/** Failures in a row after which a service counts as out of order. */
const MOST_IN_A_ROW = 8;
/** What is wrong with the endpoint or the account, not with this one request. */
const fatal = new Set(['endpoint-key', 'endpoint-quota', 'endpoint-moved', 'unknown-model', 'cannot-answer']);

export class EndpointAsker {
  readonly #backend: Backend;
  readonly #ledger: Ledger;
  readonly #concurrency: number;
  readonly #signal: AbortSignal | undefined;
  /** Failures since the last answer: an endpoint that is out of order is none of the rows' fault. */
  #pending: Failure[] = [];
  #answered = false;

  constructor(backend: Backend, ledger: Ledger, concurrency: number, signal: AbortSignal | undefined) {
    this.#backend = backend;
    this.#ledger = ledger;
    this.#concurrency = concurrency;
    this.#signal = signal;
  }

  /** @throws Interrupted when the signal was aborted; EndpointError when the endpoint cannot be asked at all */
  async ask(open: readonly Open<unknown>[]): Promise<void> {
    const failed = new AbortController();
    let failure: { error: unknown } | undefined;
    const queue = unique(open).values();
    const worker = async () => {
      for (const each of queue) {
        if (failed.signal.aborted || this.#signal?.aborted) return;
        const tokens = this.#ledger.reserve([each]);
        if (tokens === undefined) return;
        try {
          await this.#askOne(each, tokens);
        } catch (error) {
          failure ??= { error };
          failed.abort();
        }
      }
    };
    await Promise.all(Array.from({ length: this.#concurrency }, worker));
    if (this.#signal?.aborted) throw new Interrupted();
    if (failure) throw failure.error;
    this.#flush();
  }

  async #askOne(each: Open<unknown>, tokens: number): Promise<void> {
    const ledger = this.#ledger;
    let answer: Answer | undefined;
    try {
      await this.#backend.answer([each.request], (_, given) => (answer = given), this.#signal);
    } catch (error) {
      if (this.#signal?.aborted) return;
      if (!(error instanceof EndpointError) || fatal.has(error.code) || !this.#answered) throw error;
      const failure = faultOf(each, error);
      this.#pending.push(failure);
      ledger.putAside(failure);
      if (this.#pending.length >= MOST_IN_A_ROW) throw error;
      ledger.through(1);
    } finally {
      ledger.budget.settle(tokens);
    }
    if (answer !== undefined) this.#take(each, answer);
  }

  #take(each: Open<unknown>, answer: Answer): void {
    this.#answered = true;
    this.#flush();
    this.#ledger.keep(each, answer);
    this.#ledger.judge(each, answer);
    this.#ledger.through(1);
  }

  /** The endpoint answers others: what failed is the rows' own. */
  #flush(): void {
    for (const failure of this.#pending.splice(0)) this.#ledger.write(failure);
  }
}
