// Which ranks share rows.
import { expect, it } from 'vitest';
import { ConfigError } from '../base/index.ts';
import type { Mesh } from './mesh.ts';
import { rowGroups } from './row-groups.ts';
import { solo } from './solo.ts';

/** A mesh that only makes groups. */
const meshOf = (rank: number, world: number): Mesh => ({
  ...solo,
  rank,
  world,
  group: async (name, ranks) => {
    names.add(name);
    return { ...solo, rank: ranks.indexOf(rank), world: ranks.length };
  },
});
const names = new Set<string>();

it('are neighbours; rows are dealt out to their groups', async () => {
  const found = await Promise.all([...Array(6).keys()].map((rank) => rowGroups(meshOf(rank, 6), 2)));
  expect(found.map(({ among, group }) => [among.rank, among.world, group.rank, group.world])).toEqual([
    [0, 3, 0, 2], [0, 3, 1, 2], [1, 3, 0, 2], [1, 3, 1, 2], [2, 3, 0, 2], [2, 3, 1, 2],
  ]); // biome-ignore format: a table
  expect(names.size).toBe(3); // by their names groups meet
});

it('are one by one where nothing is said', async () => {
  const { among, group } = await rowGroups(meshOf(2, 3), 1);
  expect([among, group]).toEqual([{ rank: 2, world: 3 }, solo]);
});

it('have to come out even', async () => {
  await expect(rowGroups(meshOf(0, 3), 2)).rejects.toThrow('ranksPerRow is 2, which does not divide the 3 processes');
  const error = await rowGroups(solo, 2).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(ConfigError);
  expect(error.message).toBe(
    'ranksPerRow is 2, which does not divide the one process there is\n  → Start a multiple of 2 processes, as with tsumugi launch --processes 2, or set ranksPerRow to what divides them.',
  );
});
