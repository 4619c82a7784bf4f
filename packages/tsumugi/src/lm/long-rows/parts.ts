// How a row of tokens lies over the ranks of a mesh: one part after the other, parts of nearly the same length, the documents of the
// whole row known to all. Everything here is numbers, so that a checkpointed segment finds it when it runs again.
import { UserError } from '../../base/index.ts';
import { type Mesh, ownPart } from '../../mesh/index.ts';
import { type Device, noGrad, type Tensor, tensor } from '../../torch/index.ts';

/** Tokens [from, to) of a row. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

const none: Span = { from: 0, to: 0 };
export const lengthOf = ({ from, to }: Span): number => Math.max(0, to - from);

export class RowParts implements Span {
  readonly mesh: Mesh;
  readonly batch: number;
  readonly from: number;
  readonly to: number;
  readonly #length: number;
  /** For each token of each row, the first token of its document; undefined without documents. */
  readonly #starts: Int32Array | undefined;

  /**
   * @param shape [B, T] of the whole batch
   * @param documents [B, T] int32
   */
  constructor(mesh: Mesh, [B, T]: readonly [number, number], documents?: Tensor) {
    if (T < mesh.world)
      throw new UserError(
        'row-too-short',
        `rows of ${T} tokens cannot lie over ${mesh.world} ranks: each needs a token at least`,
        { remedy: `Use longer rows, or sequence parallelism over at most ${T} ranks.` },
      );
    this.mesh = mesh;
    this.batch = B;
    this.#length = T;
    this.#starts = documents && startsOf(documents, T);
    ({ from: this.from, to: this.to } = this.of(mesh.rank));
  }

  /** The part of a rank. */
  of(rank: number): Span {
    return ownPart({ rank, world: this.mesh.world }, this.#length);
  }

  /** What of the part of rank `owner` the tokens of `rank` reach that look back over `window` tokens (null: all). */
  inReach(rank: number, owner: number, window: number | null): Span {
    if (owner < 0 || rank >= this.mesh.world || owner > rank) return none;
    const { from, to } = this.of(owner);
    return { from: window === null ? from : Math.max(from, this.of(rank).from - window), to };
  }

  get length(): number {
    return this.to - this.from;
  }

  get hasDocuments(): boolean {
    return this.#starts !== undefined;
  }

  /** This rank's part of a tensor [B, T, …]. */
  own(whole: Tensor): Tensor {
    return whole.narrow(1, this.from, this.length);
  }

  /** Where the document of token t of row b begins, in the whole row. */
  start(b: number, t: number): number {
    return this.#starts?.[b * this.#length + t] ?? 0;
  }

  /** How many tokens of this part belong to a document that began before it, in row b. */
  open(b: number): number {
    let count = 0;
    while (count < this.length && this.start(b, this.from + count) < this.from) count++;
    return count;
  }

  /** [B, length] int32, equal along each document of this part; undefined without documents. */
  documents(device: Device): Tensor | undefined {
    return this.#starts && this.numbers(this.length, (b, t) => this.start(b, this.from + t), device);
  }

  /** [B, n] int32: `value` of each row and place. */
  numbers(n: number, value: (b: number, t: number) => number, device: Device): Tensor {
    const values = new Int32Array(this.batch * n);
    for (let b = 0; b < this.batch; b++) for (let t = 0; t < n; t++) values[b * n + t] = value(b, t);
    return tensor(values, { device }).view([this.batch, n]);
  }
}

/** A document is a run of equal numbers. */
function startsOf(documents: Tensor, T: number): Int32Array {
  const ids = noGrad(() => documents.to('int32').contiguous().data()) as Int32Array;
  const starts = new Int32Array(ids.length);
  for (let i = 0; i < ids.length; i++) starts[i] = i % T > 0 && ids[i] === ids[i - 1] ? starts[i - 1]! : i % T;
  return starts;
}
