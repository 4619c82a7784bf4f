// Training in phases, each with rows of its own length: which phase a step belongs to, and its batches. Batch k of a phase
// is a function of (seed, phase, k), so a run goes on from any step bit for bit, also across the border of two phases.
import { deriveSeed } from '../base/index.ts';
import { formatInteger } from '../run/index.ts';
import { type Batch, LongBatches, type MixtureSource, makeBatch, requireLongDocuments } from '../text/index.ts';
import type { StepBatch } from './step-gradients.ts';

export interface PhaseSettings {
  sequenceLength: number;
  steps: number;
  batchSize: number;
  gradientAccumulation: number;
}

export interface Phase {
  settings: PhaseSettings;
  batches: LongBatches;
  /** Steps and tokens of the phases before it. */
  firstStep: number;
  firstToken: number;
}

export class PhasedBatches {
  /** Updates of all phases. */
  readonly steps: number;
  readonly phases: readonly Phase[];
  /** The arrays of the latest phase's batches. */
  #into: Batch | undefined;

  /** @throws DataError when a phase finds no document as long as its context in any source */
  constructor(
    sources: readonly MixtureSource[],
    settings: readonly PhaseSettings[],
    options: { seed: number; predictEnd: boolean },
  ) {
    let [firstStep, firstToken] = [0, 0];
    this.phases = settings.map((phase, index) => {
      const batches = new LongBatches(sources, {
        sequenceLength: phase.sequenceLength,
        batchSize: phase.batchSize * phase.gradientAccumulation,
        seed: deriveSeed(options.seed, 'phase', index),
        predictEnd: options.predictEnd,
      });
      requireLongDocuments(batches);
      const made = { settings: phase, batches, firstStep, firstToken };
      firstStep += phase.steps;
      firstToken += phase.steps * batches.tokensPerStep;
      return made;
    });
    this.steps = firstStep;
  }

  /** The phase that update `step` (from 0) belongs to; after the last update, the last phase. */
  phaseOf(step: number): Phase {
    return this.phases.findLast(({ firstStep }) => firstStep <= step)!;
  }

  /** The batch of update `step`; its arrays are overwritten by the next. */
  batch(step: number): StepBatch {
    const { settings, batches, firstStep, firstToken } = this.phaseOf(step);
    if (this.#into?.rows !== batches.batchSize || this.#into.columns !== batches.sequenceLength)
      this.#into = makeBatch(batches.batchSize, batches.sequenceLength);
    const done = step - firstStep;
    return {
      batch: batches.batch(done, this.#into),
      microRows: settings.batchSize,
      tokensSeen: firstToken + (done + 1) * batches.tokensPerStep,
    };
  }
}

/** Lines for the terminal: the phase, and how its sources' documents fit its rows. */
export function describePhase(index: number, { settings, batches }: Phase): string {
  const { sequenceLength, steps, batchSize, gradientAccumulation } = settings;
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const epochs = batches.epochsAt(steps);
  const lines = batches.report().map((source, i) => {
    const { folder, rows, fill, documents, longDocuments, longTokenShare } = source;
    return (
      `  ${folder}: ${formatInteger(rows)} rows, ${percent(fill)} filled; ${formatInteger(longDocuments)} of ` +
      `${formatInteger(documents)} documents (${percent(longTokenShare)} of the tokens) as long as a row; ` +
      `${epochs[i]!.toFixed(2)} epochs`
    );
  });
  const shape = `${formatInteger(batchSize * gradientAccumulation)} × ${formatInteger(sequenceLength)}`;
  return [`phase ${index + 1}: ${formatInteger(steps)} steps of ${shape} tokens`, ...lines].join('\n');
}
