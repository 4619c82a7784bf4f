// Paths of layers and of what is in them, as checkpoints have them.
const ofLayer = /^model\.layers\.layers\.(\d+)(?:\.|$)/;

/** `model.layers.layers.3`, or what is within it: `model.layers.layers.3.mixer.in_proj` */
export const layerPath = (layer: number, within?: string): string =>
  `model.layers.layers.${layer}${within === undefined ? '' : `.${within}`}`;

/** The layer that a path is in; undefined for the embedding, the last norm and the head. */
export function layerOf(path: string): number | undefined {
  const found = ofLayer.exec(path);
  return found ? Number(found[1]) : undefined;
}

/** A path as seen from its layer, `mixer.in_proj`; others stay as they are. */
export const withinLayer = (path: string): string => path.replace(ofLayer, '');
