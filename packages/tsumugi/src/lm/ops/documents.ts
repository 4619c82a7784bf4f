// What a document of a pack is, for the plain twins: a run of equal numbers along the row, as the kernels see it
// (native/src/kernels/kernel.h). A number that comes again after another one is a new document.
import { cat, type Tensor, zeros } from '../../torch/index.ts';

/** Where documents [B, T] start behind another one: bool [B, T]; a row's first token is none of these. */
export function documentStarts(documents: Tensor): Tensor {
  const [B, T] = documents.shape as [number, number];
  const none = zeros([B, Math.min(T, 1)], { dtype: 'bool', device: documents.device });
  return T < 2 ? none : cat([none, documents.narrow(1, 1, T - 1).ne(documents.narrow(1, 0, T - 1))], 1);
}

/** Documents numbered along each row, from 0: int64 [B, T]. */
export const documentNumbers = (documents: Tensor): Tensor => documentStarts(documents).cumsum(1);
