// Frames are skipped, and of the last two the brighter pixel counts (Mnih et al. 2015): sprites flicker, some are drawn in every
// other frame only.
import { checkNumber } from '../../base/index.ts';
import type { ActionLike, Environment, StepResult } from '../environment.ts';
import { observationFromJson, observationToJson } from '../observation-json.ts';
import { type Pixels, pixelsOf } from './pixels.ts';
import { Wrapper } from './wrapper.ts';

/** Makes each action `skip` times, or until the end; the reward is the sum, the observation the maximum of the last two. */
export class MaxAndSkip extends Wrapper<Pixels> {
  readonly skip: number;
  #last: Pixels | undefined;

  constructor(inner: Environment<Pixels>, skip = 4) {
    super(inner);
    pixelsOf('MaxAndSkip', inner);
    this.skip = checkNumber('MaxAndSkip', 'skip', skip, { min: 1, whole: true });
  }

  protected override begun(observation: Pixels): Pixels {
    this.#last = observation;
    return observation;
  }

  override step(action: ActionLike): StepResult<Pixels> {
    let total = 0;
    let before = this.#last;
    for (let left = this.skip; ; left--) {
      const result = this.inner.step(action);
      const { observation, reward, terminated, truncated } = result;
      total += reward;
      if (left > 1 && !terminated && !truncated) {
        before = observation;
        continue;
      }
      this.#last = observation;
      return { ...result, observation: brighter(before, observation), reward: total };
    }
  }

  protected override memory(): unknown {
    return this.#last ? observationToJson(this.#last) : null;
  }

  protected override remember(memory: unknown): void {
    this.#last = memory === null ? undefined : (observationFromJson(memory) as Pixels);
  }
}

function brighter(one: Pixels | undefined, other: Pixels): Pixels {
  if (!one) return other;
  const result = new Uint8Array(other.length);
  for (let i = 0; i < result.length; i++) result[i] = Math.max(one[i]!, other[i]!);
  return result;
}
