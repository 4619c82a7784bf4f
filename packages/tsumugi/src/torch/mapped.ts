// Memory-mapped files: bytes and tensors that are read from the disk when they are touched.
import type { MappingHandle } from '@tsumugi/native';
import { DataError } from '../base/index.ts';
import { type DType, dtypeCode } from './dtype.ts';
import { explain } from './explain.ts';
import { native } from './native.ts';
import { Tensor } from './tensor.ts';

export class MappedFile {
  readonly path: string;
  readonly #mapping: MappingHandle;

  /** @throws DataError when the file cannot be opened. The mapping ends when nothing refers to it any more. */
  constructor(path: string) {
    this.path = path;
    try {
      this.#mapping = native().mapFile(path);
    } catch (error) {
      throw new DataError('cannot-open', `cannot open ${(error as Error).message}`, {
        remedy: 'Check the path and its permissions.',
        fields: { path },
        cause: error,
      });
    }
  }

  /** The whole file, without a copy. Writing to it does not change the file. */
  get bytes(): ArrayBuffer {
    return native().mappedBytes(this.#mapping);
  }

  /** A tensor over the file's own pages, starting at `byteOffset`. In-place operations on it do not change the file. */
  tensor(byteOffset: number, dtype: DType, shape: readonly number[]): Tensor {
    try {
      return new Tensor(native().mappedTensor(this.#mapping, byteOffset, dtypeCode(dtype), shape));
    } catch (error) {
      throw explain(error, `tensor of ${this.path}`, [shape as number[]]);
    }
  }

  /**
   * Gives back the memory of all pages that were touched: tensors over them stay valid, and read them again when they are used. Changes
   * made to such tensors in place are lost.
   */
  releasePages(): void {
    native().releasePages(this.#mapping);
  }
}
