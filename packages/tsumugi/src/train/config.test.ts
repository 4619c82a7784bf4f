// What the settings of a run refuse by themselves.
import { describe, expect, it } from 'vitest';
import { extendConfig } from './extend-config.ts';
import { pretrainConfig } from './pretrain-config.ts';

describe('a path', () => {
  const pretrain = { data: 'data', tokenizer: 'tokenizer', out: 'out' };
  const extend = { model: 'model', out: 'out', mix: [{ data: 'data' }] };

  // An empty one would be the current folder.
  it.each(['data', 'tokenizer', 'out'])('%s of a pre-training is not empty', (key) => {
    expect(pretrainConfig.safeParse(pretrain).success).toBe(true);
    expect(pretrainConfig.safeParse({ ...pretrain, [key]: '' }).error?.issues[0]?.path).toEqual([key]);
  });

  it.each([
    [['model'], { model: '' }],
    [['out'], { out: '' }],
    [['mix', 0, 'data'], { mix: [{ data: '' }] }],
  ])('%j of an extension is not empty', (path, changes) => {
    expect(extendConfig.safeParse(extend).success).toBe(true);
    expect(extendConfig.safeParse({ ...extend, ...changes }).error?.issues[0]?.path).toEqual(path);
  });
});
