// Attention over pages: the twin, the kernel for whole texts, and the same bits whatever pages hold the keys and whatever rows there are.
import { describe, expect, it } from 'vitest';
import { expectThreadIndependent, expectTwins, relativeError } from '../../nn/functional/twins.testing.ts';
import { type DType, Rng, randn, scope, type Tensor, tensor, zerosLike } from '../../torch/index.ts';
import { windowedAttention } from './attention.ts';
import { type KeyPool, pagedAttention, pagedAttentionPlain, type Reaches } from './paged-attention.ts';

interface Row {
  first: number;
  last: number;
  pages: number[];
}

function reachesOf(rows: readonly Row[]): Reaches {
  const most = Math.max(...rows.map(({ pages }) => pages.length));
  const table = rows.flatMap(({ pages }) => [...pages, ...Array<number>(most - pages.length).fill(0)]);
  const column = (values: number[]) => tensor(BigInt64Array.from(values, BigInt));
  return {
    pages: tensor(Int32Array.from(table), { shape: [rows.length, most] }),
    first: column(rows.map(({ first }) => first)),
    last: column(rows.map(({ last }) => last)),
    longest: Math.max(...rows.map(({ first, last }) => last - first + 1)),
  };
}

/** Rows that reach these positions, in pages that are mixed up. */
function rowsOf(reach: readonly (readonly [number, number])[], page: number): { rows: Row[]; pages: number } {
  let next = 1;
  const rows = reach.map(([first, last]) => {
    const count = Math.floor(last / page) - Math.floor(first / page) + 1;
    const pages = Array.from({ length: count }, () => next++);
    return { first, last, pages: pages.reverse() };
  });
  return { rows, pages: next };
}

function inputsOf(R: number, pages: number, page: number, [H, K, d]: readonly [number, number, number], dtype: DType) {
  const rng = new Rng(R + d);
  const make = (shape: number[]) => randn(shape, rng, { dtype: 'float64' }).to(dtype);
  const pool = { k: make([pages, page, K, d]), v: make([pages, page, K, d]) };
  return { q: make([R, H, d]), k: make([R, K, d]), v: make([R, K, d]), pool };
}

const copyOf = ({ k, v }: KeyPool): KeyPool => ({ k: k.clone(), v: v.clone() });
const bits = (each: Tensor) => Buffer.from(each.bytes()).toString('hex');

const reach = [
  [0, 0],
  [0, 63],
  [5, 64],
  [0, 700],
  [130, 391],
  [3, 4],
] as const;

describe('pagedAttention', () => {
  it.each([
    [64, [6, 2, 16], 'float32'],
    [64, [4, 1, 64], 'float32'],
    [128, [16, 1, 32], 'float32'],
    [4, [3, 3, 20], 'float32'],
    [1, [2, 1, 6], 'float32'],
    [16, [4, 2, 10], 'float64'],
    [64, [2, 1, 16], 'float64'],
    [48, [4, 2, 16], 'float32'],
  ] as const)('is its twin, the pools too: pages of %i, heads %j, %s', (page, shape, dtype) => {
    scope(() => {
      const { rows, pages } = rowsOf(reach, page);
      const { q, k, v, pool } = inputsOf(rows.length, pages, page, shape, dtype);
      const all = (attend: typeof pagedAttention) => (query: Tensor) => {
        const own = copyOf(pool);
        return [attend(query, k, v, own, reachesOf(rows)), own.k, own.v];
      };
      expectTwins(
        all(pagedAttention) as never,
        all(pagedAttentionPlain) as never,
        [q],
        dtype === 'float64' ? 1e-14 : 1e-6,
      );
      expectThreadIndependent(all(pagedAttention) as never, [q]);
    });
  });

  it('is attention over the text that the pages hold', () => {
    scope(() => {
      const page = 16;
      const { rows, pages } = rowsOf([[20, 150]], page);
      const { q, k, v, pool } = inputsOf(1, pages, page, [4, 2, 16], 'float32');
      const y = pagedAttention(q, k, v, pool, reachesOf(rows));
      const places = Array.from({ length: 131 }, (_, i) => 20 + i).map(
        (p) => rows[0]!.pages[Math.floor(p / page) - 1]! * page + (p % page),
      );
      const text = (each: Tensor) =>
        each
          .view([pages * page, 2, 16])
          .indexSelect(0, tensor(BigInt64Array.from(places, BigInt)))
          .unsqueeze(0);
      const expected = windowedAttention(q.unsqueeze(0), text(pool.k), text(pool.v), { window: null });
      expect(relativeError(y, expected.squeeze(0))).toBeLessThan(1e-6);
      expect(bits(text(pool.k).select(1, 130))).toBe(bits(k));
    });
  });

  it.each([64, 4, 128])('gives a row its bits, in any pages of %i and beside any rows', (page) => {
    scope(() => {
      const { rows, pages } = rowsOf(reach, page);
      const { q, k, v, pool } = inputsOf(rows.length, pages, page, [6, 2, 16], 'float32');
      const together = pagedAttention(q, k, v, pool, reachesOf(rows));
      rows.forEach((row, r) => {
        // The same keys elsewhere, and NaN wherever it has none.
        const moved = { k: zerosLike(pool.k).fill_(Number.NaN), v: zerosLike(pool.v).fill_(Number.NaN) };
        const own = row.pages.map((_, i) => pages - 1 - i);
        const origin = Math.floor(row.first / page) * page;
        for (let p = row.first; p <= row.last; p++) {
          const [i, place] = [Math.floor((p - origin) / page), p % page];
          for (const half of ['k', 'v'] as const)
            moved[half].select(0, own[i]!).select(0, place).copy_(pool[half].select(0, row.pages[i]!).select(0, place));
        }
        const one = (each: Tensor) => each.narrow(0, r, 1);
        const alone = pagedAttention(one(q), one(k), one(v), moved, reachesOf([{ ...row, pages: own }]));
        expect(bits(alone), `row ${r}`).toBe(bits(one(together)));
      });
    });
  });

  it('lets a token of a text see those before it in the same pass', () => {
    scope(() => {
      const { q, k, v, pool } = inputsOf(3, 4, 8, [2, 1, 16], 'float32');
      const at = (last: number): Row => ({ first: 1, last, pages: [2, 0] });
      const together = pagedAttention(q, k, v, copyOf(pool), reachesOf([7, 8, 9].map(at)));
      const own = copyOf(pool);
      for (let r = 0; r < 3; r++) {
        const one = (each: Tensor) => each.narrow(0, r, 1);
        expect(bits(pagedAttention(one(q), one(k), one(v), own, reachesOf([at(7 + r)])))).toBe(bits(one(together)));
      }
    });
  });

  it('refuses what would read or write elsewhere', () => {
    scope(() => {
      const { q, k, v, pool } = inputsOf(1, 3, 8, [2, 1, 16], 'float32');
      const attend = (row: Row) => () => pagedAttention(q, k, v, pool, reachesOf([row]));
      expect(attend({ first: 0, last: 9, pages: [0, 3] })).toThrow(/names page 3 of 3/);
      expect(attend({ first: 0, last: 9, pages: [-1, 1] })).toThrow(/names page -1 of 3/);
      expect(attend({ first: 0, last: 9, pages: [1] })).toThrow(/with 1 pages of 8/);
      expect(attend({ first: 3, last: 2, pages: [1] })).toThrow(/from 3 to 2/);
      expect(() => pagedAttention(q, v.unsqueeze(0), v, pool, reachesOf([{ first: 0, last: 1, pages: [1] }]))).toThrow(
        /expected q \[R, H, d\]/,
      );
    });
  });
});
