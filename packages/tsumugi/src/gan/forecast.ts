// What a GAN training run will take: time from updates that are rehearsed, memory and disk from what those show. Rehearsals
// are on networks of their own, which are thrown away.

import { availableDisk } from '../base/index.ts';
import type { ImageSet } from '../images/index.ts';
import type { SpaceForecast, TimeForecast } from '../loop/index.ts';
import type { RanksHere } from '../mesh/index.ts';
import { numParameters } from '../nn/index.ts';
import { emptyCache, memory, resetPeakMemory, scope } from '../torch/index.ts';
import { requireOverRanks } from './over-ranks.ts';
import type { GanParts } from './parts.ts';
import { type GanConfig, optimizerOf } from './train-config.ts';
import { GanTrainer } from './trainer.ts';

export interface Rehearsal {
  /** Seconds of one update, and the highest memory in it beside what was there before, in bytes (on the CPU). */
  generator: { seconds: number; peakBytes: number };
  discriminator: { seconds: number; peakBytes: number };
}

/** Does an update of each network twice, and measures the second. */
export function rehearseGan(config: GanConfig, set: ImageSet, own: GanParts = {}): Rehearsal {
  const before = memory().liveBytes;
  using trainer = new GanTrainer(config, set, own);
  const measure = (update: () => void) => {
    scope(update); // pays for memory, and makes the optimizer's state
    resetPeakMemory();
    const began = performance.now();
    scope(update);
    return { seconds: (performance.now() - began) / 1000, peakBytes: memory().peakBytes - before };
  };
  return {
    generator: measure(() => trainer.updateGenerator(0).item()),
    discriminator: measure(() => trainer.updateDiscriminator(0, 0).loss.item()),
  };
}

/** Batches from which the memory of larger ones follows: it grows by the same for every image. */
const smallBatches = [2, 4] as const;

/** Peak memory in bytes of updates with the batches of `config`, from rehearsals with small ones. */
export function forecastPeak(config: GanConfig, set: ImageSet, own: GanParts = {}): number {
  const { batchSize, generatorBatchSize = batchSize } = config;
  const [small, larger] = smallBatches.map((batch) =>
    rehearseGan({ ...config, batchSize: batch, generatorBatchSize: batch }, set, own),
  ) as [Rehearsal, Rehearsal];
  const at = (kind: keyof Rehearsal, batch: number) => {
    const each = (larger[kind].peakBytes - small[kind].peakBytes) / (smallBatches[1] - smallBatches[0]);
    return small[kind].peakBytes + each * (batch - smallBatches[0]);
  };
  return Math.max(at('generator', generatorBatchSize), at('discriminator', batchSize));
}

/** Seconds of one step: an update of the generator and n_dis of the discriminator. */
export const secondsPerStep = ({ generator, discriminator }: Rehearsal, discriminatorSteps: number): number =>
  generator.seconds + discriminatorSteps * discriminator.seconds;

/**
 * Memory and disk of a run; over several ranks the memory of each, which is at most that of one process: each draws all images, and judges some
 * of them.
 *
 * @throws ConfigError as `GanTrainer` does, also for what ranks cannot train together
 */
export function forecastGanSpace(
  config: GanConfig,
  set: ImageSet,
  own: GanParts = {},
  ranks: RanksHere = { world: 1, onHost: 1 },
): SpaceForecast {
  const { steps, keepLast, keepSteps, out, gridEvery, gridImages, emaDecay } = config;
  using trainer = new GanTrainer(config, set, own);
  requireOverRanks(ranks, config, own, trainer.D);
  const [generator, discriminator] = [numParameters(trainer.G), numParameters(trainer.D)];
  const average = emaDecay > 0 ? generator : 0;
  const weights = 4 * (generator + discriminator);
  const state = 4 * weights + 4 * average;
  const peak = forecastPeak(config, set, own);
  emptyCache();
  const resident = process.memoryUsage.rss() - memory().liveBytes;
  const grids = 2 + (gridEvery > 0 ? steps / gridEvery : 0);
  const kept = keepLast + keepSteps.length + 1;
  const imageBytes = set.channels * set.height * set.width;
  return {
    label: 'gan',
    memory: [
      {
        what: `${ranks.world > 1 ? `of each of ${ranks.world} ranks: ` : ''}weights, gradients, optimizers`,
        bytes: state,
      },
      { what: 'activations', bytes: Math.max(0, peak - state) },
      { what: 'memory kept for reuse', bytes: 0.1 * Math.max(peak, state) },
      { what: 'Node, libtorch, images', bytes: resident },
    ],
    // What the process has already is not free any more; what is free is for all ranks here.
    availableMemoryBytes: process.availableMemory() / ranks.onHost + resident,
    disk: [
      // Each holds weights and two moments of each.
      { what: `checkpoints: ${kept}, with one being written`, bytes: (3 * weights + 4 * average) * kept },
      { what: 'networks', bytes: weights + 4 * average },
      // A PNG file takes about as many bytes as its pixels at most.
      { what: 'grids of images', bytes: grids * gridImages * imageBytes },
    ],
    availableDiskBytes: availableDisk(out),
    out,
    remedy: 'Lower batchSize, generatorBatchSize, width or keepLast.',
  };
}

/** The time of a run, from updates that are rehearsed with its batches: only where there is enough memory. */
export function forecastGanTime(config: GanConfig, set: ImageSet, own: GanParts = {}): TimeForecast {
  const { discriminatorSteps } = optimizerOf(config);
  return { steps: config.steps, secondsPerStep: secondsPerStep(rehearseGan(config, set, own), discriminatorSteps) };
}
