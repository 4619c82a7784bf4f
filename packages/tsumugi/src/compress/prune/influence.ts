// Block influence (Men et al. 2024, ShortGPT, arXiv 2403.03853, there for single layers): how far a group of layers turns the residual stream.
import { layerOf, type Plamo2Config } from '../../lm/index.ts';
import type { Tensor } from '../../torch/index.ts';
import { layersOfUnit } from '../reshape/layers.ts';

/** 1 − cosine of the residual stream before and after each group of layers, summed over tokens. */
export class Influence {
  readonly #sums: number[];
  readonly #size: number;
  #before: Tensor | undefined;

  constructor(config: Plamo2Config) {
    this.#size = layersOfUnit(config);
    this.#sums = new Array<number>(Math.floor(config.num_hidden_layers / this.#size)).fill(0);
  }

  see(path: string, output: Tensor): void {
    const layer = layerOf(path);
    const done = layer === undefined ? 0 : layer + 1;
    if (path === 'model.norm' || done % this.#size !== 0) return;
    const unit = done / this.#size - 1;
    const before = this.#before;
    if (unit >= 0) {
      const [x, y] = [before!.double(), output.detach().double()];
      const cosine = x
        .mul(y)
        .sum([-1])
        .div(
          x
            .square()
            .sum([-1])
            .mul(y.square().sum([-1]))
            .sqrt(),
        );
      this.#sums[unit]! += cosine.neg().add(1).sum().item();
    }
    before?.dispose();
    this.#before = output.detach().clone().keep();
    if (unit === this.#sums.length - 1) this.#before[Symbol.dispose]();
  }

  means(tokens: number): number[] {
    return this.#sums.map((sum) => sum / tokens);
  }
}
