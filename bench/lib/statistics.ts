// Samples of one quantity, and what is said about them.

export interface Summary {
  median: number;
  /** The quickest sample: the least disturbed by whatever else the machine was doing. */
  best: number;
  samples: readonly number[];
}

/** Linear between two values. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = q * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
  return low + (place % 1) * (high - low);
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** `better` tells which end is the best: times are better low, rates are better high. */
export function summarize(samples: readonly number[], better: 'lower' | 'higher'): Summary {
  if (samples.length === 0) throw new RangeError('summarize: there are no samples');
  const best = better === 'lower' ? Math.min(...samples) : Math.max(...samples);
  return { median: median(samples), best, samples };
}
