// What a text is held to while it is written: which ids may come next, after those that came.
import type { Logits } from '../sampling.ts';

/** Belongs to one text. The engine disposes it when that text has ended, however it ended. */
export interface TokenConstraint extends Disposable {
  /** Makes −∞ of the logits [V] of ids that may not come next; those that end a text may come where the text may end. */
  mask(logits: Logits): void;
  /** An id has come, which ended nothing. */
  take(id: number): void;
  /** Nothing can follow but the end: the text ends by itself. */
  readonly finished: boolean;
}
