// Recurrent layers on libtorch's own loops, with PyTorch's parameter names (weight_ih_l0, weight_hh_l0, bias_ih_l0 …).
//
//   B batch   T time steps   I input size   H hidden size   N layers
//
// No dropout between layers here: libtorch would draw it from a hidden stream. Put a Dropout between two single layers.
import { checkNumbers, checkOptions, type OptionNames, ShapeError } from '../base/index.ts';
import { empty, gruInput, lstmInput, type Rng, type Tensor, zeros } from '../torch/index.ts';
import { type Initializer, initialize, uniform } from './initializers.ts';
import { Module, parameter } from './module.ts';
import { layerHints, rngOf } from './weights.ts';

export interface RecurrentOptions {
  /** Draws the initial values, on its device; the default stream (`manualSeed`) when left out. */
  rng?: Rng | undefined;
  /** Layers on top of each other; 1 when left out. */
  numLayers?: number;
  bias?: boolean;
  /** Whether sequences are [B, T, I] (when left out, unlike PyTorch) or [T, B, I]. */
  batchFirst?: boolean;
  /** For every weight and bias; U(−1/√H, 1/√H) when left out. */
  init?: Initializer;
}

const recurrentOptions: OptionNames<RecurrentOptions> = {
  rng: true,
  numLayers: true,
  bias: true,
  batchFirst: true,
  init: true,
};

/** Weights of N layers with `gates` gates: fields named as PyTorch names them, and `weights` in libtorch's order. */
abstract class Recurrent extends Module {
  [weight: `weight_${'ih' | 'hh'}_l${number}` | `bias_${'ih' | 'hh'}_l${number}`]: Tensor;
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly batchFirst: boolean;
  readonly bias: boolean;

  constructor(inputSize: number, hiddenSize: number, gates: number, options: RecurrentOptions) {
    super();
    checkOptions(this.constructor.name, options, recurrentOptions, layerHints);
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.numLayers = options.numLayers ?? 1;
    this.batchFirst = options.batchFirst ?? true;
    this.bias = options.bias ?? true;
    checkNumbers(this.constructor.name, { inputSize, hiddenSize, numLayers: this.numLayers }, { min: 1, whole: true });
    const bound = 1 / Math.sqrt(hiddenSize);
    const init = options.init ?? uniform({ low: -bound, high: bound });
    const rng = rngOf(options);
    const make = (...shape: number[]) => parameter(initialize(empty(shape, { device: rng.device }), init, rng));
    for (let layer = 0; layer < this.numLayers; layer++) {
      this[`weight_ih_l${layer}`] = make(gates * hiddenSize, layer === 0 ? inputSize : hiddenSize);
      this[`weight_hh_l${layer}`] = make(gates * hiddenSize, hiddenSize);
      if (!this.bias) continue;
      this[`bias_ih_l${layer}`] = make(gates * hiddenSize);
      this[`bias_hh_l${layer}`] = make(gates * hiddenSize);
    }
  }

  protected get weights(): Tensor[] {
    return Array.from({ length: this.numLayers }, (_, layer) => [
      this[`weight_ih_l${layer}`]!,
      this[`weight_hh_l${layer}`]!,
      ...(this.bias ? [this[`bias_ih_l${layer}`]!, this[`bias_hh_l${layer}`]!] : []),
    ]).flat();
  }

  /**
   * The given state, or zeros [N, B, H], after a check of all shapes: some of libtorch's CPU loops make none and would
   * read past the end.
   */
  protected stateFor(x: Tensor, given?: Tensor): Tensor {
    const sizes = this.batchFirst ? 'B, T' : 'T, B';
    if (x.ndim !== 3 || x.size(2) !== this.inputSize)
      throw this.#mismatch('the input', `[${sizes}, ${this.inputSize}]`, x);
    const shape = [this.numLayers, x.size(this.batchFirst ? 0 : 1), this.hiddenSize];
    if (!given) return zeros(shape, { dtype: x.dtype, device: x.device });
    if (given.shape.join() !== shape.join()) throw this.#mismatch('the state', `[${shape.join(', ')}]`, given);
    return given;
  }

  #mismatch(what: string, expected: string, actual: Tensor): ShapeError {
    return new ShapeError(
      'wrong-shape',
      `${this.constructor.name}: ${what} must be ${expected}, it is [${actual.shape.join(', ')}]`,
      { fields: { expected, actual: actual.shape } },
    );
  }
}

/**
 * Gated recurrent unit, gates in the order r, z, n: h' = (1 − z) ⊙ n + z ⊙ h with
 * n = tanh(W_in x + b_in + r ⊙ (W_hn h + b_hn)). Source: Cho et al. 2014, arXiv 1406.1078 (cuDNN's variant).
 *
 * @example
 * ```ts
 * const { output, state } = new GRU(2, 3).forward(ones(1, 5, 2));
 * console.log(output.shape, state.shape); // prints [1,5,3] [1,1,3]
 * ```
 */
export class GRU extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(inputSize, hiddenSize, 3, options);
  }

  /** x [B, T, I], state [N, B, H] (zeros when left out) → every output [B, T, H] and the last state [N, B, H]. */
  forward(x: Tensor, state?: Tensor): { output: Tensor; state: Tensor } {
    const initial = this.stateFor(x, state);
    const [output, last] = gruInput(
      x,
      initial,
      this.weights,
      this.bias,
      this.numLayers,
      0,
      this.training,
      false,
      this.batchFirst,
    );
    return { output, state: last };
  }
}

export interface LSTMState {
  /** [N, B, H] */
  h: Tensor;
  /** [N, B, H] */
  c: Tensor;
}

/**
 * Long short-term memory, gates in the order i, f, g, o: c' = f ⊙ c + i ⊙ g, h' = o ⊙ tanh(c').
 * Source: Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000.
 *
 * @example
 * ```ts
 * const { output, state } = new LSTM(2, 3).forward(ones(1, 5, 2));
 * console.log(output.shape, state.c.shape); // prints [1,5,3] [1,1,3]
 * ```
 */
export class LSTM extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(inputSize, hiddenSize, 4, options);
  }

  /** x [B, T, I], state (zeros when left out) → every output [B, T, H] and the last state. */
  forward(x: Tensor, state?: LSTMState): { output: Tensor; state: LSTMState } {
    const h = this.stateFor(x, state?.h);
    const c = this.stateFor(x, state?.c);
    const [output, lastH, lastC] = lstmInput(
      x,
      [h, c],
      this.weights,
      this.bias,
      this.numLayers,
      0,
      this.training,
      false,
      this.batchFirst,
    );
    return { output, state: { h: lastH, c: lastC } };
  }
}
