// What AWQ wants to know of the inputs of a matrix, gathered while a text goes through a layer.
import { cat, noGrad, scope, type Tensor } from '../../torch/index.ts';

/** Tokens that AWQ measures output errors with. */
const sampledTokens = 512;

export interface Inputs extends Disposable {
  /** x [..., in] */
  add(x: Tensor): void;
}

/** AWQ's: mean |x| of each input, and some of the tokens, spread evenly over the text. */
export class InputSample implements Inputs {
  readonly #every: number;
  #sum: Tensor | undefined;
  #rows = 0;
  readonly #kept: Tensor[] = [];

  constructor(tokens: number) {
    this.#every = Math.max(1, Math.floor(tokens / sampledTokens));
  }

  add(x: Tensor): void {
    noGrad(() =>
      scope(() => {
        const rows = x.reshape([-1, x.size(-1)]).float();
        const first = (this.#every - (this.#rows % this.#every)) % this.#every;
        if (first < rows.size(0)) this.#kept.push(rows.slice(0, first, undefined, this.#every).clone().keep());
        const sum = rows.abs().sum([0]);
        if (this.#sum) this.#sum.add_(sum);
        else this.#sum = sum.keep();
        this.#rows += rows.size(0);
      }),
    );
  }

  /** [in] */
  means(): Tensor {
    return this.#sum!.div(this.#rows);
  }

  /** [n, in] */
  sample(): Tensor {
    return cat(this.#kept);
  }

  [Symbol.dispose](): void {
    this.#sum?.dispose();
    for (const each of this.#kept.splice(0)) each.dispose();
  }
}
