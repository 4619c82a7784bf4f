// A model folder → the same model in few bits. One layer after the other: what is in memory does not depend on how many there are.
import { basename } from 'node:path';
import { checkOptions, contentHash, StagedFolder } from '../../base/index.ts';
import { holdPlace } from '../../run/index.ts';
import { canonicalJson, isArtefact, type Lineage, requirePlace } from '../../store/index.ts';
import { listSourceFiles } from '../../text/index.ts';
import { emptyCache } from '../../torch/index.ts';
import { type ChosenBits, withChosenBits } from './chosen-bits.ts';
import { FinishedLayers } from './finished-layers.ts';
import { gateQuantized, type QuantizedGate } from './gate-quantized.ts';
import type { KindBitsOrMixed } from './matrices.ts';
import { planForSource } from './plan.ts';
import type { QuantizeConfigInput } from './quantize-config.ts';
import { calibrate, type QuantizeProgress, quantizeLayers } from './quantize-layers.ts';
import type { QuantizedSize } from './size.ts';
import { SourceModel } from './source.ts';
import { writeQuantized } from './write-quantized.ts';

/** Raised when the same settings give other bytes. */
const version = 1;

export interface QuantizeOptions {
  /** Files and folders with text: for methods and targets that need it, and for the report. */
  text?: readonly string[] | undefined;
  /** The recipe it is part of, and the commit of the code, for the lineage. */
  recipe?: string | undefined;
  commit?: string | null | undefined;
  /** Shards of at most so many bytes. Default: 5 GB. */
  maxShardBytes?: number | undefined;
  onProgress?: ((progress: QuantizeProgress) => unknown) | undefined;
  /** Called where the work can be stopped, by an exception: what is done is kept, and the next run goes on there. */
  pause?: (() => Promise<void>) | undefined;
}

export interface QuantizeResult extends QuantizedSize {
  readonly folder: string;
  readonly method: string;
  readonly layout: string;
  readonly bits: number;
  /** Bits of each kind of matrix; 16: kept; "mixed" where a target gave them different ones. */
  readonly kinds: KindBitsOrMixed;
  /** Under a target. */
  readonly chosen?: ChosenBits | undefined;
  /** Bytes of the source's weights. */
  readonly sourceBytes: number;
  /** Layers that an earlier run had done. */
  readonly resumedLayers: number;
  readonly seconds: number;
  /** How far it is from the source; undefined when it was not compared: without a tokenizer, or when not asked. */
  readonly gate?: QuantizedGate | undefined;
  readonly lineage: Lineage;
}

const optionNames = {
  text: true,
  recipe: true,
  commit: true,
  maxShardBytes: true,
  onProgress: true,
  pause: true,
} as const;

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
  const { text = [], recipe = null, commit = null, maxShardBytes, pause } = options;
  using source = new SourceModel(model);
  const draft = planForSource(source, input, text);
  const { config } = draft;
  if (text.length > 0) source.artefact.tokenizerPath; // there is one
  requirePlace(out, [model], draft.diskBytes);
  using _held = holdPlace(out);
  const files = await source.artefact.hashed();
  const data = await Promise.all(
    (config.method === 'rtn' && !draft.target ? [] : listSourceFiles(text)).map(async ({ path }) => ({
      name: basename(path),
      sha256: await contentHash(path),
    })),
  );
  const layers = source.config.num_hidden_layers;
  const { plan, chosen } = await withChosenBits(source, draft, files.hash, {
    text,
    onShare: async (done, layer) => {
      options.onProgress?.({ phase: 'measuring', layer, layers, done, total: 1 });
      await pause?.();
    },
  });
  const { summary, matrices, size } = plan;
  const { gate: isGated, ...made } = config;
  const bitsOfMatrices = chosen && matrices.map(({ bits }) => bits);
  const identity = canonicalJson({ version, config: made, source: files.hash, data, bitsOfMatrices });
  using finished = new FinishedLayers(out, identity);
  const resumedLayers = finished.count;
  using calibration = await calibrate(source, config, text);
  await quantizeLayers(source, plan, { finished, calibration, onProgress: options.onProgress, pause });
  files.requireUnchanged();
  using staged = new StagedFolder(out, isArtefact);
  const content = {
    source,
    config,
    summary,
    layer: (index: number) => finished.tensors(index),
    chosen,
    maxShardBytes,
    lineage: {
      stage: 'quantize',
      recipe,
      config: JSON.parse(JSON.stringify(config)),
      seed: null,
      commit,
      parents: [{ name: model, sha256: files.hash }],
      data,
    },
  };
  const lineage = await writeQuantized(staged.path, content, pause);
  const onCompared = async (done: number, total: number) => {
    options.onProgress?.({ phase: 'comparing', layer: layers - 1, layers, done, total });
    await pause?.();
  };
  // The gate needs none of what quantizing did.
  calibration?.[Symbol.dispose]();
  finished[Symbol.dispose]();
  emptyCache();
  const gate =
    isGated && source.artefact.hasTokenizer
      ? await gateQuantized(model, staged.path, { ...config, text, onProgress: onCompared })
      : undefined;
  staged.commit();
  finished.remove();
  const { method, bits } = config;
  const { layout } = summary;
  const about = { folder: out, method, layout, bits, kinds: plan.kinds, chosen, sourceBytes: source.sourceBytes };
  return { ...about, ...size, resumedLayers, seconds: (performance.now() - began) / 1000, gate, lineage };
}
