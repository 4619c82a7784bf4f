// From the settings of a run to its learning-rate schedule.
import { constant, linear, type Schedule, sequence, warmUp, warmUpCosine, warmUpStableDecay } from '../optim/index.ts';

export interface ScheduleSettings {
  schedule: 'cosine' | 'wsd' | 'constant' | 'linear';
  /** Fraction of the steps that warm up (one step at least). */
  warmup: number;
  /** Fraction of the steps over which wsd decays. */
  decay?: number | undefined;
  /** Fraction of the peak where the schedule ends. */
  floor?: number | undefined;
}

export const DEFAULT_DECAY = 0.2;
export const DEFAULT_FLOOR = 0.1;

/** The schedule of a run of `steps` updates. */
export function scheduleOf(settings: ScheduleSettings, steps: number): Schedule {
  const { schedule, warmup, decay = DEFAULT_DECAY, floor = DEFAULT_FLOOR } = settings;
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
  }
}
