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

export function kindBits({ bits, tensorBits }: Pick<QuantizeConfig, 'bits' | 'tensorBits'>): KindBits {
  return Object.fromEntries(
    matrixKinds.map((kind) => [kind, tensorBits[kind] ?? (keptByDefault.includes(kind) ? 16 : bits)]),
  ) as Record<MatrixKind, MatrixBits>;
}

/** AWQ's own layout has 4 bits only; its scales go with GPTQ's layout as well. */
export function layoutOf({ method, format }: QuantizeConfig, bits: KindBits): QuantizedLayout {
  if (format === 'fp8') return 'fp8';
  return method === 'awq' && Object.values(bits).every((width) => width !== 8) ? 'awq' : 'gptq';
}

/** The matrices of a model in layer order. @throws ConfigError for a matrix that a group size or a layout does not fit */
export function plannedMatrices(model: Plamo2Config, config: QuantizeConfig, bits: KindBits): PlannedMatrix[] {
  const matrices: PlannedMatrix[] = [];
  for (const [name, shape] of tensorShapes(model)) {
    const kind = matrixKinds.find((each) => name.endsWith(`.${each}.weight`));
    if (kind === undefined) continue;
    const matrix = { path: name.slice(0, -'.weight'.length), kind, shape: shape as [number, number], bits: bits[kind] };
    if (matrix.bits !== 16 && config.format === 'int') checkMatrix(matrix, model, config);
    matrices.push(matrix);
  }
  return matrices;
}

function checkMatrix({ path, kind, shape, bits }: PlannedMatrix, model: Plamo2Config, config: QuantizeConfig): void {
  const [outputs, inputs] = shape;
  const refuse = (problem: string, remedy: string) => {
    throw new ConfigError('bad-group-size', `"${path}" has ${problem}`, { remedy, fields: { path } });
  };
  const { groupSize } = config;
  const keep = `or keep it as it is: tensorBits.${kind}=16.`;
  if (groupSize !== -1 && inputs % groupSize !== 0)
    refuse(
      `${inputs} inputs, which are no whole number of groups of ${groupSize}`,
      `Choose a groupSize that divides ${inputs}, ${keep}`,
    );
  const each = codesPerWord(bits as 4 | 8);
  if (outputs % each !== 0 || inputs % each !== 0)
    refuse(`the shape [${outputs}, ${inputs}]; ${each} weights share a word`, `Choose 8 bits, ${keep}`);
  // vLLM's loader takes in_proj apart by heads: words that hold weights of two heads could not be.
  if (kind === 'in_proj' && model.hidden_size_per_head % each !== 0)
    refuse(
      `heads of ${model.hidden_size_per_head} outputs, and words of ${each} would lie across their borders`,
      `Choose 8 bits, ${keep}`,
    );
}

/** What config.json will say. */
export function summaryOf(config: QuantizeConfig, bits: KindBits): QuantizationSummary {
  const layout = layoutOf(config, bits);
  const kept = matrixKinds.filter((kind) => bits[kind] === 16);
  const raised = Object.entries(bits).filter(([, width]) => width !== 16 && width !== config.bits);
  return {
    layout,
    bits: config.bits,
    groupSize: config.groupSize,
    symmetric: config.method !== 'awq' && !config.zeroPoint,
    actOrder: config.method === 'gptq' && config.actOrder,
    kept,
    raised: Object.fromEntries(raised),
  };
}
