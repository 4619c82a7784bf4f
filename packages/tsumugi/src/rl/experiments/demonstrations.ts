// What an agent did, as data to learn from: one safetensors file with a row for each step.
import { checkOptions, type OptionNames } from '../../base/index.ts';
import { openSafetensors, writeSafetensors } from '../../store/index.ts';
import { fromBytes, scope, type Tensor } from '../../torch/index.ts';
import type { Actor } from '../agent.ts';
import type { Action, Observation } from '../environment.ts';
import { Box, type Space } from '../spaces/index.ts';
import type { VectorEnvironment } from '../vector/index.ts';
import { type EvaluateOptions, type Evaluation, evaluateActor, type WatchedStep } from './evaluate.ts';

export interface DemonstrationOptions extends Pick<EvaluateOptions, 'length' | 'seed' | 'pause'> {
  /** The file. */
  out: string;
}

const optionNames: OptionNames<DemonstrationOptions> = { length: true, seed: true, pause: true, out: true };

/**
 * Runs the actor, as in an evaluation, and writes what came of it, episode by episode: `observation` [N, …], `action` [N, …], `reward`,
 * `next` [N, …] (of the last step of an episode its last observation), `terminated`, `truncated`, `episode` [N].
 */
export async function collectDemonstrations(
  actor: Actor,
  environments: VectorEnvironment,
  options: DemonstrationOptions,
): Promise<Evaluation & { steps: number }> {
  checkOptions('collectDemonstrations', options, optionNames);
  const { out, ...how } = options;
  const taken: WatchedStep[] = [];
  const evaluation = await evaluateActor(actor, environments, { ...how, watch: (step) => void taken.push(step) });
  const steps = taken
    .filter(({ episode }) => episode < evaluation.returns.length)
    .sort((a, b) => a.episode - b.episode || a.step - b.step);
  const { observationSpace, actionSpace } = environments;
  const n = steps.length;
  const numbers = (of: (step: WatchedStep) => number) => fromBytes(Float32Array.from(steps.map(of)), 'float32', [n]);
  const flags = (of: (step: WatchedStep) => boolean) =>
    fromBytes(Uint8Array.from(steps.map((step) => Number(of(step)))), 'uint8', [n]);
  const episodes = () => fromBytes(BigInt64Array.from(steps.map(({ episode }) => BigInt(episode))), 'int64', [n]);
  scope(() =>
    writeSafetensors(
      out,
      [
        [
          'observation',
          points(
            observationSpace,
            steps.map(({ observation }) => observation),
          ),
        ],
        [
          'action',
          points(
            actionSpace,
            steps.map(({ action }) => action as Action),
          ),
        ],
        ['reward', numbers(({ reward }) => reward)],
        [
          'next',
          points(
            observationSpace,
            steps.map(({ next }) => next),
          ),
        ],
        ['terminated', flags(({ terminated }) => terminated)],
        ['truncated', flags(({ truncated }) => truncated)],
        ['episode', episodes()],
      ],
      { environment: environments.id, observationSpace: String(observationSpace), actionSpace: String(actionSpace) },
    ),
  );
  return { ...evaluation, steps: steps.length };
}

/** Points of a space as one tensor [N, …shape]. */
function points(space: Space, values: readonly (Observation | Action)[]): Tensor {
  if (space.kind === 'Discrete')
    return fromBytes(BigInt64Array.from(values.map((value) => BigInt(value as number))), 'int64', [values.length]);
  const { shape } = space;
  const dtype = space instanceof Box ? space.dtype : 'float32';
  const size = shape.reduce((product, length) => product * length, 1);
  const arrays = { float32: Float32Array, float64: Float64Array, uint8: Uint8Array };
  const all = new arrays[dtype](values.length * size);
  values.forEach((value, i) => {
    all.set(value as Float32Array, i * size);
  });
  return fromBytes(all, dtype, [values.length, ...shape]);
}

/** The columns of a file of demonstrations. They are the caller's. */
export function loadDemonstrations(path: string): Readonly<Record<string, Tensor>> {
  using file = openSafetensors(path);
  return Object.fromEntries(file.names.map((name) => [name, file.tensor(name)]));
}
