// Token ids that come from outside.
import { DataError } from '../base/index.ts';

/** @throws DataError naming the first id that is not in the vocabulary */
export function checkIds(ids: readonly number[], { vocab_size: V }: { vocab_size: number }): void {
  const wrong = ids.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= V);
  if (wrong >= 0)
    throw new DataError('bad-id', `id ${ids[wrong]} at position ${wrong} is not in the vocabulary of ${V}`, {
      remedy: 'Take ids made by this model’s tokenizer.',
    });
}
