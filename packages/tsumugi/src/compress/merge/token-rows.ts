// Where the rows of an embedding come from when tokenizers are joined: for each row of the result the rows of models whose mean it
// is; none for zeros.
import { invariant } from '../../base/index.ts';
import { cat, type DType, scope, type Tensor, zeros } from '../../torch/index.ts';
import type { MergeModel } from './open-models.ts';
import type { RowReader } from './tensor-group.ts';

export interface TokenRow {
  readonly model: MergeModel;
  readonly row: number;
}

/** By row of the result. */
export type TokenRows = readonly (readonly TokenRow[])[];

/** Rows of a tensor [·, columns] of a model, from its file. */
export const fileRows =
  ({ weights }: MergeModel, name: string, columns: number): RowReader =>
  (row, count) =>
    weights.elements(name, row * columns, count * columns).view(count, columns);

/** The rows of the result as one of the models has them; rows beyond the list are zeros. */
export function tokenRowReader(rows: TokenRows, name: string, columns: number, dtype: DType): RowReader {
  return (first, count) =>
    scope(() => {
      const parts: Tensor[] = [];
      for (let row = first; row < first + count; ) {
        const run = runAt(rows, row, first + count);
        parts.push(read(rows[row] ?? [], run, name, columns, dtype));
        row += run;
      }
      return cat(parts);
    });
}

/** How many rows from this one on lie one after the other in one model, or are zeros. */
function runAt(rows: TokenRows, row: number, end: number): number {
  const start = rows[row] ?? [];
  let run = 1;
  if (start.length > 1) return run;
  for (; row + run < end; run++) {
    const next = rows[row + run] ?? [];
    if (next.length !== start.length) break;
    if (start[0] && (next[0]!.model !== start[0].model || next[0]!.row !== start[0].row + run)) break;
  }
  return run;
}

function read(sources: readonly TokenRow[], run: number, name: string, columns: number, dtype: DType): Tensor {
  if (sources.length === 0) return zeros([run, columns], { dtype });
  const each = sources.map(({ model, row }) => fileRows(model, name, columns)(row, run).to(dtype));
  if (each.length === 1) return each[0]!;
  invariant(run === 1, 'a mean of rows is a run of its own');
  return cat(each).mean([0], true);
}
