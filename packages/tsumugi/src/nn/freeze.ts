// Freezing: parameters that are no longer trained. A frozen one is still a parameter (it is saved with the model, converted,
// replaced), but has no gradient; whoever trains takes `namedTrainable`, so it is in no optimizer and in no checkpoint.
import { scope, type Tensor } from '../torch/index.ts';
import { type Module, namedParameters } from './module.ts';

/** Path and tensor of every parameter that is trained: those that are not frozen, in tree order. */
export const namedTrainable = (module: Module): [string, Tensor][] =>
  namedParameters(module).filter(([, parameter]) => parameter.requiresGrad);

/** The parameters that are trained. */
export const trainable = (module: Module): Tensor[] => namedTrainable(module).map(([, parameter]) => parameter);

/** How many numbers are trained; `numParameters` counts the frozen ones too. */
export const numTrainable = (module: Module): number =>
  trainable(module).reduce((sum, parameter) => sum + parameter.numel(), 0);

/**
 * Freezes the parameters whose path is chosen (all, when nothing is), and forgets their gradients. Returns their paths. Freeze
 * before an optimizer is made of the module: one that is there already holds state of them. `parameter.requiresGrad_()` thaws one.
 *
 * @example
 * ```ts
 * const net = new Sequential(new Linear(2, 3), new Linear(3, 1));
 * console.log(freeze(net, (path) => path.startsWith('0.'))); // prints ["0.weight","0.bias"]
 * console.log(numTrainable(net), numParameters(net)); // prints 4 13
 * ```
 */
export function freeze(module: Module, isFrozen: (path: string) => boolean = () => true): string[] {
  const chosen = namedParameters(module).filter(([path]) => isFrozen(path));
  scope(() => {
    for (const [, parameter] of chosen) {
      parameter.grad = undefined;
      parameter.requiresGrad_(false);
    }
  });
  return chosen.map(([path]) => path);
}
