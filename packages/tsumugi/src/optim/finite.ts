// Whether everything that is about to be saved is finite. An update can overflow although loss and gradients are fine, and what
// is saved then would be taken for a good state.
import { noGrad, scope, type Tensor } from '../torch/index.ts';
import { globalNorm } from './clip.ts';

export interface NotFinite {
  name: string;
  nan: number;
  infinite: number;
}

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
          const nan = tensor.isnan().sum().item();
          const infinite = tensor.isfinite().logicalNot().sum().item() - nan;
          if (nan + infinite > 0) return { name, nan, infinite };
        }
      }
      return undefined;
    }),
  );
}

/** "exp_avg.norm.weight holds 2 NaN and 0 infinite values" */
export const describeNotFinite = ({ name, nan, infinite }: NotFinite): string =>
  `${name} holds ${nan} NaN and ${infinite} infinite values`;
