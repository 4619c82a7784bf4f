// Samples of one quantity, and what is said about them.

export interface Summary {
  median: number;
  /** The quickest sample: the least disturbed by whatever else the machine was doing. */
  best: number;
  samples: readonly number[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** `better` tells which end is the best: times are better low, rates are better high. */
export function summarize(samples: readonly number[], better: 'lower' | 'higher'): Summary {
  if (samples.length === 0) throw new RangeError('summarize: there are no samples');
  const best = better === 'lower' ? Math.min(...samples) : Math.max(...samples);
  return { median: median(samples), best, samples };
}
