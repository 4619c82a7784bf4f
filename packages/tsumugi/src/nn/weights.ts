// How layers make their parameters: the options they share, and PyTorch's default initial values.
import { empty, type Generator, type Tensor } from '../torch/index.ts';
import { constant, type Initializer, initialize, varianceScaling } from './initializers.ts';
import { parameter } from './module.ts';

/** U(−1/√fanIn, 1/√fanIn), PyTorch's default for weights of linear and convolution layers. */
export const defaultWeightInit = varianceScaling({ scale: 1 / 3, distribution: 'uniform' });

export interface WeightOptions {
  generator: Generator;
  /** Whether there is a bias; true when left out. */
  bias?: boolean;
  weightInit?: Initializer;
  biasInit?: Initializer;
}

/** The initial weight of a layer. */
export const makeWeight = (shape: readonly number[], options: WeightOptions): Tensor =>
  parameter(
    initialize(
      empty(shape, { device: options.generator.device }),
      options.weightInit ?? defaultWeightInit,
      options.generator,
    ),
  );

/** The initial bias [size] of a layer, or null without one. Default: U(−1/√fanIn, 1/√fanIn) as PyTorch's. */
export const makeBias = (size: number, fanIn: number, options: WeightOptions): Tensor | null => {
  if (options.bias === false) return null;
  const bound = 1 / Math.sqrt(fanIn);
  const byDefault: Initializer = (target, generator) => void target.uniform_(-bound, bound, { generator });
  return parameter(
    initialize(empty([size], { device: options.generator.device }), options.biasInit ?? byDefault, options.generator),
  );
};

/** A parameter [shape] that starts at one value: gains and shifts of norms. */
export const constantParameter = (shape: readonly number[], value: number, generator: Generator): Tensor =>
  parameter(initialize(empty(shape, { device: generator.device }), constant(value), generator));
