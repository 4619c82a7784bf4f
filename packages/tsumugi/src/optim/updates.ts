// One step of each update rule over lists of tensors: `fused` is one native call (kernels/optimizer.cc, CPU), `plain` a
// few multi-tensor libtorch calls for any device and dtype. Both take the same scalars and agree up to rounding.
//
//   g = scale · gradient + l2 · p    what every rule starts from: clipping and L2 regularisation folded in
//   p ← decay · p − step · (…)       decay is 1 − lr · weightDecay when decoupled, else 1
import {
  customOperator,
  foreachAdd_,
  foreachMul_,
  kernelTakes,
  type OperatorValue,
  type Tensor,
} from '../torch/index.ts';

export type TensorList = readonly Tensor[];

/** What every rule takes. */
export interface CommonScalars {
  /** Factor of the gradients. */
  scale: number;
  /** L2 regularisation: added to the gradient times the parameter. */
  l2: number;
  /** Factor of the parameters. */
  decay: number;
  /** Factor of the step, the learning rate in it. */
  step: number;
}

/** Updates `parameters` and `state` (one list per kind of state, of the same shapes) in place. Call it without autograd. */
export type Update<Scalars> = (
  parameters: TensorList,
  gradients: TensorList,
  state: readonly TensorList[],
  scalars: Scalars,
) => void;

export interface UpdateRule<Scalars extends CommonScalars> {
  fused: Update<Scalars>;
  plain: Update<Scalars>;
}

/** Parameters that one call updates, alike in dtype, device and layout. */
export interface Batch {
  isFused: boolean;
  parameters: TensorList;
  gradients: TensorList;
  state: readonly TensorList[];
}

export function apply<Scalars extends CommonScalars>(rule: UpdateRule<Scalars>, batch: Batch, scalars: Scalars): void {
  const update = batch.isFused ? rule.fused : rule.plain;
  update(batch.parameters, batch.gradients, batch.state, scalars);
}

const operator = <Result = Tensor[]>(name: string) => customOperator<Result>(name);
const foreach = {
  mul: operator('aten::_foreach_mul.Scalar'),
  add: operator('aten::_foreach_add.List'),
  div: operator('aten::_foreach_div.List'),
  sqrt: operator('aten::_foreach_sqrt'),
  addcmul: operator('aten::_foreach_addcmul.Scalar'),
  addcmul_: operator<unknown>('aten::_foreach_addcmul_.Scalar'),
  addcdiv_: operator<unknown>('aten::_foreach_addcdiv_.Scalar'),
};

/** scale · gradients + l2 · parameters, as new tensors where anything changes. */
function regularised(parameters: TensorList, gradients: TensorList, { scale, l2 }: CommonScalars): TensorList {
  const scaled = scale === 1 ? gradients : foreach.mul(gradients, scale);
  return l2 === 0 ? scaled : foreach.add(scaled, parameters, l2);
}

/** list ← list + share · (values − list), in two calls. */
function movingAverage(list: TensorList, values: TensorList, share: number): void {
  foreachMul_(list, 1 - share);
  foreachAdd_(list, values, { alpha: share });
}

export interface AdamScalars extends CommonScalars {
  beta1: number;
  beta2: number;
  /** 1 / √(1 − β2ᵗ) */
  rootScale: number;
  eps: number;
}

const adamKernel = operator<void>('tsumugi::adam_');

/** m, v: moving averages of g and g²; p ← decay · p − step · m / (√v · rootScale + eps). State: m, v. */
export const adamUpdate: UpdateRule<AdamScalars> = {
  fused(parameters, gradients, [m, v], s) {
    adamKernel(parameters, gradients, m!, v!, s.scale, s.l2, s.decay, s.beta1, s.beta2, s.step, s.rootScale, s.eps);
  },
  plain(parameters, gradients, [m, v], s) {
    const g = regularised(parameters, gradients, s);
    movingAverage(m!, g, 1 - s.beta1);
    foreachMul_(v!, s.beta2);
    foreach.addcmul_(v!, g, g, 1 - s.beta2);
    const root = foreach.sqrt(v!);
    foreachMul_(root, s.rootScale);
    foreachAdd_(root, s.eps);
    foreachMul_(parameters, s.decay);
    foreach.addcdiv_(parameters, m!, root, -s.step);
  },
};

export interface SgdScalars extends CommonScalars {
  momentum: number;
  nesterov: boolean;
}

const sgdKernel = operator<void>('tsumugi::sgd_');

/** b ← momentum · b + g; p ← decay · p − step · b, or − step · (g + momentum · b) with Nesterov. State: b, or none. */
export const sgdUpdate: UpdateRule<SgdScalars> = {
  fused(parameters, gradients, [b = []], s) {
    sgdKernel(parameters, gradients, b, s.scale, s.l2, s.decay, s.momentum, s.nesterov, s.step);
  },
  plain(parameters, gradients, [b], s) {
    const g = regularised(parameters, gradients, s);
    let direction = g;
    if (b) {
      foreachMul_(b, s.momentum);
      foreachAdd_(b, g);
      direction = s.nesterov ? foreach.add(g, b, s.momentum) : b;
    }
    foreachMul_(parameters, s.decay);
    foreachAdd_(parameters, direction, { alpha: -s.step });
  },
};

export interface RmspropScalars extends CommonScalars {
  alpha: number;
  momentum: number;
  epsInside: number;
  epsOutside: number;
  /** Which of the optional kinds of state follow s: the average of g, and the momentum buffer. */
  centered: boolean;
}

const rmspropKernel = operator<void>('tsumugi::rmsprop_');

/**
 * s ← α · s + (1 − α) · g²; u = g / (√(s − a² + epsInside) + epsOutside), a being the moving average of g when centred;
 * b ← momentum · b + u; p ← decay · p − step · b. State: s, then a when centred, then b with momentum.
 */
export const rmspropUpdate: UpdateRule<RmspropScalars> = {
  fused(parameters, gradients, [squares, ...optional], s) {
    const means = s.centered ? optional[0]! : [];
    const buffers = s.momentum === 0 ? [] : optional.at(-1)!;
    const scalars: OperatorValue[] = [s.scale, s.l2, s.decay, s.alpha, s.momentum, s.step, s.epsInside, s.epsOutside];
    rmspropKernel(parameters, gradients, squares!, means, buffers, ...scalars);
  },
  plain(parameters, gradients, [squares, ...optional], s) {
    const g = regularised(parameters, gradients, s);
    foreachMul_(squares!, s.alpha);
    foreach.addcmul_(squares!, g, g, 1 - s.alpha);
    let variance: TensorList = squares!;
    if (s.centered) {
      const means = optional[0]!;
      movingAverage(means, g, 1 - s.alpha);
      // Rounding may take a variance just below zero.
      variance = foreach.addcmul(squares!, means, means, -1).map((tensor) => tensor.clamp_(0));
    }
    const root = foreach.sqrt(s.epsInside === 0 ? variance : variance.map((tensor) => tensor.add(s.epsInside)));
    foreachAdd_(root, s.epsOutside);
    let change = foreach.div(g, root);
    if (s.momentum !== 0) {
      const buffers = optional.at(-1)!;
      foreachMul_(buffers, s.momentum);
      foreachAdd_(buffers, change);
      change = [...buffers];
    }
    foreachMul_(parameters, s.decay);
    foreachAdd_(parameters, change, { alpha: -s.step });
  },
};

/** Whether the kernels take this tensor: they are in the addon, and it is a contiguous float tensor on the CPU. */
export const isFusable = (tensor: Tensor): boolean => kernelTakes('tsumugi::adam_', tensor) && tensor.isContiguous;
