// Rows by hand for each builder; that no answer can be read from its question; that nothing is on both sides.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { golden } from '../../../../../tests/files.ts';
import { kanjiReading, particleCloze, translateEnJa } from '../../eval/index.ts';
import { builtInTemplate, embeddedText, isHeldOut, loadExamples, loadPairs, Tokenizer } from '../../text/index.ts';
import { buildExamples } from './build-examples.ts';
import { type BuildOptions, type BuiltRow, buildRows } from './build-rows.ts';
import { BUILDERS } from './builders.ts';
import { openInputs } from './inputs.ts';
import type { RowKind } from './question.ts';
import { sentencesOf } from './sentences.ts';
import { versionOf } from './translation.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-builders-'));
afterAll(() => rmSync(home, { recursive: true }));
let files = 0;
const file = (ending: string, text: string): string => {
  const path = join(home, `${files++}.${ending}`);
  writeFileSync(path, text);
  return path;
};
const lines = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

async function build(name: string, path: string | string[], options: BuildOptions & { group?: string } = {}) {
  const { group, ...rest } = options;
  const builder = BUILDERS.find((each) => each.name === name)!;
  const counts = { train: 0, heldOut: 0, dropped: new Map<string, number>() };
  const built: BuiltRow[] = [];
  for await (const row of buildRows(builder, openInputs(builder.reads, [path].flat(), { group }), rest, counts))
    built.push(row);
  return { built, counts, rows: built.map(({ row }) => row as Record<string, never>) };
}
const all = { heldOutFraction: 0 };

describe('particle cloze', () => {
  const path = file(
    'txt',
    '下女が飯を沢山食った。「どこかへ行くのか。」\n猫に小判。\n　主人は机に向って本を読む。以上\n',
  );

  it('takes one particle that stands between two words out of a sentence that can stand alone', async () => {
    const { rows, counts } = await build('particle-cloze', path, all);
    const asked = rows.map(({ messages }) =>
      (messages as unknown as { content: string }[]).map(({ content }) => content),
    );
    const instruction = '次の文の（　）に入る助詞を、が・を・に・で・と・へから一つ選んで書いてください。\n\n';
    expect(asked.map(([question]) => question!.startsWith(instruction))).toEqual([true, true]);
    const [first, second] = asked.map(([question, answer]) => `${question!.slice(instruction.length)} ${answer}`);
    expect(['下女（　）飯を沢山食った。 が', '下女が飯（　）沢山食った。 を']).toContain(first);
    expect(['主人は机（　）向って本を読む。 に', '主人は机に向って本（　）読む。 を']).toContain(second);
    expect(Object.fromEntries(counts.dropped)).toEqual({
      'no particle between two words': 1,
      'sentence shorter than 10 characters': 2,
    });
    expect(rows[0]).toMatchObject({ builder: 'particle-cloze', source: { file: '0.txt', row: 1 } });
  });

  it('puts no particle against another that often fits in its place', async () => {
    const { rows } = await build('particle-cloze', embeddedText()[1]!, { ...all, rows: 'pairs' });
    const pairs = rows as unknown as Record<'chosen' | 'rejected', [{ content: string }]>[];
    const against = (particle: string) =>
      [
        ...new Set(
          pairs.filter(({ chosen }) => chosen[0].content === particle).map(({ rejected }) => rejected[0].content),
        ),
      ]
        .sort()
        .join('');
    const shown = Object.fromEntries([...'がをにでとへ'].map((particle) => [particle, against(particle)]));
    expect(shown).toEqual({ が: 'でとにへを', を: 'がでとにへ', に: 'がを', で: 'がへを', と: 'がを', へ: 'がでを' });
  });

  it('asks as the evaluation task does', async () => {
    const { rows } = await build('particle-cloze', path, { ...all, form: 'task', rows: 'pairs' });
    expect(rows).toHaveLength(2);
    const [{ prompt, chosen, rejected }] = rows as unknown as [Record<string, string>];
    const [before, after] = prompt === '下女' ? ['下女', '飯を沢山食った。'] : ['下女が飯', '沢山食った。'];
    const sample = { id: '', before: before!, particle: chosen![0]!, after: after!, level: '' };
    expect(prompt).toBe(particleCloze.prompt(sample));
    expect(chosen).toBe(particleCloze.reference(sample));
    expect(particleCloze.choices(sample)).toContain(rejected);
    expect(rejected).not.toBe(chosen);
  });

  it('has sentences of the novels, whole when the answer is put in, and none on both sides', async () => {
    const { built, counts } = await build('particle-cloze', embeddedText()[1]!, {
      rows: 'pairs',
      heldOutFraction: 0.2,
    });
    const novel = new Set(sentencesOf(readFileSync(embeddedText()[1]!, 'utf8')));
    expect(counts.train).toBeGreaterThan(700);
    expect(counts.heldOut).toBeGreaterThan(50);
    const sides = { train: new Set<string>(), heldOut: new Set<string>() };
    for (const { side, row } of built) {
      const { prompt, chosen, rejected } = row as Record<string, [{ content: string }]>;
      const sentence = prompt![0].content.split('\n\n')[1]!;
      expect(sentence.split('（　）')).toHaveLength(2);
      const whole = sentence.replace('（　）', chosen![0].content);
      expect(novel.has(whole)).toBe(true);
      expect('がをにでとへ').toContain(rejected![0].content);
      expect(rejected![0].content).not.toBe(chosen![0].content);
      sides[side].add(whole);
    }
    expect(sides.train.intersection(sides.heldOut).size).toBe(0);
  });
});

it('word cloze: four words of the document and of one length, of which the sentence has the answer alone', async () => {
  const { built, rows } = await build('word-cloze', embeddedText()[1]!, { heldOutFraction: 0.2, rows: 'pairs' });
  expect(built.length).toBeGreaterThan(1000);
  const novel = readFileSync(embeddedText()[1]!, 'utf8');
  for (const { prompt, chosen, rejected } of rows as unknown as Record<string, [{ content: string }]>[]) {
    const [, sentence, words] = prompt![0].content.split('\n\n');
    const choices = words!.replace('言葉：', '').split('、');
    const answer = chosen![0].content;
    expect([choices.length, new Set(choices).size]).toEqual([4, 4]);
    expect(new Set(choices.map((each) => each.length)).size).toBe(1);
    expect(choices).toContain(rejected![0].content);
    for (const each of choices) expect(sentence).not.toContain(each);
    expect(novel).toContain(sentence!.replace('（　）', answer));
  }
  // A reading in ruby would say the word.
  const ruby = '旅行《りょこう》の計画《けいかく》を、京都で立てた日だった。寺院と神社を見学した。';
  const { rows: few } = await build('word-cloze', file('txt', ruby), { ...all, rows: 'pairs' });
  expect(few.map((row) => (row as unknown as Record<string, [{ content: string }]>)['chosen']![0].content)).toEqual([
    '京都',
  ]);
});

it('kanji reading: words with ruby in hiragana, asked as the evaluation task asks', async () => {
  const path = file(
    'txt',
    '吾輩《わがはい》は猫《ねこ》である。｜名前《なまえ》はまだ無《な》い。硝子《ガラス》と｜ＡＢ《えーびー》。\n',
  );
  const { rows, counts } = await build('kanji-reading', path, { ...all, rows: 'pairs' });
  const shown = rows as unknown as Record<string, [{ content: string }]>[];
  expect(shown.map(({ chosen }) => chosen![0].content)).toEqual(['わがはい', 'ねこ', 'なまえ', 'な']);
  const [{ prompt }] = shown as [Record<string, [{ content: string }]>];
  const sample = { id: '', word: '吾輩', reading: 'わがはい', choices: [], level: '' };
  expect(prompt![0].content).toBe(kanjiReading.prompt(sample));
  // The nearest in length.
  expect(shown[0]!['rejected']![0].content).toBe('なまえ');
  expect(counts.dropped.get('not kanji read in hiragana')).toBe(2);
  for (const { prompt: asked, chosen } of shown)
    expect(asked![0].content.split('漢字：')[1]).not.toContain(chosen![0].content);
});

it('kanji reading: another reading of the same word is not put against it', async () => {
  const path = file('txt', '今日《きょう》も今日《こんにち》も、明後日《みょうごにち》も同じ。\n');
  const { rows } = await build('kanji-reading', path, { ...all, rows: 'pairs' });
  const shown = rows as unknown as Record<string, [{ content: string }]>[];
  const of = (key: string) => shown.map((row) => row[key]![0].content);
  expect(of('chosen')).toEqual(['きょう', 'みょうごにち']);
  expect(of('rejected')).toEqual(['みょうごにち', 'こんにち']);
});

it('questions and answers: a long text is cut between lines', async () => {
  const line = 'この行には五十くらいの文字があり、同じことを何度も言うためだけに、ここに書かれているのです。';
  const path = file('txt', `どれくらい長いですか。\n${`${line}\n`.repeat(30)}`);
  const { rows } = await build('faq', path, all);
  const [[, { content }]] = (rows as unknown as { messages: [never, { content: string }] }[]).map(
    ({ messages }) => messages,
  ) as [[never, { content: string }]];
  expect(content.split('\n')).toEqual(Array.from({ length: Math.floor(600 / line.length) }, () => line));
});

it('questions and answers: a heading that asks, and the text up to the next heading', async () => {
  const path = file(
    'jsonl',
    lines([
      {
        text: '目次\n1.1 パッケージとは何ですか？\n1.1 パッケージとは何ですか？\nプログラムと、それを入れるための情報の集まりです。\n依存関係も書かれています。\nライセンス\n自由です。\nQ: どこで手に入りますか。\nA: 公式のサイトから手に入ります。何度でも。',
        package: 'faq',
      },
    ]),
  );
  const { rows, counts } = await build('faq', path, { ...all, group: 'package' });
  const said = (rows as unknown as { messages: { content: string }[] }[]).map(({ messages }) =>
    messages.map(({ content }) => content),
  );
  expect(said).toEqual([
    ['パッケージとは何ですか？', 'プログラムと、それを入れるための情報の集まりです。\n依存関係も書かれています。'],
    ['どこで手に入りますか。', '公式のサイトから手に入ります。何度でも。'],
  ]);
  expect(Object.fromEntries(counts.dropped)).toEqual({ 'a question without a text below it': 1 });
  const pairs = await build('faq', path, { ...all, rows: 'pairs', group: 'package' });
  expect(pairs.rows).toMatchObject([{ rejected: [{ content: said[0]![1] }] }]);
});

describe('translations', () => {
  const pairs = [
    { source: 'a', en: 'Open the file %s', ja: 'ファイル %s を開く' },
    { source: 'a', en: 'Close the file %s', ja: 'ファイルを閉じる' },
    { source: 'b', en: 'Open the file %s', ja: '%s というファイルを開く' },
    { source: 'b', en: 'GTK', ja: 'GTK' },
    { source: 'b', en: 'GTK widgets', ja: 'GTK widgets の一覧' },
  ];
  it('are messages with their languages, or the prompt of the evaluation task', async () => {
    const path = file('jsonl', lines(pairs));
    const { rows, counts } = await build('translate-en-ja', path, all);
    expect(rows.map(({ messages }) => messages)).toEqual([
      [
        { role: 'user', content: 'Open the file %s', from: 'English', to: 'Japanese' },
        { role: 'assistant', content: 'ファイル %s を開く' },
      ],
    ]);
    expect(Object.fromEntries(counts.dropped)).toEqual({
      'markup or placeholders differ': 1,
      'asked before': 1,
      'no Japanese letters': 1,
      'one side has the other': 1,
    });
    const task = await build('translate-en-ja', path, { ...all, form: 'task' });
    const sample = { id: '', input: 'Open the file %s', output: 'ファイル %s を開く' };
    expect(task.rows[0]!['messages']).toEqual([
      ...(translateEnJa.prompt(sample, [], { chat: true }) as object[]),
      { role: 'assistant', content: translateEnJa.reference(sample) },
    ]);
    const back = await build('translate-ja-en', path, all);
    expect(back.rows[0]!['messages']).toEqual([
      { role: 'user', content: 'ファイル %s を開く', from: 'Japanese', to: 'English' },
      { role: 'assistant', content: 'Open the file %s' },
    ]);
  });

  it('in the published format, by the template for it', async () => {
    const path = file('jsonl', lines([(await build('translate-en-ja', file('jsonl', lines(pairs)), all)).rows[0]]));
    const tokenizer = Tokenizer.load(golden('tokenizer/tokenizer.jsonl'));
    const template = builtInTemplate('plamo-translate')!;
    const { examples } = await loadExamples([path], { template, tokenizer });
    expect(tokenizer.decode([...examples[0]!.ids])).toBe(
      '<|plamo:bos|><|plamo:op|>dataset\ntranslation\n<|plamo:op|>input lang=English\nOpen the file %s\n' +
        '<|plamo:op|>output lang=Japanese\nファイル %s を開く\n<|plamo:op|>',
    );
  });

  it('hold out whole packages, and no sentence of them is learned from another', async () => {
    const many = Array.from({ length: 2000 }, (_, i) => ({
      source: `package-${i % 40}`,
      en: `Sentence number ${'abcdefghijklmnopqrst'.split('')[i % 20]} of ${i % 700}`,
      ja: `${i % 700}の文${i}`,
    }));
    const path = file('jsonl', lines(many));
    const { built, counts } = await build('translate-en-ja', path, { heldOutFraction: 0.2, seed: 1 });
    const of = (side: string, key: string) =>
      new Set(built.filter((each) => each.side === side).map(({ row }) => JSON.stringify((row as never)[key])));
    expect(of('heldOut', 'source').size).toBeGreaterThan(10);
    const english = (side: string) =>
      new Set(
        built
          .filter((each) => each.side === side)
          .map(({ row }) => (row as unknown as { messages: { content: string }[] }).messages[0]!.content),
      );
    expect(english('train').intersection(english('heldOut')).size).toBe(0);
    expect(counts.dropped.get('its sentence is held out')).toBeGreaterThan(0);
    for (const { side, row } of built)
      expect(isHeldOut((row as unknown as { source: { group: string } }).source.group, 1, 0.2)).toBe(
        side === 'heldOut',
      );
  });

  it('newer against older, by the numbers in the names of packages', async () => {
    const path = file(
      'jsonl',
      lines([
        { source: 'game-1.14-a', en: 'The red dragon', ja: '赤の竜' },
        { source: 'game-1.16-a', en: 'The red dragon', ja: '赤い竜' },
        { source: 'game-1.9-a', en: 'The red dragon', ja: 'あかいりゅう' },
        { source: 'game-1.16-b', en: 'The red dragon', ja: 'レッドドラゴン' },
        { source: 'game-1.14-b', en: 'A blue dragon', ja: '１の竜' },
        { source: 'game-1.16-b', en: 'A blue dragon', ja: '1の竜' },
        { source: 'other', en: 'A blue dragon', ja: 'ブルードラゴン' },
      ]),
    );
    const { rows, counts } = await build('newer-translation', path, { ...all, rows: 'pairs' });
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ chosen: [{ content: '赤い竜' }], source: { row: 2, group: 'game-#-a' } });
    expect(['赤の竜', 'あかいりゅう']).toContain((rows[0]!['rejected'] as unknown as [{ content: string }])[0].content);
    expect(Object.fromEntries(counts.dropped)).toEqual({
      'no version in the name of the package': 1,
      'one version only': 1,
      'translated alike in all versions': 1,
    });
    expect(versionOf('python3-x-2.10')).toEqual({ family: 'python#-x-#', version: [3, 2, 10] });
  });
});

it('synopses: the first paragraph of each package, asked for from the others', async () => {
  const long = '複数の文書を一度に開き、編集し、比較することができる小さなプログラムです。印刷もできます。';
  const path = file(
    'jsonl',
    lines([
      ['a', 'an editor', '文書の編集プログラム'],
      ['a', 'It …', long],
      ['a', 'And …', '詳しくは文書を見てください。'],
      ['b', 'a game', 'パズルのゲーム'],
      ['b', 'It …', `これはパズルのゲームです。${long}`],
      ['c', 'a tool', '画像を変える道具'],
      ['c', 'It …', `画像の形式を変えます。${long}`],
    ]),
  );
  const { rows, counts } = await build('synopsis', path, { ...all, rows: 'pairs' });
  expect(rows).toMatchObject([
    { chosen: [{ content: '画像を変える道具' }], rejected: [{ content: '文書の編集プログラム' }] },
  ]);
  expect(Object.fromEntries(counts.dropped)).toEqual({
    'no worse answer to put against it': 1,
    'the synopsis stands in the description': 1,
  });
  const answers = await build('synopsis', path, all);
  expect(answers.rows[0]).toMatchObject({
    messages: [
      { content: `次の説明を、短い見出し一行にまとめてください。\n\n${long}\n詳しくは文書を見てください。` },
      { content: '文書の編集プログラム' },
    ],
    source: { row: 1, group: 'a' },
  });
});

it('synopses: what is held out is no wrong answer to learn from', async () => {
  const packages = Array.from({ length: 60 }, (_, i) => `p${String.fromCharCode(97 + (i % 26))}${i}`);
  const data = packages.flatMap((name, i) => [
    [name, 'a tool', `${name}という${i}番目の道具`],
    [name, 'It …', `${i}個の文書を一度に開き、編集し、比較することができる小さなプログラムです。印刷もできます。`],
  ]);
  const { built } = await build('synopsis', file('jsonl', lines(data)), { heldOutFraction: 0.5, rows: 'pairs' });
  expect(built.length).toBeGreaterThan(50);
  for (const { side, row } of built) {
    const [{ content }] = row['rejected'] as [{ content: string }];
    expect(isHeldOut(content.split('という')[0]!, 0, 0.5)).toBe(side === 'heldOut');
  }
});

it('draws a share by the seed', async () => {
  const data = Array.from({ length: 100 }, (_, i) => ['a', `Sentence ${i} is here.`, `ここに${i}番目の文がある。`]);
  const path = file('jsonl', lines(data));
  const drawn = async (seed: number) =>
    (await build('translate-en-ja', path, { ...all, share: 0.5, seed })).rows.map(
      (row) => (row['source'] as unknown as { row: number }).row,
    );
  const [one, other] = [await drawn(1), await drawn(2)];
  // Four standard deviations.
  for (const rows of [one, other]) expect(Math.abs(rows.length - 50)).toBeLessThan(20);
  expect(one).not.toEqual(other);
  expect(await drawn(1)).toEqual(one);
});

describe('files', () => {
  it('are the same bytes for the same seed, other ones for another, and read by those who train', async () => {
    const tokenizer = Tokenizer.load(golden('tokenizer/tokenizer.jsonl'));
    const template = builtInTemplate('chatml')!;
    const made = async (name: string, seed: number, rows: RowKind) => {
      const out = join(home, String(files++));
      const counts = await buildExamples(name, [embeddedText()[1]!], out, {
        seed,
        rows,
        heldOutFraction: 0.1,
        share: 0.3,
      });
      const paths = [join(out, 'examples', 'rows.jsonl'), join(out, 'held-out', 'rows.jsonl')] as const;
      expect(readdirSync(out).sort()).toEqual(['examples', 'held-out', 'lineage.json']);
      expect(JSON.parse(readFileSync(join(out, 'lineage.json'), 'utf8')).seed).toBe(seed);
      return { counts, paths, bytes: paths.map((path) => readFileSync(path, 'utf8')) };
    };
    const once = await made('particle-cloze', 3, 'answers');
    expect((await made('particle-cloze', 3, 'answers')).bytes).toEqual(once.bytes);
    expect((await made('particle-cloze', 4, 'answers')).bytes[0]).not.toBe(once.bytes[0]);
    const { examples } = await loadExamples(once.paths, { template, tokenizer });
    expect(examples).toHaveLength(once.counts.train + once.counts.heldOut);
    const pairs = await made('word-cloze', 3, 'pairs');
    expect((await loadPairs([pairs.paths[0]], { template, tokenizer })).examples).toHaveLength(pairs.counts.train);
  });

  it('hold out the documents that preparation holds out', async () => {
    const { built } = await build('particle-cloze', embeddedText()[1]!, { heldOutFraction: 0.3, seed: 5 });
    const documents: string[] = [];
    for await (const { text } of openInputs('text', [embeddedText()[1]!])() as AsyncIterable<{ text: string }>)
      documents.push(text);
    const held = documents.map((text) => isHeldOut(text, 5, 0.3));
    for (const { side, row } of built)
      expect(held[(row as unknown as { source: { row: number } }).source.row - 1]).toBe(side === 'heldOut');
  });

  it('are none where the work is stopped', async () => {
    const data = file(
      'jsonl',
      lines(Array.from({ length: 1000 }, (_, i) => ({ text: `${i}番の下女が飯を沢山食った。` }))),
    );
    const before = readdirSync(home);
    let pauses = 0;
    const pause = async () => {
      if (++pauses === 15) throw new Error('stop');
    };
    // The data are read twice, 10 pauses each.
    await expect(buildExamples('particle-cloze', [data], join(home, 'stopped'), { pause })).rejects.toThrow('stop');
    expect(readdirSync(home)).toEqual(before);
    await buildExamples('particle-cloze', [data], join(home, 'whole'), { pause });
    expect(pauses).toBe(35);
  });

  it('are none where nothing comes of the data, with the reasons', async () => {
    const out = join(home, 'nothing');
    const path = file('txt', '猫。');
    await expect(buildExamples('particle-cloze', [path], out)).rejects.toThrow(
      /makes no row to learn from of .*1 × sentence shorter than 10 characters/,
    );
    expect(readdirSync(home)).not.toContain('nothing');
    // Half of a character would be learned: refused with its row, whichever way the rows are read.
    for (const group of [undefined, 'id'])
      await expect(
        buildExamples(
          'particle-cloze',
          [file('jsonl', '{"text":"猫。","id":"1"}\n{"text":"犬\\ud83d","id":"2"}\n')],
          out,
          {
            ...(group && { reading: { group } }),
          },
        ),
      ).rejects.toThrow(/jsonl, row 2: text holds half of a surrogate pair/);
    await expect(buildExamples('particle-clothes', [path], out)).rejects.toThrow('builder must be');
    await expect(buildExamples('translate-en-ja', [file('jsonl', lines([{ en: 'a' }]))], out)).rejects.toThrow(
      'row 1: "ja" should be a text but is not there',
    );
    await expect(buildExamples('synopsis', [path], out, { form: 'task' })).rejects.toThrow('no form "task"');
    await expect(buildExamples('newer-translation', [path], out)).rejects.toThrow('makes no answers');
    await expect(buildExamples('faq', [embeddedText()[1]!], out, { share: 0 })).rejects.toThrow('share must be');
  });
});
