// What the engine needs of the place where texts are remembered: room, and the two passes of the model over it.
import type { Logits } from '../sampling.ts';

/** What one text is remembered by. */
export interface TextState extends Disposable {
  /** Tokens taken in. */
  readonly length: number;
  /** All that it refers to, also what it shares. */
  readonly bytes: number;
  /** Another that goes on from here. @throws CacheFull */
  fork(): TextState;
  /** Of the ids that were decoded last, accepts the first `count`. */
  keep(count: number): void;
}

export interface TextMemory extends Disposable {
  /** Bytes for all states together. */
  readonly limit: number;
  /** Bytes in use, shared ones once. */
  readonly used: number;
  /** An empty state. */
  begin(): TextState;
  /** What one text of so many tokens takes. */
  bytesFor(tokens: number): number;
  /** What so many more tokens would take now. */
  bytesToGrow(state: TextState, tokens: number): number;
  /** Reads a piece of a prompt: logits [V] of what comes next. @throws CacheFull before anything is changed */
  read(ids: readonly number[], state: TextState): Logits;
  /** Each state takes its ids: logits [V] after each of them. @throws CacheFull before anything is changed */
  decode(rows: readonly { state: TextState; ids: readonly number[] }[]): Logits[][];
}
