// What the layers of a model ask of a row that lies over ranks (sequence parallelism): each goes on from what the ranks before hold.
//
//   B batch   n tokens of this part   C channels   k taps   m heads   P head size   N state size
import type { Mesh } from '../../mesh/index.ts';
import { cat, type Tensor, zeros } from '../../torch/index.ts';
import { isMamba, type Plamo2Config, windowOf } from '../config.ts';
import type { AttentionMemory, MambaMemory, PassMemory, ScanInputs } from '../layer-memory.ts';
import { causalConv } from '../ops/causal-conv.ts';
import { deltaOf, ssdScan } from '../ops/ssd-scan.ts';
import { attentionOverRanks } from './attention.ts';
import { stateBefore, tokensBefore } from './before.ts';
import { RowParts } from './parts.ts';

class AttentionPart implements AttentionMemory {
  readonly #parts: RowParts;
  readonly #window: number | null;

  constructor(parts: RowParts, window: number | null) {
    this.#parts = parts;
    this.#window = window;
  }

  attend(q: Tensor, k: Tensor, v: Tensor): Tensor {
    return attentionOverRanks(this.#parts, q, k, v, this.#window);
  }
}

class MambaPart implements MambaMemory {
  readonly #parts: RowParts;

  constructor(parts: RowParts) {
    this.#parts = parts;
  }

  convolve(u: Tensor, weight: Tensor): Tensor {
    const parts = this.#parts;
    const [B, , C] = u.shape as [number, number, number];
    const taps = weight.size(2) - 1; // that look back
    const found = tokensBefore(parts, u, taps);
    const n = found.size(1);
    const isOther = (b: number, t: number) => Number(parts.from - n + t < parts.start(b, parts.from));
    const own = parts.hasDocuments
      ? found.maskedFill(parts.numbers(n, isOther, u.device).to('bool').unsqueeze(2), 0)
      : found;
    const missing = zeros([B, taps - n, C], { dtype: u.dtype, device: u.device });
    const state = cat([missing, own], 1).transpose(1, 2);
    return causalConv(u, weight, { documents: parts.documents(u.device), state });
  }

  /**
   * The scan from zeros, and to it what the state in front of the part adds to each token: that state is C·S as seen by the token, times
   * the decay since. One scan instead of two, forward and backward; only the tokens of a document that began before the part see it.
   */
  scan({ x, dt, bias, A, B, C, D }: ScanInputs, chunk: number): Tensor {
    const parts = this.#parts;
    const [batch, n, m, P] = x.shape as [number, number, number, number];
    const delta = deltaOf(dt, bias);
    const documents = parts.documents(x.device);
    const { y, state } = ssdScan(x, delta, A, B, C, D, { chunk, documents, returnState: true });
    const open = Array.from({ length: batch }, (_, b) => parts.open(b));
    const hidden = (count: number, isHidden: (b: number, t: number) => boolean) =>
      parts.numbers(count, (b, t) => Number(isHidden(b, t)), x.device).to('bool');
    const decays = delta.mul(A).cumsum(1).exp().to(state!.dtype); // [B, n, m], from the beginning of the part
    const whole = decays.select(1, n - 1).maskedFill(
      hidden(1, (b) => open[b]! < n),
      0,
    );
    const before = stateBefore(parts, whole, state!); // [B, m, P, N]
    const seeing = Math.max(1, ...open); // at least one, so that every rank goes backward through the exchange
    const into = decays.narrow(1, 0, seeing).maskedFill(hidden(seeing, (b, t) => t >= open[b]!).unsqueeze(2), 0);
    const read = C.narrow(1, 0, seeing)
      .to(before.dtype)
      .matmul(before.reshape([batch, m * P, -1]).transpose(1, 2))
      .view([batch, seeing, m, P]);
    const first = y.narrow(1, 0, seeing).add(read.mul(into.unsqueeze(3)).to(y.dtype));
    return seeing === n ? first : cat([first, y.narrow(1, seeing, n - seeing)], 1);
  }
}

/** A row over the ranks of a mesh, for a pass of a model. */
export class RowOverRanks implements PassMemory {
  readonly layers: readonly (AttentionMemory | MambaMemory)[];
  readonly #parts: RowParts;

  /**
   * @param shape [B, T] of the whole batch
   * @param documents [B, T] int32
   */
  constructor(mesh: Mesh, config: Plamo2Config, shape: readonly [number, number], documents?: Tensor) {
    const parts = new RowParts(mesh, shape, documents);
    this.#parts = parts;
    this.layers = Array.from({ length: config.num_hidden_layers }, (_, index) =>
      isMamba(config, index) ? new MambaPart(parts) : new AttentionPart(parts, windowOf(config, index)),
    );
  }

  /** This rank's part of a tensor [B, T, …]. */
  own(whole: Tensor): Tensor {
    return this.#parts.own(whole);
  }

  startPass(): number {
    return this.#parts.from;
  }

  endPass(): void {}
}
