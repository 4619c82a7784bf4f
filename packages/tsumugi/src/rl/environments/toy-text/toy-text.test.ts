// Step for step as Gymnasium 1.3.0 (tests/golden/gymnasium).
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { golden } from '../../../../../../tests/files.ts';
import { ConfigError, UserError } from '../../../base/index.ts';
import { makeEnvironment } from '../../registry.ts';
import { unwrapped } from '../../wrappers/wrapper.ts';
import { Blackjack } from './blackjack.ts';
import { CliffWalking } from './cliff-walking.ts';
import { FrozenLake } from './frozen-lake.ts';
import type { TabularTask } from './tabular.ts';
import { Taxi } from './taxi.ts';
import { decode, IN_TAXI, isOpen } from './taxi-transitions.ts';

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
    // An ace and a ten at the start win against 21 of more cards, but not against an ace and a ten.
    blackjack.setState({ player: [1, 10], dealer: [10, 10, 1] });
    expect(blackjack.step(0).reward).toBe(1);
    blackjack.setState({ player: [1, 10], dealer: [1, 10] });
    expect(blackjack.step(0).reward).toBe(0);
    expect(() => blackjack.setState({ player: [10, 10, 10], dealer: [2] })).toThrow(/no more than 21/);
  });

  it('pays 1.5 for an ace and a ten where natural says so, without the rules of the book', () => {
    for (const natural of [true, false]) {
      const blackjack = new Blackjack({ natural });
      blackjack.setState({ player: [1, 10], dealer: [9, 9] });
      expect(blackjack.step(0).reward).toBe(natural ? 1.5 : 1);
      blackjack.setState({ player: [1, 10], dealer: [10, 10, 1] });
      expect(blackjack.step(0).reward).toBe(0);
    }
  });

  it('slips in CliffWalking where its option or its name says so', () => {
    const outcomes = (id: string, options?: object) => new CliffWalking(id, options).transitions[0]![0]!.length;
    expect([outcomes('CliffWalking-v1'), outcomes('CliffWalkingSlippery-v1')]).toEqual([1, 3]);
    expect(outcomes('CliffWalking-v1', { isSlippery: true })).toBe(3);
    expect(outcomes('CliffWalkingSlippery-v1', { isSlippery: false })).toBe(1);
  });

  describe('a fickle passenger', () => {
    const fickle = (fickleProbability: number) => new Taxi('Taxi-v4', { ficklePassenger: true, fickleProbability });

    /** Moves until the passenger is in the taxi, by the shortest way of the table; the state then. */
    function fetchPassenger(taxi: Taxi): number {
      const start = taxi.reset({ seed: 1 }).observation;
      const ways = new Map<number, number[]>([[start, []]]);
      for (const [state, way] of ways) {
        if (decode(state).passenger === IN_TAXI) return way.map((action) => taxi.step(action).observation).at(-1)!;
        for (let action = 0; action < 5; action++) {
          const [, next] = taxi.transitions[state]![action]![0]!;
          if (!ways.has(next)) ways.set(next, [...way, action]);
        }
      }
      throw new Error('no way');
    }
    /** Where the next move leads that is open, or that is not. */
    function go(taxi: Taxi, state: number, open: boolean): number {
      const { row, column } = decode(state);
      return taxi.step([0, 1, 2, 3].find((move) => isOpen(row, column, move) === open)!).observation;
    }
    const destination = (state: number) => decode(state).destination;

    it('changes his mind in the first move that leads on, and never again', () => {
      const taxi = fickle(1);
      const begun = fetchPassenger(taxi);
      const still = go(taxi, begun, false);
      expect(still).toBe(begun);
      const moved = go(taxi, still, true);
      expect(destination(moved)).not.toBe(destination(begun));
      let state = moved;
      for (let i = 0; i < 20; i++) state = go(taxi, state, true);
      expect(destination(state)).toBe(destination(moved));
    });

    it('is there as probably as the option says', () => {
      const taxi = fickle(0);
      const begun = fetchPassenger(taxi);
      expect(destination(go(taxi, begun, true))).toBe(destination(begun));
    });

    it('is part of a snapshot, and keeps to his destination after setState', () => {
      const taxi = fickle(1);
      const begun = fetchPassenger(taxi);
      const other = fickle(1);
      other.restore(taxi.snapshot());
      expect(destination(go(other, begun, true))).not.toBe(destination(begun));
      taxi.setState(begun);
      expect(destination(go(taxi, begun, true))).toBe(destination(begun));
    });
  });

  it('refuses options that make no sense', () => {
    expect(() => new FrozenLake('FrozenLake-v1', { desc: ['SF', 'F'] })).toThrow(/rows of one length/);
    expect(() => new FrozenLake('FrozenLake-v1', { desc: ['FF', 'FG'] })).toThrow(/with an S/);
    expect(() => new FrozenLake('FrozenLake-v1', { successRate: 2 })).toThrow(ConfigError);
    expect(() => new Taxi('Taxi-v4', { rainyProbability: -1 })).toThrow(ConfigError);
    expect(() => new Blackjack({ sab: true, natural: true })).toThrow(/no effect/);
  });
});
