// An environment around an environment: what a wrapper does not change goes through.
import type {
  ActionLike,
  Environment,
  Frame,
  Observation,
  ResetOptions,
  ResetResult,
  StepResult,
} from '../environment.ts';
import type { Space } from '../spaces/index.ts';

/**
 * Wrappers extend it and change what they are about: `observe` for observations, `reset` and `step` for the rest. What a
 * wrapper remembers belongs into `memory` and `remember`, so that snapshots hold it. Its observations are of the kind `O`,
 * those of the environment inside of the kind `I`.
 */
export abstract class Wrapper<O extends Observation = Observation, I extends Observation = O>
  implements Environment<O>
{
  readonly inner: Environment<I>;
  readonly id: string;
  readonly observationSpace: Space;
  readonly actionSpace: Space;
  // There only where the environment inside has them.
  readonly actionMeanings?: readonly string[];
  readonly render?: () => Frame;
  readonly setState?: (state: unknown) => O;
  readonly snapshot?: () => unknown;
  readonly restore?: (snapshot: unknown) => void;

  /** @param spaces that the wrapper changes */
  constructor(inner: Environment<I>, spaces: { observation?: Space; action?: Space } = {}) {
    this.inner = inner;
    this.id = inner.id;
    this.observationSpace = spaces.observation ?? inner.observationSpace;
    this.actionSpace = spaces.action ?? inner.actionSpace;
    if (inner.actionMeanings && !spaces.action) this.actionMeanings = inner.actionMeanings;
    if (inner.render) this.render = () => inner.render!();
    if (inner.setState) this.setState = (state) => this.begun(inner.setState!(state));
    if (!inner.snapshot || !inner.restore) return;
    this.snapshot = () => [this.memory(), inner.snapshot!()];
    this.restore = (snapshot) => {
      const [memory, inside] = snapshot as [unknown, unknown];
      inner.restore!(inside);
      this.remember(memory);
    };
  }

  /** The observation that is given out for one of the environment inside. */
  protected observe(observation: I): O {
    return observation as unknown as O;
  }

  /** An episode begins with this observation of the environment inside, by `reset` or by `setState`. */
  protected begun(observation: I): O {
    return this.observe(observation);
  }

  /** What the future depends on besides the environment inside, as JSON. */
  protected memory(): unknown {
    return null;
  }

  /** Puts back what `memory` gave. */
  protected remember(_memory: unknown): void {}

  reset(options?: ResetOptions): ResetResult<O> {
    const { observation, info } = this.inner.reset(options);
    return { observation: this.begun(observation), info };
  }

  step(action: ActionLike): StepResult<O> {
    const { observation, reward, terminated, truncated, info } = this.inner.step(action);
    return { observation: this.observe(observation), reward, terminated, truncated, info };
  }

  [Symbol.dispose](): void {
    this.inner[Symbol.dispose]();
  }
}

/** The environment inside all wrappers. */
export function unwrapped(environment: Environment): Environment {
  let inner = environment;
  while (inner instanceof Wrapper) inner = inner.inner;
  return inner;
}
