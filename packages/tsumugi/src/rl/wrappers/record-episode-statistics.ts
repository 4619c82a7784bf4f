// What an episode brought in all.
import type { ActionLike, Observation, StepResult } from '../environment.ts';
import { Wrapper } from './wrapper.ts';

/** What `info.episode` of the last step of an episode says. */
export interface EpisodeStatistics {
  /** The sum of rewards. */
  return: number;
  /** Steps. */
  length: number;
}

/** The last step of each episode tells in `info.episode` what the episode brought. */
export class RecordEpisodeStatistics<O extends Observation = Observation> extends Wrapper<O> {
  #return = 0;
  #length = 0;

  protected override begun(observation: O): O {
    this.#return = 0;
    this.#length = 0;
    return observation;
  }

  override step(action: ActionLike): StepResult<O> {
    const result = this.inner.step(action);
    this.#return += result.reward;
    this.#length++;
    if (!result.terminated && !result.truncated) return result;
    const episode: EpisodeStatistics = { return: this.#return, length: this.#length };
    return { ...result, info: { ...result.info, episode } };
  }

  protected override memory(): unknown {
    return [this.#return, this.#length];
  }

  protected override remember(memory: unknown): void {
    [this.#return, this.#length] = memory as [number, number];
  }
}
