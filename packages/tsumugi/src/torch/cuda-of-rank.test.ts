// Which CUDA device "cuda" means to one of several processes.
import { expect, it } from 'vitest';
import { ConfigError } from '../base/index.ts';
import { thrown } from '../base/thrown.testing.ts';
import { cudaOfRank } from './cuda-of-rank.ts';

const ranks = (LOCAL_RANK?: string) => ({ WORLD_SIZE: '8', ...(LOCAL_RANK !== undefined && { LOCAL_RANK }) });

it('is the one of its LOCAL_RANK', () => {
  expect(['0', '3', undefined].map((local) => cudaOfRank(ranks(local), 4, 'device'))).toEqual([
    'cuda:0',
    'cuda:3',
    'cuda:0',
  ]);
});

it('is the one it sees, where a scheduler shared them out or it is alone', () => {
  expect(cudaOfRank(ranks('3'), 1, 'device')).toBe('cuda');
  expect(cudaOfRank({ LOCAL_RANK: '3' }, 4, 'device')).toBe('cuda');
  expect(cudaOfRank({ LOCAL_RANK: '3', WORLD_SIZE: '1' }, 4, 'device')).toBe('cuda');
});

it('is refused where there are more processes than devices', () => {
  const error = thrown(ConfigError, () => cudaOfRank(ranks('4'), 4, 'TSUMUGI_DEVICE'));
  expect(error.fault).toBe('TSUMUGI_DEVICE cuda: LOCAL_RANK is 4, but this machine has 4 CUDA devices');
});
