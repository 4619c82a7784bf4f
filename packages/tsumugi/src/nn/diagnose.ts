// Where a loss went wrong: the first parameter or gradient that is no longer finite.

import { scope, type Tensor } from '../torch/index.ts';
import { type Module, namedParameters } from './module.ts';

export interface Diagnosis {
  /** Tensors with NaN or infinite values, in tree order: weights first, then gradients. */
  culprits: { name: string; kind: 'weight' | 'gradient'; nan: number; infinite: number }[];
}

function count(tensor: Tensor): { nan: number; infinite: number } {
  return scope(() => {
    const nan = tensor.isnan().sum().item();
    return { nan, infinite: tensor.isfinite().logicalNot().sum().item() - nan };
  });
}

/** Looks through every weight and gradient of a model. */
export function diagnose(model: Module): Diagnosis {
  const culprits: Diagnosis['culprits'] = [];
  for (const kind of ['weight', 'gradient'] as const) {
    for (const [name, parameter] of namedParameters(model)) {
      const found = scope(() => {
        const tensor = kind === 'weight' ? parameter : parameter.grad;
        return tensor ? count(tensor) : { nan: 0, infinite: 0 };
      });
      if (found.nan + found.infinite > 0) culprits.push({ name, kind, ...found });
    }
  }
  return { culprits };
}

/** One sentence: which tensors, how many values. */
export function describeDiagnosis({ culprits }: Diagnosis): string {
  if (culprits.length === 0) return 'every weight and gradient is finite, so the loss itself overflowed';
  const first = culprits[0]!;
  const rest = culprits.length > 1 ? ` and ${culprits.length - 1} more tensors` : '';
  return `the ${first.kind} of ${first.name} holds ${first.nan} NaN and ${first.infinite} infinite values${rest}`;
}
