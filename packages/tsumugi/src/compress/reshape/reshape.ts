// A model in another shape: where its layers and channels come from, and its tensors, made one after another.

import { invariant, UserError } from '../../base/index.ts';
import { layerOf, layerPath, normOffset, type Plamo2Config, tensorShapes, withinLayer } from '../../lm/index.ts';
import type { LazyTensor, NamedTensor } from '../../store/index.ts';
import { cat, type DType, numElements, scope, type Tensor } from '../../torch/index.ts';
import { areFinite } from '../are-finite.ts';
import { type Axis, channelsOf, layoutOf, tensorKind } from './axes.ts';
import { type ChannelMap, gainFactor, identityMap } from './channel-map.ts';
import { changeTensor, type Gain, type TensorChange } from './reshape-tensor.ts';

export interface Reshape {
  readonly before: Plamo2Config;
  readonly after: Plamo2Config;
  /** The old layer of each new one. */
  readonly layers: readonly number[];
  /** The channels of an axis that is the same in all layers, or of one old layer; those that do not change are left out. */
  mapAt(axis: Axis, layer: number | undefined): ChannelMap | undefined;
  /** New layers that add nothing: their post-norms' gains are zero. */
  readonly silent?: ReadonlySet<number> | undefined;
}

/** Tensors by name, of a file or of a model. */
export interface TensorSource {
  tensor(name: string): Tensor;
  info(name: string): { readonly dtype: DType };
}

const offsets: Readonly<Record<string, number>> = {
  pre_mixer_norm: normOffset.pre,
  pre_mlp_norm: normOffset.pre,
  norm: normOffset.pre,
  dt_norm_weight: 0,
};

/** What the gains of post-norms lack to be zero: a layer that adds nothing. */
const silencing: Readonly<Record<string, number>> = {
  post_mixer_norm: -normOffset.postMixer,
  post_mlp_norm: -normOffset.postMlp,
};

interface ChangedTensor {
  readonly name: string;
  /** The old tensor it is made of. */
  readonly source: string;
  readonly change: TensorChange;
  /** What it holds instead of what it was. */
  readonly constant: number | undefined;
}

function changedTensor(name: string, reshape: Reshape): ChangedTensor {
  const { before, after, layers, mapAt, silent } = reshape;
  const layer = layerOf(name);
  const old = layer === undefined ? undefined : layers[layer]!;
  const source = old === undefined ? name : layerPath(old, withinLayer(name));
  const mapOf = (axis: Axis) => mapAt(axis, old) ?? identityMap(channelsOf(axis, before));
  const kind = tensorKind(name);
  const offset = offsets[kind];
  const power = kind === 'norm' && after.tie_word_embeddings ? 2 : 1;
  const gain: Gain | undefined =
    offset === undefined
      ? undefined
      : { offset, factor: gainFactor(mapOf(kind === 'dt_norm_weight' ? 'dt' : 'hidden'), power) };
  const constant = layer !== undefined && silent?.has(layer) ? silencing[kind] : undefined;
  return { name, source, change: changeTensor(layoutOf(name, before), mapOf, gain), constant };
}

/** The tensors of the model in its new shape, in the order of the checkpoint, each of the type that it had. */
export function reshapedTensors(
  weights: TensorSource,
  reshape: Reshape,
  onTensor?: (name: string, elements: number) => void,
): NamedTensor[] {
  invariant(reshape.layers.length === reshape.after.num_hidden_layers, 'every layer comes from one');
  return Array.from(tensorShapes(reshape.after), ([name, shape]): NamedTensor => {
    const { source, change, constant } = changedTensor(name, reshape);
    invariant(change.shape.join() === shape.join(), `"${name}" becomes [${shape}], and [${change.shape}] was made`);
    const { dtype } = weights.info(source);
    function* read(): Generator<Tensor> {
      using old = weights.tensor(source);
      for (const piece of change.pieces(old)) {
        using made = constant === undefined ? piece : piece.fill_(constant);
        requireFinite(source, made);
        yield made;
      }
      onTensor?.(name, numElements(shape));
    }
    return [name, { dtype, shape, read } satisfies LazyTensor];
  });
}

function requireFinite(source: string, piece: Tensor): void {
  if (areFinite(piece)) return;
  throw new UserError('not-finite', `"${source}" of the model holds or becomes numbers that are not finite`, {
    remedy: 'Get the model again, or go back to a checkpoint from before its training failed.',
    fields: { tensor: source },
  });
}

/** Gives each tensor of the new shape whole, for `new Plamo2(reshape.after, …)`. */
export function reshapedSource(weights: TensorSource, reshape: Reshape): (name: string) => Tensor {
  return (name) =>
    scope(() => {
      const { source, change, constant } = changedTensor(name, reshape);
      const whole = cat([...change.pieces(weights.tensor(source), Number.POSITIVE_INFINITY)]);
      return constant === undefined ? whole : whole.fill_(constant);
    });
}
