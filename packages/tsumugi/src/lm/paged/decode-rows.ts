// The two passes of the model over a pool: a piece of a prompt is read, or several texts take ids.
import { invariant } from '../../base/index.ts';
import { independentRows } from '../../nn/index.ts';
import { noGrad, scope, type Tensor, tensor } from '../../torch/index.ts';
import type { Logits } from '../sampling.ts';
import type { LanguageModel } from '../types.ts';
import type { PagedSequence } from './paged-sequence.ts';
import { PiecePass } from './piece-pass.ts';
import { type PreparedRow, RowsPass } from './rows-pass.ts';

/** What a sequence takes in a pass. */
export interface DecodeRow {
  sequence: PagedSequence;
  ids: readonly number[];
}

/**
 * Reads the next ids of a prompt. Returns the logits [V] of what comes after them. How a prompt is cut into pieces decides how its sums are
 * rounded: the same cuts give the same bits.
 *
 * @throws CacheFull before anything is changed
 */
export function readPiece(model: LanguageModel, ids: readonly number[], sequence: PagedSequence): Logits {
  return read(model, ids, sequence, (hidden) => logitsOf(model, hidden.narrow(1, ids.length - 1, 1)));
}

/** `readPiece` of a piece that is not the last: no logits are computed. */
export function readOn(model: LanguageModel, ids: readonly number[], sequence: PagedSequence): void {
  read(model, ids, sequence, () => undefined);
}

function read<T>(
  model: LanguageModel,
  ids: readonly number[],
  sequence: PagedSequence,
  wanted: (hidden: Tensor) => T,
): T {
  invariant(ids.length > 0, 'a piece has a token');
  sequence.keepAll();
  sequence.pool.require(sequence.growth(ids.length, 'piece').bytes);
  const chain = sequence.prepare(ids.length, 'piece');
  return unlessFailed(
    () => {
      const cache = new PiecePass(sequence, ids.length, chain);
      const result = noGrad(() => wanted(model.forward(rowOf(model, ids), { cache })));
      sequence.took(ids.length, chain);
      return result;
    },
    () => sequence.abandon(chain),
  );
}

/**
 * Has every sequence take its ids, one or several. Returns the logits [V] after every one of them: on the CPU in f32 and f64 the same bits
 * whatever the other rows are. Of several ids, `keep` says afterwards how many are accepted; where it is not called, all are.
 *
 * When a pass fails, its sequences are of no use any more.
 *
 * @throws CacheFull before anything is changed
 */
export function decodeRows(model: LanguageModel, rows: readonly DecodeRow[]): Logits[][] {
  const [first] = rows;
  if (!first) return [];
  const { pool } = first.sequence;
  invariant(
    rows.every(({ sequence, ids }) => sequence.pool === pool && ids.length > 0) &&
      new Set(rows.map(({ sequence }) => sequence)).size === rows.length,
    'rows of a pass are ids of different sequences of one pool',
  );
  for (const { sequence } of rows) sequence.keepAll();
  pool.require(rows.reduce((sum, { sequence, ids }) => sum + sequence.growth(ids.length, 'rows').bytes, 0));
  const texts = rows.map(
    ({ sequence, ids }): PreparedRow => ({ sequence, ids, chain: sequence.prepare(ids.length, 'rows') }),
  );
  return unlessFailed(
    () => {
      const ids = rows.flatMap((row) => row.ids);
      const cache = new RowsPass(pool, texts);
      const logits = independentRows(() => logitsOf(model, model.forward(rowOf(model, ids), { cache })));
      for (const { sequence, ids, chain } of texts) sequence.took(ids.length, chain);
      const V = logits.length / ids.length;
      let row = 0;
      return rows.map((each) => each.ids.map(() => logits.subarray(row * V, ++row * V)));
    },
    () => {
      for (const { sequence, chain } of texts) sequence.abandon(chain);
    },
  );
}

/** [1, T] */
const rowOf = (model: LanguageModel, ids: readonly number[]): Tensor =>
  tensor(BigInt64Array.from(ids, BigInt), { shape: [1, ids.length], device: model.parameterDevice });

/** Hidden states [1, T, D] → logits [T·V] */
function logitsOf(model: LanguageModel, hidden: Tensor): Logits {
  const logits = model.logits(hidden);
  return (logits.dtype === 'float64' ? logits : logits.float()).data() as Logits;
}

function unlessFailed<T>(body: () => T, undo: () => void): T {
  let isDone = false;
  try {
    const result = scope(body);
    isDone = true;
    return result;
  } finally {
    if (!isDone) undo();
  }
}
