// docs/rl/capabilities.md: what it says of tsumugi is what the registries have, and what it says of others has a source.
import { describe, expect, it } from 'vitest';
import { runCli } from '../packages/tsumugi/src/cli/cli.testing.ts';
import * as rl from '../packages/tsumugi/src/rl/index.ts';
import { readPage } from './snippets.testing.ts';

const [, agents, rest, sources] = readPage('rl/capabilities.md')
  .split(/^## /m)
  .map((part) =>
    part
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .slice(2)
      .map((line) =>
        line
          .slice(1, -1)
          .split(' | ')
          .map((cell) => cell.trim()),
      ),
  ) as [unknown, string[][], string[][], string[][]];
const named = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
const ours = (row: string): string => rest.find(([name]) => name === row)![1]!;

const place = (actionSpace: rl.Space) => ({
  observationSpace: new rl.Box(-1, 1, [3]),
  actionSpace,
  numEnvironments: 1,
  steps: 100,
  seed: 0,
  device: 'cpu' as const,
});

async function actsIn(agent: string, space: rl.Space): Promise<boolean> {
  const { config, make } = await rl.agentKind(agent);
  try {
    make(place(space), config.parse({}))[Symbol.dispose]();
    return true;
  } catch (error) {
    expect((error as { name: string }).name, `${agent} in ${space}`).toBe('ConfigError');
    return false;
  }
}

describe('agents', () => {
  it('are those of the registry', () => {
    expect(agents.map(([cell]) => named(cell!)[0]).sort()).toEqual(rl.agentNames());
  });

  it.each(agents)('%s: %s, memory %s, threads %s', async (cell, acts, memory, threads) => {
    const [agent] = named(cell!) as [string];
    const { config, shares } = await rl.agentKind(agent);
    const counted = await actsIn(agent, new rl.Discrete(3));
    const numbers = await actsIn(agent, new rl.Box(-1, 1, [2]));
    expect(acts).toBe(counted && numbers ? 'both' : counted ? 'Discrete' : 'Box');
    expect(memory).toBe('memory' in config.shape ? 'yes' : 'no');
    expect(threads).toBe(shares ? 'yes' : 'no');
  });
});

it('has every kind of replay', () => {
  const kinds = Object.keys(rl).filter((name) => /Replay(Buffer)?$/.test(name) && !/Agent/.test(name));
  expect(named(ours('replay')).sort()).toEqual(kinds.sort());
});

it('counts the environments', () => {
  expect(ours('environments that come with it')).toMatch(new RegExp(`^${rl.environmentIds().length} names`));
});

it('names what there is', async () => {
  for (const name of named(ours('actions'))) expect(rl).toHaveProperty(name);
  for (const name of named(ours('checker of environments'))) expect(rl).toHaveProperty(name);
  expect((await runCli(['rl', '--help'])).stdout).toMatch(/^ {2}record /m);
  expect((await runCli(['rl', 'train', '--help'])).stdout).toContain('--list');
});

it('says where everything about others comes from', () => {
  const letters = sources.map(([letter]) => letter);
  for (const row of [...agents.map((row) => row.slice(4)), ...rest.map((row) => row.slice(2))])
    for (const cell of row) if (cell !== 'unknown') expect(letters, cell).toContain(/ ([A-Z])$/.exec(cell)?.[1]);
});
