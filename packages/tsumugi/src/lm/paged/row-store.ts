// A tensor of numbered rows. On the CPU it is as large as it may become from the start, and memory is taken where rows are written; on
// other devices it grows.
import { invariant } from '../../base/index.ts';
import { customOperator, type Device, type DType, empty, scope, type Tensor, zeros } from '../../torch/index.ts';

const reserve = customOperator('tsumugi::reserve');

export class RowStore implements Disposable {
  readonly #shape: readonly number[];
  readonly #most: number;
  #rows: Tensor;

  /** @param shape of a row, @param most rows there can be */
  constructor(shape: readonly number[], most: number, options: { dtype: DType; device: Device }) {
    this.#shape = shape;
    this.#most = most;
    this.#rows = scope(() => {
      const onCpu = options.device === 'cpu';
      return (
        onCpu ? reserve(empty([0], options), [most, ...shape]) : zeros([Math.min(most, 16), ...shape], options)
      ).keep();
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
    const { dtype, device } = this.#rows;
    const size = Math.min(this.#most, Math.max(number + 1, 2 * now));
    const grown = scope(() => {
      const rows = zeros([size, ...this.#shape], { dtype, device });
      rows.narrow(0, 0, now).copy_(this.#rows);
      return rows.keep();
    });
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
