// What pruning needs before it writes: scores, what stays by them, and both models measured.
import { UserError } from '../../base/index.ts';
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
import { Artefact, type HashedFiles, requirePlace, type Safetensors } from '../../store/index.ts';
import type { Corpus } from '../../text/index.ts';
import { numBytes } from '../../torch/index.ts';
import { type ShapeCost, shapeCost } from '../reshape/cost.ts';
import { type Reshape, reshapedSource } from '../reshape/reshape.ts';
import { choose, randomScores } from './choose.ts';
import { decodingRate } from './decoding-rate.ts';
import { lossesWithout, measureImportance, type OnShare, readThrough } from './measure.ts';
import type { PruneSettings } from './prune-config.ts';
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

export interface Planned extends Disposable {
  table: PruneTable;
  settings: PruneSettings;
  reshape: Reshape;
  artefact: Artefact;
  hashed: HashedFiles;
  weights: Safetensors;
  text: CalibrationText;
}

/** Of a model's weights, or of those of a model without some of its layers, each of the type that it has in the file. */
export const bytesAs = (weights: Safetensors, config: Plamo2Config): number =>
  Array.from(tensorShapes(config)).reduce(
    (sum, [name, shape]) => sum + numBytes({ shape, dtype: weights.info(name).dtype }),
    0,
  );

/** @param out where the result will be; undefined when nothing will be written */
export async function prepare(
  folder: string,
  settings: PruneSettings,
  options: PruneOptions,
  out?: string,
): Promise<Planned> {
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
