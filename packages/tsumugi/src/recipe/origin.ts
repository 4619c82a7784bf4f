// Where an artefact that is not made yet begins: the files from outside that it comes from, through stages that make a kind out of the same
// kind. What they share (a model's tokenizer) can be looked at before any stage has run.
import type { Json } from '../store/index.ts';
import { inputsOf } from './recipe.ts';
import { pathsOf } from './source-paths.ts';
import type { Input } from './stage.ts';

export interface Origin {
  /** All the files, or the folder. */
  readonly paths: readonly string[];
  /** The settings of the stages in between, the nearest first. None: it comes from outside itself. */
  readonly through: readonly Json[];
}

/** Undefined where it begins with another kind, or with several of its own. */
export function originOf(input: Input): Origin | undefined {
  if (input.from === 'outside') return { paths: pathsOf(input), through: [] };
  const before = inputsOf(input)
    .flatMap(([, inputs]) => inputs)
    .filter(({ kind }) => kind === input.kind);
  const origin = before.length === 1 ? originOf(before[0]!) : undefined;
  return origin && { ...origin, through: [input.config, ...origin.through] };
}
