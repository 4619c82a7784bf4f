// What sampling takes beside training: memory of the answers that are being written, and time.
import { cacheBytes, type Plamo2Config } from '../../lm/index.ts';
import type { Amount, TimeForecast } from '../../loop/index.ts';
import { forecastTime, type TrainingPhase } from '../forecast.ts';
import type { GrpoConfig } from '../grpo-config.ts';
import { countParts } from '../trained-part.ts';

/**
 * Beside adapters the reference is the base, which is in memory once.
 *
 * @param longest tokens of a prompt and its answer at most
 */
export function samplingMemory(
  model: Plamo2Config,
  { slots, beta, lora }: Pick<GrpoConfig, 'slots' | 'beta' | 'lora'>,
  longest: number,
): Amount[] {
  const states = { what: 'states of answers that are being written', bytes: 2 * slots * cacheBytes(model, longest) };
  const isApart = beta > 0 && lora === undefined;
  return isApart ? [states, { what: 'reference', bytes: 4 * countParts(model).parameters }] : [states];
}

/** Writing a token takes as long as training on this many: our guess, for answers that are written together. */
const writing = 1;

/**
 * The steps with the sampling before them, and the reference's part. Answers are taken to be as long as they may be: a bound, not a mean.
 *
 * @param prompts of a rollout
 */
export function timeWithSampling(
  phase: TrainingPhase,
  { samples, maxTokens, updates, beta }: Pick<GrpoConfig, 'samples' | 'maxTokens' | 'updates' | 'beta'>,
  prompts: number,
  secondsPerStep: readonly number[],
): TimeForecast {
  const trained = phase.sequenceLength * phase.batchSize * (phase.gradientAccumulation ?? 1);
  const written = (prompts * samples * maxTokens) / trained;
  const besides = (writing * written + (beta > 0 ? 1 / 3 : 0)) / updates;
  return forecastTime(
    [phase],
    secondsPerStep.map((each) => each * (1 + besides)),
  );
}
