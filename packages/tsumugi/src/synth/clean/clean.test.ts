// Cleaning through DuckDB against the same pieces used one by one; columns, order and bytes; every setting; what ends badly ends whole.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { RandomStream, sha256File } from '../../base/index.ts';
import { NearDuplicates } from '../near/index.ts';
import { type CleanConfig, cleanConfig } from './clean-config.ts';
import { cleanCorpus, forecastClean } from './clean-corpus.ts';
import { Duck } from './duck.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-clean-'));
afterAll(() => rmSync(home, { recursive: true }));
let made = 0;
const write = (name: string, rows: readonly object[]): string => {
  const path = join(home, name);
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
};

const random = new RandomStream(1);
const letters = [
  ...'いろはにほへとちりぬるをわかよたれそつねならむうゐのおくやまけふこえてあさきゆめみしゑひもせす猫犬本山川',
];
const text = (length: number) => Array.from({ length }, () => letters[random.below(letters.length)]).join('');
/** 200 texts; every fourth comes again with another ending; each row with other columns. */
const texts = Array.from({ length: 200 }, () => text(120)).flatMap((each, i) =>
  i % 4 === 0 ? [each, `${each.slice(0, 115)}。終`] : [each],
);
const rowOf = (each: string, i: number) => ({
  id: i,
  text: each,
  body: `${each}${text(200)}`,
  day: '2020-01-02',
  tags: ['甲', `${i}`],
  deep: { share: i / 3 },
});
const plain = write('名前 [1] *.jsonl', texts.map(rowOf));
// What a pattern would find besides.
write('名前 1 x.jsonl', [{ text: 'これは読まれない。' }]);

async function clean(settings: Partial<CleanConfig> & Record<string, unknown>, data: string[] = [plain]) {
  const out = join(home, `out${made++}`);
  const report = await cleanCorpus(settings as Partial<CleanConfig>, { data, out });
  return { ...report, out };
}
type Row = ReturnType<typeof rowOf>;
const read = (path: string): Row[] =>
  zstdDecompressSync(readFileSync(path))
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);

describe('rows', () => {
  it('that stay are those that the near-duplicates keep, in their order, with all their columns', async () => {
    const twin = new NearDuplicates();
    for (const each of texts) twin.add(each);
    const kept = texts.map(rowOf).filter((_, i) => twin.isKept(i));
    expect(kept).toHaveLength(200);
    const { path, rows, dropped, out } = await clean({ format: 'jsonl' });
    const found = read(path);
    expect(found.map(({ id }) => id)).toEqual(kept.map(({ id }) => id));
    expect(Object.keys(found[0]!)).toEqual(['id', 'text', 'body', 'day', 'tags', 'deep']);
    expect(found[3]).toMatchObject({ day: '2020-01-02', tags: ['甲', `${found[3]!.id}`], text: texts[found[3]!.id] });
    expect(found[3]!.deep.share).toBeCloseTo(found[3]!.id / 3, 12);
    expect([rows, dropped]).toEqual([250, { empty: 0, 'near-duplicates': 50 }]);
    expect(readdirSync(out).sort()).toEqual(['lineage.json', 'rows.jsonl.zst']);
    const lineage = JSON.parse(readFileSync(join(out, 'lineage.json'), 'utf8'));
    expect(lineage.data).toEqual([{ name: plain, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }]);
    expect(lineage.files['rows.jsonl.zst'].sha256).toBe(sha256File(path));
  });

  it('go through Parquet and back, with the same bytes each time', async () => {
    const [one, again] = [await clean({}), await clean({})];
    expect(sha256File(one.path)).toBe(sha256File(again.path));
    const back = await clean({ format: 'jsonl' }, [one.path]);
    const direct = await clean({ format: 'jsonl' });
    expect(back.kept).toBe(200);
    expect(read(back.path)).toEqual(read(direct.path));
    using duck = await Duck.open({ memory: 64, temporary: join(home, 'unused') });
    const columns = await duck.rows(`DESCRIBE SELECT * FROM '${one.path}'`);
    expect(columns.map(([name, type]) => [name, type])).toEqual([
      ['id', 'BIGINT'],
      ['text', 'VARCHAR'],
      ['body', 'VARCHAR'],
      ['day', 'VARCHAR'],
      ['tags', 'VARCHAR[]'],
      ['deep', 'STRUCT("share" DOUBLE)'],
    ]);
  });

  it('without a text are dropped, and of several files the first has the first rows', async () => {
    const [a, b] = [
      write('a.jsonl', [{ text: null, n: 1 }, { text: '一つ目の文です。', n: 2 }, { n: 3 }, { text: ' \n', n: 4 }]),
      write('b.jsonl', [
        { text: '一つ目の文です。', n: 5 },
        { text: '二つ目はほかの文。', n: 6, more: true },
      ]),
    ];
    const { path, dropped } = await clean({ format: 'jsonl' }, [a, b]);
    expect(read(path)).toMatchObject([{ n: 2 }, { n: 6, more: true }]);
    expect(dropped).toEqual({ empty: 3, 'near-duplicates': 1 });
  });

  it('keep texts that DuckDB takes for something else, and no column comes from a folder', async () => {
    const row = {
      text: 'BBD05AE7-76E5-4F1A-951E-7A2F0E1F4C11',
      at: '8:05',
      time: '8:05:00',
      day: '2020-01-02',
      since: '2020-01-02T03:04:05Z',
      letter: 'x',
      deep: { letter: 'x', ids: ['BBD05AE7-76E5-4F1A-951E-7A2F0E1F4C11'], 'UUID of': '8:05:00' },
      lang: 'en',
      count_1: 1,
      count: 2,
    };
    mkdirSync(join(home, 'lang=ja', 'part=1'), { recursive: true });
    const { path } = await clean({ format: 'jsonl' }, [write('lang=ja/part=1/a.jsonl', [row])]);
    expect(read(path)).toEqual([row]);
    const { path: parquet } = await clean({}, [write('lang=ja/part=1/a.jsonl', [row])]);
    cpSync(parquet, join(home, 'lang=ja', 'part=1', 'a.parquet'));
    const back = await clean({ format: 'jsonl' }, [join(home, 'lang=ja', 'part=1', 'a.parquet')]);
    expect(read(back.path)).toEqual([row]);
  });

  it('are more than a batch of DuckDB, and none is lost', async () => {
    const many = write(
      'many.jsonl',
      Array.from({ length: 10_000 }, (_, i) => ({ text: `${i}番目の文書。`, n: i })),
    );
    const { path, kept } = await clean({ format: 'jsonl', nearDuplicates: false, length: { min: 8 } }, [many]);
    const numbers = read(path).map((row) => (row as unknown as { n: number }).n);
    // 10 番目の文書。 has 8 characters from 10 on.
    expect(numbers).toEqual(Array.from({ length: 9990 }, (_, i) => i + 10));
    expect(kept).toBe(9990);
  });
});

const mixed = write(
  'mixed.jsonl',
  [
    ...texts.slice(0, 20),
    '短い。',
    'This is English and nothing else in it.',
    '12345678901234567890 1234567890',
    '終わらない文なので',
    `${'同じ行です。\n'.repeat(8)}終わり。`,
  ].map((each, i) => ({ text: each, other: `${i}番目のほかの欄にある文です。` })),
);
const quiz = join(home, 'quiz.txt');
writeFileSync(quiz, texts[2]!.slice(0, 60));
const near = texts.slice(0, 2);
const rows = {
  field: [{ field: 'other' }],
  length: [{ length: { min: 10 } }],
  japanese: [{ japanese: {} }],
  characters: [{ characters: {} }],
  ending: [{ ending: {} }],
  repetition: [{ repetition: {} }],
  against: [{ against: [quiz] }],
  decontaminate: [{ against: [quiz], decontaminate: { share: 1, run: 1000 } }, { against: [quiz] }],
  near: [{ near: { threshold: 0.99 } }],
  nearDuplicates: [{ nearDuplicates: false }],
  format: [{ format: 'parquet' }],
} satisfies Partial<Record<keyof CleanConfig, [object, object?]>> as Record<string, [object, object?]>;

it.each(Object.entries(rows))('%s has an effect', async (_setting, [changed, base = {}]) => {
  const of = async (settings: object) => {
    const { path, kept, dropped } = await clean({ format: 'jsonl', ...settings }, [mixed]);
    return JSON.stringify([kept, dropped, sha256File(path)]);
  };
  expect(jaccardOf(near[0]!, near[1]!)).toBeGreaterThan(0.85);
  expect(await of(changed)).not.toBe(await of(base));
});

it('finds near-duplicates as the settings say', async () => {
  // 80 pairs with a similarity of about 0.8, of which one seed finds others than another.
  const pairs = Array.from({ length: 80 }, () => text(120)).flatMap((each) => [each, each.slice(0, 107) + text(13)]);
  const path = write(
    'pairs.jsonl',
    pairs.map((each, id) => ({ id, text: each })),
  );
  const found = new Set<string>();
  for (const near of [{}, { threshold: 0.6 }, { ngram: 2 }, { permutations: 16 }, { seed: 9 }]) {
    const twin = new NearDuplicates(near);
    for (const each of pairs) twin.add(each);
    const { path: cleaned, out } = await clean({ format: 'jsonl', near }, [path]);
    const kept = read(cleaned).map(({ id }) => id);
    expect(kept).toEqual(pairs.flatMap((_, id) => (twin.isKept(id) ? [id] : [])));
    found.add(kept.join());
    const { seed } = JSON.parse(readFileSync(join(out, 'lineage.json'), 'utf8'));
    expect(seed).toBe('seed' in near ? 9 : 0);
  }
  expect(found.size).toBe(5);
});

it('has a row for every setting but the memory, of which the rows are independent', async () => {
  expect([...Object.keys(rows), 'memory'].sort()).toEqual(Object.keys(cleanConfig.shape).sort());
  const paths = [await clean({ memory: 128 }), await clean({ memory: 512 })].map(({ path }) => sha256File(path));
  expect(paths[0]).toBe(paths[1]);
  const [small, large] = [{ memory: 128 }, { memory: 512 }].map((each) =>
    forecastClean(cleanConfig.parse(each), [{ path: plain, bytes: 1e6 }]),
  );
  expect(large!.memoryBytes - small!.memoryBytes).toBe(384 * 2 ** 20);
});

function jaccardOf(one: string, other: string): number {
  const grams = (each: string) => new Set(Array.from({ length: each.length - 4 }, (_, i) => each.slice(i, i + 5)));
  return grams(one).intersection(grams(other)).size / grams(one).union(grams(other)).size;
}

it('stops at a pause, between rows and at the end, and leaves nothing', async () => {
  const many = write(
    'pauses.jsonl',
    Array.from({ length: 5000 }, (_, i) => ({ text: `${i}番目` })),
  );
  const before = readdirSync(home);
  for (const [last, rows] of [
    [1, 2048],
    [2, 4096],
    [3, 5000],
    [4, 5000],
  ]) {
    let [pauses, seen] = [0, 0];
    const run = {
      data: [many],
      out: join(home, 'stopped'),
      onProgress(at: number) {
        seen = at;
      },
      pause: async () => {
        if (++pauses === last) throw new Error('stop');
      },
    };
    await expect(cleanCorpus({}, run)).rejects.toThrow('stop');
    expect(seen).toBe(rows);
    expect(readdirSync(home)).toEqual(before);
  }
});

describe('mistakes', () => {
  const broken = join(home, 'broken.jsonl');
  writeFileSync(broken, '{"text": "一"}\n{"text": \n');
  const noParquet = join(home, 'no.parquet');
  writeFileSync(noParquet, 'これはParquetではない');
  it.each([
    [[broken], {}, /DuckDB cannot read the rows: .*broken\.jsonl/],
    [[noParquet], {}, /DuckDB cannot read the rows: .*no\.parquet/],
    [[join(home, 'nowhere.parquet')], {}, /there is no file or folder/],
    [[write('list.json', [{}])], {}, /not of a format that is streamed\n {2}→ Write JSON lines/],
    [[plain, noParquet], {}, /is jsonl, but .*no\.parquet is parquet/],
    [[plain], { field: 'txt' }, /no column "txt" but .*did you mean "text"/s],
    [[plain], { field: 'id' }, /has "id" as BIGINT/],
    [[plain], { length: { min: 5000 } }, /of the 250 rows of .* none stays: 250 by length/],
    [[plain], { memory: 1 }, /memory/],
    [[write('two.jsonl', [{ text: '一', Text: '二' }])], {}, /names DuckDB cannot keep: it calls one "Text_1"/],
    [[write('of-all.jsonl', [{ text: '一' }, { text: 5 }])], {}, /has "text" as a number in row 2 of all files/],
    [[write('late.jsonl', [{ text: '一' }, {}, { text: ['二'] }])], {}, /has "text" as a list in row 3 of all/],
    [[write('null.jsonl', [{ text: null }])], {}, /has "text" as null in all rows/],
    [[write('empty.jsonl', [])], {}, /empty\.jsonl holds neither JSON lines nor Parquet/],
    [[plain], { nearDuplicates: false, near: { threshold: 0.5 } }, /"near" has no effect/],
    [[plain], { decontaminate: { ngram: 5 } }, /"decontaminate" has no effect/],
    [[plain], { threshold: 1 }, /there is no setting "threshold"/],
  ])('%j %j are one sentence, and nothing is written', async (data, settings, message) => {
    const before = readdirSync(home);
    await expect(clean(settings, data)).rejects.toThrow(message);
    expect(readdirSync(home)).toEqual(before);
  });
});
