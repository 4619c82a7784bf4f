// The target network: a copy of the network that follows it from afar, all at once every so many steps or a little at each.
import { type Module, namedTensors } from '../../nn/index.ts';
import { noGrad, scope, type Tensor } from '../../torch/index.ts';

export class TargetNetwork<N extends Module> implements Disposable {
  readonly network: N;
  readonly #pairs: [target: Tensor, source: Tensor][];

  /** @param network of the same shape as the source; it is this object's from now on */
  constructor(network: N, source: N) {
    this.network = network;
    const sources = new Map(namedTensors(source));
    this.#pairs = [...namedTensors(network)].map(([path, target]) => [target, sources.get(path)!]);
    for (const [target] of this.#pairs) if (target.requiresGrad) target.requiresGrad_(false);
    this.copy();
  }

  /** θ⁻ ← θ */
  copy(): void {
    noGrad(() => {
      for (const [target, source] of this.#pairs) scope(() => void target.copy_(source));
    });
  }

  /** θ⁻ ← (1 − τ) θ⁻ + τ θ; statistics of batch normalization as well. */
  follow(tau: number): void {
    noGrad(() =>
      scope(() => {
        for (const [target, source] of this.#pairs)
          if (target.dtype === 'float32') target.lerp_(source, tau);
          else target.copy_(source);
      }),
    );
  }

  [Symbol.dispose](): void {
    this.network.dispose();
  }
}
