// What each part of the model does in a step: the norm of its gradients, and the size of what it gives. It tells which layer a
// training goes wrong in.
import type { LanguageModel } from '../lm/index.ts';
import { isDue, SharedGradients } from '../loop/index.ts';
import { namedParameters } from '../nn/index.ts';
import type { LayerMetrics } from '../run/index.ts';
import { noGrad, scope, stack, type Tensor } from '../torch/index.ts';

/** `model.layers.layers.3.mlp.down_proj.weight` → `model.layers.layers.3` */
const partOf = (path: string): string => /^.*?layers\.layers\.\d+/.exec(path)?.[0] ?? path.replace(/\.[^.]*$/, '');

export class LayerWatch {
  readonly #every: number;
  readonly #parts: [path: string, parameters: Tensor[]][];
  #given = new Map<string, Pick<LayerMetrics, 'rms' | 'max'>>();

  readonly #gradients: SharedGradients;

  /** @param every steps between two measurements; 0 = none */
  constructor(model: LanguageModel, every: number, gradients = new SharedGradients(undefined)) {
    this.#every = every;
    this.#gradients = gradients;
    const parts = Map.groupBy(namedParameters(model), ([path]) => partOf(path));
    this.#parts = [...parts].map(([path, named]) => [path, named.map(([, parameter]) => parameter)]);
  }

  /** What the forwards of step `step` (from 0) are to call; undefined when it is not measured. */
  onPart(step: number): ((path: string, output: Tensor) => void) | undefined {
    if (!isDue(this.#every, step + 1)) return undefined;
    this.#given = new Map();
    return (path, output) => {
      if (this.#given.has(path)) return; // of the first micro-batch
      scope(() =>
        noGrad(() => {
          const values = output.float();
          const [rms, max] = stack([values.square().mean().sqrt(), values.abs().max()]).tolist() as [number, number];
          this.#given.set(path, { rms, max });
        }),
      );
    };
  }

  /** What was found in step `step`, while its gradients are there. */
  found(step: number): Record<string, LayerMetrics> | undefined {
    if (!isDue(this.#every, step + 1)) return undefined;
    const norms = this.#gradients.norms(this.#parts.map(([, parameters]) => parameters));
    return Object.fromEntries(
      this.#parts.map(([path], i) => [path, { gradNorm: norms[i]!, ...this.#given.get(path) }]),
    );
  }
}
