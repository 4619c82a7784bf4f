// `tsumugi gan score`: scores what a trained GAN draws against real images.
import { ConfigError } from '../base/index.ts';
import {
  classifierExtractor,
  type FeatureExtractor,
  imageSampler,
  inceptionExtractor,
  inceptionKinds,
  loadGenerator,
  type MetricGroup,
  metricGroups,
  openNsfwjs,
  type ProtocolName,
  protocols,
  type ScoreOptions,
  scoreImages,
  scoreJson,
  scoreText,
} from '../gan/index.ts';
import { isFolder, openImages } from '../images/index.ts';
import { formatInteger, Progress, type ProgressStream } from '../run/index.ts';
import { defineCommand } from './command.ts';
import { ganOptions } from './gan-options.ts';
import { requireComplete } from './gan-score-missing.ts';
import { write } from './io.ts';
import { chooseDevice } from './model-options.ts';
import { withoutEffect } from './without-effect.ts';

const { device, seed, json, data } = ganOptions;

export const score = defineCommand(
  {
    command: 'tsumugi gan score',
    summary: 'score the images of a trained GAN against real ones',
    options: {
      model: { type: 'string', value: 'DIR', required: true, help: 'model folder' },
      data: { ...data, required: true },
      extractor: {
        type: 'choice',
        choices: ['classifier', ...inceptionKinds],
        help: 'the network whose features are compared; it decides what the scores are called (required)',
      },
      weights: {
        type: 'string',
        value: 'PATH',
        help: 'weights of the extractor (default: those of nsfwjs, which are fetched)',
      },
      protocol: {
        type: 'choice',
        choices: Object.keys(protocols),
        help: 'numbers of images (default: 10k-test-5k; a folder needs --real and --fake)',
      },
      real: { type: 'integer', min: 2, help: 'real images, instead of the protocol (with --fake)' },
      fake: { type: 'integer', min: 2, help: 'fakes, instead of the protocol (with --real)' },
      metrics: { type: 'list', value: 'NAME', help: `some of ${metricGroups.join(', ')} (default: all)` },
      cache: { type: 'string', value: 'DIR', help: 'keep statistics of the real images here' },
      raw: { type: 'boolean', help: 'use the generator itself, not the moving average of its weights' },
      seed,
      device,
      json,
    },
    details: 'See docs/gan-scores.md: scores that differ in protocol, resizer or weights do not compare.',
  },
  async (options, io, _, args) => {
    const { real: nReal, fake: nFake } = options;
    if ((nReal === undefined) !== (nFake === undefined))
      throw new ConfigError('missing-option', '--real and --fake belong together', { remedy: 'Give both or neither.' });
    const own = nReal !== undefined && nFake !== undefined ? { nReal, nFake } : undefined;
    if (own) withoutEffect('--real and --fake stand instead of it', { protocol: options.protocol });
    const metrics = options.metrics as readonly MetricGroup[];
    if (metrics.length > 0 && metrics.every((metric) => metric === 'inception'))
      withoutEffect('the Inception score takes no real images', { cache: options.cache });
    const protocol = own ?? ((options.protocol ?? '10k-test-5k') as ProtocolName);
    const split = typeof protocol === 'string' ? protocols[protocol].split : 'test';
    const hasSplits = !isFolder(options.data);
    if (hasSplits) requireComplete(options, undefined, args);
    const target = chooseDevice(options.device);
    const { generator, config } = loadGenerator(options.model, { device: target, raw: options.raw });
    using network = generator;
    const report = (line: string) => void io.stderr.write(`${line}\n`);
    const { channels, image_size: size } = config;
    const real = await openImages(options.data, split, { size, channels, report });
    if (!hasSplits) requireComplete(options, { count: real.count, size }, args);
    report(`scoring ${options.model} against ${formatInteger(real.count)} images (${real.name} ${real.split})`);
    using extractor = await openExtractor(options.extractor!, options.weights, target);
    using shown = new ScoreProgress(io.stderr);
    const scores = await scoreImages({
      real,
      fake: imageSampler(network, { seed: options.seed }),
      extractor,
      protocol,
      report,
      progress: (part, done, total) => shown.update(part, done, total),
      metrics: metrics.length > 0 ? metrics : undefined,
      cacheFolder: options.cache,
    });
    const lines = options.json ? [JSON.stringify(scores.map(scoreJson))] : scores.map(scoreText);
    await write(io.stdout, lines.map((line) => `${line}\n`).join(''));
  },
);

type Part = Parameters<NonNullable<ScoreOptions['progress']>>[0];

/** A progress line for the fakes, and one for the real images. */
class ScoreProgress implements Disposable {
  readonly #stream: ProgressStream;
  #part: Part | undefined;
  #line: Progress | undefined;

  constructor(stream: ProgressStream) {
    this.#stream = stream;
  }

  update(part: Part, done: number, total: number): void {
    if (part !== this.#part) {
      this.#line?.end();
      this.#part = part;
      this.#line = new Progress({ label: part === 'fake' ? 'fakes' : 'real images', total, stream: this.#stream });
    }
    this.#line!.update({ step: done });
    if (done === total) this.#line!.end();
  }

  [Symbol.dispose](): void {
    this.#line?.end();
  }
}

async function openExtractor(
  extractor: string,
  weights: string | undefined,
  device: ReturnType<typeof chooseDevice>,
): Promise<FeatureExtractor> {
  const path = weights ?? (await openNsfwjs());
  if (extractor === 'classifier') return classifierExtractor(path, { device });
  return inceptionExtractor({ weights: path, kind: extractor as (typeof inceptionKinds)[number], device });
}
