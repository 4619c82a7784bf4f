// A run measures with documents that it does not learn from.
import { DataError } from '../base/index.ts';
import type { StageInput } from '../recipe/index.ts';

/** @throws DataError when it is known that no document is, or will be, held out in any of the data */
export function requireHeldOut(data: readonly StageInput[]): void {
  if (data.some(({ metrics }) => metrics['held-out tokens'] !== 0)) return;
  throw new DataError('empty-split', 'no documents are held out to measure with', {
    remedy: 'Give the stage that makes the data a heldOutFraction above 0, and at least two documents.',
  });
}
