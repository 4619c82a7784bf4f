// A tensor of numbered rows, which grows. On the CPU its memory is taken where rows are written, so that it is made with room to spare and
// seldom has to be copied.
import { invariant } from '../../base/index.ts';
import {
  customOperator,
  type Device,
  type DType,
  dtypeBytes,
  empty,
  numElements,
  scope,
  type Tensor,
  zeros,
} from '../../torch/index.ts';

const reserve = customOperator('tsumugi::reserve');

/** Room to begin with: of addresses on the CPU, of memory elsewhere. */
const FIRST_BYTES = { cpu: 256 << 20, other: 1 << 20 };

export class RowStore implements Disposable {
  readonly #shape: readonly number[];
  readonly #most: number;
  readonly #options: { dtype: DType; device: Device };
  #rows: Tensor;

  /** @param shape of a row, @param most rows there can be */
  constructor(shape: readonly number[], most: number, options: { dtype: DType; device: Device }) {
    this.#shape = shape;
    this.#most = most;
    this.#options = options;
    const bytes = FIRST_BYTES[options.device === 'cpu' ? 'cpu' : 'other'];
    this.#rows = this.#make(Math.max(2, Math.floor(bytes / (numElements(shape) * dtypeBytes(options.dtype)))));
  }

  /** Zeros; no more rows than there can be. */
  #make(rows: number): Tensor {
    return scope(() => {
      const shape = [Math.min(this.#most, rows), ...this.#shape];
      const isOnCpu = this.#options.device === 'cpu';
      return (isOnCpu ? reserve(empty([0], this.#options), shape) : zeros(shape, this.#options)).keep();
    });
  }

  /** [rows, …]: changed in place. */
  get rows(): Tensor {
    return this.#rows;
  }

  /** Room for a row of this number. */
  makeRoom(number: number): void {
    invariant(number < this.#most, 'what is handed out is within what was reserved');
    const now = this.#rows.size(0);
    if (number < now) return;
    const grown = this.#make(Math.max(number + 1, 2 * now));
    scope(() => void grown.narrow(0, 0, now).copy_(this.#rows));
    this.#rows.dispose();
    this.#rows = grown;
  }

  copy(from: number, to: number): void {
    scope(() => void this.#rows.select(0, to).copy_(this.#rows.select(0, from)));
  }

  [Symbol.dispose](): void {
    this.#rows.dispose();
  }
}
