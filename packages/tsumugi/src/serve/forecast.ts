// What serving models takes, before any is loaded.
import { cacheBytes } from '../lm/index.ts';
import { draftPlace } from './draft.ts';
import { adapterBytes, weightBytes } from './engine-thread/model-bytes.ts';
import type { ServedModel } from './served-model.ts';

export interface ModelForecast {
  readonly name: string;
  readonly folder: string;
  readonly weightBytes: number;
  readonly contextTokens: number;
  /** What a text of that length is remembered by. */
  readonly textBytes: number;
  /** Texts of that length that the cache holds at once. */
  readonly texts: number;
  readonly template: string | null;
  /** What its draft takes beside it. */
  readonly draft: { readonly folder: string; readonly weightBytes: number; readonly cacheBytes: number } | null;
}

export function forecastModel(model: ServedModel, cache: number): ModelForecast {
  const { name, place, config, contextTokens, template } = model;
  const textBytes = cacheBytes(config, contextTokens);
  return {
    ...{ name, folder: place.folder, contextTokens, textBytes },
    // An adapter's base is in memory once, whoever stands on it.
    weightBytes: place.adapter === undefined ? weightBytes(place) : adapterBytes(place.adapter),
    texts: Math.floor(cache / textBytes),
    template: template?.name ?? null,
    draft: forecastDraft(model, cache),
  };
}

function forecastDraft(model: ServedModel, cache: number): ModelForecast['draft'] {
  const place = draftPlace(model, cache);
  if (!place) return null;
  const { folder, cacheBytes } = place;
  return { folder, cacheBytes, weightBytes: weightBytes({ ...model.place, folder }) };
}
