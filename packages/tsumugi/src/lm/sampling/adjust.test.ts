// Bias and penalties, by hand.
import { describe, expect, it } from 'vitest';
import { sample } from '../sampling.ts';
import { adjust, WrittenPast } from './adjust.ts';
import { checkSampling, type SamplingOptions } from './options.ts';

const adjusted = (values: number[], options: SamplingOptions, past: Parameters<typeof adjust>[2] = {}) => {
  const logits = Float64Array.from(values);
  adjust(logits, options, past);
  return [...logits];
};

describe('what is done to logits', () => {
  const counts = new Map([
    [0, 3],
    [2, 1],
  ]);

  it('is bias by id, and nothing for ids that the model does not have', () => {
    expect(adjusted([1, 2, 3], { logitBias: { 0: -100, 2: 0.5, 7: 9 } })).toEqual([-99, 2, 3.5]);
  });

  it('is a presence penalty once for each id that was written', () => {
    expect(adjusted([1, 2, -3], { presencePenalty: 0.5 }, { counts })).toEqual([0.5, 2, -3.5]);
    expect(adjusted([1, 2, -3], { presencePenalty: -2 }, { counts })).toEqual([3, 2, -1]);
  });

  it('is a frequency penalty as often as the id was written', () => {
    expect(adjusted([1, 2, -3], { frequencyPenalty: 0.5 }, { counts })).toEqual([-0.5, 2, -3.5]);
    expect(adjusted([1, 2, -3], { frequencyPenalty: 0.25, presencePenalty: 1 }, { counts })).toEqual([-0.75, 2, -4.25]);
  });

  it('comes in the order of bias, repetition penalty, presence and frequency penalty', () => {
    const options = { logitBias: { 0: 3 }, repetitionPenalty: 2, presencePenalty: 1, frequencyPenalty: 0.5 };
    // (1 + 3) / 2 − (1 + 3 · 0.5)
    expect(adjusted([1, 2], options, { seen: new Set([0]), counts })).toEqual([-0.5, 2]);
  });

  it('leaves −∞ what may not come at all', () => {
    const options = { logitBias: { 0: 100 }, presencePenalty: -2 };
    expect(adjusted([-Infinity, 1], options, { counts })).toEqual([-Infinity, 1]);
  });
});

it('decides what is chosen, greedy or drawn', () => {
  for (const temperature of [0, 1]) {
    const choose = (options: SamplingOptions, past = {}) =>
      sample(Float32Array.of(1, 0.9), { temperature, ...options }, { next: () => 0.5 }, past);
    expect(choose({})).toBe(0);
    expect(choose({ logitBias: { 1: 100 } })).toBe(1);
    expect(choose({ presencePenalty: 2 }, { counts: new Map([[0, 1]]) })).toBe(1);
    expect(choose({ frequencyPenalty: 0.1 }, { counts: new Map([[0, 4]]) })).toBe(1);
  }
});

describe('the past', () => {
  it('has the ids of the prompt for the repetition penalty alone', () => {
    const past = new WrittenPast({ repetitionPenalty: 1.1, frequencyPenalty: 1 }, [5, 5, 6]);
    for (const id of [6, 7, 7]) past.add(id);
    expect([[...past.seen!], [...past.counts!]]).toEqual([
      [5, 6, 7],
      [
        [6, 1],
        [7, 2],
      ],
    ]);
  });

  it('is kept where it is asked for', () => {
    for (const options of [{}, { repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0 }])
      expect(new WrittenPast(options, [1])).toMatchObject({ seen: undefined, counts: undefined });
    expect(new WrittenPast({ presencePenalty: -1 }, [1]).counts).toEqual(new Map());
  });
});

it.each([
  [3, 'logitBias must be an object from ids to numbers, got number 3'],
  [null, 'logitBias must be an object from ids to numbers, got null'],
  [[1], 'logitBias must be an object from ids to numbers, got'],
  [{ ' 1': 1 }, 'logitBias has the key " 1", which is no token id'],
  [{ '-1': 1 }, 'logitBias has the key "-1", which is no token id'],
  [{ 1.5: 1 }, 'logitBias has the key "1.5", which is no token id'],
  [{ 猫: 1 }, 'logitBias has the key "猫", which is no token id'],
  [{ 1: 100.1 }, 'logitBias must be from -100 to 100, got number 100.1 for id 1'],
  [{ 1: Number.NaN }, 'logitBias must be from -100 to 100, got number NaN for id 1'],
  [{ 1: '5' }, 'logitBias must be from -100 to 100, got'],
])('refuses the bias %j', (logitBias, message) => {
  const refused = () => checkSampling({ logitBias: logitBias as never });
  expect(refused).toThrow(message);
  expect(refused).toThrow(expect.objectContaining({ code: 'bad-option', fields: { option: 'logitBias' } }));
});

it('takes biases up to the limits', () => {
  for (const logitBias of [undefined, {}, { 0: -100, 99999: 100 }]) checkSampling({ logitBias });
});
