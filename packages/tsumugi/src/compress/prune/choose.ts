// Which channels, heads and layers stay.
import { isMamba, type Plamo2Config } from '../../lm/index.ts';
import { Rng, rand, scope } from '../../torch/index.ts';
import { type Axis, channelsOf } from '../reshape/axes.ts';
import type { ChannelMap } from '../reshape/channel-map.ts';
import { layersOfUnit, withLayers } from '../reshape/layers.ts';
import type { Reshape } from '../reshape/reshape.ts';
import type { Scores } from './scores-manifest.ts';

/** The `count` of the largest scores, in their old order; of equals the first. */
export function largest(scores: readonly number[], count: number): number[] {
  const ranked = scores.map((score, i) => ({ score, i })).sort((a, b) => b.score - a.score || a.i - b.i);
  return ranked
    .slice(0, count)
    .map(({ i }) => i)
    .sort((a, b) => a - b);
}

/** Heads of one attention layer: groups by the L2 norm of their heads' scores, then the largest heads of each group. */
function chosenHeads(
  scores: readonly number[],
  before: Plamo2Config,
  after: Plamo2Config,
): { query: number[]; kv: number[] } {
  const size = before.num_attention_heads / before.num_key_value_heads;
  const kept = after.num_attention_heads / after.num_key_value_heads;
  const groups = Array.from({ length: before.num_key_value_heads }, (_, g) => scores.slice(g * size, (g + 1) * size));
  const kv = largest(
    groups.map((group) => Math.hypot(...group)),
    after.num_key_value_heads,
  );
  return { kv, query: kv.flatMap((g) => largest(groups[g]!, kept).map((i) => g * size + i)) };
}

/** The old layer of each new one. `worth`: of each group of layers, the least go first. */
function chosenLayers(worth: readonly number[], before: Plamo2Config, after: Plamo2Config): number[] {
  const unit = layersOfUnit(before);
  const gone = (before.num_hidden_layers - after.num_hidden_layers) / unit;
  const kept = new Set(largest(worth, worth.length - gone));
  return Array.from({ length: before.num_hidden_layers }, (_, i) => i).filter(
    (i) => Math.floor(i / unit) >= worth.length || kept.has(Math.floor(i / unit)),
  );
}

/** The model in the shape of `after`, with what has the largest scores. */
export function choose(
  before: Plamo2Config,
  wanted: Plamo2Config,
  scores: Scores,
  depth: 'influence' | 'loss',
): Reshape {
  const worth = depth === 'loss' ? scores.lossWithout! : scores.influence;
  const layers = chosenLayers(worth, before, wanted);
  const after = withLayers(wanted, before, layers);
  const map = (axis: Axis, from: number[]): ChannelMap => ({ before: channelsOf(axis, before), from });
  const hidden = map('hidden', largest(scores.hidden, after.hidden_size));
  const byLayer = scores.layers.map(({ ffn, query, mamba, dt }): Partial<Record<Axis, ChannelMap>> => {
    const heads = query && chosenHeads(query, before, after);
    return {
      ffn: map('ffn', largest(ffn, after.intermediate_size)),
      ...(heads && { query: map('query', heads.query), kv: map('kv', heads.kv) }),
      ...(mamba && { mamba: map('mamba', largest(mamba, after.mamba_num_heads)) }),
      ...(dt && { dt: map('dt', largest(dt, channelsOf('dt', after))) }),
    };
  });
  return {
    before,
    after,
    layers,
    mapAt: (axis, layer) => (axis === 'hidden' ? hidden : layer === undefined ? undefined : byLayer[layer]![axis]),
  };
}

/** Scores that say nothing: what importance is compared with. */
export function randomScores(config: Plamo2Config, seed: number): Scores {
  const rng = new Rng(seed);
  const draw = (count: number): number[] => scope(() => Array.from(rand([count], rng).data() as Float32Array));
  const units = Math.floor(config.num_hidden_layers / layersOfUnit(config));
  const [hidden, influence, lossWithout] = [draw(config.hidden_size), draw(units), draw(units)];
  const layers = Array.from({ length: config.num_hidden_layers }, (_, i) => ({
    ffn: draw(config.intermediate_size),
    ...(isMamba(config, i)
      ? { mamba: draw(config.mamba_num_heads), dt: draw(channelsOf('dt', config)) }
      : { query: draw(config.num_attention_heads) }),
  }));
  return { loss: Number.NaN, hidden, layers, influence, lossWithout };
}
