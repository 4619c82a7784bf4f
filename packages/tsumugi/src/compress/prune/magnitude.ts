// How active channels are (Minitron, arXiv 2408.11796, as in ModelOpt's megatron plugin): |a|, its mean over a sequence, squared, summed over the
// sequences, and at the end the root. In float32, summed in float64.
import { noGrad, scope, type Tensor } from '../../torch/index.ts';

export class Magnitude {
  /** Σ over the sequences of (mean |a|)², of each channel. */
  readonly squares: Float64Array;

  constructor(channels: number) {
    this.squares = new Float64Array(channels);
  }

  /** [B, T, C], or a view of it as such. */
  add(activations: Tensor): void {
    scope(() =>
      noGrad(() => {
        const sums = activations.detach().float().abs().mean([1]).double().square().sum([0]).contiguous();
        const values = sums.data() as Float64Array;
        for (const [i, value] of values.entries()) this.squares[i]! += value;
      }),
    );
  }

  /** √ of the sums; with `size`, of each run of so many channels together: the L2 norm over a head's channels. */
  scores(size = 1): number[] {
    const heads = new Float64Array(this.squares.length / size);
    for (const [i, square] of this.squares.entries()) heads[Math.floor(i / size)]! += square;
    return Array.from(heads, Math.sqrt);
  }
}
