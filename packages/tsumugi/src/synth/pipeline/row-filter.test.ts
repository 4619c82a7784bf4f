// Filters as steps of a pipeline: each is reached with its settings, and says why.
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { Answer, Backend, Request } from '../../eval/index.ts';
import { pipelineWorld } from './pipeline.testing.ts';
import type { PipelineSettings } from './pipeline-config.ts';
import { runPipeline } from './run-pipeline.ts';

const { fresh, rowsOf, lines, write } = pipelineWorld();

/** A model that finds each character of a text as surprising as the last digit in it: e to the power of that. */
const measuring = (asked: Request[]): Backend => ({
  kind: 'engine',
  model: 'scripted',
  fingerprint: 'x',
  settings: {},
  kinds: new Set(['generate', 'rolling'] as const),
  async answer(requests, onAnswer) {
    for (const [i, request] of requests.entries()) {
      asked.push(request);
      const text = 'text' in request ? request.text : '';
      const nats = Number(/\d/.exec(text)?.[0] ?? 0);
      const tokens = [...text].length;
      onAnswer(i, { nats: [nats * tokens], tokens: [tokens], characters: [tokens] } as Answer);
    }
  },
  async [Symbol.asyncDispose]() {},
});

type FilterStep = Record<string, unknown>;
async function filtered(step: FilterStep, texts: (string | number)[], asked: Request[] = []) {
  const out = fresh();
  const settings = {
    rows: texts.map((text) => ({ text })),
    steps: [{ field: 'text', ...step }],
    output: { text: 'text' },
  } as unknown as PipelineSettings;
  await runPipeline(settings, { backend: measuring(asked), out });
  return [rowsOf(out).map(({ text }) => text), lines(`${out}/report/dropped.jsonl`).map(({ reason }) => reason)];
}

const novel = '吾輩は猫である。名前はまだ無い。どこで生れたか頓と見当がつかぬ。';

it.each<[FilterStep, (string | number)[], string[], string[]]>([
  [{ filter: 'length', min: 2, max: 3 }, ['猫', '三毛猫'], ['三毛猫'], ['1 characters, fewer than 2']],
  [
    { filter: 'japanese', min: 0.8 },
    ['cats', '猫です'],
    ['猫です'],
    ['0 % of the letters are Japanese, less than 80 %'],
  ],
  [{ filter: 'characters', digits: 0.5 }, ['1234', '12です'], ['12です'], ['100 % digits, more than 50 %']],
  [
    { filter: 'ending', ends: '。' },
    ['猫です', '猫です。'],
    ['猫です。'],
    ['ends with "す", in the middle of a sentence'],
  ],
  [
    { filter: 'repetition', lines: 0.4 },
    ['あ\nあ', 'あ\nい'],
    ['あ\nい'],
    ['50 % of the lines stood before, more than 40 %'],
  ],
  [
    { filter: 'range', min: 2, max: 4 },
    [1, '３', 4, 5, ' '],
    ['4'],
    ['1, less than 2', '"３" is no number', '5, more than 4', '" " is no number'],
  ],
  [{ filter: 'range', min: 2 }, [2, 1.9], ['2'], ['1.9, less than 2']],
  [
    { filter: 'near', threshold: 0.5, ngram: 2 },
    ['吾輩は猫である', '吾輩は猫である。', '犬'],
    ['吾輩は猫である', '犬'],
    ['nearly the same as text 1 that came here'],
  ],
  [
    { filter: 'language', is: 'en' },
    ['The cat is sitting on the table in the kitchen.', novel],
    ['The cat is sitting on the table in the kitchen.'],
    ['ja, not en'],
  ],
  [
    { filter: 'language', is: ['en', 'ja'] },
    [novel, 'Die Katze sitzt auf dem Tisch in der Küche und schläft.'],
    [novel],
    ['de, not en or ja'],
  ],
])('%o', async (step, texts, kept, reasons) => {
  expect(await filtered(step, texts)).toEqual([kept, reasons]);
});

it('measures perplexity, each text once', async () => {
  const asked: Request[] = [];
  // e² = 7.389…, e³ = 20.08…
  expect(await filtered({ filter: 'perplexity', min: 2, max: 8 }, ['2匹', '3匹', '2匹', '匹'], asked)).toEqual([
    ['2匹', '2匹'],
    ['perplexity 20.1, more than 8', 'perplexity 1.0, less than 2'],
  ]);
  expect(await filtered({ filter: 'perplexity', max: 8 }, ['', '2匹'])).toEqual([
    ['2匹'],
    ['an empty text has no perplexity'],
  ]);
  expect(asked).toEqual(['2匹', '3匹', '匹'].map((text) => ({ kind: 'rolling', text })));
});

it('keeps away from own texts and from evaluation tasks', async () => {
  const file = write('quiz.txt', '日本の首都はどこですか。東京です。');
  const step = { filter: 'decontaminate', ngram: 8, files: [file] };
  expect(await filtered(step, ['日本の首都はどこですか。', novel])).toEqual([
    [novel],
    [`100 % of it stands in ${file}, text 1`],
  ]);
  // A run counts in a text of any length.
  const long = `${novel.repeat(3)}日本の首都はどこ`;
  expect(await filtered(step, [long])).toEqual([[long], []]);
  expect((await filtered({ ...step, run: 8 }, [long]))[0]).toEqual([]);
  const opposites = fileURLToPath(new URL('../../../../../examples/opposites.ts', import.meta.url));
  const task = { filter: 'decontaminate', ngram: 6, tasks: [opposites] };
  // The task asks for eight of its ten words, the two others are its examples.
  const texts = ['「大」の反対は「', '「上」の反対だ', novel];
  expect(await filtered(task, texts)).toEqual([texts.slice(1), ['100 % of it stands in opposites, text 1']]);
  // A right answer, too.
  expect(await filtered(task, ['小', novel])).toEqual([[novel], ['100 % of it stands in opposites, text 2']]);
  const needle = { filter: 'decontaminate', tasks: ['particle-cloze'] };
  await expect(filtered(needle, [novel])).rejects.toThrow(/does not exist. It comes from/);
});

it('refuses settings that a filter cannot have', async () => {
  await expect(filtered({ filter: 'language', is: 'jp' }, [novel])).rejects.toThrow(
    'the filter language knows no "jp"',
  );
  await expect(filtered({ filter: 'length', min: 5, max: 2 }, [novel])).rejects.toThrow('min (5) is above max (2)');
  await expect(filtered({ filter: 'decontaminate' }, [novel])).rejects.toThrow('neither "tasks" nor "files"');
  await expect(filtered({ filter: 'perplexity' }, [novel])).rejects.toThrow('neither "min" nor "max"');
});
