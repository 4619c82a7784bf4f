// Step for step as Gymnasium 1.3.0 (tests/golden/gymnasium).
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { golden } from '../../../../../../tests/files.ts';
import { ConfigError, UserError } from '../../../base/index.ts';
import { makeEnvironment } from '../../registry.ts';
import { unwrapped } from '../../wrappers/wrapper.ts';
import { Blackjack } from './blackjack.ts';
import { FrozenLake } from './frozen-lake.ts';
import type { TabularTask } from './tabular.ts';
import { Taxi } from './taxi.ts';

type Seen = number | number[];
type Table = Record<string, Record<string, [number, number, number, boolean][]>>;
interface Case {
  id: string;
  options: Record<string, unknown>;
  seed: number;
  first: Seen;
  steps: [number, Seen, number, boolean, boolean, number, number[] | null, Seen?][];
  transitions: Table | null;
}
const read = (file: string) => JSON.parse(readFileSync(golden(`gymnasium/${file}`), 'utf8')) as unknown;
const { cases } = read('toy-text.json') as { cases: Case[] };
const tables = Object.entries(read('classic.json') as Record<string, { transitions?: Table }>).filter(
  ([, { transitions }]) => transitions,
);

/** Gymnasium's names of options. */
const NAMES: Readonly<Record<string, string>> = {
  is_slippery: 'isSlippery',
  success_rate: 'successRate',
  reward_schedule: 'rewards',
  is_rainy: 'isRainy',
  rainy_probability: 'rainyProbability',
  fickle_passenger: 'ficklePassenger',
  fickle_probability: 'fickleProbability',
};
const translated = (options: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(options).map(([name, value]) => [NAMES[name] ?? name, value]));
const plain = (observation: unknown) =>
  typeof observation === 'number' ? observation : [...(observation as Float32Array)];

function sameTable(task: TabularTask, table: Table): void {
  expect(Object.keys(table).length).toBeGreaterThan(0);
  for (const [state, actions] of Object.entries(table))
    for (const [action, outcomes] of Object.entries(actions))
      expect(task.transitions[Number(state)]![Number(action)], `state ${state}, action ${action}`).toEqual(outcomes);
}

describe('toy text', () => {
  it.each(cases)('$id $options does what Gymnasium does', async ({ id, options, seed, first, steps, transitions }) => {
    using environment = await makeEnvironment(id, translated(options));
    expect(plain(environment.reset({ seed }).observation)).toEqual(first);
    for (const [i, [action, observation, reward, terminated, truncated, probability, mask, begun]] of steps.entries()) {
      const came = environment.step(action);
      const { prob = 1, action_mask } = came.info as { prob?: number; action_mask?: Uint8Array };
      const seen = [plain(came.observation), came.reward, came.terminated, came.truncated, prob];
      expect([...seen, action_mask ? [...action_mask] : null], `step ${i}`).toEqual([
        observation,
        reward,
        terminated,
        truncated,
        probability,
        mask,
      ]);
      if (begun !== undefined) expect(plain(environment.reset().observation), `reset after step ${i}`).toEqual(begun);
    }
    if (transitions) sameTable(unwrapped(environment) as TabularTask, transitions);
  });

  it.each(tables)('%s has the table of Gymnasium', async (id, { transitions }) => {
    using environment = await makeEnvironment(id);
    const task = unwrapped(environment) as TabularTask;
    expect(Object.keys(transitions!)).toHaveLength(task.transitions.length);
    sameTable(task, transitions!);
  });

  it('puts an episode into a state', () => {
    const lake = new FrozenLake('FrozenLake-v1', { isSlippery: false });
    expect(lake.setState(14)).toBe(14);
    expect(lake.step(2)).toMatchObject({ observation: 15, reward: 1, terminated: true });
    expect(() => lake.setState(16)).toThrow(UserError);
    const blackjack = new Blackjack();
    expect([...blackjack.setState({ player: [1, 10], dealer: [9, 10] })]).toEqual([21, 9, 1]);
    expect(blackjack.step(0)).toMatchObject({ reward: 1, terminated: true });
    expect(() => blackjack.setState({ player: [10, 10, 10], dealer: [2] })).toThrow(/no more than 21/);
  });

  it('refuses options that make no sense', () => {
    expect(() => new FrozenLake('FrozenLake-v1', { desc: ['SF', 'F'] })).toThrow(/rows of one length/);
    expect(() => new FrozenLake('FrozenLake-v1', { successRate: 2 })).toThrow(ConfigError);
    expect(() => new Taxi('Taxi-v4', { rainyProbability: -1 })).toThrow(ConfigError);
    expect(() => new Blackjack({ sab: true, natural: true })).toThrow(/no effect/);
  });
});
