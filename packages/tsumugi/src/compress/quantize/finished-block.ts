// A layer as it has become, read from what was written.
import { type Block, buildBlock } from '../../lm/index.ts';
import { type CodeBits, dequantizeStored, type QuantizationSummary, type Safetensors } from '../../store/index.ts';
import { scope, type Tensor } from '../../torch/index.ts';
import type { PlannedMatrix } from './matrices.ts';
import type { SourceModel } from './source.ts';

/** @param matrices those of the layer that are quantized */
export function finishedBlock(
  source: SourceModel,
  layer: number,
  file: Safetensors,
  matrices: readonly PlannedMatrix[],
  { layout }: QuantizationSummary,
): Block {
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
      return dequantizeStored(tensors, stored);
    });
  });
}
