// A prompt as it is read and found again: cut into pieces, each known by a chain over the tenant's salt, the ids and the cuts before it.
// Where it is cut follows from the request alone, so whoever finds a state by such a key has the bits that reading would have given.
import { createHash } from 'node:crypto';

/** Rising numbers of tokens after which a piece ends: multiples of the grid, the request's boundaries, the whole. */
function cutsOf(length: number, boundaries: readonly number[], grid: number): number[] {
  const cuts = new Set(boundaries.filter((place) => place > 0 && place < length));
  for (let place = grid; place < length; place += grid) cuts.add(place);
  return [...cuts, length].sort((a, b) => a - b);
}

/** Whose states they are: tenants with different salts never meet. */
const tenantOf = (salt: string): string => createHash('sha256').update(`salt ${salt}`).digest('base64');

export class Prompt {
  readonly ids: readonly number[];
  readonly tenant: string;
  readonly boundaries: ReadonlySet<number>;
  /** Where its pieces end. */
  readonly cuts: readonly number[];
  #keys: readonly string[] | undefined;

  constructor(ids: readonly number[], grid: number, boundaries: readonly number[] = [], salt = '') {
    this.ids = ids;
    this.tenant = tenantOf(salt);
    this.boundaries = new Set(boundaries);
    this.cuts = cutsOf(ids.length, boundaries, grid);
  }

  get length(): number {
    return this.ids.length;
  }

  /** The name of what was read up to each cut. */
  get keys(): readonly string[] {
    this.#keys ??= this.#chain();
    return this.#keys;
  }

  #chain(): string[] {
    let key = this.tenant;
    return this.cuts.map((to, i) => {
      const piece = Int32Array.from(this.ids.slice(this.cuts[i - 1] ?? 0, to));
      key = createHash('sha256').update(key).update(piece).digest('base64');
      return key;
    });
  }

  /** How many first pieces another prompt has in common with this. */
  sharedPieces(other: Prompt): number {
    // A key stands for all before it: where two differ, all that follow do.
    let [low, high] = [0, Math.min(this.keys.length, other.keys.length)];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.keys[middle] === other.keys[middle]) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
