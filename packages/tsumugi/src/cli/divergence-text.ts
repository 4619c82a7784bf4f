// How far an artefact is from what it was made of, in words.
import type { Comparison } from '../compress/index.ts';

type Found = Pick<Comparison, 'meanKl' | 'maxKl' | 'top1Agreement' | 'positions'>;

export const divergenceText = (from: string, { meanKl, maxKl, top1Agreement, positions }: Found): string =>
  `next-token divergence from ${from}: mean ${meanKl.toPrecision(2)} nats, largest ${maxKl.toPrecision(2)}; ` +
  `the same likeliest token at ${(100 * top1Agreement).toFixed(1)} % of ${positions} positions`;
