// Every instruction with responses that follow it and responses that do not.
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { looseReadings, passesLoose, passesStrict } from './check.ts';
import { verifiers } from './registry.ts';
import { sentences } from './sentences.ts';
import { loadTools, toolVersions } from './tools.ts';
import { Fields, type Tools } from './verifier.ts';

interface Example {
  id: string;
  kwargs?: Record<string, unknown>;
  passes: readonly string[];
  fails: readonly string[];
}

const examples: readonly Example[] = [
  {
    id: 'language:response_language',
    kwargs: { language: 'fr' },
    passes: ["L'atmosphère de la Terre se compose de plusieurs couches, dont la troposphère.", '12345 😀'],
    fails: ['地球の大気は、対流圏、成層圏、中間圏、熱圏に分かれます。'],
  },
  {
    id: 'length_constraints:number_sentences',
    kwargs: { num_sentences: 3, relation: '以上' },
    passes: ['雨だ。傘がない！走るか？', '一行目\n二行目\n三行目'],
    fails: ['雨だ。傘がない。', '「雨だ。傘がない。走ろう。」と言った。', '私の\n本は\nこれ'],
  },
  {
    id: 'length_constraints:number_sentences',
    kwargs: { num_sentences: 3, relation: '未満' },
    passes: ['雨だ。傘がない。', '（雨だ。傘がない。走ろう。）'],
    fails: ['雨だ。傘がない。走ろう。', '雨｡傘｡走｡'],
  },
  {
    id: 'length_constraints:number_letters',
    kwargs: { num_letters: 4, relation: '以上' },
    passes: ['あいうえ', '𠮷野家だ'],
    fails: ['あいう', '𠮷野家'],
  },
  {
    id: 'length_constraints:number_letters',
    kwargs: { num_letters: 4, relation: '未満' },
    passes: ['あいう'],
    fails: ['あいうえ'],
  },
  {
    id: 'length_constraints:number_paragraphs',
    kwargs: { num_paragraphs: 2 },
    passes: ['一つ目\n***\n二つ目', '***\n一つ目\n***\n二つ目\n***'],
    fails: ['一つ目\n\n二つ目', '一つ目\n***\n\n***\n二つ目', '一\n***\n二\n***\n三'],
  },
  {
    id: 'length_constraints:nth_paragraph_first_word',
    kwargs: { num_paragraphs: 3, nth_paragraph: 2, first_word: '代謝' },
    passes: ['はじめに。\n\n代謝とは何か。\n\nおわり。', 'はじめに。\n\n「『代謝』とは何か。\n\nおわり。'],
    fails: ['はじめに。\n\n次に代謝。\n\nおわり。', '代謝。\n\n代謝とは。', '一。\n\n\n\n代謝とは。\n\n三。'],
  },
  {
    id: 'detectable_content:number_placeholders',
    kwargs: { num_placeholders: 2 },
    passes: ['[名前]様、[日付]にお待ちします。', '[][]'],
    fails: ['[名前]様', '［名前］様、［日付］'],
  },
  {
    id: 'detectable_content:postscript',
    kwargs: { postscript_marker: 'P.S.' },
    passes: ['本文。\nP.S. またね', '本文。\np. s. またね'],
    fails: ['本文。\nPS またね', '本文。\n追伸 またね'],
  },
  {
    id: 'detectable_content:postscript',
    kwargs: { postscript_marker: 'P.P.S.' },
    passes: ['本文。\nP.P.S. またね'],
    fails: ['本文。\nP. P. S. またね', '本文。\nP.S. またね'],
  },
  {
    id: 'detectable_content:postscript',
    kwargs: { postscript_marker: 'constructor' },
    passes: ['終わり。constructor それと'],
    fails: ['終わり。それと'],
  },
  {
    id: 'detectable_content:postscript',
    kwargs: { postscript_marker: '追伸' },
    passes: ['本文。\n追伸：またね'],
    fails: ['本文。'],
  },
  {
    id: 'detectable_format:number_bullet_lists',
    kwargs: { num_bullets: 2 },
    passes: ['次の通り。\n・一つ目\n　・二つ目', '・\n次の行\n・二つ目'],
    fails: ['・一つ目', '・一つ目\n・二つ目\n・三つ目', '・・一つ目\n・二つ目', '- 一つ目\n- 二つ目', 'A・B\nC・D'],
  },
  {
    id: 'detectable_format:number_numbered_lists',
    kwargs: { num_items: 2 },
    passes: ['1. 一つ目\n2. 二つ目', '１. 一つ目\n  ２. 二つ目'],
    fails: ['1. 一つ目', '1.一つ目\n2.二つ目', '1) 一つ目\n2) 二つ目', '1. 一\n2. 二\n3. 三'],
  },
  {
    id: 'detectable_format:constrained_response',
    passes: ['はい、そうです。', '答えは「どちらとも言えません。」'],
    fails: ['はい。', 'いいえ、違います'],
  },
  {
    id: 'detectable_format:number_highlighted_sections',
    kwargs: { num_highlights: 2 },
    passes: ['《春》と《夏》', '《春》《夏》《秋》'],
    fails: ['《春》', '《春》《 》', '《春\n夏》《秋》', '**春**と**夏**'],
  },
  {
    id: 'detectable_format:multiple_sections',
    kwargs: { section_spliter: '章', num_sections: 2 },
    passes: ['第1章\n春\n第２章\n夏', '第1章 第2章 第3章'],
    fails: ['第1章\n春', '第一章\n春\n第二章\n夏', '第1節\n第2節'],
  },
  {
    id: 'detectable_format:json_format',
    passes: ['{"名前": "猫"}', '```json\n{"a": [1, 2]}\n```', '```\n[]\n```'],
    fails: ['名前は猫', '結果：\n```json\n{}\n```', "{'a': 1}"],
  },
  {
    id: 'detectable_format:title',
    passes: ['『喜びの詩』\n本文', '本文『題』本文'],
    fails: ['「喜びの詩」', '『』', '『 』', '『改行\nした題』'],
  },
  {
    id: 'detectable_format:nominal_ending',
    kwargs: { count: 2 },
    passes: ['空には月。庭には花！', '使ったのはGPT。走るのはニャーニャー。'],
    fails: ['空には月。花が咲いた。', '「空には月。庭には花。」と言った。', '空に月が出た\n花'],
  },
  {
    id: 'combination:two_responses',
    passes: ['はい。\n******\nいいえ。', '******はい。******いいえ。******'],
    fails: [
      'はい。',
      'はい。******はい。',
      '一。******二。******三。',
      '一。******\n******二。',
      'はい。\n***\nいいえ。',
    ],
  },
  {
    id: 'combination:repeat_prompt',
    kwargs: { prompt_to_repeat: '猫について説明してください。' },
    passes: ['猫について説明してください。\n猫は動物です。', '  猫について説明してください。'],
    fails: ['猫は動物です。', '「猫について説明してください。」'],
  },
  {
    id: 'startend:end_checker',
    kwargs: { end_phrase: '他に質問はございますか。' },
    passes: ['以上です。他に質問はございますか。', '「以上です。他に質問はございますか。」\n'],
    fails: ['以上です。', '他に質問はございますか。以上です。'],
  },
  {
    id: 'startend:quotation',
    passes: ['「全体」', '\n「一。\n二。」\n'],
    fails: ['全体', '「全体', '『全体』', '「'],
  },
  {
    id: 'startend:sentence_unified_end',
    kwargs: { ending: 'です' },
    passes: ['雨です。傘です！', '雨です。「晴れだ。」が口癖です。', '雨です'],
    fails: ['雨です。傘だ。', '雨です。\n', '雨です。以上'],
  },
  {
    id: 'keywords:existence',
    kwargs: { keywords: ['夢', '現実'] },
    passes: ['夢と現実の間に立つ。'],
    fails: ['夢を見た。', '夢中で現実を忘れた。'],
  },
  {
    id: 'keywords:forbidden_words',
    kwargs: { forbidden_words: ['音', '雨'] },
    passes: ['静かな朝です。', '音楽を聴いた。'],
    fails: ['雨が降る。', '音が聞こえる。'],
  },
  {
    id: 'keywords:frequency',
    kwargs: { keyword: 'アプリ', frequency: 2, relation: '以上' },
    passes: ['アプリを開き、アプリを閉じた。'],
    fails: ['アプリを開いた。', ''],
  },
  {
    id: 'keywords:letter_frequency',
    kwargs: { letter: 'か', let_frequency: 2, let_relation: '以上' },
    passes: ['かカ', 'かか'],
    fails: ['かガ', 'か'],
  },
  {
    id: 'letters:furigana',
    passes: ['猫（ねこ）が好（す）き。', 'ねこがすき。'],
    fails: ['猫が好（す）き。', '猫(ねこ)', '猫（ネコ）', '人々（ひとびと）'],
  },
  {
    id: 'letters:kanji',
    kwargs: { kanji_limit: 2, relation: '未満' },
    passes: ['猫がいる。', '々〇'],
    fails: ['黒猫がいる。'],
  },
  {
    id: 'letters:kanji',
    kwargs: { kanji_limit: 2, relation: '以上' },
    passes: ['黒猫'],
    fails: ['猫'],
  },
  {
    id: 'letters:no_hiragana',
    passes: ['東京都 TOKYO トウキョウ'],
    fails: ['東京へ', 'ゖ'],
  },
  {
    id: 'letters:no_katakana',
    passes: ['ひらがなと漢字。らーめん・'],
    fails: ['カタカナ', 'ｱ', 'ﾞ'],
  },
  {
    id: 'letters:hiragana_only',
    passes: ['らーめんが、すき！ 100'],
    fails: ['猫がすき', 'ネコ', 'neko'],
  },
  {
    id: 'letters:katakana_only',
    passes: ['ラーメン・ガ、スキ！ ｶﾞ 100'],
    fails: ['ラーメンが', '猫', 'NEKO', 'Ｎ'],
  },
  {
    id: 'letters:kansuuji',
    passes: ['三十五人'],
    fails: ['35人', '３５人', '٣'],
  },
  { id: 'punctuation:no_comma', passes: ['朝, 晴れ。'], fails: ['朝、晴れ。'] },
  { id: 'punctuation:no_period', passes: ['朝、晴れ．｡'], fails: ['朝、晴れ。'] },
];

let tools: Tools;
beforeAll(async () => {
  tools = await loadTools();
});

const checkOf = ({ id, kwargs = {} }: Pick<Example, 'id' | 'kwargs'>) => {
  const fields = new Fields(kwargs, 'data.jsonl', 1, id);
  const check = verifiers[`ja:${id}`]!(fields, tools);
  fields.end();
  return check;
};

describe.each(examples)('$id $kwargs', (example) => {
  it.each(example.passes)('passes %j', (response) => {
    expect(passesStrict(response, checkOf(example))).toBe(true);
  });
  it.each(example.fails)('fails %j', (response) => {
    expect(passesStrict(response, checkOf(example))).toBe(false);
  });
  it('fails a blank response', () => {
    const check = checkOf(example);
    for (const blank of ['', ' \n　']) {
      expect(passesStrict(blank, check)).toBe(false);
      expect(passesLoose(blank, check)).toBe(false);
    }
  });
});

it('has examples for all 33 instructions', () => {
  const ids = new Set(examples.map(({ id }) => `ja:${id}`));
  expect([...ids].sort()).toEqual(Object.keys(verifiers).sort());
  // Some that follow it and some that do not: an instruction turned into its opposite fails.
  for (const { id, passes, fails } of examples) expect([passes.length > 0, fails.length > 0], id).toEqual([true, true]);
  expect(ids.size).toBe(33);
});

describe('sentences', () => {
  it.each([
    ['春です。夏です。', ['春です。', '夏です。']],
    ['ああ！？', ['ああ!', '?']],
    ['彼は「そうか。」と言った。', ['彼は「そうか。」と言った。']],
    ['（注。）です。', ['(注。)です。']],
    ['私の \n本。 \n\n\t\n終', ['私の本。', '\t', '終']],
    ['一。\n　\n二。', ['一。', ' ', '二。']],
    ['「閉じない。次の文。', ['「閉じない。', '次の文。']],
    ['', []],
  ])('%j', (text, expected) => {
    expect(sentences(text)).toEqual(expected);
  });
});

describe('loose readings', () => {
  it('are the eight of the benchmark', () => {
    expect(looseReadings('はい。\n**本文**\n以上。')).toEqual([
      ...['はい。\n**本文**\n以上。', '**本文**\n以上。', 'はい。\n**本文**', '**本文**'],
      ...['はい。\n本文\n以上。', '本文\n以上。', 'はい。\n本文', '本文'],
    ]);
  });

  it('forgive an introduction, a closing line and emphasis, where strict does not', () => {
    const check = checkOf({ id: 'startend:quotation' });
    for (const response of ['承知しました。\n「はい」', '「はい」\n以上です。', '**「はい」**']) {
      expect(passesStrict(response, check)).toBe(false);
      expect(passesLoose(response, check)).toBe(true);
    }
    expect(passesLoose('承知しました。「はい」', check)).toBe(false);
  });
});

describe('the analyser', () => {
  it('cuts words alike wherever white space stands', () => {
    const words = (text: string) => tools.tokens(text).map(({ surface }) => surface);
    expect(words('　停車場は\n停車場')).toEqual(['　', '停車場', 'は', '\n', '停車場']);
    expect(words('色落ちする')).toEqual(['色', '落ち', 'する']);
  });

  it('takes unknown words for nouns, emoji for none', () => {
    const last = (text: string) => tools.tokens(text).at(-1);
    expect(last('ザビョーンム')).toEqual({ surface: 'ザビョーンム', noun: true });
    expect(last('😀')).toMatchObject({ noun: false });
    expect(last('走った')).toMatchObject({ surface: 'た', noun: false });
  });

  it('and the identifier are the versions that results name', () => {
    const { devDependencies } = JSON.parse(
      readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8'),
    ) as {
      devDependencies: Record<string, string>;
    };
    const installed = (name: string) => `${name} ${devDependencies[name]}`;
    expect(toolVersions.analyser).toBe(installed('lindera-wasm-nodejs-ipadic'));
    expect(toolVersions.language_identifier).toBe(`${installed('eld')} (small)`);
  });
});

it('tells the languages of the data apart', () => {
  const texts = {
    fr: "Le système éducatif est gratuit et obligatoire jusqu'à seize ans.",
    th: 'ขอบคุณมากสำหรับความช่วยเหลือของคุณในโครงการนี้',
    fi: 'Ruotsin koulujärjestelmä on maksuton ja kaikille avoin.',
    ar: 'هذه نكتة قصيرة أتمنى أن تضحك صديقي كثيرا',
    ja: '友人を笑わせる冗談です。',
  };
  for (const [code, text] of Object.entries(texts)) expect(tools.language(text)).toBe(code);
});
