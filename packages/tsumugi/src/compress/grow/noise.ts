// Noise that parts the copies of channels.
import { deriveSeed } from '../../base/index.ts';
import { layerOf } from '../../lm/index.ts';
import type { LazyTensor, NamedTensor } from '../../store/index.ts';
import { Rng, randn, scope, type Tensor } from '../../torch/index.ts';
import { layoutOf } from '../reshape/axes.ts';
import { isIdentity } from '../reshape/channel-map.ts';
import type { Reshape } from '../reshape/reshape.ts';
import type { GrowSettings } from './grow-config.ts';

/** Copies that are equal would stay equal in training: their gradients are. */
export function withNoise([name, tensor]: NamedTensor, reshape: Reshape, { noise, seed }: GrowSettings): NamedTensor {
  if (noise === 0 || !isWidened(name, reshape)) return [name, tensor];
  const { dtype, shape, read } = tensor as LazyTensor;
  function* noisy(): Generator<Tensor> {
    const rng = new Rng(deriveSeed(seed, name));
    for (const piece of read() as Iterable<Tensor>)
      yield scope(() => piece.float().mul(randn(piece.shape, rng).mul(noise).add(1)).to(dtype));
  }
  return [name, { dtype, shape, read: noisy } satisfies LazyTensor];
}

/** Whether a matrix has copies of channels. */
function isWidened(name: string, { before, layers, mapAt }: Reshape): boolean {
  const layout = layoutOf(name, before);
  const layer = layerOf(name);
  const old = layer === undefined ? undefined : layers[layer];
  const maps = layout.flat().flatMap((run) => (typeof run === 'number' ? [] : [mapAt(run.axis, old)]));
  return layout.length === 2 && maps.some((map) => map !== undefined && !isIdentity(map));
}
