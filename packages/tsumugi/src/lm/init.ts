// Initial weights as published (spec 2.5, "Initialisation"): linears and embedding N(0, 0.02); norm weights 0 where an
// offset is added and 1 elsewhere; A_log = log(1 … m); D = 1; dt_bias = softplus⁻¹ of values log-uniform in [0.001, 0.1].
import {
  arange,
  type Device,
  factoryDevice,
  ones,
  Rng,
  rand,
  randn,
  scope,
  type Tensor,
  zeros,
} from '../torch/index.ts';

const standardDeviation = 0.02;
const dtRange = [0.001, 0.1] as const;
const dtFloor = 1e-4;

/** The initial value of the checkpoint tensor `name` with this shape. */
export function initialTensor(name: string, shape: readonly number[], rng: Rng): Tensor {
  const device: Device = rng.device;
  if (name.endsWith('_norm.weight') || name === 'model.norm.weight') return zeros(shape, { device });
  if (name.endsWith('_norm_weight') || name.endsWith('q_weight') || name.endsWith('k_weight') || name.endsWith('.D'))
    return ones(shape, { device });
  if (name.endsWith('A_log')) return scope(() => arange(1, shape[0]! + 1, { dtype: 'float32', device }).log());
  if (name.endsWith('dt_bias')) return inverseSoftplus(shape, rng);
  return scope(() => randn(shape, rng).mul_(standardDeviation));
}

function inverseSoftplus(shape: readonly number[], rng: Rng): Tensor {
  const [low, high] = dtRange.map(Math.log) as [number, number];
  return scope(() => {
    const dt = rand(shape, rng)
      .mul_(high - low)
      .add_(low)
      .exp()
      .clamp(dtFloor);
    return dt.add(dt.neg().expm1().neg().log()); // softplus⁻¹(y) = y + log(1 − e^(−y))
  });
}

/** `get(name, shape)` for a new model: draws every tensor from one stream, in layer order. */
export function initialWeights(
  seed: number,
  device: Device = factoryDevice(),
): (name: string, shape: readonly number[]) => Tensor {
  const rng = new Rng(seed, device);
  return (name, shape) => initialTensor(name, shape, rng);
}
