// Rows of cos and sin for RoPE, computed once per base and grown as longer texts come.
import { type Tensor, tensor } from '../torch/index.ts';
import { ropeTable } from './ops/rope.ts';

export interface RopeRows {
  /** [T, d/2] */
  cos: Tensor;
  sin: Tensor;
}

/** Where attention gets the rows for its tokens. */
export interface RopeSource {
  /** One row for each of `length` tokens, the first of which stands at `offset`. */
  rows(base: number, headDim: number, offset: number, length: number, device: Tensor['device']): RopeRows;
}

interface Entry extends RopeRows {
  length: number;
}

export class RopeTables implements RopeSource, Disposable {
  readonly #tables = new Map<string, Entry>();

  /** Rows for positions offset … offset + length − 1. */
  rows(base: number, headDim: number, offset: number, length: number, device: Tensor['device']): RopeRows {
    const key = `${base}/${headDim}/${device}`;
    let entry = this.#tables.get(key);
    if (!entry || entry.length < offset + length) {
      const grown = Math.max(1024, 2 ** Math.ceil(Math.log2(offset + length)));
      const table = ropeTable(grown, headDim, base, { device });
      entry?.cos.dispose();
      entry?.sin.dispose();
      entry = { cos: table.cos.keep(), sin: table.sin.keep(), length: grown };
      this.#tables.set(key, entry);
    }
    return { cos: entry.cos.narrow(0, offset, length), sin: entry.sin.narrow(0, offset, length) };
  }

  /** Rows for tokens that stand at these positions, whatever offset is asked for. The positions go to the device once, not per layer. */
  at(positions: readonly number[], device: Tensor['device']): RopeSource {
    const [first] = positions as [number];
    if (positions.every((position, i) => position === first + i))
      return { rows: (base, headDim) => this.rows(base, headDim, first, positions.length, device) };
    const length = Math.max(...positions) + 1;
    const index = tensor(BigInt64Array.from(positions, BigInt), { device });
    return {
      rows: (base, headDim) => {
        const { cos, sin } = this.rows(base, headDim, 0, length, device);
        return { cos: cos.indexSelect(0, index), sin: sin.indexSelect(0, index) };
      },
    };
  }

  [Symbol.dispose](): void {
    for (const { cos, sin } of this.#tables.values()) {
      cos.dispose();
      sin.dispose();
    }
    this.#tables.clear();
  }
}
