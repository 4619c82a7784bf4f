// Numbers that are no numbers, in images and in what is made of them: named, and never scored or drawn.
import { UserError } from '../base/index.ts';
import { describeDiagnosis, diagnose, type Module } from '../nn/index.ts';
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
  if (rows.numel === 0) return;
  const row = faultyRow(rows);
  if (row !== undefined)
    throw new UserError('not-finite', `NaN or infinity in ${what(row)}`, { remedy, fields: { row } });
}

/** @throws UserError `not-finite` when a network's output is not finite, with the weight that is at fault */
export function requireFiniteOutput(output: Tensor, network: Module, what: string): void {
  const row = faultyRow(output);
  if (row === undefined) return;
  throw new UserError('not-finite', `${what} for image ${row} is not finite: ${describeDiagnosis(diagnose(network))}`, {
    remedy: 'The network has diverged: take one from before, or train it again with a lower learning rate.',
    fields: { row },
  });
}

/** @throws UserError `not-finite` when a row of the features [n, D] of real images or of fakes is not finite */
export function requireFiniteFeatures(real: Tensor, fake: Tensor): void {
  for (const [which, rows] of Object.entries({ real, fake }))
    requireFiniteRows(rows, (row) => `row ${row} of the ${which} features`, 'Check the network that gave them.');
}
