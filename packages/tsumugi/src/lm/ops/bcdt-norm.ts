// The three RMSNorms of the Mamba mixer: B, C and dt lie side by side in one projection and are normed apart.
import { ShapeError } from '../../base/index.ts';
import { rmsNormPlain } from '../../nn/index.ts';
import { customOperator, kernelTakes, type Tensor } from '../../torch/index.ts';

const kernel = customOperator<[Tensor, Tensor, Tensor]>('tsumugi::bcdt_norm');

/**
 * Takes a projection apart into B, C and dt and norms each over its last dimension (no offset).
 *
 * @param bcdt [B, T, 2N + R], in the order B, C, dt
 * @param bWeight [N]
 * @param cWeight [N]
 * @param dtWeight [R]
 * @returns B [B, T, N], C [B, T, N], dt [B, T, R]
 */
export function bcdtNorm(
  bcdt: Tensor,
  bWeight: Tensor,
  cWeight: Tensor,
  dtWeight: Tensor,
  eps: number,
): [Tensor, Tensor, Tensor] {
  const width = bWeight.numel() + cWeight.numel() + dtWeight.numel();
  if (bcdt.shape.at(-1) !== width)
    throw new ShapeError(
      'wrong-shape',
      `bcdtNorm: bcdt [${bcdt.shape.join(', ')}] must end in ${width}, the sizes of the B, C and dt weights together`,
    );
  return kernelTakes('tsumugi::bcdt_norm', bcdt, bWeight, cWeight, dtWeight)
    ? kernel(bcdt, bWeight, cWeight, dtWeight, eps)
    : bcdtNormPlain(bcdt, bWeight, cWeight, dtWeight, eps);
}

/** The plain twin of `bcdtNorm`: any device and dtype. */
export function bcdtNormPlain(
  bcdt: Tensor,
  bWeight: Tensor,
  cWeight: Tensor,
  dtWeight: Tensor,
  eps: number,
): [Tensor, Tensor, Tensor] {
  const [b, c, dt] = bcdt.splitWithSizes([bWeight.numel(), cWeight.numel(), dtWeight.numel()], -1) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  return [rmsNormPlain(b, bWeight, { eps }), rmsNormPlain(c, cWeight, { eps }), rmsNormPlain(dt, dtWeight, { eps })];
}
