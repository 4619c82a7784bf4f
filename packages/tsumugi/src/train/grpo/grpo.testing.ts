// Prompts, and a scorer whose rewards a model that knows nothing gets now and then, for tests of GRPO.
import { writeFileSync } from 'node:fs';
import { type GrpoConfig, type GrpoInput, grpoConfig } from '../grpo-config.ts';
import type { PairSetup } from '../preference/preference.testing.ts';
import { instructions, jsonLines, sftSetup } from '../sft.testing.ts';
import type { AnswerScorer } from './answer-scorer.ts';

/** The share of an answer's characters that are hiragana. */
export const hiragana: AnswerScorer = {
  name: 'hiragana',
  hash: 'hiragana 1',
  score: (items) =>
    items.map(({ answer }) => {
      const characters = [...answer];
      return characters.length === 0
        ? 0
        : characters.filter((each) => /\p{Script=Hiragana}/u.test(each)).length / characters.length;
    }),
};

export type GrpoSetup = PairSetup<GrpoConfig, GrpoInput>;

/** Writes a model that knows nothing, and 40 prompts. */
export async function grpoSetup(): Promise<GrpoSetup> {
  const setup = await sftSetup();
  const { at } = setup;
  const rows = instructions().slice(0, 40);
  writeFileSync(
    at('prompts.jsonl'),
    jsonLines(rows.map(({ instruction, input }, i) => ({ prompt: `${instruction}${input}`, answer: `${i}` }))),
  );
  return {
    folder: setup.folder,
    at,
    config: (name, changes = {}) =>
      grpoConfig.parse({
        model: at('base'),
        data: [at('prompts.jsonl')],
        heldOut: 0.2,
        out: at(name),
        steps: 6,
        samples: 4,
        maxTokens: 6,
        sequenceLength: 128,
        batchSize: 3,
        learningRate: 1e-3,
        evaluateEvery: 0,
        checkpointEvery: 2,
        keepLast: 9,
        ...changes,
      }),
    [Symbol.dispose]: () => setup[Symbol.dispose](),
  };
}
