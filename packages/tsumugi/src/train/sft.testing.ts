// A model and rows of instructions small enough for tests of fine-tuning, in a temporary folder.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RandomStream } from '../base/index.ts';
import { initialWeights, Plamo2, preset, saveModel } from '../lm/index.ts';
import { type SftConfig, type SftInput, sftConfig } from './sft-config.ts';
import { tinyModel, tinySetup } from './train.testing.ts';

export interface Instruction {
  instruction: string;
  input: string;
  output: string;
}

const animals = { 犬: 'わんわん', 猫: 'にゃあ', 牛: 'もう', 馬: 'ひひん', 鳥: 'ぴい', 豚: 'ぶうぶう' };
/** Answers that there are: who does not read the question cannot know better than this many nats which one is right. */
export const natsOfAnswer = Math.log(Object.keys(animals).length);

const questions = ['何と鳴く？', 'この動物の声は？', '鳴き声を答えよ。', '声を書いてください。', 'どう鳴きますか。'];
const fillers = ['', '庭にいる', '山の中の', '小さな', '私の家で飼っている', '昨日見た', '名前のない'];

/** What animals say, asked in many ways, in an order of the seed's. Each question is there once. */
export function instructions(seed = 1): Instruction[] {
  const all = Object.entries(animals).flatMap(([animal, output]) =>
    questions.flatMap((instruction) => fillers.map((filler) => ({ instruction, input: `${filler}${animal}`, output }))),
  );
  return new RandomStream(seed).shuffle(all);
}

export const jsonLines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

export interface SftSetup extends Disposable {
  folder: string;
  at(...names: string[]): string;
  /** A complete config with a run folder of this name. */
  config(name: string, changes?: Partial<SftInput>): SftConfig;
}

/** Writes a model that knows nothing, and 200 rows of instructions. */
export async function sftSetup(): Promise<SftSetup> {
  const setup = await tinySetup();
  const at = (...names: string[]) => join(setup.folder, ...names);
  using model = new Plamo2(preset('mini', { ...tinyModel, vocab_size: 500 }), initialWeights(7));
  saveModel(at('base'), model, { tokenizerFolder: at('tokenizer') });
  writeFileSync(at('rows.jsonl'), jsonLines(instructions().slice(0, 200)));
  return {
    folder: setup.folder,
    at,
    config: (name, changes = {}) =>
      sftConfig.parse({
        model: at('base'),
        data: [at('rows.jsonl')],
        out: at(name),
        steps: 6,
        sequenceLength: 128,
        batchSize: 4,
        learningRate: 3e-3,
        evaluateEvery: 0,
        evaluateTokens: 500,
        checkpointEvery: 2,
        keepLast: 9,
        ...changes,
      }),
    [Symbol.dispose]: () => setup[Symbol.dispose](),
  };
}
