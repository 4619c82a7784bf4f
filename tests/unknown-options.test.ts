// Whatever takes options refuses a name that it would not read, and what is no object of options, before anything else is done.
import { expect, it } from 'vitest';
import { ggufBackend } from '../packages/tsumugi/src/eval/backends/gguf.ts';
import { openaiBackend } from '../packages/tsumugi/src/eval/backends/openai.ts';
import { engineBackend, openEngine } from '../packages/tsumugi/src/eval/index.ts';
import { rescorePfgen } from '../packages/tsumugi/src/eval/tasks/pfgen/rescore.ts';
import {
  architectures,
  inceptionExtractor,
  planGan,
  scoreImages,
  trainGan,
} from '../packages/tsumugi/src/gan/index.ts';
import { ImageBatches, openImageFolder, openImages, writeImageGrid } from '../packages/tsumugi/src/images/index.ts';
import { Cache, CachePool, Draft, Engine, Grammars, PromptLookup, preset } from '../packages/tsumugi/src/lm/index.ts';
import {
  collectDemonstrations,
  makeVectorEnvironment,
  planAgent,
  preprocessFrames,
  trainAgent,
} from '../packages/tsumugi/src/rl/index.ts';
import { latestCheckpoint, loadLatestCheckpoint } from '../packages/tsumugi/src/store/index.ts';
import { planPipeline, runPipeline } from '../packages/tsumugi/src/synth/index.ts';
import {
  jinjaTemplate,
  loadExamples,
  loadPairs,
  loadRated,
  plainTemplate,
  showExample,
} from '../packages/tsumugi/src/text/index.ts';
import { planModel, rehearseRate, trainModel } from '../packages/tsumugi/src/train/index.ts';

type Take = (options: never) => unknown;
const none = {} as never;

const takers: Record<string, Take> = {
  Cache: (options) => new Cache(none, options),
  CachePool: (options) => new CachePool(none, options),
  Engine: (options) => new Engine(none, options),
  PromptLookup: (options) => new PromptLookup(options),
  Draft: (options) => new Draft(none, options),
  Grammars: (options) => new Grammars(none, options),
  pretrain: (options) => trainModel({ name: 'pretrain' } as never, options),
  planModel: (options) => planModel(none, options),
  rehearseRate: (options) => rehearseRate(preset('mini'), none, options),
  latestCheckpoint: (options) => latestCheckpoint('/nowhere', options),
  loadLatestCheckpoint: (options) => loadLatestCheckpoint('/nowhere', options),
  trainGan: (options) => trainGan(none, options),
  planGan: (options) => planGan(none, options),
  trainAgent: (options) => trainAgent(none, options),
  planAgent: (options) => planAgent(none, options),
  collectDemonstrations: (options) => collectDemonstrations(none, none, options),
  CnnGenerator: (options) => architectures.cnn.generator(options),
  CnnDiscriminator: (options) => architectures.cnn.discriminator(options),
  ResNetGenerator: (options) => architectures.resnet.generator(options),
  ResNetDiscriminator: (options) => architectures.resnet.discriminator(options),
  scoreImages: (options) => scoreImages(options),
  inceptionExtractor: (options) => inceptionExtractor(options),
  ImageBatches: (options) => new ImageBatches(none, options),
  openImages: (options) => openImages('cifar10', 'train', options),
  openImageFolder: (options) => openImageFolder('/nowhere', options),
  writeImageGrid: (options) => writeImageGrid('/nowhere/grid.png', none, options),
  engineBackend: (options) => engineBackend(none, options),
  openEngine: (options) => openEngine('/nowhere', options),
  ggufBackend: (options) => ggufBackend(options),
  openaiBackend: (options) => openaiBackend(options),
  jinjaTemplate: (options) => jinjaTemplate(options),
  render: (options) => plainTemplate.render([], options),
  loadExamples: (options) => loadExamples([], options),
  loadPairs: (options) => loadPairs([], options),
  loadRated: (options) => loadRated([], options),
  showExample: (options) => showExample(none, none, options),
  rescorePfgen: (options) => rescorePfgen(options),
  makeVectorEnvironment: (options) => makeVectorEnvironment('CartPole-v1', 2, options),
  preprocessFrames: (options) => preprocessFrames(none, options),
  runPipeline: (options) => runPipeline(none, options),
  planPipeline: (options) => planPipeline(none, options),
};

it.each(Object.entries(takers))('%s', async (_, take) => {
  const refused = (options: unknown) => expect((async () => await take(options as never))()).rejects;
  await refused({ unheardOf: 1 }).toThrow('there is no option "unheardOf"');
  for (const options of [null, ['x'], 'x']) await refused(options).toThrow('options are an object');
});
