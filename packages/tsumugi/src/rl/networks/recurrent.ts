// Recurrent cores: they take features over time and carry a state for each environment, which is one row of numbers, so that
// it can be kept beside a step in replay.
//
//   T time steps   B environments   F features   S numbers of state
import { GRU, type Initializer, initialize, LSTM, lecunNormal, Module, parameter } from '../../nn/index.ts';
import { callOperator, cat, empty, fromBytes, type Rng, type Tensor, zeros } from '../../torch/index.ts';
import { onDevice } from '../on-device.ts';

export type CellName = 'lstm' | 'gru' | 'rnn-tanh';
export const cellNames = ['lstm', 'gru', 'rnn-tanh'] as const;

export interface Unrolled {
  /** [T, B, H] */
  output: Tensor;
  /** After the last step. [B, S] */
  state: Tensor;
}

export abstract class RecurrentCore extends Module {
  /** H */
  abstract readonly features: number;
  /** S */
  abstract readonly stateSize: number;

  protected abstract run(x: Tensor, state: Tensor): Unrolled;

  /** Zeros [B, S]. */
  initialState(batch: number): Tensor {
    return zeros([batch, this.stateSize], { device: this.parameters()[0]!.device });
  }

  /**
   * @param x [T, B, F]
   * @param state before the first step [B, S]
   * @param starts [T · B], row by row: where it is not 0 an episode begins, and the state before that step is zero. None when left out
   */
  unroll(x: Tensor, state: Tensor, starts?: Uint8Array): Unrolled {
    const [length, batch] = x.shape as [number, number];
    const begins = beginnings(starts, length, batch);
    if (begins.length === 0) return this.run(x, state);
    const outputs: Tensor[] = [];
    let last = state;
    const bounds = begins[0] === 0 ? [...begins, length] : [0, ...begins, length];
    for (let i = 0; i + 1 < bounds.length; i++) {
      const [from, to] = [bounds[i]!, bounds[i + 1]!];
      if (begins.includes(from)) {
        const goesOn = Float32Array.from(starts!.subarray(from * batch, (from + 1) * batch), (start) =>
          start ? 0 : 1,
        );
        last = last.mul(onDevice(fromBytes(goesOn, 'float32', [batch, 1]), last.device));
      }
      const part = this.run(x.narrow(0, from, to - from), last);
      outputs.push(part.output);
      last = part.state;
    }
    return { output: outputs.length === 1 ? outputs[0]! : cat(outputs, 0), state: last };
  }
}

/** The steps at which an episode begins for anyone. */
function beginnings(starts: Uint8Array | undefined, length: number, batch: number): number[] {
  const steps: number[] = [];
  for (let t = 0; starts && t < length; t++)
    for (let b = 0; b < batch; b++)
      if (starts[t * batch + b]) {
        steps.push(t);
        break;
      }
  return steps;
}

/** State: h, then c. */
class LSTMCore extends RecurrentCore {
  readonly features: number;
  readonly stateSize: number;
  cell: LSTM;

  constructor(inputs: number, hidden: number, rng: Rng) {
    super();
    this.features = hidden;
    this.stateSize = 2 * hidden;
    this.cell = new LSTM(inputs, hidden, { rng, batchFirst: false, init: matrixInit });
  }

  protected override run(x: Tensor, state: Tensor): Unrolled {
    const [h, c] = state.unsqueeze(0).chunk(2, 2);
    const { output, state: last } = this.cell.forward(x, { h: h!.contiguous(), c: c!.contiguous() });
    return { output, state: cat([last.h.squeeze(0), last.c.squeeze(0)], 1) };
  }
}

class GRUCore extends RecurrentCore {
  readonly features: number;
  readonly stateSize: number;
  cell: GRU;

  constructor(inputs: number, hidden: number, rng: Rng) {
    super();
    this.features = hidden;
    this.stateSize = hidden;
    this.cell = new GRU(inputs, hidden, { rng, batchFirst: false, init: matrixInit });
  }

  protected override run(x: Tensor, state: Tensor): Unrolled {
    const { output, state: last } = this.cell.forward(x, state.unsqueeze(0).contiguous());
    return { output, state: last.squeeze(0) };
  }
}

/** Elman's: h' = tanh(W x + U h + b). */
class TanhCore extends RecurrentCore {
  readonly features: number;
  readonly stateSize: number;
  weight_ih_l0: Tensor;
  weight_hh_l0: Tensor;
  bias_ih_l0: Tensor;
  bias_hh_l0: Tensor;

  constructor(inputs: number, hidden: number, rng: Rng) {
    super();
    this.features = hidden;
    this.stateSize = hidden;
    const make = (...shape: number[]) => parameter(initialize(empty(shape, { device: rng.device }), matrixInit, rng));
    this.weight_ih_l0 = make(hidden, inputs);
    this.weight_hh_l0 = make(hidden, hidden);
    this.bias_ih_l0 = make(hidden);
    this.bias_hh_l0 = make(hidden);
  }

  protected override run(x: Tensor, state: Tensor): Unrolled {
    const weights = [this.weight_ih_l0, this.weight_hh_l0, this.bias_ih_l0, this.bias_hh_l0];
    const hidden = state.unsqueeze(0).contiguous();
    const made = callOperator('aten::rnn_tanh.input', x, hidden, weights, true, 1, 0, this.training, false, false);
    const [output, last] = made as [Tensor, Tensor];
    return { output, state: last.squeeze(0) };
  }
}

/** LeCun-normal matrices and zero biases. */
const matrixInit: Initializer = (target, rng) => {
  if (target.ndim < 2) target.zero_();
  else lecunNormal()(target, rng);
};

export function makeCore(cell: CellName, inputs: number, hidden: number, rng: Rng): RecurrentCore {
  switch (cell) {
    case 'lstm':
      return new LSTMCore(inputs, hidden, rng);
    case 'gru':
      return new GRUCore(inputs, hidden, rng);
    case 'rnn-tanh':
      return new TanhCore(inputs, hidden, rng);
  }
}
