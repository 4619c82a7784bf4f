// An adapter and its base → one model, in a folder: W + s·B A in the place of each W.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { availableDisk, checkOptions, DataError, type OptionNames, StagedFolder, UserError } from '../../base/index.ts';
import {
  adapterHash,
  baseOf,
  dequantizeModel,
  endIds,
  loadAdapted,
  loadAdapter,
  loadModel,
  loadTokenizer,
  loraLayers,
  mergeLora,
  saveModel,
  templateFolder,
  tensorShapes,
} from '../../lm/index.ts';
import { namedParameters } from '../../nn/index.ts';
import {
  Artefact,
  isArtefact,
  type Lineage,
  quantizationOf,
  readTokenizerConfig,
  TOKENIZER_FILE,
} from '../../store/index.ts';
import { defaultTemplate } from '../../text/index.ts';
import { numElements } from '../../torch/index.ts';
import { enginePredictor, type GateReport, parityGate } from '../gate/index.ts';
import { gateCost } from '../merge/gate-merged.ts';

/** Nats of next-token divergence, the mean over all positions: what rounding weights to their type may change. Our choice. */
export const adapterLimit = 0.02;

/** The longest prompt and what follows it fit. */
const longest = 512;

export interface MergeAdapterOptions {
  /** The model that the adapter is for; the one that it names when left out. */
  base?: string | undefined;
  /** Whether the merged model is compared with the adapted one before it is put in its place. Default: true. */
  gate?: boolean | undefined;
  /** The recipe it is part of, and the commit of the code, for the lineage. */
  recipe?: string | undefined;
  commit?: string | null | undefined;
  maxShardBytes?: number | undefined;
  /** Called between the prompts that are compared. */
  onPrompt?: ((done: number, total: number) => Promise<void> | void) | undefined;
}

const optionNames: OptionNames<MergeAdapterOptions> = {
  base: true,
  gate: true,
  recipe: true,
  commit: true,
  maxShardBytes: true,
  onPrompt: true,
};

export interface MergedAdapter {
  readonly folder: string;
  readonly base: string;
  readonly adapter: string;
  /** Layers that had an adapter. */
  readonly layers: number;
  readonly parameters: number;
  readonly seconds: number;
  /** The base was quantized: its weights became numbers, as its own codes cannot hold the merged ones. */
  readonly dequantized: boolean;
  /** Undefined when it was not compared: without a tokenizer, or when not asked. */
  readonly gate: GateReport | undefined;
  readonly lineage: Lineage;
}

/**
 * Merges an adapter in PEFT's layout into its base, into a model folder that appears whole or not at all. Weights keep the type of the
 * base; a quantized base is made numbers first (float32), since few bits cannot hold what an adapter adds.
 *
 * @throws DataError for another base than the adapter was trained on, UserError `parity-gate` when the result does not go on as the
 *   adapted model does: nothing is written then
 *
 * @example
 * ```ts
 * await mergeAdapter('tuned/adapter', 'merged');
 * ```
 */
export async function mergeAdapter(
  adapter: string,
  out: string,
  options: MergeAdapterOptions = {},
): Promise<MergedAdapter> {
  checkOptions('mergeAdapter', options, optionNames);
  const began = performance.now();
  const {
    base = baseOf(adapter),
    gate: isGated = true,
    recipe = null,
    commit = null,
    maxShardBytes,
    onPrompt,
  } = options;
  for (const source of [base, adapter])
    if (resolve(source) === resolve(out))
      throw new DataError('merge-into-source', `${out} is what is merged`, {
        remedy: 'Name another folder to write to.',
        fields: { path: out },
      });
  new StagedFolder(out, isArtefact)[Symbol.dispose](); // whether it may be written there is known before the work
  const artefact = new Artefact(base);
  const dequantized = quantizationOf(artefact.config(), base) !== undefined;
  using model = await loadAdapted(base, adapter);
  const [files, sha256] = [await artefact.hashed(), await adapterHash(adapter)];
  const layers = loraLayers(model).size;
  mergeLora(model);
  if (dequantized) dequantizeModel(model);
  const named = namedParameters(model);
  requireDisk(
    named.reduce((sum, [, each]) => sum + each.numel() * (each.dtype === 'float32' ? 4 : 2), 0),
    out,
  );
  // A training leaves the tokenizer and the chat template beside the adapter; adapters of others may have one of them, or none.
  const tokenizer = [adapter, base].find((folder) => existsSync(join(folder, TOKENIZER_FILE)));
  const chat = templateFolder(base, adapter);
  using staged = new StagedFolder(out, isArtefact);
  const lineage = saveModel(staged.path, model, {
    tokenizerFolder: tokenizer,
    chatTemplate: chat === tokenizer ? undefined : defaultTemplate(readTokenizerConfig(chat)),
    maxShardBytes,
    lineage: {
      stage: 'merge-adapter',
      recipe,
      commit,
      config: {},
      parents: [
        { name: base, sha256: files.hash },
        { name: adapter, sha256 },
      ],
    },
  });
  const gate = isGated && tokenizer !== undefined ? await gateAdapter(base, adapter, staged.path, onPrompt) : undefined;
  files.requireUnchanged();
  staged.commit();
  const parameters = named.reduce((sum, [, each]) => sum + each.numel(), 0);
  const seconds = (performance.now() - began) / 1000;
  return { folder: out, base, adapter, layers, parameters, seconds, dequantized, gate, lineage };
}

export interface MergeAdapterForecast {
  readonly layers: number;
  readonly parameters: number;
  readonly seconds: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

/** Bytes a second that are read, merged and written, and what a process takes: as for merges of models. */
const [bytesPerSecond, runtimeBytes] = [600e6, 250e6];

/** What a merge would take. Nothing is written. @throws DataError, FormatError as `mergeAdapter` */
export function planMergeAdapter(
  adapter: string,
  base: string,
  { gate = true }: Pick<MergeAdapterOptions, 'gate'> = {},
): MergeAdapterForecast {
  checkOptions('planMergeAdapter', { gate }, { gate: true });
  using model = loadModel(base);
  const layers = loadAdapter(model, adapter).size;
  const shapes = [...tensorShapes(model.config)];
  const parameters = shapes.reduce((sum, [, shape]) => sum + numElements(shape), 0);
  const isHalf = namedParameters(model).some(([name, { dtype }]) => dtype === 'bfloat16' && !name.includes('lora_'));
  const bytes = isHalf ? 2 : 4;
  const compared = gate ? gateCost(parameters, 2) : { seconds: 0, memoryBytes: 0 };
  return {
    layers,
    parameters,
    seconds: (2 * bytes * parameters) / bytesPerSecond + compared.seconds,
    memoryBytes: runtimeBytes + Math.max(bytes * parameters, compared.memoryBytes),
    diskBytes: bytes * parameters,
  };
}

async function gateAdapter(
  base: string,
  adapter: string,
  merged: string,
  onPrompt: MergeAdapterOptions['onPrompt'],
): Promise<GateReport> {
  using adapted = await loadAdapted(base, adapter, { dtype: 'float32', storedMatrices: true });
  using after = loadModel(merged, { dtype: 'float32', storedMatrices: true });
  const tokenizer = loadTokenizer(merged, after.config);
  return await parityGate(enginePredictor(adapted, 'the adapted model'), enginePredictor(after, 'tsumugi'), {
    tokenizer,
    ends: endIds(tokenizer, after.config),
    limits: { meanKl: adapterLimit },
    context: longest,
    onPrompt,
  });
}

/** @throws UserError when the merged model does not fit on the disk */
function requireDisk(bytes: number, out: string): void {
  const available = availableDisk(out);
  if (bytes <= available) return;
  const gigabytes = (value: number) => (value / 1e9).toFixed(1);
  throw new UserError(
    'disk-full',
    `the merged model takes ${gigabytes(bytes)} GB, and ${gigabytes(available)} GB are free at ${out}`,
    {
      remedy: 'Make room, or write to another disk.',
      fields: { bytes, available },
    },
  );
}
