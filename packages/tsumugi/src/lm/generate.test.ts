// What writing and weighing do with their settings, where no other test looks.
import { describe, expect, it } from 'vitest';
import { BatchDecoder, type DecodeRequest, generateIds, initialWeights, Plamo2, tokenLogprobs } from './index.ts';
import { smallConfig } from './testing.ts';

const prompt = [1, 17, 230, 41];

function decode(model: Plamo2, request: Partial<DecodeRequest>): number[] {
  const ids: number[] = [];
  using decoder = new BatchDecoder(model);
  decoder.add({
    prompt,
    ...request,
    onId: (id) => {
      ids.push(id);
      return false;
    },
    onEnd: () => {},
  });
  while (decoder.busy) decoder.step();
  return ids;
}

describe.each([
  ['alone', (model: Plamo2, options: object) => [...generateIds(model, prompt, options)]],
  ['together', decode],
] as const)('writing, %s', (_, write) => {
  it('penalises ids that came before the prompt', () => {
    using model = new Plamo2(smallConfig(), initialWeights(2));
    const [likeliest] = write(model, { maxTokens: 1 });
    expect(prompt).not.toContain(likeliest);
    expect(write(model, { maxTokens: 1, repetitionPenalty: 100 })).toEqual([likeliest]);
    expect(write(model, { maxTokens: 1, repetitionPenalty: 100, earlier: [likeliest!] })).not.toEqual([likeliest]);
  });
});

it('weighs a long text in pieces as it does at once', () => {
  using model = new Plamo2(smallConfig(), initialWeights(2));
  const ids = Array.from({ length: 50 }, (_, i) => (i * 97 + 13) % 300);
  const whole = tokenLogprobs(model, ids);
  for (const chunk of [1, 7, 49]) {
    const pieces = tokenLogprobs(model, ids, { chunk });
    for (const [t, value] of whole.entries()) expect(Math.abs(pieces[t]! - value)).toBeLessThan(1e-5);
  }
});
