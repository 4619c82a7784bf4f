// Rows from outside are looked at before the first stage runs: in the template of the model that is there, or for what they say alone.
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { StageInput } from '../recipe/index.ts';
import { type DpoSetup, dpoSetup } from '../train/preference/preference.testing.ts';
import { answers, dpo, grpo, pairs, reward, sft } from './index.ts';
import { chatBefore } from './open-rows.ts';

let setup: DpoSetup;
const at = (...names: string[]) => setup.at(...names);
beforeAll(async () => {
  setup = await dpoSetup();
}, 60_000);
afterAll(() => setup[Symbol.dispose]());

const input = (path: string, origin: StageInput['origin']): StageInput => ({
  name: 'it',
  path,
  paths: [path],
  settings: {},
  bytes: 0,
  metrics: {},
  about: undefined,
  origin,
});
const outside = (path: string) => input(path, { paths: [path], through: [] });
const later = (...through: object[]) => input('/not/made', { paths: [at('base')], through: through as never });
const unknown = () => input('/not/made', undefined);
const write = (...rows: object[]) => {
  writeFileSync(at('own.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return outside(at('own.jsonl'));
};

const good = {
  rows: { prompt: '犬', completion: 'わん' },
  pairs: { prompt: '犬', chosen: 'わん', rejected: 'にゃあ' },
  prompts: { prompt: '犬', answer: '7' },
};
type Open = (model: StageInput, rows: StageInput, own?: StageInput) => Promise<void>;
const list = (own: StageInput | undefined) => (own ? [own] : []);
const stages: Record<string, [Open, good: object, bad: object, message: string]> = {
  sft: [
    (model, examples, own) =>
      sft.open!({ config: sft.config.parse({}), inputs: { model, examples, heldOut: list(own) } }),
    good.rows,
    { prompt: '犬', completion: 7 },
    'row 3: completion should be',
  ],
  dpo: [
    (model, rows, own) =>
      dpo.open!({ config: dpo.config.parse({}), inputs: { model, pairs: rows, heldOut: list(own) } }),
    good.pairs,
    { ...good.pairs, chosen: 7 },
    'row 3: chosen should be',
  ],
  kto: [
    (model, rows, own) =>
      dpo.open!({ config: dpo.config.parse({ loss: 'kto' }), inputs: { model, pairs: rows, heldOut: list(own) } }),
    good.pairs,
    { ...good.pairs, rejected: 7 },
    'row 3: rejected should be',
  ],
  reward: [
    (model, rows, own) =>
      reward.open!({ config: reward.config.parse({}), inputs: { model, pairs: rows, heldOut: list(own) } }),
    good.pairs,
    { ...good.pairs, margin: -1 },
    'row 3: margin should be',
  ],
  grpo: [
    (model, prompts, own) =>
      grpo.open!({
        config: grpo.config.parse({ score: 'number' }),
        inputs: { model, prompts, heldOut: list(own), reward: [] },
      }),
    good.prompts,
    { prompt: 7 },
    'row 3: prompt should be',
  ],
  pairs: [
    (model, rows) =>
      pairs.open!({
        config: pairs.config.parse({ score: 'number' }),
        inputs: { model, prompts: [rows], rewardModel: [] },
      }),
    good.prompts,
    { prompt: '犬', answer: 'なし' },
    'row 3: answer has no number',
  ],
  answers: [
    (model, rows) => answers.open!({ config: answers.config.parse({}), inputs: { models: [model], examples: rows } }),
    good.prompts,
    { prompt: 7 },
    'row 3: prompt should be',
  ],
};

it.each(Object.entries(stages))(
  '%s reads its rows, whatever is known of the model',
  async (name, [open, row, bad, message]) => {
    const others = { ...row, prompt: '猫' };
    for (const model of [outside(at('base')), later({ template: 'chatml' }), unknown()]) {
      await open(model, write(row, others));
      await expect(open(model, write(row, others, bad))).rejects.toThrow(`${at('own.jsonl')}, ${message}`);
      // Rows that another stage makes are its own to read.
      await open(model, { ...write(bad), origin: { paths: [at('own.jsonl')], through: [{}] } });
      await open(model, { ...write(bad), origin: undefined });
      if (name === 'pairs' || name === 'answers') continue;
      await expect(open(model, unknown(), write(row, others, bad))).rejects.toThrow(message);
    }
  },
);

it('the template is the one that the model will have', () => {
  expect(chatBefore(outside(at('base')), undefined)).toEqual({ model: at('base'), template: undefined });
  expect(chatBefore(later({}, { template: 'chatml' }), undefined)).toEqual({ model: at('base'), template: 'chatml' });
  expect(chatBefore(later({ template: 'instruction-ja' }, { template: 'chatml' }), undefined)!.template).toBe(
    'instruction-ja',
  );
  expect(chatBefore(later({ template: 'chatml' }), 'instruction-ja')!.template).toBe('instruction-ja');
  expect(chatBefore(unknown(), 'chatml')).toBeUndefined();
});
