// Which layers go and come together.
import type { Plamo2Config } from '../../lm/index.ts';

/** Layers that stay together: as many as the pattern of Mamba and attention has; one where there is no Mamba. */
export const layersOfUnit = ({ mamba_enabled, mamba_step }: Plamo2Config): number => (mamba_enabled ? mamba_step : 1);
