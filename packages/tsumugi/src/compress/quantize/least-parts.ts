// What holds a model's size up when every matrix has as few bits as it may: for the refusal of a target below that.
import { type Plamo2Config, tensorShapes } from '../../lm/index.ts';
import type { QuantizationSummary } from '../../store/index.ts';
import { type DType, dtypeBytes, numElements } from '../../torch/index.ts';
import type { PlannedMatrix } from './matrices.ts';
import type { QuantizeConfig } from './quantize-config.ts';
import { matrixBytes, storedType } from './size.ts';

export interface SizePart {
  readonly what: string;
  readonly bytes: number;
}

/** The parts of the checkpoint, the largest first; together they are all of it. */
export function sizeParts(
  model: Plamo2Config,
  matrices: readonly PlannedMatrix[],
  config: QuantizeConfig,
  summary: QuantizationSummary,
  typeOf: (name: string) => DType,
): SizePart[] {
  const planned = new Map(matrices.map((each) => [`${each.path}.weight`, each]));
  const parts = new Map<string, number>();
  for (const [name, shape] of tensorShapes(model)) {
    const matrix = planned.get(name);
    const bytes =
      matrix && matrix.bits !== 16
        ? matrixBytes(matrix, summary)
        : numElements(shape) * dtypeBytes(storedType(name, typeOf(name), config));
    const what = partOf(name, matrix);
    parts.set(what, (parts.get(what) ?? 0) + bytes);
  }
  return [...parts].map(([what, bytes]) => ({ what, bytes })).sort((a, b) => b.bytes - a.bytes);
}

function partOf(name: string, matrix: PlannedMatrix | undefined): string {
  if (matrix) return matrix.bits === 16 ? `${matrix.kind}, which is kept` : `matrices in ${matrix.bits} bits`;
  if (name.includes('embed_tokens')) return 'the embedding, which is kept';
  return name.includes('lm_head') ? 'the head, which is kept' : 'vectors and convolutions';
}

/** "62 % the embedding, 30 % matrices in 4 bits": what is less than one percent is left out. */
export function describeParts(parts: readonly SizePart[]): string {
  const total = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  return parts
    .map(({ what, bytes }) => ({ what, percent: (100 * bytes) / total }))
    .filter(({ percent }) => percent >= 1)
    .map(({ what, percent }) => `${percent.toFixed(0)} % ${what}`)
    .join('; ');
}
