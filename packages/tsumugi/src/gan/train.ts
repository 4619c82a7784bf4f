// Training a GAN, from images to a model folder, top to bottom: open the images, forecast, build, train, save. Everything
// that is random follows from `seed`, and a checkpoint holds all the rest, so a resumed run goes on bit for bit.
import { join } from 'node:path';
import { checkOptions, type OptionNames, steady } from '../base/index.ts';
import { imagesHash, isFolder, openImages } from '../images/index.ts';
import {
  type Due,
  formatForecast,
  isDue,
  latestOverRanks,
  noLog,
  onFirst,
  openRunOverRanks,
  requireAlike,
  requireFits,
  requireStepsLeft,
  runLoop,
  type StepTaken,
  Stragglers,
  silentStream,
  tellingOthers,
  warnOfUnused,
} from '../loop/index.ts';
import { broadcastAll, fromFirst, gatherNumbers, type Mesh, ownSeconds, ranksHere, solo } from '../mesh/index.ts';
import { numParameters, trainable } from '../nn/index.ts';
import { asJson, codeCommit, formatInteger, inputAt, openRun, type ProgressStream } from '../run/index.ts';
import { memory, resetPeakMemory } from '../torch/index.ts';
import { describeGan } from './describe.ts';
import { requireFiniteLosses, requireFiniteWeights } from './divergence.ts';
import { forecastGanSpace, forecastGanTime } from './forecast.ts';
import { measureGan } from './measure.ts';
import { saveGan } from './model-folder.ts';
import { type GanParts, recordedSettings } from './parts.ts';
import { writeSampleGrid } from './sampler.ts';
import { ganState, restoreGan } from './state.ts';
import { type GanConfig, ganMayChange } from './train-config.ts';
import { GanTrainer, type StepLosses } from './trainer.ts';

export interface GanResult {
  interrupted: boolean;
  /** The model folder, once training is complete. */
  folder: string | undefined;
  steps: number;
  /** Of the last step that was taken now; undefined when none was left to take. */
  losses: StepLosses | undefined;
}

/** Networks, loss and penalty of one's own stand beside the options. */
export interface TrainGanOptions extends GanParts {
  /** Go on from the latest complete checkpoint of `out`, or start anew when there is none yet. */
  resume?: boolean;
  /** Shows forecast and progress. */
  stream?: ProgressStream;
  /** Named in the lineage. */
  recipe?: string | undefined;
  /** Where data sets are kept; `defaultDataFolder()` when left out. */
  dataFolder?: string | undefined;
  /** The processes that train together: each calls this with the same settings. Default: this one alone. */
  mesh?: Mesh | undefined;
}

const trainGanOptions: OptionNames<TrainGanOptions> = {
  generator: true,
  discriminator: true,
  loss: true,
  penalty: true,
  resume: true,
  stream: true,
  recipe: true,
  dataFolder: true,
  mesh: true,
};

/**
 * Trains both networks and writes them to `<out>/model`, with grids of images in `<out>/grids` on the way.
 *
 * Goes on only with parts of the same names as before.
 *
 * @throws ConfigError, DataError, UserError before anything is written; a UserError `diverged` with a diagnosis when losses or
 *   weights are no longer finite: then the last checkpoint stays
 */
export async function trainGan(config: GanConfig, options: TrainGanOptions = {}): Promise<GanResult> {
  checkOptions('trainGan', options, trainGanOptions);
  const { mesh = solo } = options;
  return await tellingOthers(mesh, () => trainAsRank(config, options, mesh));
}

async function trainAsRank(config: GanConfig, options: TrainGanOptions, mesh: Mesh): Promise<GanResult> {
  const isFirst = mesh.rank === 0;
  const stream = isFirst ? steady<ProgressStream>(options.stream ?? process.stderr) : silentStream;
  const print = (text: string) => void stream.write(`${text}\n`);

  // Images and forecast.
  const open = () => openImages(config.data, 'train', { size: config.size, folder: options.dataFolder, report: print });
  // A data set that is not there yet is fetched once.
  const opened = isFirst ? await open() : undefined;
  fromFirst(mesh, true);
  const set = opened ?? (await open());
  const { generator, discriminator, loss, penalty } = options;
  const own = { generator, discriminator, loss, penalty };
  const space = forecastGanSpace(config, set, own, ranksHere(mesh));
  requireFits(space);
  const { data } = config;
  const settings = recordedSettings(config, own);
  const hash = imagesHash(set);
  const images = isFolder(data)
    ? inputAt(data, hash)
    : { path: data, sha256: hash, bytes: set.pixels.length, written: null };
  const inputs = { data: images };
  requireAlike(mesh, 'gan', settings, inputs);
  using trainer = new GanTrainer(config, set, own, mesh);
  using run = await openRunOverRanks(mesh, config.out, () =>
    openRun(
      'gan',
      settings,
      { resume: options.resume, mayChange: ganMayChange, recipe: options.recipe, say: print },
      inputs,
    ),
  );
  using checkpoint = latestOverRanks(mesh, run);
  if (checkpoint) restoreGan(trainer, checkpoint);
  broadcastAll(mesh, [...trainable(trainer.G), ...trainable(trainer.D)]);
  const start = trainer.step;
  requireStepsLeft(config.steps, start);
  const { discriminatorSteps } = trainer.optimizer;
  using log = isFirst ? run.openEvents(checkpoint ? start : undefined) : noLog;
  print(describeGan(trainer, set));
  if (isFirst && start < config.steps)
    print(formatForecast({ ...space, ...forecastGanTime(config, set, own), steps: config.steps - start }));
  log.write({
    type: 'start',
    step: start,
    name: 'gan',
    totalSteps: config.steps,
    resumed: start > 0,
    parameters: numParameters(trainer.G) + numParameters(trainer.D),
  });

  // Training.
  let losses: StepLosses | undefined;
  let isNew = true;
  const stragglers = new Stragglers(mesh);
  const { interrupted } = await runLoop(
    {
      label: 'gan',
      steps: config.steps,
      takeStep(_, saved) {
        const { learningRate: lr } = trainer;
        const began = performance.now();
        const secondsOf = ownSeconds(mesh);
        resetPeakMemory();
        losses = trainer.takeStep();
        const rankSeconds = gatherNumbers(mesh, { seconds: secondsOf() }).map(({ seconds }) => seconds!);
        const seconds = (performance.now() - began) / 1000;
        requireFiniteLosses(trainer, losses, saved);
        const warnings = isNew
          ? [...warnOfUnused(trainer.G, 'generator: '), ...warnOfUnused(trainer.D, 'discriminator: ')]
          : [];
        isNew = false;
        const rate = formatInteger((config.batchSize * discriminatorSteps) / seconds);
        return {
          event: isLogged(trainer.step, config) ? stepEvent(trainer, { losses, lr, seconds }) : undefined,
          progress: {
            loss: losses.discriminator.at(-1)!,
            note: [`G ${losses.generator.toFixed(3)}`, `${rate} images/s`, stragglers.note(rankSeconds) ?? []]
              .flat()
              .join('  '),
          },
          warnings,
        };
      },
      due: (step) => dueAt(step, config),
      checkpoint(_, saved) {
        requireFiniteWeights(trainer, saved);
        return ganState(trainer);
      },
      async evaluate(step, _, saved) {
        if (saved !== step) requireFiniteWeights(trainer, saved); // what was saved has been looked at
        return { name: 'discriminator', metrics: isFirst ? measureGan(trainer, set) : {} };
      },
      async sample(step, _, saved) {
        if (saved !== step) requireFiniteWeights(trainer, saved);
        const path = join('grids', `step-${String(step).padStart(6, '0')}.png`);
        if (isFirst)
          writeSampleGrid(join(run.path, path), trainer.best, { count: config.gridImages, seed: config.seed });
        return { prompt: 'grid', text: path };
      },
      keepLast: config.keepLast,
      keepSteps: config.keepSteps,
    },
    { run, log, stream, mesh },
    start,
  );
  if (interrupted) return { interrupted, folder: undefined, steps: trainer.step, losses };
  trainer.zeroGrad();

  // The result.
  const folder = join(config.out, 'model');
  onFirst(mesh, () => {
    saveGan(folder, trainer, set, {
      stage: 'gan',
      recipe: options.recipe ?? run.recipe,
      config: asJson(settings),
      seed: config.seed,
      commit: codeCommit(),
      data: [{ name: `${set.source} ${set.split}`, sha256: hash }],
    });
  });
  log.write({ type: 'end', step: trainer.step, reason: 'done' });
  return { interrupted, folder, steps: trainer.step, losses };
}

function stepEvent(
  trainer: GanTrainer,
  { losses, lr, seconds }: { losses: StepLosses; lr: number; seconds: number },
): StepTaken['event'] {
  const norms = trainer.gradientNorms();
  return {
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
  };
}

const isLogged = (step: number, { steps, logEvery }: GanConfig): boolean => step === steps || isDue(logEvery, step);

/** What follows once `step` updates are done: a measurement and a grid also before the first and after the last. */
function dueAt(step: number, { steps, measureEvery, gridEvery, checkpointEvery }: GanConfig): Due {
  const isEnd = step === 0 || step === steps;
  return {
    checkpoint: isDue(checkpointEvery, step),
    evaluation: isEnd || isDue(measureEvery, step),
    sample: isEnd || isDue(gridEvery, step),
  };
}
