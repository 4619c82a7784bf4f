// Pictures of an agent at work.
import { UserError } from '../../base/index.ts';
import type { Actor } from '../agent.ts';
import type { ActionLike, Environment, Frame, ResetOptions, ResetResult, StepResult } from '../environment.ts';
import { SerialVectorEnvironment } from '../vector/index.ts';
import { Wrapper } from '../wrappers/wrapper.ts';
import { type Evaluation, evaluateActor } from './evaluate.ts';

export interface RecordOptions {
  episodes: number;
  seed: number;
  /** Frames at most: what comes after is not recorded. */
  maxFrames: number;
  pause?: (() => Promise<void>) | undefined;
}

/** @throws UserError `no-picture` for an environment that cannot be drawn */
export function requirePicture(environment: Environment): () => Frame {
  const { render } = environment;
  if (render) return () => environment.render!();
  throw new UserError('no-picture', `${environment.id} cannot be drawn: it has no picture of its state`, {
    remedy: 'Watch it as text: tsumugi rl run.',
    fields: { environment: environment.id },
  });
}

/** Takes a picture of every state. An ended episode is followed by the next within a step of a vector: its last state is seen here. */
class Filmed extends Wrapper {
  readonly frames: Frame[] = [];
  readonly #picture: () => Frame;
  readonly #most: number;

  constructor(inner: Environment, most: number) {
    super(inner);
    this.#picture = requirePicture(inner);
    this.#most = most;
  }

  #take(): void {
    if (this.frames.length < this.#most) this.frames.push(this.#picture());
  }

  override reset(options?: ResetOptions): ResetResult {
    const result = super.reset(options);
    this.#take();
    return result;
  }

  override step(action: ActionLike): StepResult {
    const result = super.step(action);
    this.#take();
    return result;
  }
}

/** The frames of whole episodes, one for each state. The environment is disposed of. */
export async function recordEpisodes(
  actor: Actor,
  environment: Environment,
  { episodes, seed, maxFrames, pause }: RecordOptions,
): Promise<Evaluation & { frames: Frame[] }> {
  const filmed = new Filmed(environment, maxFrames);
  using environments = new SerialVectorEnvironment([filmed]);
  const evaluation = await evaluateActor(actor, environments, { length: { episodes }, seed, pause });
  // With the last end a further episode has begun, which is not part of it.
  const states = evaluation.lengths.reduce((sum, length) => sum + length + 1, 0);
  return { ...evaluation, frames: filmed.frames.slice(0, states) };
}
