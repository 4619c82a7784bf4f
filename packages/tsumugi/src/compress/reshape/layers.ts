// Which layers go and come together, and what the config says of them.
import type { Plamo2Config } from '../../lm/index.ts';

/** Layers that stay together: as many as the pattern of Mamba and attention has; one where there is no Mamba. */
export const layersOfUnit = ({ mamba_enabled, mamba_step }: Plamo2Config): number => (mamba_enabled ? mamba_step : 1);

/** The config of a model whose layers are these of `before`: full attention moves with its layer. */
export const withLayers = (after: Plamo2Config, before: Plamo2Config, layers: readonly number[]): Plamo2Config => ({
  ...after,
  full_attention_idx: layers.flatMap((old, i) => (before.full_attention_idx.includes(old) ? [i] : [])),
});
