// From the settings of a run to its learning-rate schedule.
import {
  constant,
  exponential,
  linear,
  type Schedule,
  sequence,
  warmUp,
  warmUpCosine,
  warmUpStableDecay,
} from '../optim/index.ts';

export interface ScheduleSettings {
  schedule: 'cosine' | 'wsd' | 'constant' | 'linear' | 'range-test';
  /** Fraction of the steps that warm up (one step at least); not with range-test. */
  warmup: number;
  /** Fraction of the steps over which wsd decays. */
  decay?: number | undefined;
  /** Fraction of the peak where the schedule ends, or where range-test begins. */
  floor?: number | undefined;
}

export const DEFAULT_DECAY = 0.2;
export const DEFAULT_FLOOR = 0.1;
/** Five decades up to the peak. */
export const RANGE_TEST_FLOOR = 1e-5;

/** The schedule of a run of `steps` updates. */
export function scheduleOf(settings: ScheduleSettings, steps: number): Schedule {
  const { schedule, warmup, decay = DEFAULT_DECAY } = settings;
  const { floor = schedule === 'range-test' ? RANGE_TEST_FLOOR : DEFAULT_FLOOR } = settings;
  const warm = Math.max(1, Math.round(warmup * steps));
  switch (schedule) {
    case 'cosine':
      return warmUpCosine({ steps, warmUp: warm, floor });
    case 'wsd':
      // Both fractions are rounded to steps, and together may come to one step too many.
      return warmUpStableDecay({
        steps,
        warmUp: warm,
        decay: Math.min(Math.round(decay * steps), steps - warm),
        floor,
      });
    case 'linear':
      return sequence(
        { steps: warm, schedule: warmUp(warm) },
        { steps: steps - warm, schedule: linear(steps - warm, { to: floor }) },
      );
    case 'constant':
      return sequence({ steps: warm, schedule: warmUp(warm) }, { steps: steps - warm, schedule: constant() });
    case 'range-test':
      // The last step has the peak.
      return exponential(steps - 1, { from: floor });
  }
}
