// The loss of a life ends an episode, for training only (Mnih et al. 2015): what a life is worth is learnt sooner so.
import type {
  ActionLike,
  Environment,
  Info,
  Observation,
  ResetOptions,
  ResetResult,
  StepResult,
} from '../environment.ts';
import { needsReset } from '../order.ts';
import { buttonsOf } from './pixels.ts';
import { Wrapper } from './wrapper.ts';

const livesOf = (info: Info): number | undefined => (typeof info['lives'] === 'number' ? info['lives'] : undefined);

/**
 * Lives are those of `info.lives`. After the loss of one, `reset` goes on with the same game, one idle step later; it begins a
 * new one after the last life, and whenever it is given a seed.
 */
export class EpisodicLife<O extends Observation = Observation> extends Wrapper<O> {
  readonly #noop: number;
  #lives: number | undefined;
  #phase: 'running' | 'life-lost' | 'over' = 'over';

  constructor(inner: Environment<O>) {
    super(inner);
    this.#noop = buttonsOf('EpisodicLife', inner).start;
  }

  protected override begun(observation: O): O {
    this.#phase = 'running';
    return observation;
  }

  override reset(options: ResetOptions = {}): ResetResult<O> {
    const result = this.#goOn(options) ?? this.inner.reset(options);
    this.#lives = livesOf(result.info);
    return { observation: this.begun(result.observation), info: result.info };
  }

  /** The next life of the same game; undefined where there is none. */
  #goOn({ seed, options }: ResetOptions): ResetResult<O> | undefined {
    if (this.#phase === 'over' || seed !== undefined || options) return undefined;
    const result = this.inner.step(this.#noop);
    return result.terminated || result.truncated ? undefined : result;
  }

  override step(action: ActionLike): StepResult<O> {
    if (this.#phase === 'life-lost') throw needsReset(this.id, 'has ended with a life');
    const result = this.inner.step(action);
    const lives = livesOf(result.info);
    const lost = lives !== undefined && this.#lives !== undefined && lives < this.#lives && lives > 0;
    this.#lives = lives;
    if (result.terminated || result.truncated) this.#phase = 'over';
    else if (lost) {
      this.#phase = 'life-lost';
      return { ...result, terminated: true };
    }
    return result;
  }

  protected override memory(): unknown {
    return { lives: this.#lives ?? null, phase: this.#phase };
  }

  protected override remember(memory: unknown): void {
    const { lives, phase } = memory as { lives: number | null; phase: 'running' | 'life-lost' | 'over' };
    this.#lives = lives ?? undefined;
    this.#phase = phase;
  }
}
