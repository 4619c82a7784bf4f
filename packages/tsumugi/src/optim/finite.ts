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
      const alike = new Map<string, [string, Tensor][]>();
      for (const [name, tensor] of named) {
        if (!/float/.test(tensor.dtype)) continue;
        const key = `${tensor.dtype} ${tensor.device}`;
        const group = alike.get(key) ?? [];
        group.push([name, tensor.detach()]);
        alike.set(key, group);
      }
      for (const tensors of alike.values()) {
        if (Number.isFinite(globalNorm(tensors.map(([, tensor]) => tensor)))) continue;
        for (const [name, tensor] of tensors) {
          const found = countNotFinite(name, tensor);
          if (found) return found;
        }
      }
      return undefined;
    }),
  );
}
