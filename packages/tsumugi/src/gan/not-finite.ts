// Numbers that are no numbers, in images and in what is made of them: named, and never scored or drawn.
import { UserError } from '../base/index.ts';
import { describeDiagnosis, diagnose, faultyRow, type Module, requireFiniteRows } from '../nn/index.ts';
import type { Tensor } from '../torch/index.ts';

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
