// Functions whose derivative is given, too: for what libtorch cannot differentiate, as what crosses processes.
import { carryThrown } from './checkpoint.ts';
import { noGrad } from './grad-mode.ts';
import { native } from './native.ts';
import { scope } from './scope.ts';
import { Tensor } from './tensor.ts';

export interface CustomForward {
  outputs: readonly Tensor[];
  /** What backward needs. It is kept, and dropped in a checkpointed segment, as what operators save is. */
  saved?: readonly Tensor[];
}

const wrap = (handles: readonly number[]) => handles.map((handle) => new Tensor(handle));

/**
 * The outputs of `forward` as functions of `inputs`. `backward(gradients, saved)` gets a gradient for each output (zeros where nothing
 * depends on it) and gives one for each input, or undefined for 0. Neither is recorded, and a second derivative is refused. Backward is
 * called once for each pass through the graph, whichever of the inputs require gradients, on the thread that called.
 *
 * @param backward must hold no tensors of its own: in a checkpointed segment they are freed before it is called
 */
export function customGradient(
  inputs: readonly Tensor[],
  forward: () => CustomForward,
  backward: (gradients: Tensor[], saved: Tensor[]) => readonly (Tensor | undefined)[],
): Tensor[] {
  return scope(() => {
    const { outputs, saved = [] } = noGrad(forward);
    return wrap(
      native().customGradient(
        inputs.map(({ handle }) => handle),
        outputs.map(({ handle }) => handle),
        saved.map(({ handle }) => handle),
        (gradients, kept) =>
          carryThrown(() =>
            scope(() => {
              const results = noGrad(() => backward(wrap(gradients), wrap(kept)));
              native().giveGradients(results.map((result) => result?.handle ?? null));
            }),
          ),
      ),
    );
  });
}
