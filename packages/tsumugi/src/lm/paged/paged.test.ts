// A pool by itself: what texts come to beside the plain cache, what pages and slots they take, what is refused, and what is saved.
import { describe, expect, it, vi } from 'vitest';
import { RandomStream } from '../../base/index.ts';
import { liveHandles, noGrad, scope } from '../../torch/index.ts';
import { row } from '../engine/writing.testing.ts';
import { Cache, type Plamo2 } from '../index.ts';
import { CacheFull } from './cache-full.ts';
import { CachePool } from './cache-pool.ts';
import { decodeRows, readOn, readPiece } from './decode-rows.ts';
import { bitsOf, idsOf, pagedModel, runStep, type Step } from './paged.testing.ts';
import type { PagedSequence } from './paged-sequence.ts';
import { RowStore } from './row-store.ts';
import { loadSequence, saveSequence } from './saved-sequence.ts';

const ids = (count: number, k = 0) => Array.from({ length: count }, (_, i) => (i * 37 + k * 11) % 300);
const script: Step[] = [
  { piece: ids(3) },
  { ids: [7], keep: 1 },
  { piece: ids(21, 1) },
  { ids: [8, 9, 10], keep: 2 },
  { ids: [11], keep: 1 },
  { ids: [12, 13, 14, 15], keep: 1 },
  { ids: [16], keep: 1 },
  { piece: ids(1, 2) },
  { ids: [17, 18], keep: 2 },
];

describe.each([
  ['windows', {}],
  ['a full-attention layer', { full_attention_idx: [3] }],
  ['no QK-norm', { qk_norm: false }],
  ['attention only', { mamba_enabled: false }],
  ['a window of 1', { attention_window_size: 1 }],
])('a text with %s', (_name, changes) => {
  it.each([
    ['float32', 1e-5],
    ['float64', 1e-12],
  ] as const)('comes to what the plain cache gives, in %s to %f of the largest', (dtype, bound) => {
    using model = pagedModel(changes, dtype);
    using pool = new CachePool(model, { bytes: 1 << 22, pageTokens: 4 });
    using sequence = pool.begin();
    for (const [i, step] of script.entries()) {
      const all = 'piece' in step ? step.piece : step.ids;
      const logits =
        'piece' in step ? [readPiece(model, all, sequence)] : decodeRows(model, [{ sequence, ids: all }])[0]!;
      const before = idsOf(script.slice(0, i));
      logits.forEach((got, t) => {
        const taken = 'piece' in step ? all : all.slice(0, t + 1);
        scope(() =>
          noGrad(() => {
            using cache = new Cache(model);
            const hidden = model.forward(row([...before, ...taken]), { cache });
            const expected = model.logits(hidden.narrow(1, hidden.size(1) - 1, 1)).data() as Float64Array;
            const largest = Math.max(...expected.map(Math.abs));
            const difference = Math.max(...expected.map((value, n) => Math.abs(value - got[n]!)));
            expect(difference / largest, `step ${i}, token ${t}`).toBeLessThan(bound);
          }),
        );
      });
      if ('keep' in step) sequence.keep(step.keep);
      expect(sequence.length).toBe(idsOf(script.slice(0, i + 1)).length);
    }
  });
});

describe('what a pool holds', () => {
  const withPool = (body: (model: Plamo2, pool: CachePool) => void, changes: object = {}, bytes = 1 << 22) => {
    const before = liveHandles();
    {
      using model = pagedModel(changes);
      using pool = new CachePool(model, { bytes, pageTokens: 4 });
      body(model, pool);
    }
    expect(liveHandles()).toBe(before);
  };
  // Two attention layers of 2 key/value heads of 16, pages of 4 tokens; two Mamba layers of 4 heads of 16 × 8, 3 inputs of 64 channels.
  const pageBytes = 2 * 2 * 4 * 2 * 16 * 4;
  const slotBytes = 2 * 4 * (4 * 16 * 8 + 3 * 64);

  it('is pages and a slot of states, by hand, and nothing when its texts are gone', () => {
    withPool((model, pool) => {
      const sequence = pool.begin();
      expect([pool.used, sequence.bytes, sequence.length]).toEqual([0, 0, 0]);
      readPiece(model, ids(4), sequence);
      expect([pool.used, sequence.bytes, sequence.length]).toEqual([pageBytes + slotBytes, pageBytes + slotBytes, 4]);
      decodeRows(model, [{ sequence, ids: [1] }]);
      expect(pool.used).toBe(2 * pageBytes + slotBytes);
      decodeRows(model, [{ sequence, ids: [1, 2, 3] }]);
      expect([pool.used, sequence.length]).toEqual([2 * pageBytes + 3 * slotBytes, 8]);
      sequence.keep(1);
      expect([pool.used, sequence.bytes, sequence.length]).toEqual([2 * pageBytes + slotBytes, pool.used, 6]);
      sequence[Symbol.dispose]();
      sequence[Symbol.dispose]();
      expect(pool.used).toBe(0);
    });
  });

  it('gives back pages behind the window, and takes none for what a piece leaves behind it', () => {
    withPool((model, pool) => {
      using sequence = pool.begin(); // a window of 5
      readPiece(model, ids(40), sequence); // 35 … 39 stay: pages 8 and 9
      expect(sequence.bytes).toBe(2 * pageBytes + slotBytes);
      for (let i = 0; i < 30; i++) {
        decodeRows(model, [{ sequence, ids: [i] }]);
        expect(sequence.bytes).toBeLessThanOrEqual(3 * pageBytes + slotBytes);
        expect(sequence.bytes).toBeLessThanOrEqual(pool.bytesFor(sequence.length));
      }
      expect(sequence.lists[0]!.pagesOf(65, 70)).toHaveLength(2);
    });
    withPool(
      (model, pool) => {
        using sequence = pool.begin();
        readPiece(model, ids(40), sequence);
        const half = pageBytes / 2; // one layer in each group
        // In a window of 5: what a piece reaches and what the next will, 2 pages each.
        expect([sequence.bytes, pool.bytesFor(40)]).toEqual([12 * half + slotBytes, 14 * half + slotBytes]);
        expect([pool.bytesFor(0), pool.bytesFor(9), pool.bytesFor(40, 1)]).toEqual([
          0,
          6 * half + slotBytes,
          13 * half + slotBytes,
        ]);
        for (let T = 1; T < 20; T++) {
          const peak = sequence.bytes + pool.bytesToGrow(sequence, T);
          expect(peak).toBeLessThanOrEqual(pool.bytesFor(sequence.length + T, T));
          readOn(model, ids(T), sequence);
        }
      },
      { full_attention_idx: [3] },
    );
  });

  it('is shared by forks until one goes on, and told beforehand', () => {
    withPool((model, pool) => {
      const first = pool.begin();
      readPiece(model, ids(6), first);
      const used = pool.used;
      const [second, third] = [first.fork(), first.fork()];
      expect([pool.used, second.bytes, second.length]).toEqual([used, first.bytes, 6]);
      const grows = (sequence: PagedSequence, count: number) => {
        const before = pool.used;
        const told = [pool.bytesToGrow(sequence, 1), pool.bytesToDecode(sequence, count)];
        decodeRows(model, [{ sequence, ids: ids(count) }]);
        expect(pool.used - before).toBe(told[1]);
        return told;
      };
      expect(grows(second, 1)).toEqual([pageBytes + slotBytes, pageBytes + slotBytes]); // a copy of the last page
      expect(grows(second, 1)).toEqual([0, 0]);
      expect(grows(second, 2)).toEqual([pageBytes, pageBytes + slotBytes]);
      first[Symbol.dispose]();
      expect(grows(third, 1)).toEqual([0, 0]); // nobody shares it any more
      second[Symbol.dispose]();
      third[Symbol.dispose]();
      expect(pool.used).toBe(0);
    });
  });

  it('never grows beyond what was told, nor a text beyond the forecast for its length', () => {
    withPool(
      (model, pool) => {
        const random = new RandomStream(9);
        const texts = [pool.begin()];
        for (let i = 0; i < 150; i++) {
          const sequence = texts[random.below(texts.length)]!;
          const count = 1 + random.below(7);
          const before = pool.used;
          if (random.below(4) === 0) {
            const told = pool.bytesToGrow(sequence, count);
            readOn(model, ids(count, i), sequence);
            expect(pool.used - before).toBeLessThanOrEqual(told);
          } else {
            const told = pool.bytesToDecode(sequence, count);
            decodeRows(model, [{ sequence, ids: ids(count, i) }]);
            expect(pool.used - before).toBeLessThanOrEqual(told);
            sequence.keep(1 + random.below(count));
          }
          expect(sequence.bytes).toBeLessThanOrEqual(pool.bytesFor(sequence.length));
          if (random.below(5) === 0) texts.push(sequence.fork());
          if (random.below(6) === 0 && texts.length > 1) texts.shift()![Symbol.dispose]();
        }
      },
      { full_attention_idx: [3] },
    );
  });

  it('refuses what it has no room for, and nothing has changed', () => {
    withPool(
      (model, pool) => {
        using sequence = pool.begin();
        using other = pool.begin();
        readPiece(model, ids(6), sequence);
        readPiece(model, ids(5), other);
        const before = [pool.used, sequence.length, sequence.bytes, other.length, other.bytes];
        const bits = runStep(model, sequence.fork(), { ids: [5], keep: 1 }).join();
        const state = () => [pool.used, sequence.length, sequence.bytes, other.length, other.bytes];
        expect(() => readPiece(model, ids(100), sequence)).toThrow(CacheFull);
        expect(() =>
          decodeRows(model, [
            { sequence, ids: [1] },
            { sequence: other, ids: ids(9) },
          ]),
        ).toThrow(/no room for \d+ more bytes: \d+ are free/);
        expect(state().slice(1)).toEqual(before.slice(1));
        expect(runStep(model, sequence, { ids: [5], keep: 1 }).join()).toBe(bits);
      },
      { full_attention_idx: [1, 3] },
      6 * pageBytes + 5 * slotBytes,
    );
  });

  it('is as before when a pass fails, but for the sequences of the pass', () => {
    withPool((model, pool) => {
      const [sequence, other] = [pool.begin(), pool.begin()];
      readPiece(model, ids(6), sequence);
      readPiece(model, ids(7), other);
      const fork = other.fork();
      const bits = runStep(model, other.fork(), { ids: [5], keep: 1 }).join();
      vi.spyOn(model.model.norm, 'forward').mockImplementation(() => {
        throw new Error('broken');
      });
      const rows = [sequence, other].map((each) => ({ sequence: each, ids: [1, 2, 3] }));
      expect(() => decodeRows(model, rows)).toThrow('broken');
      expect(() => readPiece(model, ids(9), sequence)).toThrow('broken');
      vi.restoreAllMocks();
      expect([sequence.length, other.length]).toEqual([6, 7]);
      sequence[Symbol.dispose]();
      other[Symbol.dispose]();
      expect(runStep(model, fork, { ids: [5], keep: 1 }).join()).toBe(bits);
    });
  });

  it('can be saved and loaded: the same bits from there on, also in another pool with other pages', () => {
    withPool(
      (model, pool) => {
        using sequence = pool.begin();
        using other = new CachePool(model, { bytes: 1 << 22, pageTokens: 4 });
        using spacer = other.begin();
        readPiece(model, ids(9), spacer);
        for (const step of script) {
          runStep(model, sequence, step);
          scope(() => {
            const saved = saveSequence(sequence);
            using loaded = loadSequence(other, sequence.length, saved);
            expect([loaded.length, loaded.bytes]).toEqual([sequence.length, sequence.bytes]);
            using fork = sequence.fork();
            for (const next of script.slice(0, 4))
              expect(runStep(model, loaded, next)).toEqual(runStep(model, fork, next));
            expect(() => loadSequence(other, sequence.length, saved.slice(1))).toThrow(
              /layers\.0\.conv must be \[1, 3, 64\], it is missing/,
            );
            expect(() => loadSequence(other, sequence.length + 9, saved)).toThrow(/layers\.\d\.k must be/);
          });
        }
        spacer[Symbol.dispose]();
        expect(other.used).toBe(0);
      },
      { full_attention_idx: [3] },
    );
  });

  it('grows with what is held, however large it may become', () => {
    withPool(
      (model, pool) => {
        using sequence = pool.begin();
        readPiece(model, ids(6), sequence);
        expect([pool.limit, pool.used]).toEqual([Number.MAX_SAFE_INTEGER, 2 * pageBytes + slotBytes]);
      },
      {},
      Number.MAX_SAFE_INTEGER,
    );
    const before = liveHandles();
    {
      using store = new RowStore([1 << 24], 100, { dtype: 'float32', device: 'cpu' }); // 64 MiB a row
      expect(store.rows.shape).toEqual([4, 1 << 24]);
      scope(() => void store.rows.select(0, 3).narrow(0, 5, 2).fill_(7));
      for (const [number, rows] of [
        [3, 4],
        [4, 8],
        [20, 21],
        [41, 42],
        [99, 100],
      ] as const) {
        store.makeRoom(number);
        expect(store.rows.size(0)).toBe(rows);
      }
      scope(() => expect(store.rows.select(0, 3).narrow(0, 4, 4).tolist()).toEqual([0, 7, 7, 0]));
      scope(() => expect(store.rows.select(0, 99).narrow(0, 0, 2).tolist()).toEqual([0, 0]));
      expect(() => store.makeRoom(100)).toThrow('within what was reserved');
    }
    expect(liveHandles()).toBe(before);
  });

  it('takes only what belongs together', () => {
    withPool((model, pool) => {
      using sequence = pool.begin();
      const rows = [sequence, sequence].map((each) => ({ sequence: each, ids: [1] }));
      expect(() => decodeRows(model, rows)).toThrow('different sequences of one pool');
      expect(() => decodeRows(model, [{ sequence, ids: [] }])).toThrow('different sequences of one pool');
      expect(() => readPiece(model, [], sequence)).toThrow('a piece has a token');
      expect(decodeRows(model, [])).toEqual([]);
      decodeRows(model, [{ sequence, ids: [1, 2] }]);
      expect(() => sequence.keep(3)).toThrow('one of the ids');
      expect(() => sequence.keep(0)).toThrow('one of the ids');
      sequence.keep(2);
      expect(() => new CachePool(model, { bytes: 0 })).toThrow(/bytes/);
      expect(() => new CachePool(model, { bytes: 1, pageTokens: 0.5 })).toThrow(/pageTokens/);
    });
  });

  it('reads on without logits as it reads with them', () => {
    withPool((model, pool) => {
      const [first, second] = [pool.begin(), pool.begin()];
      readPiece(model, ids(9), first);
      readOn(model, ids(9), second);
      const next = { ids: [4], keep: 1 };
      expect(runStep(model, second, next)).toEqual(runStep(model, first, next));
      expect(bitsOf(new Float32Array([1]))).toBe('AACAPw==');
    });
  });
});
