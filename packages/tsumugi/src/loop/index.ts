// The training loop and what belongs to it: schedules, rehearsal, forecasts. It knows steps, not what is trained on.
export { agreedPause } from './agreed-pause.ts';
export { requireAlike } from './alike.ts';
export { checkMetrics } from './check-metrics.ts';
export {
  type Amount,
  type Forecast,
  forecastSeconds,
  formatForecast,
  requireFits,
  type SpaceForecast,
  type TimeForecast,
  totalBytes,
} from './forecast.ts';
export { type AfterStep, type GradientStep, gradientStep, type StepDone, type StepLoss } from './gradient-step.ts';
export {
  type Due,
  isDue,
  type LoopOutput,
  type LoopTask,
  type Measured,
  type Pause,
  requireStepsLeft,
  runLoop,
  type Sample,
  type StepTaken,
  type StepWarning,
} from './loop.ts';
export { latestOverRanks, noLog, onFirst, openRunOverRanks, silentStream, tellingOthers } from './over-ranks.ts';
export { rehearse } from './rehearse.ts';
export { DEFAULT_DECAY, DEFAULT_FLOOR, RANGE_TEST_FLOOR, type ScheduleSettings, scheduleOf } from './schedule.ts';
export { SharedGradients } from './shared-gradients.ts';
export { remembered, restore, type Trained, trainingState } from './state.ts';
export { Stragglers } from './straggler.ts';
export { warnOfUnused } from './unused-weights.ts';
