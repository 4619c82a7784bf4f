// From the settings of a run to its learning-rate schedule.
import { constant, linear, type Schedule, sequence, warmUp, warmUpCosine, warmUpStableDecay } from '../optim/index.ts';

export interface ScheduleSettings {
  schedule: 'cosine' | 'wsd' | 'constant' | 'linear';
  /** Fraction of the steps that warm up (one step at least). */
  warmup: number;
  /** Fraction of the steps over which wsd decays. */
  decay: number;
  /** Fraction of the peak where the schedule ends. */
  floor: number;
}

/** The schedule of a run of `steps` updates. */
export function scheduleOf({ schedule, warmup, decay, floor }: ScheduleSettings, steps: number): Schedule {
  const warm = Math.max(1, Math.round(warmup * steps));
  switch (schedule) {
    case 'cosine':
      return warmUpCosine({ steps, warmUp: warm, floor });
    case 'wsd':
      return warmUpStableDecay({ steps, warmUp: warm, decay: Math.round(decay * steps), floor });
    case 'linear':
      return sequence(
        { steps: warm, schedule: warmUp(warm) },
        { steps: steps - warm, schedule: linear(steps - warm, { to: floor }) },
      );
    case 'constant':
      return sequence({ steps: warm, schedule: warmUp(warm) }, { steps: steps - warm, schedule: constant() });
  }
}
