// What cannot be spread over ranks is refused alike by a run and by its plan, before a model is made.
import { expect, it } from 'vitest';
import { preset } from '../lm/index.ts';
import { type Mesh, solo } from '../mesh/index.ts';
import type { ModelTraining } from './model-training.ts';
import { planModel } from './plan-model.ts';
import { silent } from './train.testing.ts';
import { trainModel } from './train-model.ts';

const task = {
  name: 'dpo',
  config: { shard: 'none', device: 'cpu', dtype: 'float32' },
  modelConfig: preset('mini'),
  phases: [],
} as unknown as ModelTraining<object>;
const asking = (changes: object) => ({ ...task, ...changes, config: { ...task.config, ...changes } });

const alone = { fault: 'the dropout of lm_head is its own', remedy: 'Leave it out.' };

it.each([
  ['not-in-rounds', 2, { shard: 'zero2' }, /dpo cannot be zero2/],
  ['not-in-rounds', 2, { shard: 'zero3' }, /dpo cannot be zero3/],
  ['uneven-ranks', 3, { ranksPerRow: 2 }, /ranksPerRow is 2, which does not divide the 3 processes/],
  ['uneven-ranks', 1, { ranksPerRow: 2 }, /the one process there is/],
  ['not-over-ranks', 2, { alone }, /the dropout of lm_head is its own/],
] as const)('%s: %d ranks', async (code, world, changes, sentence) => {
  const asked = asking(changes);
  const mesh: Mesh = { ...solo, world, hosts: Array.from({ length: world }, () => 'here') };
  const refused = expect.objectContaining({ code, message: expect.stringMatching(sentence) });
  await expect(planModel(asked, { ranks: { world, onHost: world }, stream: silent })).rejects.toEqual(refused);
  await expect(trainModel(asked, { mesh, stream: silent })).rejects.toEqual(refused);
});
