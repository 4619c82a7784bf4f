// A vector of environments in this process, one after the other: the plain form.
import { UserError } from '../../base/index.ts';
import type { Outcome } from '../agent.ts';
import type { ActionLike, Environment, Info, Observation, ResetOptions } from '../environment.ts';
import type { Space } from '../spaces/index.ts';
import { atIndex, plainError } from './at-index.ts';
import {
  disposed,
  notReset,
  requireActions,
  resetOptionsOf,
  type VectorEnvironment,
  type VectorStep,
} from './vector-environment.ts';
import { snapshotFromJson, snapshotToJson } from './vector-snapshot.ts';

export class SerialVectorEnvironment implements VectorEnvironment {
  readonly id: string;
  readonly size: number;
  readonly observationSpace: Space;
  readonly actionSpace: Space;
  readonly snapshot?: () => unknown;
  readonly restore?: (snapshot: unknown) => Observation[];
  readonly #environments: readonly Environment[];
  /** What is to be acted on; undefined before `reset` and after an error. */
  #observations: Observation[] | undefined;
  #isDisposed = false;

  /** @param environments of one kind, of which this is the owner from now on */
  constructor(environments: readonly Environment[]) {
    const [first] = environments;
    if (!first) throw new UserError('no-environments', 'a vector has at least one environment, got none');
    this.#environments = environments;
    this.id = first.id;
    this.size = environments.length;
    this.observationSpace = first.observationSpace;
    this.actionSpace = first.actionSpace;
    if (environments.every((environment) => environment.snapshot && environment.restore)) {
      this.snapshot = () =>
        snapshotToJson({
          environments: environments.map((environment) => environment.snapshot!()),
          observations: this.#observations,
        });
      this.restore = (snapshot) => this.#restore(snapshot);
    }
  }

  reset(options: ResetOptions = {}): Observation[] {
    if (this.#isDisposed) throw disposed(this.id);
    this.#observations = undefined;
    const observations = this.#environments.map((environment, i) =>
      this.#at(i, () => environment.reset(resetOptionsOf(options, i)).observation),
    );
    this.#observations = observations;
    return [...observations];
  }

  step(actions: readonly ActionLike[]): VectorStep {
    requireActions(this.id, this.size, actions);
    if (!this.#observations) throw this.#isDisposed ? disposed(this.id) : notReset(this.id);
    this.#observations = undefined;
    const outcomes: Outcome[] = [];
    const observations: Observation[] = [];
    const infos: Info[] = [];
    for (const [i, environment] of this.#environments.entries()) {
      try {
        const { observation: next, reward, terminated, truncated, info } = environment.step(actions[i]!);
        outcomes.push({ reward, next, terminated, truncated });
        observations.push(terminated || truncated ? environment.reset().observation : next);
        infos.push(info);
      } catch (error) {
        throw atIndex(this.id, plainError(i, error));
      }
    }
    this.#observations = observations;
    return { outcomes, observations: [...observations], infos };
  }

  #restore(snapshot: unknown): Observation[] {
    const { environments, observations } = snapshotFromJson(this.id, this.size, snapshot);
    this.#observations = undefined;
    for (const [i, environment] of this.#environments.entries())
      this.#at(i, () => environment.restore!(environments[i]));
    this.#observations = observations;
    return [...(observations ?? [])];
  }

  #at<T>(i: number, body: () => T): T {
    try {
      return body();
    } catch (error) {
      throw atIndex(this.id, plainError(i, error));
    }
  }

  [Symbol.dispose](): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#observations = undefined;
    for (const environment of this.#environments) environment[Symbol.dispose]();
  }
}
