// Learning-rate schedules: pure functions from the step (0 at the first update) to a factor of the peak learning rate.
import { ConfigError, checkChoice, checkNumber, checkNumbers, checkOptions } from '../base/index.ts';

export type Schedule = (step: number) => number;

/** Always `value`. */
export function constant(value = 1): Schedule {
  checkNumber('constant', 'value', value, { min: 0 });
  return () => value;
}

/** How far `step` is through `steps`: 0 at step 0, 1 at step `steps` and after. */
const progress = (step: number, steps: number) => (steps <= 0 ? 1 : Math.min(1, step / steps));

/** A straight line from `from` at step 0 to `to` at step `steps`, which then stays. */
export function linear(steps: number, options: { from?: number; to?: number } = {}): Schedule {
  checkOptions('linear', options, { from: true, to: true });
  const { from = 1, to = 0 } = options;
  checkNumbers('linear', { steps, from, to }, { min: 0 });
  return (step) => from + (to - from) * progress(step, steps);
}

/** By the same factor at every step, from `from` at step 0 to `to` at step `steps`, which then stays. */
export function exponential(steps: number, options: { from: number; to?: number }): Schedule {
  checkOptions('exponential', options, { from: true, to: true });
  const { from, to = 1 } = options;
  checkNumber('exponential', 'steps', steps, { min: 0 });
  checkNumbers('exponential', { from, to }, { above: 0 });
  return (step) => to * (from / to) ** (1 - progress(step, steps));
}

/** Half a cosine from 1 at step 0 to `floor` at step `steps`, which then stays. Loshchilov & Hutter, arXiv 1608.03983. */
export function cosine(steps: number, options: { floor?: number } = {}): Schedule {
  checkOptions('cosine', options, { floor: true });
  const { floor = 0 } = options;
  checkNumbers('cosine', { steps, floor }, { min: 0 });
  return (step) => floor + ((1 - floor) * (1 + Math.cos(Math.PI * progress(step, steps)))) / 2;
}

/** From 1 to `floor` along 1 − √progress: fast at first. Hägele et al. 2024, arXiv 2405.18392. */
export function oneMinusSqrt(steps: number, options: { floor?: number } = {}): Schedule {
  checkOptions('oneMinusSqrt', options, { floor: true });
  const { floor = 0 } = options;
  checkNumbers('oneMinusSqrt', { steps, floor }, { min: 0 });
  return (step) => floor + (1 - floor) * (1 - Math.sqrt(progress(step, steps)));
}

/** The line 1/steps, 2/steps, …, 1: the first update is not wasted on a rate of 0. */
export function warmUp(steps: number): Schedule {
  checkNumber('warmUp', 'steps', steps, { min: 0 });
  return (step) => progress(step + 1, steps);
}

/**
 * One schedule after the other: each part lasts `steps` and sees its own steps from 0; the last one goes on for ever.
 */
export function sequence(...parts: readonly { steps: number; schedule: Schedule }[]): Schedule {
  const last = parts.at(-1);
  if (!last) throw new ConfigError('empty-schedule', 'sequence: needs at least one schedule');
  for (const [i, { steps }] of parts.entries())
    checkNumber('sequence', `steps of part ${i}`, steps, { min: 0, infinite: true });
  return (step) => {
    let local = step;
    for (const { steps, schedule } of parts.slice(0, -1)) {
      if (local < steps) return schedule(local);
      local -= steps;
    }
    return last.schedule(local);
  };
}

/** What the parts leave of the steps. @throws ConfigError when they do not fit in */
function remaining(owner: string, steps: number, parts: Readonly<Record<string, number>>): number {
  checkNumbers(owner, { steps, ...parts }, { min: 0 });
  const rest = Object.values(parts).reduce((left, part) => left - part, steps);
  if (rest >= 0) return rest;
  const given = Object.entries(parts).map(([name, part]) => `${name} ${part}`);
  throw new ConfigError('out-of-range', `${owner}: ${given.join(' and ')} do not fit into ${steps} steps`, {
    remedy: 'Make the parts shorter, or the whole longer.',
    fields: { steps, ...parts },
  });
}

/** Linear warm-up, then half a cosine down to `floor`; `steps` in all. */
export function warmUpCosine(options: { steps: number; warmUp: number; floor?: number }): Schedule {
  checkOptions('warmUpCosine', options, { steps: true, warmUp: true, floor: true });
  const rest = remaining('warmUpCosine', options.steps, { warmUp: options.warmUp });
  return sequence(
    { steps: options.warmUp, schedule: warmUp(options.warmUp) },
    { steps: rest, schedule: cosine(rest, { floor: options.floor ?? 0 }) },
  );
}

/**
 * Warm-up–stable–decay (Hu et al. 2024, arXiv 2404.06395): linear warm-up, a plateau, and a decay of `decay` steps at
 * the end, `steps` in all. A run can be lengthened by taking up the plateau again.
 */
export function warmUpStableDecay(options: {
  steps: number;
  warmUp: number;
  decay: number;
  shape?: 'linear' | '1-sqrt';
  floor?: number;
}): Schedule {
  checkOptions('warmUpStableDecay', options, { steps: true, warmUp: true, decay: true, shape: true, floor: true });
  const { steps, decay, shape = 'linear', floor = 0 } = options;
  checkChoice('warmUpStableDecay', 'shape', shape, ['linear', '1-sqrt']);
  const stable = remaining('warmUpStableDecay', steps, { warmUp: options.warmUp, decay });
  return sequence(
    { steps: options.warmUp, schedule: warmUp(options.warmUp) },
    { steps: stable, schedule: constant() },
    { steps: decay, schedule: shape === 'linear' ? linear(decay, { to: floor }) : oneMinusSqrt(decay, { floor }) },
  );
}
