// What the engine needs of the place where texts are remembered: room, and the two passes of the model over it.
import type { SavedTensor } from '../paged/saved-sequence.ts';
import type { Logits } from '../sampling.ts';

/** What one text is remembered by. */
export interface TextState extends Disposable {
  /** Tokens taken in. */
  readonly length: number;
  /** All that it refers to, also what it shares. */
  readonly bytes: number;
  /** Another that goes on from here. It takes no memory until one of the two goes on. */
  fork(): TextState;
  /** Of the ids that it took in last, several in one pass, accepts the first `count` and forgets the others. */
  keep(count: number): void;
}

/** Who takes what in a pass. */
export interface Row {
  readonly state: TextState;
  /** One, or several. */
  readonly ids: readonly number[];
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
  /** What so many ids in one pass would take, the states after each of them included. */
  bytesToDecode(state: TextState, ids: number): number;
  /** Reads a piece of a prompt: logits [V] of what comes next. @throws CacheFull before anything is changed */
  read(ids: readonly number[], state: TextState): Logits;
  /** Reads a piece that is not the last of a prompt: nobody asks what comes next. @throws CacheFull before anything is changed */
  readOn(ids: readonly number[], state: TextState): void;
  /** Each state takes its ids: logits [V] of what comes next after each of them. @throws CacheFull before anything is changed */
  decode(rows: readonly Row[]): Logits[][];
  /** All that a state consists of. The tensors belong to the caller's scope. */
  save(state: TextState): SavedTensor[];
  /** A state that was saved. @throws CacheFull when there is no room; DataError when it does not fit the model */
  load(length: number, saved: readonly SavedTensor[]): TextState;
}
