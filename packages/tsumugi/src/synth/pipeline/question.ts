// One thing to be asked of a model, and what became of it.
import type { UserError } from '../../base/index.ts';
import type { Answer, Request } from '../../eval/index.ts';
import type { Failure } from './failure-log.ts';

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

/** A question that is to be asked now. */
export interface Open<T> {
  /** Its place among the questions. */
  readonly index: number;
  readonly question: Question<T>;
  readonly id: string;
  readonly request: Request;
  readonly key: string;
}

export const failureOf = (
  { question: { step, source }, id }: Pick<Open<unknown>, 'question' | 'id'>,
  code: string,
  message: string,
): Failure => ({ id, step, source, code, message });

export const faultOf = (each: Open<unknown>, error: UserError): Failure =>
  failureOf(each, error.code, error.message.split('\n')[0]!);

/** Equal requests are asked once. */
export function unique<T>(open: readonly Open<T>[]): Open<T>[] {
  const seen = new Set<string>();
  return open.filter(({ key }) => !seen.has(key) && seen.add(key));
}
