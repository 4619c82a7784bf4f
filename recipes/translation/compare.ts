// Stage: models → their translations of the held-out sentences, beside the people's, by chrF, and the models against one another.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Backend, bootstrapMean, chrf, type GenerateRequest, openEngine } from 'tsumugi/eval';
import { loadTokenizer } from 'tsumugi/lm';
import { defineStage, metric, type StageInput, type Table } from 'tsumugi/recipe';
import { formatInteger, Interrupt, Progress } from 'tsumugi/run';
import { openTemplate } from 'tsumugi/text';
import { z } from 'zod';
import type { Pair } from './corpus.ts';
import { readPart } from './rows.ts';
import { lines } from './split.ts';

/** A request in the published format of translation, as the template `plamo-translate` is given it. */
const asked = (en: string) => ({ role: 'user', content: en, from: 'English', to: 'Japanese' }) as const;

/** A model's translations, with the prompt that they were asked for by. */
interface Translations {
  readonly name: string;
  readonly texts: readonly string[];
  readonly scores: readonly number[];
  /** How many ended by themselves. */
  readonly ended: number;
}

export const compareTranslations = defineStage({
  name: 'translation-compare',
  version: 1,
  makes: 'metrics',
  inputs: { split: 'split', base: 'model', models: ['model'] },
  config: z.strictObject({
    sentences: z.int().min(2).default(1000).describe('held-out sentences at most'),
    maxTokens: z.int().positive().default(80).describe('tokens of a translation at most'),
    temperature: z.number().min(0).default(0).describe('0 takes the likeliest token'),
    shown: z.int().nonnegative().default(8).describe('sentences in the table of examples, from the best to the worst'),
    seed: z.int().nonnegative().default(0).describe('of samples and intervals'),
  }),
  output: 'results',
  resumes: false,
  dryRun: () => ({ sentences: 4, maxTokens: 4 }),
  forecast: ({ config, inputs: { models, base } }) => ({
    // Our guess: 300 tokens a second.
    seconds: ((models.length + 1) * config.sentences * config.maxTokens) / 2 / 300,
    memory: [{ what: 'Node, libtorch, a model and what it remembers', bytes: 2 ** 30 + 8 * base.bytes }],
    diskBytes: 2 ** 20,
  }),
  async run({ config, inputs, folder, stream }) {
    const pairs = readPart(inputs.split, 'held-out').slice(0, config.sentences);
    const abort = new AbortController();
    using interrupt = new Interrupt((message) => {
      stream.write(`${message}\n`);
      abort.abort();
    });
    // The base has never seen the format: it goes on from a line of English, as its text does.
    const asText = pairs.map(({ en }) => ({ prompt: `${en}\n`, stop: ['\n'] }));
    const asChat = pairs.map(({ en }) => ({ prompt: [asked(en)], stop: [] }));
    const plans = [
      { name: `${inputs.base.name}, as in its text`, model: inputs.base, questions: asText },
      ...[inputs.base, ...inputs.models].map((model) => ({ name: model.name, model, questions: asChat })),
    ];
    const found: Translations[] = [copied(pairs)];
    for (const { name, model, questions } of plans) {
      await using backend = await openTranslator(model);
      using progress = new Progress({ label: name, total: pairs.length, stream });
      const { maxTokens, temperature, seed } = config;
      const requests = questions.map((question, i) => ({
        kind: 'generate' as const,
        ...question,
        maxTokens,
        temperature,
        topP: 1,
        seed: seed + i,
      }));
      const answers = await translate(backend, requests, abort.signal, (done) => progress.update({ step: done }));
      if (await interrupt.poll()) return { interrupted: true };
      const texts = answers.map(({ text }) => text.trim());
      found.push({ name, texts, scores: scoresOf(texts, pairs), ended: answers.filter(({ ended }) => ended).length });
    }
    const place = join(folder, 'results');
    mkdirSync(place, { recursive: true });
    writeFileSync(
      join(place, 'translations.jsonl'),
      lines(
        pairs.map((pair, i) => ({ ...pair, ...Object.fromEntries(found.map(({ name, texts }) => [name, texts[i]])) })),
      ),
    );
    return {
      metrics: found.map(({ name, scores }) => metric(`chrF of ${name}`, mean(scores))),
      tables: [
        scoreTable(found, config.seed),
        differenceTable(found, config.seed),
        exampleTable(found, pairs, config.shown),
      ],
    };
  },
});

const openTranslator = async ({ path }: StageInput): Promise<Backend> =>
  openEngine(path, { template: openTemplate(path, loadTokenizer(path), 'plamo-translate') });

async function translate(
  backend: Backend,
  requests: readonly GenerateRequest[],
  signal: AbortSignal,
  onDone: (done: number) => void,
): Promise<{ text: string; ended: boolean }[]> {
  const answers = requests.map(() => ({ text: '', ended: false }));
  let done = 0;
  await backend.answer(
    requests,
    (index, answer) => {
      if (!('finish' in answer)) return;
      answers[index] = { text: answer.text, ended: answer.finish !== 'length' };
      onDone(++done);
    },
    signal,
  );
  return answers;
}

/** The English sentence as it is: what names and numbers alone come to. */
const copied = (pairs: readonly Pair[]): Translations => {
  const texts = pairs.map(({ en }) => en);
  return { name: 'the English as it is', texts, scores: scoresOf(texts, pairs), ended: texts.length };
};

const scoresOf = (texts: readonly string[], pairs: readonly Pair[]): number[] =>
  texts.map((text, i) => 100 * chrf(text, pairs[i]!.ja));

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const shown = (value: number | null): string => (value === null ? '–' : value.toFixed(2));

const intervalOf = (values: readonly number[], seed: number): [string, string] => {
  const { value, low, high } = bootstrapMean(values, { seed });
  return [shown(value), low === null ? '–' : `${shown(low)} … ${shown(high)}`];
};

function scoreTable(found: readonly Translations[], seed: number): Table {
  return {
    title: `chrF of ${formatInteger(found[0]!.texts.length)} held-out sentences (0 … 100)`,
    columns: ['', 'chrF', '95 %', 'characters of a translation', 'ended by themselves', 'different translations'],
    rows: found.map(({ name, texts, scores, ended }) => [
      name,
      ...intervalOf(scores, seed),
      shown(mean(texts.map((text) => [...text].length))),
      `${((100 * ended) / texts.length).toFixed(1)} %`,
      new Set(texts).size,
    ]),
  };
}

/** Each model against the one before it, sentence by sentence: both answer the same ones. */
function differenceTable(found: readonly Translations[], seed: number): Table {
  return {
    title: 'Differences of chrF, sentence by sentence',
    columns: ['', 'chrF', '95 %', 'better', 'worse'],
    rows: found.slice(1).map(({ name, scores }, i) => {
      const before = found[i]!;
      const differences = scores.map((score, k) => score - before.scores[k]!);
      const count = (is: (difference: number) => boolean) => differences.filter(is).length;
      return [
        `${name} − ${before.name}`,
        ...intervalOf(differences, seed),
        count((difference) => difference > 0),
        count((difference) => difference < 0),
      ];
    }),
  };
}

/** Sentences at even steps from the best to the worst of the last model: nobody chose them. */
function exampleTable(found: readonly Translations[], pairs: readonly Pair[], count: number): Table {
  const last = found.at(-1)!;
  const order = pairs.map((_, i) => i).sort((a, b) => last.scores[b]! - last.scores[a]!);
  const steps = Math.min(count, order.length);
  const places = Array.from(
    { length: steps },
    (_, k) => order[Math.round((k * (order.length - 1)) / Math.max(1, steps - 1))]!,
  );
  const models = found.slice(1);
  return {
    title: `Translations, from the best to the worst of ${last.name}`,
    columns: ['English', 'by people', ...models.map(({ name }) => name), `chrF of ${last.name}`],
    rows: places.map((i) => [
      pairs[i]!.en,
      pairs[i]!.ja,
      ...models.map(({ texts }) => texts[i]!),
      last.scores[i]!.toFixed(1),
    ]),
  };
}
