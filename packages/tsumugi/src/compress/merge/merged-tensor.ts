// One tensor of the result, made in pieces when its turn comes.
import { UserError } from '../../base/index.ts';
import type { LazyTensor } from '../../store/index.ts';
import { type DType, scope, type Tensor } from '../../torch/index.ts';
import { areFinite } from '../are-finite.ts';
import type { MergePlan, PlannedTensor, TensorSource } from './merge-plan.ts';
import { mergeGroup } from './merge-tensors.ts';
import { methodNamed } from './parameters.ts';
import { matrixShape, type RowReader } from './tensor-group.ts';
import { fileRows, tokenRowReader } from './token-rows.ts';

/** Where the rows of a tensor of a source are. */
function readerOf({ model, name }: TensorSource, { tokenizer }: MergePlan, columns: number, dtype: DType): RowReader {
  const isByToken = name.endsWith('embed_tokens.weight') || name === 'lm_head.weight';
  const rows = isByToken ? tokenizer.rowsFor?.(model) : undefined;
  if (rows) return tokenRowReader(rows, name, columns, dtype);
  const read = fileRows(model, name, columns);
  return (row, count) => scope(() => read(row, count).to(dtype));
}

/** @param finished told of the elements that are made, piece by piece */
export function mergedTensor(
  tensor: PlannedTensor,
  plan: MergePlan,
  seed: number,
  finished: (tensor: PlannedTensor, count: number) => void,
): LazyTensor {
  const { name, shape, dtype, base, models, shared, own } = tensor;
  const sources = [...(base ? [base] : []), ...models];
  const isWide = sources.some((source) => source.model.weights.info(source.name).dtype === 'float64');
  const computing: DType = isWide || dtype === 'float64' ? 'float64' : 'float32';
  const size = matrixShape(shape);
  const reader = (source: TensorSource) => readerOf(source, plan, size.columns, computing);
  function* merged(): Generator<Tensor> {
    const group = { name, ...size, base: base && reader(base), models: models.map(reader) };
    const values = { shared, own, seed, asVector: shape.length < 2 };
    for (const piece of mergeGroup(methodNamed(plan.method), group, values)) {
      const made = piece.to(dtype);
      requireFinite(tensor, piece, made);
      finished(tensor, made.numel());
      yield made;
      piece.dispose();
    }
  }
  return { dtype, shape, read: merged };
}

function requireFinite({ name }: PlannedTensor, piece: Tensor, made: Tensor): void {
  if (areFinite(made)) return;
  if (areFinite(piece))
    throw new UserError('merge-type', `"${name}": the merge gives numbers that are too large for ${made.dtype}`, {
      remedy: 'Set dtype or out_dtype to bfloat16 or float32.',
      fields: { tensor: name, dtype: made.dtype },
    });
  throw new UserError('merge-not-finite', `"${name}": the merge gives numbers that are not finite`, {
    remedy: 'Look for NaN in the models ("tsumugi score" on each), or lower weights and lambda.',
    fields: { tensor: name },
  });
}
