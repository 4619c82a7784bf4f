// What may be asked of the engine, and the sentence for everything else.
import { describe, expect, it } from 'vitest';
import { UserError } from '../../base/index.ts';
import { thrown } from '../../base/thrown.testing.ts';
import { checkRequest, type EngineRequest, isList } from './request.ts';

const config = { vocab_size: 10 };
const right: EngineRequest = { prompt: [1, 9], onId: () => false, onEnd: () => {}, onError: () => {} };
const check = (changes: object) => () => checkRequest({ ...right, ...changes }, config);

describe('a request', () => {
  it.each([
    {},
    { maxTokens: 0 },
    { maxTokens: Number.POSITIVE_INFINITY },
    { logprobs: 0 },
    { logprobs: 1000 },
    { vocabularyLimit: 1 },
    { vocabularyLimit: Number.POSITIVE_INFINITY },
    { stopIds: [] },
    { stopIds: Int32Array.of(3) },
    { stopIds: [-1, 12] },
    { prompt: [0] },
    { boundaries: [0, 1, 2] },
    { boundaries: Int32Array.of(1) },
    { cacheSalt: '' },
    { cacheSalt: 'tenant' },
    { prompt: Uint16Array.of(9) },
    { minTokens: 0 },
    { minTokens: 5, maxTokens: 3 },
    { logitBias: { 9: 100 }, presencePenalty: -2, frequencyPenalty: 2 },
    { constraint: { mask() {}, take() {}, finished: false, [Symbol.dispose]() {} } },
    { seed: 5, remember: true, temperature: 1, topK: 2, topP: 0.5, minP: 0.1, repetitionPenalty: 1.1 },
  ])('may be %j', (changes) => {
    expect(check(changes)).not.toThrow();
  });

  it.each([
    [{ maxTokens: -1 }, 'maxTokens must be a whole number of at least 0, got -1', 'maxTokens'],
    [{ maxTokens: 1.5 }, 'maxTokens must be a whole number of at least 0, got 1.5', 'maxTokens'],
    [{ maxTokens: Number.NaN }, 'maxTokens must be a whole number of at least 0, got NaN', 'maxTokens'],
    [{ maxTokens: '3' }, 'maxTokens must be a whole number of at least 0, got', 'maxTokens'],
    [{ minTokens: -1 }, 'minTokens must be a whole number of at least 0, got -1', 'minTokens'],
    [{ presencePenalty: 2.1 }, 'presencePenalty must be a number from -2 to 2, 0 for none, got 2.1', 'presencePenalty'],
    [{ frequencyPenalty: '1' }, 'frequencyPenalty must be a number from -2 to 2', 'frequencyPenalty'],
    [{ logitBias: { 10: 1 } }, 'logitBias has id 10, but the vocabulary ends at 9', 'logitBias'],
    [{ constraint: {} }, 'constraint must be a TokenConstraint, got', 'constraint'],
    [{ constraint: null }, 'constraint must be a TokenConstraint, got null', 'constraint'],
    [{ logprobs: -1 }, 'logprobs must be a whole number from 0 to 1000, got -1', 'logprobs'],
    [{ logprobs: 1001 }, 'logprobs must be a whole number from 0 to 1000, got 1001', 'logprobs'],
    [{ logprobs: true }, 'logprobs must be a whole number from 0 to 1000, got', 'logprobs'],
    [{ vocabularyLimit: 0 }, 'vocabularyLimit must be a whole number of at least 1, got 0', 'vocabularyLimit'],
    [{ stopIds: 3 }, 'stopIds must be a list of ids, got number 3', 'stopIds'],
    [{ stopIds: null }, 'stopIds must be a list of ids, got null', 'stopIds'],
    [{ stopIds: [1, 2.5] }, 'stopIds must be a list of ids, got number 2.5 in it', 'stopIds'],
    [{ boundaries: 3 }, 'boundaries must be a list of numbers of tokens from 0 to 2, got number 3', 'boundaries'],
    [{ boundaries: [1, 3] }, 'from 0 to 2, got number 3 in it', 'boundaries'],
    [{ boundaries: [-1] }, 'got number -1 in it', 'boundaries'],
    [{ boundaries: [0.5] }, 'got number 0.5 in it', 'boundaries'],
    [{ cacheSalt: 5 }, 'cacheSalt must be a text, got number 5', 'cacheSalt'],
    [{ prompt: 'text' }, 'prompt must be a list of ids, got', 'prompt'],
    [{ prompt: undefined }, 'prompt must be a list of ids, got undefined', 'prompt'],
    [{ seed: '3' }, 'seed must be a whole number, got', 'seed'],
    [{ onId: undefined }, 'Engine.add: onId must be a function, got undefined', 'onId'],
    [{ onEnd: 3 }, 'Engine.add: onEnd must be a function, got number 3', 'onEnd'],
    [{ onError: null }, 'Engine.add: onError must be a function, got null', 'onError'],
  ])('may not be %j', (changes, message, option) => {
    const error = thrown(UserError, check(changes));
    expect(error.message).toContain(message);
    expect(error.fields).toMatchObject({ option });
    expect(error.code).toBe('bad-option');
  });

  it('has a prompt of ids of the vocabulary', () => {
    expect(thrown(UserError, check({ prompt: [] }))).toMatchObject({
      code: 'empty-prompt',
      remedy: 'Begin with the BOS token or some text.',
    });
    expect(thrown(UserError, check({ prompt: [1, 10] })).message).toContain('id 10 at position 1');
    expect(thrown(UserError, check({ topP: 2 })).message).toContain('topP');
  });

  it.each([
    ['maxNewTokens', 'Write maxTokens.'],
    ['max_new_tokens', 'Write maxTokens.'],
    ['max_tokens', 'Write maxTokens.'],
    ['min_tokens', 'Write minTokens.'],
    ['minNewTokens', 'Write minTokens.'],
    ['logit_bias', 'Write logitBias.'],
    ['presence_penalty', 'Write presencePenalty.'],
    ['frequency_penalty', 'Write frequencyPenalty.'],
    ['doSample', 'A temperature above 0 draws; 0 takes the likeliest token.'],
    ['do_sample', 'A temperature above 0 draws; 0 takes the likeliest token.'],
    ['eosTokenId', 'Write stopIds, a list.'],
    ['eos_token_id', 'Write stopIds, a list.'],
  ])('answers the word %s of other libraries', (name, remedy) => {
    expect(thrown(UserError, check({ [name]: 1 })).remedy).toBe(remedy);
  });
});

it('takes arrays and typed arrays for lists, and nothing else', () => {
  for (const list of [[], [1], Int32Array.of(1), Float64Array.of()]) expect(isList(list)).toBe(true);
  for (const other of [null, undefined, 3, 'ab', { length: 1 }, new DataView(new ArrayBuffer(4)), new Set([1])])
    expect(isList(other)).toBe(false);
});
