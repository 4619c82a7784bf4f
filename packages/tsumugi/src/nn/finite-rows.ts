// Rows of a tensor that hold NaN or an infinity: named, and never scored or drawn.
import { UserError } from '../base/index.ts';
import { scope, type Tensor } from '../torch/index.ts';

/** The first row [B, …] that holds NaN or an infinity; undefined when there is none. */
export function faultyRow(rows: Tensor): number | undefined {
  return scope(() => {
    const faulty = rows
      .detach()
      .isfinite()
      .logicalNot()
      .reshape([rows.size(0), -1])
      .any(1);
    return faulty.any().item() ? faulty.to('uint8').argmax(0).item() : undefined;
  });
}

/** @throws UserError `not-finite` that names the first row of `rows` which holds NaN or an infinity, called `what(row)` */
export function requireFiniteRows(rows: Tensor, what: (row: number) => string, remedy: string): void {
  if (rows.numel() === 0) return;
  const row = faultyRow(rows);
  if (row !== undefined)
    throw new UserError('not-finite', `NaN or infinity in ${what(row)}`, { remedy, fields: { row } });
}
