// A model → a smaller dense one of what is most active in it.
import { checkOptions, checkSettings, given, UserError } from '../../base/index.ts';
import {
  loadModel,
  loadTokenizer,
  Plamo2,
  type Plamo2Config,
  readModelConfig,
  requireDense,
  tensorShapes,
} from '../../lm/index.ts';
import { holdPlace } from '../../run/index.ts';
import { Artefact, type HashedFiles, type Lineage, requirePlace, type Safetensors } from '../../store/index.ts';
import type { Corpus } from '../../text/index.ts';
import { numBytes } from '../../torch/index.ts';
import { type ShapeCost, shapeCost } from '../reshape/cost.ts';
import { type Reshape, reshapedSource, reshapedTensors } from '../reshape/reshape.ts';
import { reshapedConfig, writeReshaped } from '../reshape/write-reshaped.ts';
import { choose, randomScores } from './choose.ts';
import { decodingRate } from './decoding-rate.ts';
import { type PruneForecast, pruneForecast } from './forecast.ts';
import { lossesWithout, measureImportance, type OnShare, readThrough } from './measure.ts';
import { type PruneSettings, type PruneSettingsInput, pruneConfig } from './prune-config.ts';
import { keepScores, keptScores, type Scores, scoresPath } from './scores-manifest.ts';
import { type CalibrationText, calibrationText } from './sequences.ts';
import { prunedConfig } from './target.ts';

export interface PruneProgress {
  readonly doing: 'calibrating' | 'leaving layers out' | 'measuring' | 'writing';
  /** Of that, 0 to 1. */
  readonly share: number;
}

export interface PruneOptions {
  /** Files and folders to calibrate with. Default: the novels that come with tsumugi. */
  text?: readonly string[] | Corpus | undefined;
  /** The recipe it is part of, and the commit of the code, for the lineage. */
  recipe?: string | undefined;
  commit?: string | null | undefined;
  /** Shards of at most so many bytes. Default: 5 GB. */
  maxShardBytes?: number | undefined;
  onProgress?: ((progress: PruneProgress) => void) | undefined;
  /** Called where the work can be stopped: by an exception, which leaves nothing behind. */
  pause?: (() => Promise<void>) | undefined;
}

const optionNames = {
  text: true,
  recipe: true,
  commit: true,
  maxShardBytes: true,
  onProgress: true,
  pause: true,
} as const;

/** One row of the table: a model before or after. */
export interface PruneRow extends ShapeCost {
  readonly model: 'before' | 'after';
  /** Nats of a predicted token of the calibration text. */
  readonly loss: number;
  /** Measured before; after, in proportion to the bytes that a token reads. */
  readonly tokensPerSecond: number;
}

/** What pruning would make, measured. */
export interface PruneTable {
  readonly config: Plamo2Config;
  readonly rows: readonly [PruneRow, PruneRow];
  /** The old layers that stay. */
  readonly layers: readonly number[];
  /** Where the scores are kept. */
  readonly scores: string;
  /** Whether they were there already. */
  readonly kept: boolean;
  /** Tokens of the calibration text. */
  readonly tokens: number;
}

export interface PruneResult extends PruneTable {
  readonly folder: string;
  readonly tensors: number;
  readonly seconds: number;
  readonly lineage: Lineage;
}

interface Planned extends Disposable {
  table: PruneTable;
  settings: PruneSettings;
  reshape: Reshape;
  artefact: Artefact;
  hashed: HashedFiles;
  weights: Safetensors;
  text: CalibrationText;
}

/** What pruning takes, told before anything is measured. */
export interface PrunePlan extends PruneForecast {
  readonly config: Plamo2Config;
  readonly before: ShapeCost;
  readonly after: ShapeCost;
}

/**
 * What `prune` would make and take: sizes, seconds, memory, disk. No text is read and nothing is written.
 *
 * @throws ConfigError `prune-target` naming the key that cannot be lowered so far; what reading a model's config throws
 */
export function planPrune(folder: string, input: PruneSettingsInput): PrunePlan {
  const settings = checkSettings('prune', pruneConfig, input);
  requireDense(folder, 'pruned');
  const artefact = new Artefact(folder);
  const from = readModelConfig(artefact);
  const config = prunedConfig(from, settings);
  using weights = artefact.weights();
  const [before, after] = [from, config].map((each) => ({ ...shapeCost(each), bytes: bytesAs(weights, each) })) as [
    ShapeCost,
    ShapeCost,
  ];
  return { config, before, after, ...pruneForecast(from, config, settings), diskBytes: after.bytes };
}

/** Of a model's weights, or of those of a model without some of its layers, each of the type that it has in the file. */
const bytesAs = (weights: Safetensors, config: Plamo2Config): number =>
  Array.from(tensorShapes(config)).reduce(
    (sum, [name, shape]) => sum + numBytes({ shape, dtype: weights.info(name).dtype }),
    0,
  );

/**
 * The table of what pruning would make, with the loss of the pruned model. Nothing is written but the scores, into the user's cache.
 *
 * @throws as `planPrune`; what loading a model and reading text throw
 */
export async function pruneTable(
  folder: string,
  settings: PruneSettingsInput,
  options: PruneOptions = {},
): Promise<PruneTable> {
  checkOptions('pruneTable', options, optionNames);
  using planned = await prepare(folder, checkSettings('prune', pruneConfig, settings), options);
  return planned.table;
}

/**
 * Prunes a model folder into another, which appears whole or not at all and is a dense model of the same format. What is kept is
 * described in `docs/pruning.md`. Equal models, texts and settings give equal weights.
 *
 * @throws as `pruneTable`; DataError when `out` is the model or holds something else, UserError `disk-full`: both before the text is read
 *
 * @example
 * ```ts
 * await prune('model', 'smaller', { hidden_size: 1536, intermediate_size: 6144 }, { text: ['corpus'] });
 * ```
 */
export async function prune(
  folder: string,
  out: string,
  settings: PruneSettingsInput,
  options: PruneOptions = {},
): Promise<PruneResult> {
  checkOptions('prune', options, optionNames);
  const began = performance.now();
  const { recipe = null, commit = null, maxShardBytes, onProgress, pause } = options;
  using planned = await prepare(folder, checkSettings('prune', pruneConfig, settings), options, out);
  const { table, reshape, artefact, hashed, weights, text } = planned;
  const { parameters } = table.rows[1];
  let done = 0;
  const tensors = reshapedTensors(weights, reshape, (_, elements) => {
    done += elements;
    if (done === parameters) hashed.requireUnchanged();
    onProgress?.({ doing: 'writing', share: done / parameters });
  });
  const content = {
    config: reshapedConfig(artefact.config(), reshape.before, reshape.after),
    tensors,
    maxShardBytes,
    lineage: {
      stage: 'prune',
      recipe,
      config: given<number | string>(planned.settings),
      seed: planned.settings.seed,
      commit,
      parents: [{ name: artefact.path, sha256: hashed.hash }],
      data: [...text.sources],
    },
  };
  const lineage = await writeReshaped(out, artefact, content, pause);
  return { ...table, folder: out, tensors: tensors.length, seconds: (performance.now() - began) / 1000, lineage };
}

async function prepare(folder: string, settings: PruneSettings, options: PruneOptions, out?: string): Promise<Planned> {
  requireDense(folder, 'pruned');
  const artefact = new Artefact(folder);
  const before = readModelConfig(artefact);
  const wanted = prunedConfig(before, settings);
  const weights = artefact.weights();
  using stack = new DisposableStack();
  stack.defer(() => weights.close());
  const [bytesBefore, bytesAfter] = [bytesAs(weights, before), bytesAs(weights, wanted)];
  if (out !== undefined) {
    requirePlace(out, [folder], bytesAfter);
    stack.use(holdPlace(out));
  }
  const text = await calibrationText(options.text ?? [], loadTokenizer(folder, before), settings);
  const hashed = await artefact.hashed();
  const measured = { model: hashed.hash, text: text.hash };
  const shown = toldIn(options);
  const { scores, kept, rate } = await scoresOf(folder, text, measured, settings, shown);
  const used = settings.importance === 'random' ? randomScores(before, settings.seed) : scores;
  const reshape = choose(before, wanted, used, settings.depth);
  const loss = await lossAfter(weights, reshape, text, shown('measuring'));
  const rows: [PruneRow, PruneRow] = [
    { model: 'before', ...shapeCost(before), bytes: bytesBefore, loss: scores.loss, tokensPerSecond: rate },
    {
      model: 'after',
      ...shapeCost(reshape.after),
      bytes: bytesAfter,
      loss,
      tokensPerSecond: (rate * bytesBefore) / bytesAfter,
    },
  ];
  const table = {
    config: reshape.after,
    rows,
    layers: reshape.layers,
    scores: scoresPath(measured),
    kept,
    tokens: text.tokens,
  };
  const resources = stack.move();
  return { table, settings, reshape, artefact, hashed, weights, text, [Symbol.dispose]: () => resources.dispose() };
}

/** Tells how far a part of the work is, and pauses. */
const toldIn =
  ({ onProgress, pause }: PruneOptions) =>
  (doing: PruneProgress['doing']): OnShare =>
  async (share) => {
    onProgress?.({ doing, share });
    await pause?.();
  };

/**
 * Scores that are kept, or measured now and kept, and how fast the model decodes. The model is let go of before the pruned one
 * comes into memory.
 */
async function scoresOf(
  folder: string,
  text: CalibrationText,
  measured: { model: string; text: string },
  { depth, importance }: PruneSettings,
  shown: ReturnType<typeof toldIn>,
): Promise<{ scores: Scores; kept: boolean; rate: number }> {
  using model = loadModel(folder);
  const rate = decodingRate(model);
  const found = keptScores(measured);
  const scores = found ?? (await measureImportance(model, text, shown('calibrating')));
  if (!Number.isFinite(scores.loss))
    throw new UserError('not-finite', `${folder} reads the text with numbers that are not finite`, {
      remedy: 'Find out where its weights went wrong: "tsumugi score" names the tensor or the layer.',
      fields: { folder },
    });
  if (depth === 'influence' || importance === 'random' || scores.lossWithout) {
    if (!found) keepScores(measured, scores);
    return { scores, kept: found !== undefined, rate };
  }
  const more = { ...scores, lossWithout: await lossesWithout(model, text, shown('leaving layers out')) };
  keepScores(measured, more);
  return { scores: more, kept: false, rate };
}

/** The loss of the pruned model, which is in memory for it. */
async function lossAfter(
  weights: Safetensors,
  reshape: Reshape,
  text: CalibrationText,
  onShare: OnShare,
): Promise<number> {
  using smaller = new Plamo2(reshape.after, reshapedSource(weights, reshape));
  return await readThrough(smaller, text, undefined, onShare);
}
