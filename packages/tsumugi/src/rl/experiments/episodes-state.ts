// The episodes that training goes through: return and length of those in progress, and of the last that ended.
import { z } from 'zod';
import type { Outcome } from '../agent.ts';
import { requireReward } from './rewards.ts';

/** Episodes that the mean return is taken over, as in ChainerRL. */
const window = 100;

export const episodesSchema = z.strictObject({
  ended: z.int().nonnegative(),
  /** Of each environment's episode in progress. */
  returns: z.array(z.number()),
  lengths: z.array(z.int().nonnegative()),
  /** Of the last that ended. */
  lastReturns: z.array(z.number()),
  lastLengths: z.array(z.int().nonnegative()),
});
export type EpisodesState = z.output<typeof episodesSchema>;

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

export class Episodes {
  #state: EpisodesState;

  constructor(numEnvironments: number) {
    const zeros = () => Array<number>(numEnvironments).fill(0);
    this.#state = { ended: 0, returns: zeros(), lengths: zeros(), lastReturns: [], lastLengths: [] };
  }

  /** Episodes that have ended. */
  get ended(): number {
    return this.#state.ended;
  }

  /** Takes in what a step of all environments gave. @throws UserError for a reward that is no number */
  add(outcomes: readonly Outcome[]): void {
    const state = this.#state;
    const { returns, lengths } = state;
    for (let i = 0; i < outcomes.length; i++) {
      const { reward, terminated, truncated } = outcomes[i]!;
      lengths[i]! += 1;
      requireReward(reward, i, lengths[i]!);
      returns[i]! += reward;
      if (!terminated && !truncated) continue;
      this.addEnded(returns[i]!, lengths[i]!);
      this.forget(i);
    }
  }

  /** Takes in an episode that ended. */
  addEnded(total: number, length: number): void {
    const state = this.#state;
    state.ended++;
    keep(state.lastReturns, total);
    keep(state.lastLengths, length);
  }

  /** Whether the episode of environment `i` has begun. */
  hasBegun(i: number): boolean {
    return this.#state.lengths[i]! > 0;
  }

  /** The episode of environment `i` counts no more. */
  forget(i: number): void {
    this.#state.returns[i] = 0;
    this.#state.lengths[i] = 0;
  }

  /** Means over the last hundred that ended; none before the first. */
  means(): { return: number; episodeLength: number } | undefined {
    const { lastReturns, lastLengths } = this.#state;
    if (lastReturns.length === 0) return undefined;
    return { return: mean(lastReturns), episodeLength: mean(lastLengths) };
  }

  get state(): EpisodesState {
    return structuredClone(this.#state);
  }

  set state(state: EpisodesState) {
    this.#state = structuredClone(state);
  }
}

function keep(values: number[], value: number): void {
  values.push(value);
  if (values.length > window) values.shift();
}
