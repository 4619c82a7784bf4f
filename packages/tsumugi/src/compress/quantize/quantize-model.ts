// A model folder → the same model in few bits. One layer after the other: what is in memory does not depend on how many there are.
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { ConfigError, checkOptions, contentHash, DataError, StagedFolder } from '../../base/index.ts';
import { buildBlock, loadTokenizer, type Plamo2Config } from '../../lm/index.ts';
import {
  type CodeBits,
  canonicalJson,
  dequantizeStored,
  isArtefact,
  type Lineage,
  type QuantizationSummary,
  type Safetensors,
  TOKENIZER_FILE,
} from '../../store/index.ts';
import { listSourceFiles } from '../../text/index.ts';
import { scope, type Tensor } from '../../torch/index.ts';
import { calibrationTexts } from '../importance/index.ts';
import { Calibration } from './calibration.ts';
import { FinishedLayers } from './finished-layers.ts';
import { gateQuantized, type QuantizedGate } from './gate-quantized.ts';
import { type LayerWork, layerPrefix, quantizeLayer } from './layer.ts';
import { type KindBits, kindBits, type PlannedMatrix, plannedMatrices, summaryOf } from './matrices.ts';
import { checkQuantizeConfig, type QuantizeConfig, type QuantizeConfigInput } from './quantize-config.ts';
import { costOf, type QuantizedSize, requireDisk, sizeOf } from './size.ts';
import { SourceModel } from './source.ts';
import { writeQuantized } from './write-quantized.ts';

/** Raised when the same settings give other bytes. */
const version = 1;

export interface QuantizeOptions {
  /** Files and folders with text, for methods that need it. */
  text?: readonly string[] | undefined;
  /** The recipe it is part of, and the commit of the code, for the lineage. */
  recipe?: string | undefined;
  commit?: string | null | undefined;
  /** Shards of at most so many bytes. Default: 5 GB. */
  maxShardBytes?: number | undefined;
  onProgress?: ((progress: QuantizeProgress) => unknown) | undefined;
}

export interface QuantizeProgress {
  readonly layer: number;
  readonly layers: number;
  /** Parameters of matrices that are done, and all of them. */
  readonly done: number;
  readonly total: number;
}

export interface QuantizeResult extends QuantizedSize {
  readonly folder: string;
  readonly method: string;
  readonly layout: string;
  readonly bits: number;
  /** Bits of each kind of matrix; 16: kept. */
  readonly kinds: KindBits;
  /** Bytes of the source's weights. */
  readonly sourceBytes: number;
  /** Layers that an earlier run had done. */
  readonly resumedLayers: number;
  readonly seconds: number;
  /** How far it is from the source; undefined when it was not compared: without a tokenizer, or when not asked. */
  readonly gate?: QuantizedGate | undefined;
  readonly lineage: Lineage;
}

export interface QuantizeForecast extends QuantizedSize {
  readonly method: string;
  readonly layout: string;
  readonly kinds: KindBits;
  readonly sourceBytes: number;
  readonly diskBytes: number;
  readonly memoryBytes: number;
  readonly seconds: number;
}

interface QuantizePlan {
  readonly config: QuantizeConfig;
  readonly kinds: KindBits;
  readonly summary: QuantizationSummary;
  readonly matrices: readonly PlannedMatrix[];
  readonly size: QuantizedSize;
  readonly diskBytes: number;
  readonly sourceBytes: number;
}

/** @throws ConfigError for a method that needs a text and has none */
export function requireQuantizeText({ method }: Pick<QuantizeConfig, 'method'>, texts: number): void {
  if (method !== 'rtn' && texts === 0)
    throw new ConfigError('no-text', `${method} needs a text to see what the weights are multiplied with`, {
      remedy: 'Give some thousand characters of the kind that the model is for (--text), or use rtn.',
    });
}

function planOf(
  { config: model, weights }: Pick<SourceModel, 'config' | 'weights'>,
  input: QuantizeConfigInput,
  text: readonly string[],
): QuantizePlan {
  const config = checkQuantizeConfig(input);
  requireQuantizeText(config, text.length);
  const kinds = kindBits(config);
  const summary = summaryOf(config, kinds);
  const matrices = plannedMatrices(model, config, kinds);
  const size = sizeOf(model, matrices, config, summary);
  const sourceBytes = weights.names.reduce((sum, name) => sum + weights.info(name).bytes, 0);
  // Until the result is whole, its layers lie on the disk twice.
  return { config, kinds, summary, matrices, size, sourceBytes, diskBytes: 2 * size.bytes };
}

/** Seconds, memory and disk of a model of this shape, before it is there. */
export function quantizeForecast(
  model: Plamo2Config,
  input: QuantizeConfigInput,
): Pick<QuantizeForecast, 'seconds' | 'memoryBytes' | 'diskBytes'> {
  const config = checkQuantizeConfig(input);
  const kinds = kindBits(config);
  const matrices = plannedMatrices(model, config, kinds);
  const { bytes } = sizeOf(model, matrices, config, summaryOf(config, kinds));
  return { ...costOf(model, matrices, config), diskBytes: 2 * bytes };
}

const optionNames = { text: true, recipe: true, commit: true, maxShardBytes: true, onProgress: true } as const;

/** What quantizing would take, and everything that `quantizeModel` would refuse before it begins. Nothing is written. */
export function planQuantizeModel(
  model: string,
  config: QuantizeConfigInput = {},
  options: Pick<QuantizeOptions, 'text'> = {},
): QuantizeForecast {
  checkOptions('planQuantizeModel', options, { text: true });
  using source = new SourceModel(model);
  const plan = planOf(source, config, options.text ?? []);
  const { size, kinds, summary, diskBytes, sourceBytes } = plan;
  const cost = costOf(source.config, plan.matrices, plan.config);
  return { method: plan.config.method, layout: summary.layout, kinds, ...size, sourceBytes, diskBytes, ...cost };
}

/**
 * Quantizes the matrices of a model folder into a folder of the GPTQ, AWQ or FP8 layout, which appears whole or not at all. Every
 * command reads it. Formulas and defaults are in `docs/quantization.md`. A run that was cut off goes on after the last layer that was
 * done, when it is asked for the same again; those layers lie in `<out>.quantizing`. Equal settings give equal bytes.
 *
 * @throws ConfigError for settings that do not fit the model, UserError for a model that is quantized already, a text without tokens
 *   (DataError), `disk-full` before anything is written, `parity-gate` when the result is too far from the model: nothing is written then
 *
 * @example
 * ```ts
 * await quantizeModel('model', 'model-int4', { method: 'gptq', bits: 4 }, { text: ['novel.txt'] });
 * ```
 */
export async function quantizeModel(
  model: string,
  out: string,
  input: QuantizeConfigInput = {},
  options: QuantizeOptions = {},
): Promise<QuantizeResult> {
  checkOptions('quantizeModel', options, optionNames);
  const began = performance.now();
  const { text = [], recipe = null, commit = null, maxShardBytes } = options;
  using source = new SourceModel(model);
  const plan = planOf(source, input, text);
  const { config, summary, matrices, size } = plan;
  if (resolve(model) === resolve(out))
    throw new DataError('quantize-into-source', `${out} is the model that is quantized`, {
      remedy: 'Name another folder to write to.',
      fields: { path: out },
    });
  new StagedFolder(out, isArtefact)[Symbol.dispose](); // whether it may be written there is known before the work
  requireDisk(plan.diskBytes, out);
  const files = await source.artefact.hashed();
  const data = await Promise.all(
    (config.method === 'rtn' ? [] : listSourceFiles(text)).map(async ({ path }) => ({
      name: basename(path),
      sha256: await contentHash(path),
    })),
  );
  const { gate: isGated, ...made } = config;
  const identity = canonicalJson({ version, config: made, source: files.hash, data });
  using finished = new FinishedLayers(out, identity);
  const resumedLayers = finished.count;
  const total = matrices.reduce((sum, { bits, shape }) => sum + (bits === 16 ? 0 : shape[0] * shape[1]), 0);
  let done = 0;
  const layers = source.config.num_hidden_layers;
  using calibration = await calibrate(source, config, text);
  for (let layer = 0; layer < layers; layer++) {
    const onMatrix = ({ shape }: PlannedMatrix) => {
      done += shape[0] * shape[1];
      options.onProgress?.({ layer, layers, done, total });
    };
    const own = matrices.filter(({ path, bits }) => bits !== 16 && path.startsWith(layerPrefix(layer)));
    if (layer < resumedLayers) own.forEach(onMatrix);
    else {
      const work: LayerWork = { source, config, summary, matrices, onMatrix };
      scope(() => finished.add(layer, quantizeLayer(layer, work, calibration)));
    }
    if (calibration && layer + 1 < layers) {
      using block = finishedBlock(source, layer, finished.tensors(layer), own, summary);
      calibration.advance(block);
    }
    await new Promise<void>((again) => setImmediate(again)); // signals, progress
  }
  files.requireUnchanged();
  using staged = new StagedFolder(out, isArtefact);
  const lineage = writeQuantized(staged.path, {
    source,
    config,
    summary,
    layer: (index) => finished.tensors(index),
    maxShardBytes,
    lineage: {
      stage: 'quantize',
      recipe,
      config: JSON.parse(JSON.stringify(config)),
      seed: null,
      commit,
      parents: [{ name: basename(resolve(model)), sha256: files.hash }],
      data,
    },
  });
  const gate = isGated && hasTokenizer(source) ? await gateQuantized(model, staged.path, config.bits) : undefined;
  staged.commit();
  finished.remove();
  const { method, bits } = config;
  const about = { folder: out, method, layout: summary.layout, bits, kinds: plan.kinds, sourceBytes: plan.sourceBytes };
  return { ...about, ...size, resumedLayers, seconds: (performance.now() - began) / 1000, gate, lineage };
}

const hasTokenizer = ({ artefact }: SourceModel): boolean => existsSync(join(artefact.path, TOKENIZER_FILE));

async function calibrate(
  source: SourceModel,
  { method, sequenceLength, tokens }: QuantizeConfig,
  text: readonly string[],
): Promise<Calibration | undefined> {
  if (method === 'rtn') return undefined;
  const tokenizer = loadTokenizer(source.artefact.path, source.config);
  return new Calibration(source, await calibrationTexts(text, tokenizer, { sequenceLength, maxTokens: tokens }));
}

/** A layer as it has become: its matrices are read from what was written. */
function finishedBlock(
  source: SourceModel,
  layer: number,
  file: Safetensors,
  matrices: readonly PlannedMatrix[],
  { layout }: QuantizationSummary,
): ReturnType<typeof buildBlock> {
  return buildBlock(source.config, layer, (name) => {
    const path = name.replace(/\.weight$/, '');
    const matrix = matrices.find((each) => each.path === path);
    if (!matrix) return file.has(name) ? scope(() => file.tensor(name).clone()) : source.read(name);
    const [outFeatures, inFeatures] = matrix.shape;
    const parts = file.names.filter((each) => each.startsWith(`${path}.`));
    return scope((): Tensor => {
      const tensors = Object.fromEntries(parts.map((part) => [part.slice(path.length + 1), file.tensor(part)]));
      const groups = tensors['scales']?.size(0) ?? 1;
      const stored = { layout, inFeatures, outFeatures, bits: matrix.bits as CodeBits, groups, storedZero: 1 };
      return dequantizeStored(tensors, stored).contiguous();
    });
  });
}
