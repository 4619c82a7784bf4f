// One run of the comparison of GANs (gan-comparison.ts): trains a method in a setting from a seed, and scores what it draws.
// As a program, forked by that one, it takes runs as messages, keeps each as a file, and says when it is done.
import { once } from 'node:events';
import { join } from 'node:path';
import { UserError, writeFileAtomic } from 'tsumugi/base';
import {
  classifierExtractor,
  type FeatureExtractor,
  GanTrainer,
  ganConfig,
  imageSampler,
  type MethodName,
  optimizerSettings,
  requireFiniteLosses,
  requireFiniteWeights,
  type SettingName,
  type StepLosses,
  scoreImages,
} from 'tsumugi/gan';
import { type ImageSet, openImages, toBytes } from 'tsumugi/images';
import { type Device, scope } from 'tsumugi/torch';

/** Everything that is the same for all runs. */
export interface Budget {
  data: string;
  width: number;
  batchSize: number;
  /** Updates of the generator. */
  steps: number;
  device: Device;
  protocol: { nReal: number; nFake: number };
  /** Take only so many images of each split; all when left out. */
  images?: number | undefined;
}

export interface RunName {
  method: MethodName;
  setting: SettingName;
  seed: number;
}

export interface RunRecord extends RunName {
  /** Updates of the generator that were done, and of the discriminator. */
  steps: number;
  discriminatorUpdates: number;
  /** Of training. */
  seconds: number;
  /** Why it ended early; null when it did not. The scores are null then. */
  diverged: string | null;
  frechet: number | null;
  inception: number | null;
  /** The first images of a fixed seed, bytes in base64; empty when it diverged. */
  samples: string;
}

/** Images kept of a run. */
export const samplesKept = 20;

export const fileOf = (out: string, { method, setting, seed }: RunName): string =>
  join(out, 'runs', `${method}-${setting}-${seed}.json`);

/** The first images of a set. */
export const firstOf = (set: ImageSet, count = set.count): ImageSet => {
  const size = set.channels * set.height * set.width;
  const labels = set.labels?.subarray(0, count);
  return {
    ...set,
    count: Math.min(count, set.count),
    pixels: set.pixels.subarray(0, count * size),
    ...(labels && { labels }),
  };
};

export const openSplit = async ({ data, images }: Budget, split: 'train' | 'test'): Promise<ImageSet> =>
  firstOf(await openImages(data, split, { size: 32 }), images);

/** The settings of a run; everything that is not named here is the default of `tsumugi gan train`. */
export const configOf = ({ method, setting, seed }: RunName, budget: Budget) =>
  ganConfig.parse({
    method,
    setting,
    seed,
    out: 'none',
    architecture: 'cnn',
    data: budget.data,
    width: budget.width,
    batchSize: budget.batchSize,
    steps: budget.steps,
    device: budget.device,
  });

interface Setup {
  budget: Budget;
  train: ImageSet;
  test: ImageSet;
  extractor: FeatureExtractor;
  /** Where statistics of the real images are kept. */
  cache: string;
}

export async function runOne(run: RunName, { budget, train, test, extractor, cache }: Setup): Promise<RunRecord> {
  using trainer = new GanTrainer(configOf(run, budget), train);
  const began = performance.now();
  let diverged: string | null = null;
  while (trainer.step < budget.steps && diverged === null) {
    const losses: StepLosses = trainer.takeStep();
    try {
      requireFiniteLosses(trainer, losses, 0);
      if (trainer.step === budget.steps) requireFiniteWeights(trainer, 0);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      diverged = error.message.split('\n', 1)[0]!;
    }
  }
  const record = {
    ...run,
    steps: trainer.step,
    discriminatorUpdates: trainer.step * optimizerSettings[run.setting].discriminatorSteps,
    seconds: (performance.now() - began) / 1000,
    diverged,
  };
  trainer.zeroGrad();
  if (diverged !== null) return { ...record, frechet: null, inception: null, samples: '' };
  const scores = await scoreImages({
    real: test,
    extractor,
    protocol: budget.protocol,
    cacheFolder: cache,
    fake: imageSampler(trainer.best, { seed: 0 }),
    metrics: ['frechet', 'inception'],
    splits: 1,
  });
  const value = (metric: string) => scores.find((score) => score.metric === metric)!.value;
  const samples = scope(() => toBytes(imageSampler(trainer.best, { seed: 1 })(samplesKept)));
  return {
    ...record,
    frechet: value('frechet'),
    inception: value('inception'),
    samples: Buffer.from(samples).toString('base64'),
  };
}

/** What the parent sends: first this, then a run for every answer, at last 'end'. */
export interface WorkerStart {
  budget: Budget;
  out: string;
}

const next = async <T>(): Promise<T> => (await once(process, 'message'))[0] as T;

async function work(): Promise<void> {
  process.on('disconnect', () => process.exit()); // at the end, or when the parent is gone
  const { budget, out } = await next<WorkerStart>();
  const [train, test] = [await openSplit(budget, 'train'), await openSplit(budget, 'test')];
  using extractor = await classifierExtractor(join(out, 'classifier'), { device: budget.device });
  for (;;) {
    process.send!('idle');
    const run = await next<RunName | 'end'>();
    if (run === 'end') break;
    const record = await runOne(run, { budget, train, test, extractor, cache: join(out, 'statistics') });
    writeFileAtomic(fileOf(out, run), JSON.stringify(record));
  }
  process.disconnect!();
}

if (process.send !== undefined && import.meta.main) await work();
