// Training a GAN, from images to a model folder, top to bottom: open the images, forecast, build, train, save. Everything
// that is random follows from `seed`, and a checkpoint holds all the rest, so a resumed run goes on bit for bit.
import { join, relative } from 'node:path';
import { steady, UserError } from '../base/index.ts';
import { numParameters } from '../nn/index.ts';
import {
  asJson,
  codeCommit,
  type EventLog,
  formatForecast,
  formatInteger,
  Interrupt,
  Interrupted,
  inputAt,
  openRun,
  Progress,
  type ProgressStream,
  requireFits,
} from '../run/index.ts';
import { loadLatestCheckpoint } from '../store/index.ts';
import { memory, resetPeakMemory } from '../torch/index.ts';
import { restoreGan, saveGanCheckpoint } from './checkpoint.ts';
import { type ImageSet, imagesHash } from './data/image-set.ts';
import { isFolder, openImages } from './data/open-images.ts';
import { requireFinite } from './divergence.ts';
import { forecastGan, rehearseGan, secondsPerStep } from './forecast.ts';
import { measureGan } from './measure.ts';
import { saveGan } from './model-folder.ts';
import { writeSampleGrid } from './sampler.ts';
import type { GanConfig } from './train-config.ts';
import { GanTrainer, type StepLosses } from './trainer.ts';

export interface GanResult {
  interrupted: boolean;
  /** The model folder, once training is complete. */
  folder: string | undefined;
  steps: number;
  /** Of the last step that was taken now; undefined when none was left to take. */
  losses: StepLosses | undefined;
}

export interface TrainGanOptions {
  /** Go on from the latest complete checkpoint of `out`, or start anew when there is none yet. */
  resume?: boolean;
  /** Shows forecast and progress. */
  stream?: ProgressStream;
  /** Named in the lineage. */
  recipe?: string | undefined;
  /** Where data sets are kept; `defaultDataFolder()` when left out. */
  dataFolder?: string | undefined;
}

/**
 * Trains both networks and writes them to `<out>/model`, with grids of images in `<out>/grids` on the way.
 *
 * @throws ConfigError, DataError, UserError before anything is written; a UserError `diverged` with a diagnosis when losses or
 *   weights are no longer finite: then the last checkpoint stays
 */
export async function trainGan(config: GanConfig, options: TrainGanOptions = {}): Promise<GanResult> {
  const stream = steady<ProgressStream>(options.stream ?? process.stderr);
  const print = (text: string) => void stream.write(`${text}\n`);

  // Images and forecast.
  const set = await openImages(config.data, 'train', { size: config.size, folder: options.dataFolder, report: print });
  const forecast = forecastGan(config, set);
  requireFits(forecast);
  const { data } = config;
  const hash = imagesHash(set);
  const images = isFolder(data)
    ? inputAt(data, hash)
    : { path: data, sha256: hash, bytes: set.pixels.length, written: null };
  using run = openRun('gan', config, { resume: options.resume, say: print }, { data: images });
  using checkpoint = loadLatestCheckpoint(run.checkpoints);
  using trainer = new GanTrainer(config, set);
  if (checkpoint) restoreGan(trainer, checkpoint);
  const start = trainer.step;
  const { discriminatorSteps } = trainer.optimizer;
  using log = run.openEvents(checkpoint ? start : undefined);
  print(describeGan(trainer, set));
  if (start < config.steps) {
    const seconds = secondsPerStep(rehearseGan(config, set), discriminatorSteps);
    print(formatForecast({ ...forecast, steps: config.steps - start, secondsPerStep: seconds }));
  }
  log.write({
    type: 'start',
    step: start,
    name: 'gan',
    totalSteps: config.steps,
    resumed: start > 0,
    parameters: numParameters(trainer.G) + numParameters(trainer.D),
  });

  // Training. A step is saved before it is looked at: whatever stops the looking loses nothing.
  const output: Output = { config, log, set, out: run.path };
  const logged = new Set(run.events().flatMap(({ type, step }) => (step === start && start > 0 ? [type] : [])));
  let losses: StepLosses | undefined;
  let saved = start;
  const save = () => {
    log.sync(); // a checkpoint must not know more than the log
    const path = saveGanCheckpoint(run.checkpoints, trainer, config.keepLast);
    saved = trainer.step;
    log.write({ type: 'checkpoint', step: saved, path: relative(run.path, path) });
  };
  {
    using progress = new Progress({ label: 'gan', total: config.steps, start, stream });
    using interrupt = new Interrupt((text) => progress.print(text));
    try {
      // What an earlier process saved and did not come to look at.
      const first = dueAt(start, config);
      const isNew = { measure: first.measure && !logged.has('evaluation'), grid: first.grid && !logged.has('sample') };
      await look(trainer, output, isNew, interrupt.pause);
      while (trainer.step < config.steps) {
        const began = performance.now();
        const lr = trainer.learningRate;
        resetPeakMemory();
        losses = trainer.takeStep();
        const seconds = (performance.now() - began) / 1000;
        const due = dueAt(trainer.step, config);
        const stopping = await interrupt.poll();
        requireFinite(trainer, losses, due.save || due.grid || due.measure || stopping, saved);
        if (due.log) logStep(log, trainer, { losses, lr, seconds });
        progress.update({
          step: trainer.step,
          loss: losses.discriminator.at(-1)!,
          note: `G ${losses.generator.toFixed(3)}  ${formatInteger((config.batchSize * discriminatorSteps) / seconds)} images/s`,
        });
        if (due.save || stopping) save();
        await look(trainer, output, due, interrupt.pause);
        if (trainer.step < config.steps) await interrupt.pause();
      }
    } catch (error) {
      const { step } = trainer;
      if (error instanceof UserError) log.writeFailure(step, error);
      if (!(error instanceof Interrupted)) throw error;
      if (saved !== step) {
        if (losses) requireFinite(trainer, losses, true, saved);
        save();
      }
      log.write({ type: 'end', step, reason: 'interrupted' });
      return { interrupted: true, folder: undefined, steps: step, losses };
    }
  }
  trainer.zeroGrad();

  // The result.
  const folder = join(config.out, 'model');
  saveGan(folder, trainer, set, {
    stage: 'gan',
    recipe: options.recipe ?? null,
    config: asJson(config),
    seed: config.seed,
    commit: codeCommit(),
    data: [{ name: `${set.source} ${set.split}`, sha256: hash }],
  });
  log.write({ type: 'end', step: trainer.step, reason: 'done' });
  return { interrupted: false, folder, steps: trainer.step, losses };
}

/** What is trained on what, in a few lines. */
function describeGan({ G, D, method, optimizer, shape, average, config }: GanTrainer, set: ImageSet): string {
  const { lr, betas, discriminatorSteps } = optimizer;
  const { batchSize, generatorBatchSize = batchSize } = config;
  const parameters = [G, D].map((network) => formatInteger(numParameters(network)));
  return [
    `${set.name} ${set.split}: ${formatInteger(set.count)} images ${set.channels}×${set.height}×${set.width} (${set.source})`,
    `${method.title}: normalization ${method.normalization}, loss ${method.loss}; ${shape.architecture}` +
      `${shape.numClasses === null ? '' : `, ${shape.numClasses} classes`}, parameters: generator ${parameters[0]}, discriminator ${parameters[1]}`,
    `Adam α ${lr}, β ${betas.join(', ')}, n_dis ${discriminatorSteps}; batches of ${batchSize} and ${generatorBatchSize} (generator)` +
      `${average ? `; moving average ${config.emaDecay}` : ''}`,
  ].join('\n');
}

function logStep(
  log: EventLog,
  trainer: GanTrainer,
  { losses, lr, seconds }: { losses: StepLosses; lr: number; seconds: number },
): void {
  const norms = trainer.gradientNorms();
  log.write({
    type: 'step',
    step: trainer.step,
    loss: losses.discriminator.at(-1)!,
    lr,
    gradNorm: norms.discriminator,
    memoryBytes: memory().peakBytes,
    metrics: {
      generatorLoss: losses.generator,
      generatorGradNorm: norms.generator,
      penalty: losses.penalty,
      realLogit: losses.realLogit,
      fakeLogit: losses.fakeLogit,
      secondsPerStep: seconds,
    },
  });
}

interface Output {
  config: GanConfig;
  log: EventLog;
  set: ImageSet;
  /** The run folder. */
  out: string;
}

/** What is to be done after step `step`; all of it after the last one, and a look before the first. */
function dueAt(step: number, config: GanConfig): { log: boolean; measure: boolean; grid: boolean; save: boolean } {
  const every = (interval: number) => interval > 0 && step % interval === 0;
  const { steps, logEvery, measureEvery, gridEvery, checkpointEvery } = config;
  const [isFirst, isLast] = [step === 0, step === steps];
  return {
    log: isLast || every(logEvery),
    measure: isFirst || isLast || every(measureEvery),
    grid: isFirst || isLast || every(gridEvery),
    save: isLast || every(checkpointEvery),
  };
}

/** Measures the discriminator and draws a grid, where these are due. `pause` lets a signal stop it in between. */
async function look(
  trainer: GanTrainer,
  output: Output,
  due: { measure: boolean; grid: boolean },
  pause: () => Promise<void>,
): Promise<void> {
  const { config, log, set, out } = output;
  const { step } = trainer;
  if (due.measure) {
    await pause();
    const began = performance.now();
    const metrics = measureGan(trainer, set);
    log.write({
      type: 'evaluation',
      step,
      name: 'discriminator',
      metrics,
      seconds: (performance.now() - began) / 1000,
    });
  }
  if (due.grid) {
    await pause();
    const path = join('grids', `step-${String(step).padStart(6, '0')}.png`);
    writeSampleGrid(join(out, path), trainer.best, { count: config.gridImages, seed: config.seed });
    log.write({ type: 'sample', step, prompt: 'grid', text: path });
  }
}
