// A run: its folder, its events, its progress on the terminal, how it ends.
export { EventLog, type NewEvent } from './event-log.ts';
export {
  type CheckpointEvent,
  type EndEvent,
  type EvaluationEvent,
  type Figure,
  type RunEvent,
  readEvents,
  type SampleEvent,
  type StartEvent,
  type StepEvent,
  type WarningEvent,
} from './events.ts';
export { RunFolder } from './folder.ts';
export { type Forecast, forecastMemory, forecastSeconds, formatForecast, requireFits } from './forecast.ts';
export {
  displayWidth,
  fitWidth,
  formatBytes,
  formatCount,
  formatDuration,
  formatInteger,
  formatNumber,
} from './format.ts';
export { Interrupt } from './interrupt.ts';
export { Progress, type ProgressOptions, type ProgressStream, type ProgressUpdate } from './progress.ts';
export { Rate } from './rate.ts';
export { curveLine, sparkline } from './sparkline.ts';
