// The two passes of the model over a pool: a piece of a prompt is read, or several texts take ids.
import { noGrad, scope, tensor } from '../../torch/index.ts';
import type { Cache } from '../cache.ts';
import type { Logits } from '../sampling.ts';
import type { LanguageModel } from '../types.ts';
import type { PagedSequence } from './paged-sequence.ts';

/** What a sequence takes in a pass. */
export interface DecodeRow {
  sequence: PagedSequence;
  ids: readonly number[];
}

/** Reads the next ids of a prompt. Returns the logits [V] of what comes after them. */
export function readPiece(model: LanguageModel, ids: readonly number[], sequence: PagedSequence): Logits {
  sequence.keepAll();
  sequence.pool.require(sequence.pool.bytesToGrow(sequence, ids.length));
  return next(model, ids, sequence.cache);
}

/**
 * Has every sequence take its ids, one or several. Returns the logits [V] after every one of them: the same bits whatever the
 * other rows are. Of several ids, `keep` says afterwards how many are accepted; until it is called, all are.
 *
 * @throws CacheFull before anything is changed
 */
export function decodeRows(model: LanguageModel, rows: readonly DecodeRow[]): Logits[][] {
  for (const { sequence } of rows) sequence.keepAll();
  for (const { sequence, ids } of rows) sequence.pool.require(sequence.pool.bytesToGrow(sequence, ids.length));
  return rows.map(({ sequence, ids }) =>
    ids.map((id, i) => {
      const logits = next(model, [id], sequence.cache);
      if (i < ids.length - 1) sequence.steps.push(sequence.cache.fork());
      return logits;
    }),
  );
}

function next(model: LanguageModel, ids: readonly number[], cache: Cache): Logits {
  return scope(() =>
    noGrad(() => {
      const input = tensor(BigInt64Array.from(ids, BigInt), { shape: [1, ids.length], device: model.parameterDevice });
      const hidden = model.forward(input, { cache }).narrow(1, ids.length - 1, 1);
      const logits = model.logits(hidden);
      return (logits.dtype === 'float64' ? logits : logits.float()).data() as Logits;
    }),
  );
}
