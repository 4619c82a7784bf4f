export type { ActionValues, Rows } from './action-values.ts';
export { DiscreteValues, DistributionalValues, QuantileValues } from './discrete.ts';
export { QuadraticValues } from './quadratic.ts';
