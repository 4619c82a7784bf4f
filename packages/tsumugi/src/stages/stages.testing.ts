// A stage run by itself, as a recipe runs it.
import { silent } from '../train/train.testing.ts';
import type {
  answers,
  distill,
  dpo,
  evaluate,
  extend,
  grow,
  grpo,
  merge,
  pairs,
  pretrain,
  prune,
  quantize,
  reward,
  sft,
  synth,
  teacherLogits,
} from './index.ts';

/** What a stage is given: an artefact, or paths from outside. */
export const given = (path: string, metrics: object = {}) => ({
  name: 'base',
  path,
  paths: [path],
  settings: {},
  bytes: 1,
  metrics,
});

export function runStage(
  stage:
    | typeof answers
    | typeof pretrain
    | typeof extend
    | typeof distill
    | typeof evaluate
    | typeof sft
    | typeof dpo
    | typeof reward
    | typeof synth
    | typeof grpo
    | typeof pairs
    | typeof teacherLogits
    | typeof grow
    | typeof prune
    | typeof merge
    | typeof quantize,
  config: object,
  inputs: object,
  folder: string,
): Promise<object> {
  const work = stage.run as (context: object) => Promise<object>;
  return work({ config: stage.config.parse(config), inputs, folder, recipe: 'r', resumed: false, stream: silent });
}
