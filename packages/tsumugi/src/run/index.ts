// A run: its folder, its events, its progress on the terminal, how it ends.
export { describeChanges, settingText, toJson, withoutPlaces } from './changes.ts';
export { displayWidth, fitWidth, formatCells, padEnd, padStart } from './columns.ts';
export { codeCommit } from './commit.ts';
export { type Curve, type CurveAxis, curvesOf, curveTitle, readCurves } from './curves.ts';
export { EventLog, type NewEvent } from './event-log.ts';
export {
  type CheckpointEvent,
  type EndEvent,
  type EvaluationEvent,
  type LayerMetrics,
  type LayersEvent,
  type MetricValue,
  type RunEvent,
  readEvents,
  type SampleEvent,
  type StageEvent,
  type StartEvent,
  type StepEvent,
  type WarningEvent,
} from './events.ts';
export { RECORD_FILE, RunFolder } from './folder.ts';
export {
  formatBytes,
  formatCount,
  formatDuration,
  formatInteger,
  formatMetric,
  formatNumber,
  formatSpread,
  formatTime,
} from './format.ts';
export { holdPlace } from './held-place.ts';
export { inputAt, placesIn, type RunInput, type RunInputs } from './inputs.ts';
export { Interrupt, Interrupted, interruptible, unlessInterrupted } from './interrupt.ts';
export { Lock } from './lock.ts';
export { type Measurement, measurementsIn, readMeasurements } from './measurements.ts';
export { asJson, type OpenRunOptions, openRun } from './open-run.ts';
export { ownPartsOf } from './own-parts.ts';
export { Progress, type ProgressOptions, type ProgressStream, type ProgressUpdate } from './progress.ts';
export { Rate } from './rate.ts';
export { leftOutNote, readableSample, wholeCharacters } from './readable-sample.ts';
