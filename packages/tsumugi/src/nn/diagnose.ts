// Where a loss went wrong: the first parameter or gradient that is no longer finite.
import { scope, type Tensor } from '../torch/index.ts';
import { type Module, namedParameters } from './module.ts';

/** A tensor with NaN or infinite values, and how many of each. */
export interface NotFinite {
  name: string;
  nan: number;
  infinite: number;
}

export interface Diagnosis {
  /** In tree order: weights first, then gradients. */
  culprits: (NotFinite & { kind: 'weight' | 'gradient' })[];
}

/** Counts what is not finite in a tensor; undefined when everything is. */
export function countNotFinite(name: string, tensor: Tensor): NotFinite | undefined {
  return scope(() => {
    const nan = tensor.isnan().sum().item();
    const infinite = tensor.isfinite().logicalNot().sum().item() - nan;
    return nan + infinite > 0 ? { name, nan, infinite } : undefined;
  });
}

/** "exp_avg.norm.weight holds 2 NaN and 1 infinite value" */
export const describeNotFinite = ({ name, nan, infinite }: NotFinite): string =>
  `${name} holds ${nan} NaN and ${infinite} infinite value${infinite === 1 ? '' : 's'}`;

/** Looks through every weight and gradient of a model. */
export function diagnose(model: Module): Diagnosis {
  const culprits: Diagnosis['culprits'] = [];
  for (const kind of ['weight', 'gradient'] as const) {
    for (const [name, parameter] of namedParameters(model)) {
      const found = scope(() => {
        const tensor = kind === 'weight' ? parameter : parameter.grad;
        return tensor && countNotFinite(name, tensor);
      });
      if (found) culprits.push({ kind, ...found });
    }
  }
  return { culprits };
}

/** One sentence: which tensors, how many values. */
export function describeDiagnosis({ culprits }: Diagnosis): string {
  if (culprits.length === 0) return 'every weight and gradient is finite, so the loss itself overflowed';
  const first = culprits[0]!;
  const rest = culprits.length > 1 ? ` and ${culprits.length - 1} more tensors` : '';
  return `the ${first.kind} of ${describeNotFinite(first)}${rest}`;
}
