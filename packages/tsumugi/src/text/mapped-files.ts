// The shard files that are mapped, over all folders of a process. The system allows a process some 65,000 mappings, and corpora have
// more shards: beyond a limit the mapping that was used longest ago is given up, and made again when its documents are wanted.
import type { MappedTokens } from './map-tokens.ts';

/** Where one file's mapping is kept while there is one. */
export interface MappedPlace {
  mapped: MappedTokens | undefined;
}

export class MappedFiles {
  readonly #most: number;
  /** The latest used last. */
  readonly #places = new Set<MappedPlace>();
  #latest: MappedPlace | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  /** The mapping at a place, made by `map` where there is none. */
  use(place: MappedPlace, map: () => MappedTokens): MappedTokens {
    if (place === this.#latest && place.mapped) return place.mapped;
    if (!place.mapped) {
      if (this.#places.size >= this.#most) this.release(this.#places.values().next().value!);
      place.mapped = map();
    }
    this.#places.delete(place);
    this.#places.add(place);
    this.#latest = place;
    return place.mapped;
  }

  release(place: MappedPlace): void {
    place.mapped?.close();
    place.mapped = undefined;
    this.#places.delete(place);
    if (this.#latest === place) this.#latest = undefined;
  }
}

/** Those of `TokenShards`, unless others are given. */
export const mappedFiles = new MappedFiles(1024);
