// A generator whose weights are a moving average of another's over the updates (Yazıcı et al. 2019, arXiv 1806.04498):
//
//   average ← decay · average + (1 − decay) · weight,    at first the weight itself
//
// The running statistics of batch normalization are averaged as well, as Brock et al. 2019, arXiv 1809.11096, do in their
// code; the counts of batches are copied.
import { namedTensors, parameters } from '../nn/index.ts';
import { noGrad, scope, type Tensor } from '../torch/index.ts';
import type { ImageGenerator } from './types.ts';

export class MovingAverage implements Disposable {
  /** Generates with the average; it takes no gradients, and stays in evaluation mode. */
  readonly network: ImageGenerator;
  readonly #source: ImageGenerator;
  readonly #decay: number;

  /** @param network of the same shape as the source; it is this object's from now on */
  constructor(network: ImageGenerator, source: ImageGenerator, decay: number) {
    this.network = network.eval() as ImageGenerator;
    this.#source = source;
    this.#decay = decay;
    for (const parameter of parameters(network)) parameter.requiresGrad_(false);
    this.#each((average, weight) => average.copy_(weight));
  }

  /** Takes the source's weights into the average. */
  update(): void {
    this.#each((average, weight) =>
      average.dtype.startsWith('int') ? average.copy_(weight) : average.lerp_(weight, 1 - this.#decay),
    );
  }

  #each(change: (average: Tensor, weight: Tensor) => unknown): void {
    const weights = new Map(namedTensors(this.#source));
    noGrad(() =>
      scope(() => {
        for (const [path, average] of namedTensors(this.network)) change(average, weights.get(path)!);
      }),
    );
  }

  [Symbol.dispose](): void {
    this.network.dispose();
  }
}
