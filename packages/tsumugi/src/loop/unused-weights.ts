// Weights that no forward used: they get no gradient, stay as they were drawn, and nothing else would tell of it. Frozen ones are
// meant to have none.
import { type Module, namedTrainable } from '../nn/index.ts';
import { scope, type Tensor } from '../torch/index.ts';
import type { StepWarning } from './loop.ts';

/** Names that are written out. */
const shown = 8;

/** After a step, before its gradients are forgotten: a warning that names the weights without one; none when all have theirs. */
export function warnOfUnused(
  module: Module,
  where = '',
  hasGradient: (parameter: Tensor) => boolean = ({ grad }) => grad !== undefined,
): StepWarning[] {
  const named = namedTrainable(module);
  const unused = scope(() => named.flatMap(([path, weight]) => (hasGradient(weight) ? [] : [`${where}${path}`])));
  if (unused.length === 0) return [];
  const names = unused.slice(0, shown).join(', ') + (unused.length > shown ? ` and ${unused.length - shown} more` : '');
  const message = `the first step gave these weights no gradient, so no forward uses them and they stay as they are: ${names}`;
  return [{ code: 'unused-weights', message }];
}
