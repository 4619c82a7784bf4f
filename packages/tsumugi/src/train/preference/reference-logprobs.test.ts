// What is kept of the reference: a block of answers at a time, by content.
import { readdirSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { requires } from '../../../../../tests/requires.testing.ts';
import { loadModel } from '../../lm/index.ts';
import { noGrad, scope, tensor } from '../../torch/index.ts';
import { multipliesBfloat16, NO_BFLOAT16 } from '../../torch/torch.testing.ts';
import { type DpoSetup, dpoSetup } from './preference.testing.ts';
import { type Answer, type ReferenceOptions, referenceLogprobs } from './reference-logprobs.ts';

let setup: DpoSetup;
beforeAll(async () => {
  setup = await dpoSetup();
}, 60_000);
beforeEach(() => vi.stubEnv('XDG_CACHE_HOME', setup.at('cache')));
afterEach(() => vi.unstubAllEnvs());
afterAll(() => setup[Symbol.dispose]());

const answers = Array.from(
  { length: 7 },
  (_, i): Answer => ({
    prompt: Int32Array.of(1, 30 + i, 40),
    answer: Int32Array.of(50 + 3 * i, 60, 2),
    source: { file: 'rated.jsonl', row: i + 1 },
  }),
);
const options: ReferenceOptions = {
  device: 'cpu',
  dtype: undefined,
  modelHash: 'base',
  blockSize: 2,
};
const ask = (count: number, changes: Partial<ReferenceOptions> = {}) =>
  referenceLogprobs(setup.at('base'), answers.slice(0, count), { ...options, ...changes });
const kept = () => readdirSync(setup.at('cache', 'tsumugi', 'reference-logprobs'));
/** Asks with changes that keep their own answers: a new file the first time, the same numbers the second, and the base as before. */
const isAskedItself = async (changes: Partial<ReferenceOptions>) => {
  const base = await ask(2);
  const files = kept();
  const found = await ask(2, changes);
  expect(kept()).toHaveLength(files.length + 1);
  expect([...(await ask(2, changes))]).toEqual([...found]);
  expect([...(await ask(2))]).toEqual([...base]);
  return found;
};

it('what was asked of fewer answers is not asked again for more', async () => {
  const five = await ask(5);
  const files = kept();
  expect(files).toHaveLength(3); // of 2, 2 and 1
  const seven = await ask(7);
  expect(kept()).toHaveLength(5); // and of 2 and 1
  expect(kept()).toEqual(expect.arrayContaining(files));
  expect([...seven.slice(0, 5)]).toEqual([...five]);
});

it('another device rounds otherwise, and is asked itself', async () => {
  await ask(2);
  const files = kept();
  // Where there is no such device nothing can be said, least of all what the CPU said.
  const said = await ask(2, { device: 'cuda' }).catch(() => undefined);
  expect(said === undefined || kept().length > files.length).toBe(true);
});

it('another model is asked itself', () => isAskedItself({ modelHash: 'mended' }));

it(
  'another precision says something else, and is asked itself',
  requires(multipliesBfloat16(), NO_BFLOAT16),
  async () => {
    expect([...(await isAskedItself({ dtype: 'bfloat16' }))]).not.toEqual([...(await ask(2))]);
  },
);

it('an interruption loses what was asked of one block', async () => {
  let batches = 0;
  const interrupted = ask(7, {
    modelHash: 'other',
    pause: async () => {
      if (++batches > 2) throw new Error('stop');
    },
  });
  await expect(interrupted).rejects.toThrow('stop');
  batches = 0;
  await ask(7, { modelHash: 'other', pause: async () => void batches++ });
  expect(batches).toBe(2); // 2 blocks of 4 were there
});

it('are what the model says, also of more answers than go through at a time', async () => {
  const long = Array.from(
    { length: 50 },
    (_, i): Answer => ({
      prompt: new Int32Array(100 + (i % 7)).fill(40 + i),
      answer: Int32Array.of(50 + i, 60, 2),
      source: { file: 'rated.jsonl', row: i + 1 },
    }),
  ); // 5300 tokens
  const found = await referenceLogprobs(setup.at('base'), long, { ...options, blockSize: undefined });
  using model = loadModel(setup.at('base'), { dtype: 'float32' });
  for (const i of [0, 17, 38, 39, 49]) {
    const ids = [...long[i]!.prompt, ...long[i]!.answer];
    const rows = noGrad(() =>
      scope(() =>
        model
          .logits(model.forward(tensor([ids], { dtype: 'int64' })))
          .squeeze(0)
          .logSoftmax(-1)
          .tolist(),
      ),
    ) as number[][];
    const expected = [3, 2, 1].reduce((sum, back) => sum + rows.at(-back - 1)![ids.at(-back)!]!, 0);
    expect(found[i]).toBeCloseTo(expected, 4);
  }
});
