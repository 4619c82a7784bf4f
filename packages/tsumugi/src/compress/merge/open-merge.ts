// A merge and its models, opened: what plans, forecasts and searches begin with.
import { resolve } from 'node:path';
import { invariant, sha256 } from '../../base/index.ts';
import { canonicalJson } from '../../store/index.ts';
import { checkMergeConfig } from './check-merge.ts';
import type { MergeConfigInput } from './merge-config.ts';
import { type MergePlan, planMerge } from './merge-plan.ts';
import { knownModels, MergeModels, type ResolveModel } from './open-models.ts';
import { type MergeText, readMergeConfig } from './read-config.ts';

export interface MergeOptions {
  /** Changes of the YAML, as `parameters.t=0.3`. */
  set?: readonly string[] | undefined;
  /** Of what DARE and DELLA drop. Default 0. */
  seed?: number | undefined;
  /** Fetches a model of a hub that the merge names, and gives its folder. Without it such names are refused. */
  resolveModel?: ResolveModel | undefined;
  /** Whether the merged model is compared with its models before it is put in its place. Default: true. */
  gate?: boolean | undefined;
}

/** A merge from its YAML, or from the same as data, whose paths count from the working folder. */
export function textOf(merge: string | MergeConfigInput, { set = [] }: MergeOptions): MergeText {
  if (typeof merge === 'string') return readMergeConfig(merge, set);
  invariant(set.length === 0, 'data is changed where it is made');
  const where = () => 'the merge';
  return { config: checkMergeConfig(merge, where), folder: resolve(), where };
}

/** Does something with a plan, whose models are closed again. */
export async function withPlan<T>(
  merge: string | MergeConfigInput,
  options: MergeOptions,
  body: (plan: MergePlan, text: MergeText, models: MergeModels) => T | Promise<T>,
): Promise<T> {
  const text = textOf(merge, options);
  const known = await knownModels(text, options.resolveModel);
  using models = new MergeModels();
  return await body(planMerge(text, models, known), text, models);
}

/** A hash of what a merge is made from: the merge itself, its seed, the content of its models. Nothing is written. */
export const mergeIdentity = (merge: string | MergeConfigInput, options: MergeOptions = {}): Promise<string> =>
  withPlan(merge, options, async (_, { config }, models) => {
    const hashes = await Promise.all(models.all.map(({ artefact }) => artefact.hash()));
    return sha256(canonicalJson([config, options.seed ?? 0, hashes]));
  });
