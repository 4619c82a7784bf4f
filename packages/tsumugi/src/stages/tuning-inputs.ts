// What the stages that learn from rows of examples share: the rows to measure on, and forecasts before anything is read.
import { ConfigError, contentHash } from '../base/index.ts';
import type { StageForecast, StageInput, Uses } from '../recipe/index.ts';
import { type AdapterConfig, adaptersOf, partBeside, requireIdle, type TrainingPhase } from '../train/index.ts';
import { isMade, modelConfigOf } from './model-config.ts';
import { trainingForecast } from './training-forecast.ts';

/** Bytes of a row of instruction data, and of one of its tokens: our guesses. */
const [bytesPerRow, bytesPerToken] = [600, 5];

/** Metric of stages that make examples: tokens of a text that is learned from, in the mean. */
export const TOKENS_OF_AN_EXAMPLE = 'tokens of an example';

/** @throws ConfigError when there are two ways to measure, or several sets of rows for it */
export function checkHeldOut(stage: string, heldOut: number | undefined, inputs: readonly unknown[]): void {
  if (inputs.length === 0) return;
  requireIdle('heldOut', heldOut, 'with examples to measure on among the inputs');
  if (inputs.length === 1) return;
  throw new ConfigError('too-many-inputs', `${stage} measures on one set of examples, got ${inputs.length}`, {
    remedy: 'Give it one, or none.',
  });
}

/** A template from a file is another one when the file is. */
export const usesTemplate = async ({ template }: { template?: string | undefined }): Promise<Uses> =>
  template?.endsWith('.jinja') ? { template: await contentHash(template) } : {};

/** How many rows there are: known of what a stage made, otherwise guessed from the bytes. */
export const rowsOf = ({ metrics, bytes }: StageInput): number =>
  metrics['examples'] ?? Math.max(1, Math.ceil(bytes / bytesPerRow));

/** Tokens of a row: known of what a stage made, otherwise guessed from the bytes; undefined where nothing is made yet. */
export const tokensOfRow = (rows: StageInput): number | undefined =>
  rows.metrics[TOKENS_OF_AN_EXAMPLE] ?? (rows.bytes === 0 ? undefined : rows.bytes / rowsOf(rows) / bytesPerToken);

interface TuningSettings extends Omit<TrainingPhase, 'steps'>, AdapterConfig {
  seed: number;
  freeze?: readonly string[] | undefined;
  steps?: number | undefined;
  epochs: number;
  batchSize: number;
  gradientAccumulation: number;
  sequenceLength: number;
  evaluateEvery: number;
  keepLast: number;
  keepSteps: readonly number[];
  device: string;
  /** Share that is held out where no rows are given for it, and tokens of it that are measured at most. */
  heldOut: number;
  evaluateTokens: number;
}

interface TuningInputs {
  model: StageInput;
  rows: StageInput;
  own: StageInput | undefined;
  /** That the model reads of each row: one for an example and two for a pair. */
  texts: number;
  /** Tokens of each that are not in the row. */
  answerTokens?: number | undefined;
}

export function tuningForecast(
  { steps: asked, epochs, heldOut, evaluateTokens, ...config }: TuningSettings,
  { model, rows, own, texts, answerTokens = 0 }: TuningInputs,
): StageForecast {
  const { batchSize, gradientAccumulation, sequenceLength, evaluateEvery, keepLast, keepSteps, device } = config;
  const count = rowsOf(rows);
  const steps = asked ?? Math.ceil((epochs * count) / (batchSize * gradientAccumulation));
  // Short examples share rows, or make them shorter. Of a pair both texts have the prompt, which is there once.
  const tokens = Math.min(sequenceLength, Math.ceil(tokensOfRow(rows) ?? sequenceLength) + answerTokens);
  const measured = own ? own.bytes / bytesPerToken : count * tokens * heldOut;
  const modelConfig = modelConfigOf(model);
  const folder = isMade(model) ? model.path : undefined;
  const part = adaptersOf(modelConfig, config, folder)?.part ?? partBeside(modelConfig, config.freeze ?? []);
  const phase = { ...config, steps, batchSize: texts * batchSize, sequenceLength: tokens };
  return {
    ...trainingForecast(
      modelConfig,
      [phase],
      {
        heldOutTokens: Math.min(texts * measured, evaluateTokens),
        evaluateTokens,
        evaluateEvery,
        keepLast,
        keepSteps: [...keepSteps],
        device,
      },
      part,
    ),
    lowers: { time: ['steps', 'epochs'], memory: ['batchSize', 'activationCheckpointing'], disk: ['keepLast'] },
  };
}
