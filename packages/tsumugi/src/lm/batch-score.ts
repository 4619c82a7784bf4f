// Log-probabilities of given tokens in many sequences at once. Sequences are sorted: a common beginning is read once, and each goes on
// from a copy of its cache. The rest is read in rows of similar length, padded on the right, where no token sees the padding. Logits are
// made for the wanted positions only, a piece at a time.
import { checkCount, checkOptions, invariant } from '../base/index.ts';
import { type Device, noGrad, scope, type Tensor, tensor } from '../torch/index.ts';
import { Cache } from './cache.ts';
import { notFinite } from './not-finite.ts';
import type { LanguageModel } from './types.ts';
import { logitRows, wideLogits } from './wide-logits.ts';

export interface ScoreRequest {
  /** What the model reads. */
  ids: readonly number[];
  /** Whose probability is asked for: `id` as the token after `ids[position]`. */
  wanted: readonly { position: number; id: number }[];
}

export interface Scored {
  /** Index of the request. */
  index: number;
  /** One per wanted token, of the precision that the model computes in. */
  logprobs: Float64Array;
}

export interface BatchScoreOptions {
  /** Tokens of a forward pass, padding included. Longer sequences are read in pieces of this. Default 4096. */
  tokens?: number;
}

/**
 * A beginning is shared when it has this many tokens and saves that many: an extra pass over few tokens is slow for its
 * size. Our choice.
 */
const SHORTEST_SHARED = 16;
const WORTH_SAVING = 96;
/** Copies of a shared cache take this much memory at most. */
const COPY_BYTES = 256 << 20;

class Item {
  readonly index: number;
  readonly ids: readonly number[];
  readonly wanted: ScoreRequest['wanted'];
  readonly logprobs: Float64Array;

  constructor(index: number, { ids, wanted }: ScoreRequest) {
    this.index = index;
    this.ids = ids;
    this.wanted = wanted;
    this.logprobs = new Float64Array(wanted.length);
  }
}

/**
 * Yields the requests' results after each forward pass that completes some, in any order.
 *
 * @throws UserError, naming the weight or the layer, when a log-probability is not finite
 */
export function* scoreBatch(
  model: LanguageModel,
  requests: readonly ScoreRequest[],
  options: BatchScoreOptions = {},
): Generator<Scored[]> {
  checkOptions('scoreBatch', options, { tokens: true });
  checkCount('tokens', options.tokens, 1);
  const { tokens = 4096 } = options;
  for (const { ids, wanted } of requests)
    invariant(
      ids.length > 0 && wanted.every(({ position }) => position >= 0 && position < ids.length),
      'wanted positions lie in the sequence',
    );
  const items = requests.map((request, index) => new Item(index, request));
  yield* new Scorer(model, tokens).score(
    items.sort((a, b) => compareIds(a.ids, b.ids)),
    undefined,
  );
}

class Scorer {
  readonly #model: LanguageModel;
  readonly #tokens: number;

  constructor(model: LanguageModel, tokens: number) {
    this.#model = model;
    this.#tokens = tokens;
  }

  /** Scores items in the order of their ids; what they all begin with is in the cache. */
  *score(items: readonly Item[], cache: Cache | undefined): Generator<Scored[]> {
    const start = cache?.length ?? 0;
    const single: Item[] = [];
    for (const group of groupByPrefix(items, start)) {
      if (group.length === 1) {
        single.push(group[0]!);
        continue;
      }
      const shared = commonPrefixLength(group[0]!.ids, group.at(-1)!.ids);
      using own = cache?.fork() ?? this.#newCache();
      this.#read([group], start, shared, own);
      const done = group.filter(({ ids }) => ids.length === shared);
      if (done.length > 0) yield done;
      yield* this.score(
        group.filter(({ ids }) => ids.length > shared),
        own,
      );
    }
    yield* this.#scoreRows(single, cache);
  }

  /** Scores items that share nothing more, the longest first. */
  *#scoreRows(items: readonly Item[], cache: Cache | undefined): Generator<Scored[]> {
    const start = cache?.length ?? 0;
    const waiting = items.toSorted((a, b) => b.ids.length - a.ids.length);
    while (waiting.length > 0) {
      const length = waiting[0]!.ids.length - start;
      const most = Math.min(
        Math.floor(this.#tokens / length),
        cache ? Math.floor(COPY_BYTES / cache.bytes) : Number.POSITIVE_INFINITY,
      );
      const rows = waiting.splice(0, Math.max(1, most));
      // A short row is done in one pass and leaves nothing behind; only what goes on needs a cache.
      const copies = cache ? cache.fork(rows.length) : length > this.#tokens ? this.#newCache() : undefined;
      try {
        const parts = rows.map((item) => [item]);
        this.#read(parts, start, start + length, copies);
      } finally {
        copies?.dispose();
      }
      yield rows;
    }
  }

  #newCache(): Cache {
    return new Cache(this.#model);
  }

  /**
   * Reads positions [from, to) of rows, each of which stands for items with the same ids there, and takes down what is
   * wanted. Shorter rows are padded.
   */
  #read(rows: readonly (readonly Item[])[], from: number, to: number, cache: Cache | undefined): void {
    // Several rows are as short as one pass allows.
    for (let start = from; start < to; start += this.#tokens) {
      const T = Math.min(this.#tokens, to - start);
      scope(() => noGrad(() => this.#readPiece(rows, start, T, cache)));
    }
  }

  #readPiece(rows: readonly (readonly Item[])[], start: number, T: number, cache: Cache | undefined): void {
    const device = this.#model.parameterDevice;
    const padded = new BigInt64Array(rows.length * T);
    const wanted: Wanted[] = [];
    for (const [row, items] of rows.entries()) {
      const ids = items[0]!.ids.slice(start, start + T);
      padded.set(ids.map(BigInt), row * T);
      for (const item of items)
        for (const [slot, { position, id }] of item.wanted.entries())
          if (position >= start && position < start + T)
            wanted.push({ place: row * T + position - start, id, item, slot });
    }
    const hidden = this.#model.forward(tensor(padded, { shape: [rows.length, T], device }), { cache });
    fillLogprobs(this.#model, hidden.reshape([rows.length * T, hidden.size(-1)]), wanted);
  }
}

interface Wanted {
  /** Row of the flat hidden states. */
  place: number;
  id: number;
  /** Where the result goes. */
  item: Item;
  slot: number;
}

/** Fills in log p of the wanted tokens from hidden states [n, D]; one row of logits serves all that is wanted of it. */
function fillLogprobs(model: LanguageModel, hidden: Tensor, wanted: Wanted[]): void {
  wanted.sort((a, b) => a.place - b.place);
  const most = logitRows(model);
  for (let next = 0; next < wanted.length; ) {
    const places: number[] = [];
    const part: (Wanted & { row: number })[] = [];
    for (; next < wanted.length; next++) {
      const each = wanted[next]!;
      if (places.at(-1) !== each.place) {
        if (places.length === most) break;
        places.push(each.place);
      }
      part.push({ ...each, row: places.length - 1 });
    }
    const values = scope(() => {
      const index = (numbers: readonly number[]) => indices(numbers, hidden.device);
      const logits = wideLogits(model, hidden.indexSelect(0, index(places))); // [rows, V]
      const V = logits.size(1);
      const chosen = logits.flatten().indexSelect(0, index(part.map(({ row, id }) => row * V + id)));
      const total = logits.logsumexp([-1]).indexSelect(0, index(part.map(({ row }) => row)));
      return chosen.sub(total).data() as Float32Array | Float64Array;
    });
    for (const [i, { item, slot, id }] of part.entries()) {
      const value = values[i]!;
      if (!Number.isFinite(value)) {
        const { position } = item.wanted[slot]!;
        const ids = item.ids.slice(0, position + 1);
        throw notFinite(
          model,
          `the log-probability of id ${id} at position ${position + 1} of text ${item.index + 1} is ${value}`,
          { ids },
        );
      }
      item.logprobs[slot] = value;
    }
  }
}

const indices = (numbers: readonly number[], device: Device) => tensor(BigInt64Array.from(numbers, BigInt), { device });

/**
 * Groups ordered items whose common prefix beyond `start` is worth reading once; the others come alone. Where all of a
 * group share too little, it is split wherever neighbours share no more than all do.
 */
function* groupByPrefix(items: readonly Item[], start: number): Generator<readonly Item[]> {
  if (items.length === 0) return;
  const shared = commonPrefixLength(items[0]!.ids, items.at(-1)!.ids);
  const saved = (items.length - 1) * (shared - start);
  if (items.length === 1 || (saved >= WORTH_SAVING && shared - start >= SHORTEST_SHARED)) {
    yield items;
    return;
  }
  let run: Item[] = [];
  for (const item of items) {
    const before = run.at(-1);
    if (before && commonPrefixLength(before.ids, item.ids) <= shared) {
      yield* groupByPrefix(run, start);
      run = [];
    }
    run.push(item);
  }
  yield* groupByPrefix(run, start);
}

/** How many ids two sequences have in common from the first on. */
function commonPrefixLength(a: readonly number[], b: readonly number[]): number {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}

/** Dictionary order of id sequences. */
export function compareIds(a: readonly number[], b: readonly number[]): number {
  const shared = commonPrefixLength(a, b);
  return (a[shared] ?? -1) - (b[shared] ?? -1);
}
