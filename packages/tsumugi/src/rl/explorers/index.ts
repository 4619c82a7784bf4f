export { AdditiveGaussian, AdditiveOU, type OUOptions } from './additive.ts';
export { Boltzmann } from './boltzmann.ts';
export { ConstantEpsilonGreedy, LinearDecayEpsilonGreedy } from './epsilon-greedy.ts';
export { type Explorer, Greedy } from './explorer.ts';
