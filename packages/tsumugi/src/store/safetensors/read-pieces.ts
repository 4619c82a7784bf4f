// A tensor of any size, of which a piece is in memory at a time.
import { type DType, numElements, scope, type Tensor } from '../../torch/index.ts';
import type { Safetensors } from './reader.ts';

const pieceElements = 4 << 20;

/** The elements of a tensor in row-major order: [at most 4 Mi] each, in another type if one is named. */
export function* readPieces(weights: Safetensors, name: string, dtype?: DType): Generator<Tensor> {
  const info = weights.info(name);
  const count = numElements(info.shape);
  for (let start = 0; start < count; start += pieceElements)
    yield scope(() => weights.elements(name, start, Math.min(pieceElements, count - start)).to(dtype ?? info.dtype));
}
