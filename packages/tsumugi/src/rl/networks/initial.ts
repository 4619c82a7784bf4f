// Initial weights of the field's networks by name; biases begin at 0 where a network says nothing else.
import {
  type Initializer,
  kaimingUniform,
  lecunNormal,
  orthogonal,
  varianceScaling,
  xavierUniform,
  zerosInit,
} from '../../nn/index.ts';
import type { Rng } from '../../torch/index.ts';

/** Chainer's default (variance 1/fanIn), U(±1/√fanIn), orthogonal with a gain, Glorot's and He's uniform. */
export type InitialWeights = 'lecun-normal' | 'lecun-uniform' | 'orthogonal' | 'glorot-uniform' | 'he-uniform';
export const initialWeights = ['lecun-normal', 'lecun-uniform', 'orthogonal', 'glorot-uniform', 'he-uniform'] as const;

/** @param gain factor of the weights */
export function initializerOf(name: InitialWeights, gain = 1): Initializer {
  if (name === 'orthogonal') return orthogonal({ gain });
  const initializer = named(name);
  if (gain === 1) return initializer;
  return (target, rng) => {
    initializer(target, rng);
    target.mul_(gain);
  };
}

function named(name: Exclude<InitialWeights, 'orthogonal'>): Initializer {
  switch (name) {
    case 'lecun-normal':
      return lecunNormal();
    case 'lecun-uniform':
      return varianceScaling({ scale: 1 / 3, distribution: 'uniform' });
    case 'glorot-uniform':
      return xavierUniform();
    case 'he-uniform':
      return kaimingUniform();
  }
}

/** Options of a layer as Chainer makes it. */
export const chainerInit = (rng: Rng) => ({ rng, weightInit: lecunNormal(), biasInit: zerosInit() });
