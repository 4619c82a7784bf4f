// GPTQ (Frantar et al. 2022, arXiv 2210.17323; compress.md 2.3): inputs are rounded one after the other, and the error of each is made
// good by those that follow, as far as the inputs of the text go together.
//
//   H = 2/n · Σ x xᵀ (damped)     U = upper Cholesky factor of H⁻¹
//   q_i = round(w_i)     e_i = (w_i − q_i) / U_ii     w_j ← w_j − e_i · U_ij  for j > i
//
// A group's grid is taken from its weights as they are when its first input comes.
import { invariant, UserError } from '../../base/index.ts';
import type { QuantizedCodes } from '../../store/index.ts';
import { callOperator, cat, noGrad, scope, stack, type Tensor, zeros } from '../../torch/index.ts';
import { codesOf, type Grid, gridOf } from './grid.ts';
import type { RoundOptions } from './round.ts';

export interface GptqOptions extends RoundOptions {
  /** Share of H's mean diagonal that is added to it. Default 0.01. */
  damping?: number;
  /** Inputs with the largest H_ii first. */
  actOrder?: boolean;
  /** Inputs between two updates of all that follow: changes nothing but the speed. Default 128. */
  blockSize?: number;
}

/** 2/n · Σ x xᵀ over the rows of what is added. */
export class Hessian implements Disposable {
  readonly #sum: Tensor;
  #rows = 0;

  constructor(inputs: number) {
    this.#sum = zeros([inputs, inputs], { dtype: 'float32' }).keep();
  }

  /** x [..., in] */
  add(x: Tensor): void {
    noGrad(() =>
      scope(() => {
        const rows = x.reshape([-1, x.size(-1)]).float();
        this.#rows += rows.size(0);
        this.#sum.add_(rows.t().matmul(rows));
      }),
    );
  }

  /** [in, in] float32 */
  value(): Tensor {
    invariant(this.#rows > 0, 'a Hessian of some inputs');
    return this.#sum.mul(2 / this.#rows);
  }

  [Symbol.dispose](): void {
    this.#sum.dispose();
  }
}

const attempts = 6;

/** The upper Cholesky factor of H⁻¹; more damping where rounding makes H indefinite. */
function inverseFactor(hessian: Tensor, damping: number): Tensor {
  const mean = hessian.diagonal().mean().item();
  for (let attempt = 0; attempt < attempts; attempt++) {
    const damped = hessian.clone();
    damped.diagonal().add_(damping * 10 ** attempt * mean);
    const [lower, failed] = callOperator('aten::linalg_cholesky_ex', damped) as unknown as [Tensor, Tensor];
    if (failed.item() !== 0) continue;
    const inverse = callOperator('aten::cholesky_inverse', lower) as Tensor;
    const [upper, failedAgain] = callOperator('aten::linalg_cholesky_ex', inverse, true) as unknown as [Tensor, Tensor];
    if (failedAgain.item() === 0) return upper;
  }
  throw new UserError('not-positive', 'the activations of the text give no matrix that can be inverted', {
    remedy: 'Give more text, or a larger damping.',
  });
}

/** Codes of a weight [out, in] float32 for inputs with this Hessian [in, in]. Weights of inputs that are always 0 become 0. */
export function gptq(weight: Tensor, hessian: Tensor, options: GptqOptions): QuantizedCodes {
  return noGrad(() => scope(() => quantized(weight, hessian, options)));
}

function quantized(weight: Tensor, hessian: Tensor, options: GptqOptions): QuantizedCodes {
  const { bits, damping = 0.01, actOrder = false, blockSize = 128 } = options;
  const inputs = weight.size(1);
  const groupSize = options.groupSize === -1 ? inputs : options.groupSize;
  const dead = hessian.diagonal().eq(0);
  const order = actOrder ? hessian.diagonal().argsort(0, true) : undefined;
  const inOrder = (tensor: Tensor, dim: number) => (order ? tensor.indexSelect(dim, order) : tensor);
  const w = inOrder(weight.maskedFill(dead.unsqueeze(0), 0), 1).clone(); // [out, in]
  const h = inOrder(inOrder(hessian, 0), 1).clone();
  h.diagonal().add_(inOrder(dead.float(), 0));
  const U = inverseFactor(h, damping); // [in, in]

  const codes: Tensor[] = [];
  const grids: Grid[] = [];
  for (let start = 0; start < inputs; start += blockSize) {
    const end = Math.min(start + blockSize, inputs);
    const made = scope(() => {
      const rowsOfU = U.narrow(0, start, end - start); // [block, in]
      const errors: Tensor[] = [];
      const columns: Tensor[] = [];
      for (let i = start; i < end; i++) {
        if (i % groupSize === 0) {
          // Errors that the block has not handed on yet belong to the weights of a group that reaches beyond it.
          const group = groupAt(w, rowsOfU, errors, { start, end, from: i, size: groupSize });
          const { scales, zeros } = gridOf(group, options);
          grids.push({ scales: scales.keep(), zeros: zeros.keep() });
        }
        const column = w.select(1, i);
        const code = codesOf(column, grids.at(-1)!, bits);
        columns.push(code);
        const { scales, zeros } = grids.at(-1)!;
        const error = column.sub(code.sub(zeros).mul(scales)).div(rowsOfU.select(0, i - start).select(0, i));
        errors.push(error);
        if (i + 1 < end)
          w.narrow(1, i + 1, end - i - 1).sub_(error.outer(rowsOfU.select(0, i - start).narrow(0, i + 1, end - i - 1)));
      }
      if (end < inputs)
        w.narrow(1, end, inputs - end).sub_(stack(errors, 1).matmul(rowsOfU.narrow(1, end, inputs - end)));
      return stack(columns, 1); // [out, block]
    });
    codes.push(made);
  }
  const all = cat(codes, 1).transpose(0, 1); // [in, out], in the order of rounding
  const grid = (part: keyof Grid) => stack(grids.map((each) => each[part]));
  const result = { zeros: grid('zeros').to('int32'), scales: grid('scales').to('float16') };
  for (const { scales, zeros } of grids) for (const each of [scales, zeros]) each.dispose();
  if (!order) return { codes: all.to('int32').contiguous(), ...result };
  const place = order.argsort(0); // where each input came
  const groupOf = place.div(groupSize).floor().to('int32');
  return { codes: all.indexSelect(0, place).to('int32').contiguous(), ...result, groupOf };
}

/** The weights of the group that begins at `from`, with what the block's errors will change of those beyond the block. */
function groupAt(
  w: Tensor,
  rowsOfU: Tensor,
  errors: readonly Tensor[],
  { start, end, from, size }: { start: number; end: number; from: number; size: number },
): Tensor {
  const group = w.narrow(1, from, size);
  const beyond = from + size - end;
  if (beyond <= 0 || errors.length === 0) return group;
  const pending = stack([...errors], 1).matmul(rowsOfU.narrow(0, 0, from - start).narrow(1, end, beyond));
  return cat([group.narrow(1, 0, size - beyond), group.narrow(1, size - beyond, beyond).sub(pending)], 1);
}
