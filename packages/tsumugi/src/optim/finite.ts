// Whether everything that is about to be saved is finite. An update can overflow although loss and gradients are fine, and what
// is saved then would be taken for a good state.
import { countNotFinite, type NotFinite } from '../nn/index.ts';
import { noGrad, scope, type Tensor } from '../torch/index.ts';
import { globalNorm } from './clip.ts';

/**
 * The first of the tensors that holds NaN or infinite values; undefined when none does. One pass over memory for all of them:
 * the norm is finite only when every value is.
 */
export function findNotFinite(named: Iterable<readonly [name: string, tensor: Tensor]>): NotFinite | undefined {
  return noGrad(() =>
    scope(() => {
      const floats = [...named].filter(([, tensor]) => /float/.test(tensor.dtype));
      if (Number.isFinite(globalNorm(floats.map(([, tensor]) => tensor.detach())))) return undefined;
      for (const [name, tensor] of floats) {
        const found = countNotFinite(name, tensor.detach());
        if (found) return found;
      }
      return undefined;
    }),
  );
}
