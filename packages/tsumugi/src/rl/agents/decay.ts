// A line from 1 down to 0, as ChainerRL's LinearInterpolationHook draws it: from step 1 to step `steps`.
export const lastShare = (step: number, steps: number): number =>
  steps <= 1 ? 0 : 1 - Math.min(1, Math.max(0, (step - 1) / (steps - 1)));
