// Which matrices of a model are quantized, to how many bits, and in which layout.
import { ConfigError } from '../../base/index.ts';
import { type Plamo2Config, tensorShapes } from '../../lm/index.ts';
import { codesPerWord, type QuantizationSummary, type QuantizedLayout } from '../../store/index.ts';
import type { QuantizeConfig } from './quantize-config.ts';

/** The matrices of the layers, by the last part of their path. */
export const matrixKinds = [
  'qkv_proj', 'o_proj', 'in_proj', 'bcdt_proj', 'dt_proj', 'out_proj', 'gate_up_proj', 'down_proj',
] as const; // biome-ignore format: one list
export type MatrixKind = (typeof matrixKinds)[number];
export type MatrixBits = 4 | 8 | 16;

/** Kept unless asked otherwise: quantizing `out_proj` broke published models (llama.cpp #24501); the other two are small and make Δ, B, C. */
const keptByDefault: readonly MatrixKind[] = ['out_proj', 'bcdt_proj', 'dt_proj'];

export interface PlannedMatrix {
  /** `model.layers.layers.0.mixer.in_proj` */
  readonly path: string;
  readonly kind: MatrixKind;
  readonly shape: readonly [outputs: number, inputs: number];
  /** 16: kept. */
  readonly bits: MatrixBits;
}

/** Bits of each kind. */
export type KindBits = Readonly<Record<MatrixKind, MatrixBits>>;

/** Bits of each kind, where its matrices have not all the same: under a target they are chosen one by one. */
export type KindBitsOrMixed = Readonly<Record<MatrixKind, MatrixBits | 'mixed'>>;

export function kindBits({ bits, tensorBits }: Pick<QuantizeConfig, 'bits' | 'tensorBits'>): KindBits {
  return Object.fromEntries(
    matrixKinds.map((kind) => [kind, tensorBits[kind] ?? (keptByDefault.includes(kind) ? 16 : bits)]),
  ) as Record<MatrixKind, MatrixBits>;
}

/** AWQ's own layout has 4 bits only; its scales go with GPTQ's layout as well, which is taken where 8 bits may be chosen. */
export function layoutOf({ method, format, targetBits }: QuantizeConfig, bits: KindBits): QuantizedLayout {
  if (format === 'fp8') return 'fp8';
  const only4 = targetBits === undefined && Object.values(bits).every((width) => width !== 8);
  return method === 'awq' && only4 ? 'awq' : 'gptq';
}

/** The matrices of a model in layer order, without their bits. */
export function* matricesOf(model: Plamo2Config): Generator<Omit<PlannedMatrix, 'bits'>> {
  for (const [name, shape] of tensorShapes(model)) {
    const kind = matrixKinds.find((each) => name.endsWith(`.${each}.weight`));
    if (kind !== undefined)
      yield { path: name.slice(0, -'.weight'.length), kind, shape: shape as readonly number[] as [number, number] };
  }
}

/** The matrices of a model in layer order. @throws ConfigError for a matrix that a group size or a layout does not fit */
export function plannedMatrices(model: Plamo2Config, config: QuantizeConfig, bits: KindBits): PlannedMatrix[] {
  return [...matricesOf(model)].map((each) => fitting({ ...each, bits: bits[each.kind] }, model, config));
}

/** The matrix. @throws ConfigError when it cannot have its bits */
export function fitting(matrix: PlannedMatrix, model: Plamo2Config, config: QuantizeConfig): PlannedMatrix {
  const found = misfit(matrix, model, config);
  if (!found) return matrix;
  const { problem, remedy } = found;
  const fields = { path: matrix.path };
  throw new ConfigError('bad-group-size', `"${matrix.path}" has ${problem}`, { remedy, fields });
}

/** Why a matrix cannot have its bits. */
export function misfit(
  { kind, shape, bits }: PlannedMatrix,
  model: Plamo2Config,
  { format, groupSize }: QuantizeConfig,
): { problem: string; remedy: string } | undefined {
  if (bits === 16 || format !== 'int') return undefined;
  const [outputs, inputs] = shape;
  const keep = `or keep it as it is: tensorBits.${kind}=16.`;
  if (groupSize !== -1 && inputs % groupSize !== 0)
    return {
      problem: `${inputs} inputs, which are no whole number of groups of ${groupSize}`,
      remedy: `Choose a groupSize that divides ${inputs}, ${keep}`,
    };
  const each = codesPerWord(bits);
  if (outputs % each !== 0 || inputs % each !== 0)
    return {
      problem: `the shape [${outputs}, ${inputs}]; ${each} weights share a word`,
      remedy: `Choose 8 bits, ${keep}`,
    };
  // vLLM's loader takes in_proj apart by heads: words that hold weights of two heads could not be.
  if (kind === 'in_proj' && model.hidden_size_per_head % each !== 0)
    return {
      problem: `heads of ${model.hidden_size_per_head} outputs, and words of ${each} would lie across their borders`,
      remedy: `Choose 8 bits, ${keep}`,
    };
  return undefined;
}

/** What the matrices of each kind have; `bits` for kinds that the model has not. */
export function kindsOf(matrices: readonly PlannedMatrix[], bits: KindBits): KindBitsOrMixed {
  return Object.fromEntries(
    matrixKinds.map((kind) => {
      const [first = bits[kind], ...others] = new Set(matrices.filter((m) => m.kind === kind).map((m) => m.bits));
      return [kind, others.length > 0 ? 'mixed' : first];
    }),
  ) as Record<MatrixKind, MatrixBits | 'mixed'>;
}

/** What config.json will say: kinds by their name, matrices that differ from others of their kind by their whole path. */
export function summaryOf(
  config: QuantizeConfig,
  bits: KindBits,
  matrices: readonly PlannedMatrix[],
): QuantizationSummary {
  const layout = layoutOf(config, bits);
  const named = Object.entries(kindsOf(matrices, bits)).flatMap(([kind, width]): [string, MatrixBits][] =>
    width === 'mixed' ? matrices.filter((m) => m.kind === kind).map((m) => [m.path, m.bits]) : [[kind, width]],
  );
  return {
    layout,
    bits: config.bits,
    groupSize: config.groupSize,
    symmetric: config.method !== 'awq' && !config.zeroPoint,
    actOrder: config.method === 'gptq' && config.actOrder,
    kept: named.filter(([, width]) => width === 16).map(([name]) => name),
    raised: Object.fromEntries(named.filter(([, width]) => width !== 16 && width !== config.bits)),
  };
}
