// What a quantized model takes: on the disk, in memory, in time.
import { layerOf, type Plamo2Config, tensorShapes } from '../../lm/index.ts';
import type { QuantizationSummary } from '../../store/index.ts';
import { type DType, dtypeBytes, numElements } from '../../torch/index.ts';
import type { PlannedMatrix } from './matrices.ts';
import type { QuantizeConfig } from './quantize-config.ts';

export interface QuantizedSize {
  readonly parameters: number;
  /** Of the weights. */
  readonly bytes: number;
  /** Over all parameters, those that are kept counted in. */
  readonly bitsPerWeight: number;
}

/** Matrices are stored in `keptType` when they are kept, everything else in float32. */
const isKeptMatrix = (name: string): boolean => /(_proj|embed_tokens|lm_head)\.weight$/.test(name);

/** Bytes of a matrix in few bits. */
export function matrixBytes(
  { shape: [out, inputs], bits }: PlannedMatrix,
  { layout, groupSize }: QuantizationSummary,
): number {
  if (layout === 'fp8') return out * inputs + 4;
  const groups = groupSize === -1 ? 1 : inputs / groupSize;
  const codes = (out * inputs * bits) / 8;
  return codes + groups * out * (2 + bits / 8) + (layout === 'gptq' ? 4 * inputs : 0);
}

/** What a tensor that is not quantized is stored in: a matrix of 16 bits stays what it is. */
export function storedType(name: string, from: DType, { keptType }: QuantizeConfig): DType {
  if (!isKeptMatrix(name)) return 'float32';
  return dtypeBytes(from) <= dtypeBytes(keptType) ? from : keptType;
}

/** @param typeOf types of the source's tensors; float32 where the source is not there yet */
export function sizeOf(
  model: Plamo2Config,
  matrices: readonly PlannedMatrix[],
  config: QuantizeConfig,
  summary: QuantizationSummary,
  typeOf: (name: string) => DType = () => 'float32',
): QuantizedSize {
  const few = new Map(matrices.filter(({ bits }) => bits !== 16).map((each) => [`${each.path}.weight`, each]));
  let [parameters, bytes] = [0, 0];
  for (const [name, shape] of tensorShapes(model)) {
    const count = numElements(shape);
    const matrix = few.get(name);
    parameters += count;
    bytes += matrix ? matrixBytes(matrix, summary) : count * dtypeBytes(storedType(name, typeOf(name), config));
  }
  return { parameters, bytes, bitsPerWeight: (8 * bytes) / parameters };
}

/** Of one core: products of matrices, and the steps of a method over a matrix. Guesses, not measured. */
const flopsPerSecond = 40e9;
const roundedPerSecond = 60e6;
const runtimeBytes = 300e6;

/** Seconds and bytes of memory. */
export function costOf(
  model: Plamo2Config,
  matrices: readonly PlannedMatrix[],
  { method, tokens, sequenceLength }: QuantizeConfig,
): { seconds: number; memoryBytes: number } {
  const all = [...tensorShapes(model)];
  const layers = model.num_hidden_layers;
  const inLayers = all.filter(([name]) => layerOf(name) !== undefined).reduce((sum, [, s]) => sum + numElements(s), 0);
  const few = matrices.filter(({ bits }) => bits !== 16);
  const count = few.reduce((sum, { shape }) => sum + numElements(shape), 0);
  const largest = Math.max(0, ...few.map(({ shape }) => numElements(shape)));
  const rounding = count / roundedPerSecond;
  if (method === 'rtn') return { seconds: rounding, memoryBytes: runtimeBytes + 40 * largest };
  const passes = (2 * 2 * inLayers * tokens) / flopsPerSecond;
  const squares = few.reduce((sum, { shape }) => sum + shape[1] ** 2, 0);
  const cubes = few.reduce((sum, { shape }) => sum + shape[1] ** 3, 0);
  const columns = few.reduce((sum, { shape }) => sum + shape[1] ** 2 * shape[0], 0);
  const own =
    method === 'gptq'
      ? (2 * squares * tokens + 3 * cubes + 2 * columns) / flopsPerSecond
      : 20 * rounding + (20 * 2 * count * Math.min(tokens, 512)) / flopsPerSecond;
  const widest = Math.max(0, ...few.map(({ shape }) => shape[1]));
  const states = 4 * model.hidden_size * tokens;
  const watched = method === 'gptq' ? 4 * 5 * widest ** 2 : 4 * 512 * widest;
  return {
    seconds: passes + own + rounding,
    memoryBytes:
      runtimeBytes +
      (4 * inLayers) / layers +
      2 * states +
      watched +
      24 * largest +
      16 * sequenceLength * model.intermediate_size * 4,
  };
}

/** Of `measureSensitivity`: each changed model goes through its layer, those above it, and the head. */
export function measuringCost(
  model: Plamo2Config,
  candidates: readonly PlannedMatrix[],
  { sensitivityTokens: tokens }: QuantizeConfig,
): { seconds: number; memoryBytes: number } {
  const layers = model.num_hidden_layers;
  const all = [...tensorShapes(model)];
  const ofLayers = all.filter(([name]) => layerOf(name) !== undefined);
  const layer = ofLayers.reduce((sum, [, shape]) => sum + numElements(shape), 0) / layers;
  const head = model.vocab_size * model.hidden_size;
  const passes = candidates.reduce((sum, { path }) => sum + layers - layerOf(path)!, layers);
  const products = 2 * tokens * (passes * layer + candidates.length * head);
  const widest = candidates.length / layers;
  return {
    seconds:
      products / flopsPerSecond + candidates.reduce((n, { shape }) => n + numElements(shape), 0) / roundedPerSecond,
    memoryBytes:
      runtimeBytes +
      4 * (2 * layer + head) +
      4 * tokens * model.hidden_size * (layers + 2 * widest) +
      16 * 4 * tokens * model.intermediate_size,
  };
}
